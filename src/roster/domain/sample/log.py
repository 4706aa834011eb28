"""What the log says of the sample: the events that would have led to what is there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from uuid import UUID

from roster.domain.actors import LOCAL_OPERATOR
from roster.domain.assignments import Change, RoleAssignment
from roster.domain.events import (
    Event,
    EventType,
    changes_between,
    changes_of,
    of_assignment,
    of_expiry,
    of_role,
    of_user,
)
from roster.domain.roles import Role
from roster.domain.sample.company import Company
from roster.domain.sample.history import as_datetime
from roster.domain.users import FIRST_STATUSES, User, UserStatus


def created_role(role: Role) -> Event:
    """Made as it is now, but for its end."""
    created = Change(by=LOCAL_OPERATOR, at=role.created_at, reason=None)
    return of_role(
        EventType.ROLE_CREATED, role, created, changes_between(None, replace(role, archived_at=None))
    )


def archived_roles(company: Company) -> Iterator[Event]:
    """After whoever held one lost it."""
    for key, end in company.retired.items():
        role = company.roles[key]
        archived = Change(by=end.by, at=as_datetime(end.at), reason=end.reason)
        changes = changes_between(replace(role, archived_at=None), role)
        yield of_role(EventType.ROLE_ARCHIVED, role, archived, changes)


def events_of_user(user: User) -> Iterator[Event]:
    """Made as it is now, but for a status that no user is made in."""
    first = user if user.status in FIRST_STATUSES else replace(user, status=UserStatus.ACTIVE)
    created = Change(by=LOCAL_OPERATOR, at=user.created_at, reason=None)
    yield of_user(EventType.USER_CREATED, user.id, created, changes_between(None, first))
    if first is not user:
        left = Change(by=LOCAL_OPERATOR, at=user.updated_at, reason=None)
        changes = changes_of({"status": (first.status, user.status)})
        yield of_user(EventType.USER_STATUS_CHANGED, user.id, left, changes)


def events_of_assignments(held: Iterable[RoleAssignment], roles: Mapping[UUID, Role]) -> Iterator[Event]:
    for one in held:
        role = roles[one.role_id]
        given = Change(by=one.assigned_by, at=one.assigned_at, reason=one.reason)
        changes = changes_of({"expires_at": (None, one.expires_at)})
        yield of_assignment(EventType.ROLE_ASSIGNED, one, role, given, changes)
        if one.revoked_by and one.ended_at:
            taken = Change(by=one.revoked_by, at=one.ended_at, reason=one.revoke_reason)
            yield of_assignment(EventType.ROLE_REVOKED, one, role, taken)
        elif one.ended_at:
            yield of_expiry(one, role)
