"""What a caller says of a role, checked and normalised before any transaction opens."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from roster.domain.checks import ABSENT, Given, Invalid, Problems, check_length, line, reason
from roster.domain.errors import InvalidInputError, InvalidReason, Path
from roster.domain.ids import new_id
from roster.domain.permissions import EVERY_PERMISSION, PREFIX
from roster.domain.roles import Role, RoleRef
from roster.domain.text import collapse

MAX_KEY = 64
MAX_NAME = 100
MAX_DESCRIPTION = 1000
MAX_PERMISSIONS = 200
MAX_PERMISSION = 128
MAX_MIN_HOLDERS = 1000

_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,63}", flags=re.ASCII)
_PERMISSION = re.compile(r"[a-z0-9]+(?:[:._-][a-z0-9]+)*", flags=re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRoleInput:
    """As the caller gave it. Without a name the key makes one."""

    key: str
    name: str | None
    description: str | None
    permissions: tuple[str, ...]
    is_default: bool
    min_holders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChangesInput:
    """As the caller gave it: absent keeps, null clears what can be cleared."""

    role: RoleRef
    expected_version: int | None
    name: Given[str | None]
    description: Given[str | None]
    permissions: Given[Sequence[str] | None]
    is_default: Given[bool | None]
    min_holders: Given[int | None]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanges:
    """What to write over a role; ABSENT keeps."""

    role: RoleRef
    expected_version: int | None
    name: Given[str | None]
    description: Given[str | None]
    permissions: Given[tuple[str, ...] | None]
    is_default: Given[bool | None]
    min_holders: Given[int | None]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleToArchive:
    role: RoleRef
    expected_version: int | None
    revoke_assignments: bool
    reason: str | None


def key(value: str) -> str:
    # What another alphabet makes of upper case is not meant.
    text = value.strip().upper() if value.isascii() else value.strip()
    if not text:
        raise Invalid(InvalidReason.BLANK, "The text is blank.")
    check_length(text, MAX_KEY)
    if not _KEY.fullmatch(text):
        raise Invalid(
            InvalidReason.BAD_FORMAT, "A role key has letters A to Z, digits and _, and starts with a letter."
        )
    return text


def check_new_role(given: NewRoleInput, now: datetime) -> Role:
    """The role as it is to be, id and all. Raises Rejected with every problem of the input."""
    problems = Problems()
    check = problems.check
    role_key = check(("key",), key, given.key) or ""
    name = check(("name",), partial(line, longest=MAX_NAME), given.name)
    role = Role(
        id=new_id(),
        key=role_key,
        name=name or collapse(role_key.replace("_", " ")).capitalize(),
        description=check(("description",), partial(line, longest=MAX_DESCRIPTION), given.description),
        permissions=_check_permissions(problems, ("permissions",), given.permissions),
        is_default=given.is_default,
        min_holders=check(("min_holders",), _min_holders, given.min_holders) or 0,
        archived_at=None,
        version=1,
        created_at=now,
        updated_at=now,
    )
    problems.raise_if_any()
    return role


def check_role_changes(given: RoleChangesInput) -> RoleChanges:
    """Raises Rejected with every problem that can be seen without the role."""
    problems = Problems()
    required = problems.check_given_required
    permissions: Given[tuple[str, ...] | None]
    if given.permissions is None:
        problems.required(("permissions",))
        permissions = ABSENT
    elif given.permissions is ABSENT:
        permissions = ABSENT
    else:
        permissions = _check_permissions(problems, ("permissions",), given.permissions)
    changes = RoleChanges(
        role=given.role,
        expected_version=given.expected_version,
        name=required(("name",), partial(line, longest=MAX_NAME), given.name),
        description=problems.check_given(
            ("description",), partial(line, longest=MAX_DESCRIPTION), given.description
        ),
        permissions=permissions,
        is_default=required(("is_default",), bool, given.is_default),
        min_holders=required(("min_holders",), _min_holders, given.min_holders),
        reason=problems.check(("reason",), reason, given.reason),
    )
    problems.raise_if_any()
    return changes


def check_role_to_archive(
    *, role: RoleRef, expected_version: int | None, revoke_assignments: bool, why: str | None
) -> RoleToArchive:
    problems = Problems()
    checked = RoleToArchive(
        role=role,
        expected_version=expected_version,
        revoke_assignments=revoke_assignments,
        reason=problems.check(("reason",), reason, why),
    )
    problems.raise_if_any()
    return checked


def changed_role(role: Role, changes: RoleChanges) -> Role:
    """The role with the changes made."""
    names = ("name", "description", "permissions", "is_default", "min_holders")
    given = {name: getattr(changes, name) for name in names}
    return replace(role, **{name: value for name, value in given.items() if value is not ABSENT})


def _min_holders(value: int) -> int:
    if not 0 <= value <= MAX_MIN_HOLDERS:
        raise Invalid(
            InvalidReason.OUT_OF_RANGE, f"From 0 to {MAX_MIN_HOLDERS}.", 0 if value < 0 else MAX_MIN_HOLDERS
        )
    return value


def _permission(value: str) -> str:
    if not value.strip():
        raise Invalid(InvalidReason.BLANK, "The text is blank.")
    check_length(value, MAX_PERMISSION)
    if not _PERMISSION.fullmatch(value):
        raise Invalid(
            InvalidReason.BAD_FORMAT, "A permission is words of a to z and 0 to 9, joined by one of : . _ -"
        )
    if value.startswith(PREFIX) and value not in EVERY_PERMISSION:
        known = ", ".join(sorted(EVERY_PERMISSION))
        raise Invalid(InvalidReason.NOT_ALLOWED, f"Labels under {PREFIX} are Roster's own: {known}.")
    return value


def _check_permissions(problems: Problems, path: Path, permissions: Sequence[str]) -> tuple[str, ...]:
    """Sorted, each once."""
    if len(permissions) > MAX_PERMISSIONS:
        problems.errors.append(
            InvalidInputError(
                message=f"At most {MAX_PERMISSIONS} permissions are allowed.",
                path=path,
                reason=InvalidReason.TOO_LONG,
                limit=MAX_PERMISSIONS,
            )
        )
        return ()
    checked = [
        problems.check((*path, str(index)), _permission, permission)
        for index, permission in enumerate(permissions)
    ]
    return tuple(sorted({permission for permission in checked if permission is not None}))
