"""What a caller says of a user, checked and normalised before any transaction opens."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from roster.domain import user_values
from roster.domain.assignment_input import RoleGrant, RoleGrantInput, check_grants
from roster.domain.checks import ABSENT, Given, Invalid, Problems, instant, reason
from roster.domain.errors import InvalidReason, MutationError, Rejected
from roster.domain.ids import new_id
from roster.domain.users import (
    ERASED_NAME,
    FIRST_STATUSES,
    User,
    UserKind,
    UserRef,
    UserStatus,
    with_display_name,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUserInput:
    """As the caller gave it."""

    kind: UserKind
    email: str | None
    username: str | None
    first_name: str | None
    last_name: str | None
    display_name: str | None
    phone: str | None
    locale: str | None
    timezone: str | None
    avatar_url: str | None
    external_id: str | None
    attributes: Mapping[str, Any] | None
    email_verified_at: str | None
    status: UserStatus
    roles: tuple[RoleGrantInput, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user that is stored nowhere yet. `grants` is None for the default roles."""

    user: User
    grants: tuple[RoleGrant, ...] | None


def check_new_user(given: NewUserInput, now: datetime) -> NewUser:
    """The user as it is to be, id and all. Raises Rejected with every problem of the input."""
    problems = Problems()
    check = problems.check
    problems.errors += required_of(given.kind, given)
    if given.status not in FIRST_STATUSES:
        problems.add(("status",), Invalid(InvalidReason.NOT_ALLOWED, "A new user is PENDING or ACTIVE."))
    display_name = check(("display_name",), user_values.display_name, given.display_name)
    user = User(
        id=new_id(),
        kind=given.kind,
        email=check(("email",), user_values.email, given.email),
        email_verified_at=check(("email_verified_at",), instant, given.email_verified_at),
        username=check(("username",), user_values.username, given.username),
        first_name=check(("first_name",), user_values.name, given.first_name),
        last_name=check(("last_name",), user_values.name, given.last_name),
        display_name=display_name or "",
        display_name_given=display_name is not None,
        phone=check(("phone",), user_values.phone, given.phone),
        locale=check(("locale",), user_values.locale, given.locale),
        timezone=check(("timezone",), user_values.timezone, given.timezone),
        avatar_url=check(("avatar_url",), user_values.avatar_url, given.avatar_url),
        external_id=check(("external_id",), user_values.external_id, given.external_id),
        attributes=check(("attributes",), user_values.attributes, given.attributes) or {},
        status=given.status,
        version=1,
        created_at=now,
        updated_at=now,
    )
    grants = None if given.roles is None else check_grants(problems, ("roles",), given.roles, now)
    problems.raise_if_any()
    return NewUser(user=with_display_name(user), grants=grants)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChangesInput:
    """As the caller gave it: absent keeps, null clears what can be cleared."""

    user: UserRef
    expected_version: int | None
    email: Given[str | None]
    username: Given[str | None]
    first_name: Given[str | None]
    last_name: Given[str | None]
    display_name: Given[str | None]
    phone: Given[str | None]
    locale: Given[str | None]
    timezone: Given[str | None]
    avatar_url: Given[str | None]
    external_id: Given[str | None]
    attributes: Given[Mapping[str, Any] | None]
    email_verified_at: Given[str | None]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFields:
    """What to write over a user; ABSENT keeps."""

    email: Given[str | None]
    username: Given[str | None]
    first_name: Given[str | None]
    last_name: Given[str | None]
    display_name: Given[str | None]
    phone: Given[str | None]
    locale: Given[str | None]
    timezone: Given[str | None]
    avatar_url: Given[str | None]
    external_id: Given[str | None]
    attributes: Given[Mapping[str, Any] | None]
    email_verified_at: Given[datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChanges:
    user: UserRef
    expected_version: int | None
    fields: ChangedFields
    reason: str | None


def check_user_changes(given: UserChangesInput) -> UserChanges:
    """Raises Rejected with every problem that can be seen without the user."""
    problems = Problems()
    check = problems.check_given
    changed = ChangedFields(
        email=check(("email",), user_values.email, given.email),
        username=check(("username",), user_values.username, given.username),
        first_name=check(("first_name",), user_values.name, given.first_name),
        last_name=check(("last_name",), user_values.name, given.last_name),
        display_name=check(("display_name",), user_values.display_name, given.display_name),
        phone=check(("phone",), user_values.phone, given.phone),
        locale=check(("locale",), user_values.locale, given.locale),
        timezone=check(("timezone",), user_values.timezone, given.timezone),
        avatar_url=check(("avatar_url",), user_values.avatar_url, given.avatar_url),
        external_id=check(("external_id",), user_values.external_id, given.external_id),
        attributes=check(("attributes",), user_values.attributes, given.attributes),
        email_verified_at=check(("email_verified_at",), instant, given.email_verified_at),
    )
    checked_reason = problems.check(("reason",), reason, given.reason)
    problems.raise_if_any()
    return UserChanges(
        user=given.user, expected_version=given.expected_version, fields=changed, reason=checked_reason
    )


def required_of(
    kind: UserKind, given: NewUserInput | UserChangesInput | ChangedFields
) -> list[MutationError]:
    """What a user of the kind must have, and is null in what is given."""
    problems = Problems()
    if kind is UserKind.PERSON and given.email is None:
        problems.required(("email",))
    if kind is UserKind.SERVICE and given.username is None:
        problems.required(("username",))
    return problems.errors


def changed_user(user: User, changed: ChangedFields) -> User:
    """The user with the changes made and the display name derived anew where it is not given.

    Raises Rejected where the kind of the user needs what was cleared.
    """
    if required := required_of(user.kind, changed):
        raise Rejected(*required)
    given = {field.name: getattr(changed, field.name) for field in fields(changed)}
    values = {name: value for name, value in given.items() if value is not ABSENT}
    if "email" in values and values["email"] != user.email:
        # What was verified was the old address.
        values.setdefault("email_verified_at", None)
    if "attributes" in values:
        values["attributes"] = values["attributes"] or {}
    if "display_name" in values:
        values["display_name_given"] = values["display_name"] is not None
        values["display_name"] = values["display_name"] or ""
    return with_display_name(replace(user, **values))


def same_user(one: User, other: User) -> bool:
    """Whether nothing has changed. JSON tells true from 1 where Python's == does not."""
    return one == other and (
        one.attributes is other.attributes
        or user_values.canonical_json(one.attributes) == user_values.canonical_json(other.attributes)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UserErasure:
    """`confirm` is normalised as an address or username is."""

    user: UserRef
    confirm: str
    reason: str


def check_user_erasure(*, user: UserRef, confirm: str, why: str) -> UserErasure:
    problems = Problems()
    checked = UserErasure(
        user=user,
        confirm=_as_stored(confirm),
        reason=problems.check(("reason",), reason, why) or "",
    )
    if not checked.confirm:
        problems.add(("confirm",), Invalid(InvalidReason.BLANK, "The text is blank."))
    problems.raise_if_any()
    return checked


def _as_stored(identifier: str) -> str:
    try:
        return user_values.email(identifier)
    except Invalid:
        return identifier.strip().lower()


def erased_user(user: User) -> User:
    """The tombstone: nothing personal is left."""
    return replace(
        user,
        email=None,
        email_verified_at=None,
        username=None,
        first_name=None,
        last_name=None,
        display_name=ERASED_NAME,
        display_name_given=False,
        phone=None,
        locale=None,
        timezone=None,
        avatar_url=None,
        external_id=None,
        attributes={},
        status=UserStatus.ERASED,
    )
