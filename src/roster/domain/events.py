"""An event: the one record of a change, written with it. Together they are audit log, history and change feed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import UUID

from roster.domain.actors import SYSTEM, Actor
from roster.domain.assignments import Change, RoleAssignment
from roster.domain.ids import new_id
from roster.domain.instants import format_instant
from roster.domain.roles import Role
from roster.domain.tokens import ApiToken
from roster.domain.users import User

R = TypeVar("R", User, Role)


class EventType(StrEnum):
    USER_CREATED = "USER_CREATED"
    USER_UPDATED = "USER_UPDATED"
    USER_STATUS_CHANGED = "USER_STATUS_CHANGED"
    USER_ERASED = "USER_ERASED"
    ROLE_CREATED = "ROLE_CREATED"
    ROLE_UPDATED = "ROLE_UPDATED"
    ROLE_ARCHIVED = "ROLE_ARCHIVED"
    ROLE_ASSIGNED = "ROLE_ASSIGNED"
    ROLE_ASSIGNMENT_CHANGED = "ROLE_ASSIGNMENT_CHANGED"
    ROLE_REVOKED = "ROLE_REVOKED"
    ROLE_ASSIGNMENT_EXPIRED = "ROLE_ASSIGNMENT_EXPIRED"
    TOKEN_CREATED = "TOKEN_CREATED"  # noqa: S105 -- no secret
    TOKEN_REVOKED = "TOKEN_REVOKED"  # noqa: S105 -- no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """`field` is a name of ours; the values are what JSON has, moments as RFC 3339."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`role_key` is kept beside the role, as roles are spoken of by key; users are looked up, so that they can be erased."""

    id: UUID
    type: EventType
    at: datetime
    actor: Actor
    user_id: UUID | None
    role_id: UUID | None
    role_key: str | None
    changes: tuple[FieldChange, ...]
    reason: str | None
    request_id: str | None


# What every change of a record changes, and what is told otherwise.
_UNTOLD = frozenset({"id", "key", "display_name_given", "version", "created_at", "updated_at"})
# What is blanked in the events of a user who is erased. A migration tells the database the same.
PERSONAL_FIELDS = frozenset(
    {
        "email",
        "email_verified_at",
        "username",
        "first_name",
        "last_name",
        "display_name",
        "phone",
        "locale",
        "timezone",
        "avatar_url",
        "external_id",
        "attributes",
        "label",
    }
)


def of_user(type_: EventType, user_id: UUID, change: Change, changes: tuple[FieldChange, ...] = ()) -> Event:
    return _event(type_, change, user_id=user_id, changes=changes)


def of_role(type_: EventType, role: Role, change: Change, changes: tuple[FieldChange, ...] = ()) -> Event:
    return _event(type_, change, role=role, changes=changes)


def of_assignment(
    type_: EventType,
    assignment: RoleAssignment,
    role: Role,
    change: Change,
    changes: tuple[FieldChange, ...] = (),
) -> Event:
    return _event(type_, change, user_id=assignment.user_id, role=role, changes=changes)


def of_expiry(assignment: RoleAssignment, role: Role) -> Event:
    """That it ended by itself, at its expiry."""
    moment = assignment.expires_at or assignment.assigned_at
    change = Change(by=SYSTEM, at=moment, reason=None)
    return of_assignment(EventType.ROLE_ASSIGNMENT_EXPIRED, assignment, role, change)


def of_token(type_: EventType, token: ApiToken, change: Change) -> Event:
    """`token` is the id as clients see it, so that whoever reads the log can revoke it."""
    token_id = f"tok_{token.id.hex}"
    told: dict[str, tuple[object, object]] = {"token": (token_id, None)}
    if type_ is EventType.TOKEN_CREATED:
        told = {
            "token": (None, token_id),
            "label": (None, token.label),
            "expires_at": (None, token.expires_at),
        }
    elif token.revoked_at:
        change = replace(change, at=token.revoked_at)
    return _event(type_, change, user_id=token.owner_id, changes=changes_of(told))


def _event(
    type_: EventType,
    change: Change,
    *,
    user_id: UUID | None = None,
    role: Role | None = None,
    changes: tuple[FieldChange, ...],
) -> Event:
    return Event(
        id=new_id(),
        type=type_,
        at=change.at,
        actor=change.by,
        user_id=user_id,
        role_id=role.id if role else None,
        role_key=role.key if role else None,
        changes=changes,
        reason=change.reason,
        request_id=None,
    )


def changes_between(before: R | None, after: R) -> tuple[FieldChange, ...]:
    """Every field that differs; of a new record every one that has a value."""
    return changes_of(
        {name: (before and getattr(before, name), getattr(after, name)) for name in _TOLD[type(after)]}
    )


_TOLD: Mapping[type, tuple[str, ...]] = MappingProxyType(
    {
        record: tuple(field.name for field in fields(record) if field.name not in _UNTOLD)
        for record in (User, Role)
    }
)


def changes_of(values: Mapping[str, tuple[object, object]]) -> tuple[FieldChange, ...]:
    """Those of the fields whose value before is not the one after."""
    return tuple(_changes(values))


def _changes(values: Mapping[str, tuple[object, object]]) -> Iterator[FieldChange]:
    for name, (old, new) in values.items():
        if old is new:  # as most are
            continue
        before, after = _plain(old), _plain(new)
        # As JSON, which tells true from 1 where Python's == does not.
        if json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True):
            yield FieldChange(field=name, before=before, after=after)


def _plain(value: object) -> object:
    """As JSON has it. What is empty is as good as missing."""
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value] or None
    if isinstance(value, StrEnum):
        return value.value
    return None if value == {} else value
