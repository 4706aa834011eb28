"""Filters: what a list is narrowed by. The members of one filter are ANDed; None stands for a member not given.

Texts are folded already, role keys upper-cased. A negation is a true complement: what is unknown does not match, so
its negation does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from roster.domain.assignments import Scope
from roster.domain.events import EventType
from roster.domain.roles import RoleRef
from roster.domain.users import UserKind, UserRef, UserStatus

MAX_DEPTH = 5
MAX_CONDITIONS = 50
MAX_VALUES = 200
MIN_CONTAINED = 3
MAX_TEXT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFilter:
    eq: str | None
    in_: tuple[str, ...] | None
    contains: str | None
    starts_with: str | None
    ends_with: str | None
    is_null: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFilter:
    eq: str | None
    in_: tuple[str, ...] | None
    starts_with: str | None
    is_null: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DateTimeFilter:
    gt: datetime | None
    gte: datetime | None
    lt: datetime | None
    lte: datetime | None
    is_null: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntFilter:
    eq: int | None
    gt: int | None
    gte: int | None
    lt: int | None
    lte: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsFilter:
    has_any: tuple[str, ...] | None
    has_all: tuple[str, ...] | None
    has_none: tuple[str, ...] | None
    is_empty: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFilter:
    and_: "tuple[RoleFilter, ...] | None"
    or_: "tuple[RoleFilter, ...] | None"
    not_: "RoleFilter | None"
    search: tuple[str, ...] | None
    id: tuple[UUID, ...] | None
    key: TextFilter | None
    name: TextFilter | None
    description: TextFilter | None
    permissions: LabelsFilter | None
    is_default: bool | None
    created_at: DateTimeFilter | None
    updated_at: DateTimeFilter | None
    holder_count: IntFilter | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAssignmentFilter:
    role: RoleFilter | None
    assigned_at: DateTimeFilter | None
    assigned_by: UserRef | None
    expires_at: DateTimeFilter | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRolesFilter:
    """Over the user's assignments in scope."""

    scope: Scope
    any_of: tuple[str, ...] | None
    all_of: tuple[str, ...] | None
    none_of: tuple[str, ...] | None
    is_empty: bool | None
    some: UserAssignmentFilter | None
    every: UserAssignmentFilter | None
    none: UserAssignmentFilter | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    and_: "tuple[UserFilter, ...] | None"
    or_: "tuple[UserFilter, ...] | None"
    not_: "UserFilter | None"
    search: tuple[str, ...] | None
    id: tuple[UUID, ...] | None
    kind: UserKind | None
    status: tuple[UserStatus, ...] | None
    email: TextFilter | None
    username: TextFilter | None
    first_name: TextFilter | None
    last_name: TextFilter | None
    display_name: TextFilter | None
    phone: KeyFilter | None
    external_id: KeyFilter | None
    locale: KeyFilter | None
    timezone: KeyFilter | None
    email_verified_at: DateTimeFilter | None
    created_at: DateTimeFilter | None
    updated_at: DateTimeFilter | None
    attributes: str | None
    permissions: LabelsFilter | None
    roles: UserRolesFilter | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAssignmentFilter:
    and_: "tuple[RoleAssignmentFilter, ...] | None"
    or_: "tuple[RoleAssignmentFilter, ...] | None"
    not_: "RoleAssignmentFilter | None"
    role: RoleFilter | None
    user: UserFilter | None
    assigned_at: DateTimeFilter | None
    assigned_by: UserRef | None
    expires_at: DateTimeFilter | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    type: tuple[EventType, ...] | None
    user: UserRef | None
    role: RoleRef | None
    actor: UserRef | None
    at: DateTimeFilter | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSelection:
    """Which users a list has: live ones, unless archived and erased ones are included."""

    filter: UserFilter | None
    include_archived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSelection:
    """Which roles a list has: live ones, unless archived ones are included."""

    filter: RoleFilter | None
    include_archived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentSelection:
    """Which assignments a list has."""

    filter: RoleAssignmentFilter | None
    scope: Scope


@dataclass(frozen=True, slots=True)
class Permits:
    """Roles that give this permission; any at all if it is None."""

    label: str | None


ANYTHING = Permits(None)
NounFilter = UserFilter | RoleFilter | RoleAssignmentFilter


# Which roles a filter means: those of a key, those that give a permission, or those that match a filter.
RoleQuestion = str | Permits | RoleFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesMeant:
    """Live and archived roles: history knows them all. `rare` says that few users ever held any of them."""

    ids: Sequence[UUID]
    rare: bool


def role_questions(given: NounFilter | None) -> frozenset[RoleQuestion]:
    """Every one that has to be answered to know whom the filter matches."""
    return frozenset(_role_questions(given))


def _role_questions(given: NounFilter | None) -> Iterator[RoleQuestion]:
    for part in _parts(given):
        if isinstance(part, UserRolesFilter):
            for keys in (part.any_of, part.all_of, part.none_of):
                yield from keys or ()
        if isinstance(part, UserFilter) and part.permissions is not None:
            for labels in (part.permissions.has_any, part.permissions.has_all, part.permissions.has_none):
                yield from map(Permits, labels or ())
            yield from () if part.permissions.is_empty is None else (ANYTHING,)
        if isinstance(part, (UserAssignmentFilter, RoleAssignmentFilter)) and part.role is not None:
            yield part.role


def looks_at_roles(given: NounFilter | None) -> bool:
    """Whether what the filter matches depends on roles, so that it could tell of them."""
    return any(isinstance(part, (UserRolesFilter, LabelsFilter, RoleFilter)) for part in _parts(given))


def _parts(part: object) -> Iterator[object]:
    """Every filter within the filter, at any depth, and itself."""
    if isinstance(part, tuple):
        for member in part:
            yield from _parts(member)
    elif is_dataclass(part):
        yield part
        for name in _names(part.__class__):
            if (inner := getattr(part, name)) is not None:
                yield from _parts(inner)


@cache
def _names(kind: type[Any]) -> Sequence[str]:
    return tuple(field.name for field in fields(kind))
