"""Events as they are to be recorded, short, and those that are."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from acting import NOW, REQUEST_ID, acting
from roster.data.db import Database
from roster.domain.actors import LOCAL_OPERATOR, SYSTEM, Actor
from roster.domain.events import Event, EventType, FieldChange
from roster.domain.instants import format_instant
from roster.domain.pages import EventOrderField, PageRequest
from roster.domain.roles import Role
from roster.domain.users import User, UserStatus

# Of every event; what else it is made of is compared.
ANY_ID = UUID(int=0)
Changes = Mapping[str, tuple[Any, Any]]


def event(
    type_: EventType,
    *,
    user: User | None = None,
    role: Role | None = None,
    changes: Changes | None = None,
    actor: Actor = LOCAL_OPERATOR,
    at: datetime = NOW,
    reason: str | None = None,
    request_id: str | None = REQUEST_ID,
) -> Event:
    """As it is to be recorded."""
    told = (FieldChange(field=name, before=old, after=new) for name, (old, new) in (changes or {}).items())
    return Event(
        id=ANY_ID,
        type=type_,
        at=at,
        actor=actor,
        user_id=user.id if user else None,
        role_id=role.id if role else None,
        role_key=role.key if role else None,
        changes=tuple(told),
        reason=reason,
        request_id=request_id,
    )


def status_changed(user: User, before: UserStatus, after: UserStatus, **given: Any) -> Event:
    changes = {"status": (before.value, after.value)}
    return event(EventType.USER_STATUS_CHANGED, user=user, changes=changes, **given)


def assigned(user: User, role: Role, until: datetime | None = None, **given: Any) -> Event:
    changes = {"expires_at": (None, format_instant(until))} if until else {}
    return event(EventType.ROLE_ASSIGNED, user=user, role=role, changes=changes, **given)


def revoked(user: User, role: Role, **given: Any) -> Event:
    return event(EventType.ROLE_REVOKED, user=user, role=role, **given)


def expired(user: User, role: Role, at: datetime) -> Event:
    return event(EventType.ROLE_ASSIGNMENT_EXPIRED, user=user, role=role, at=at, actor=SYSTEM)


def protected(admin: Role) -> Event:
    """That the role has its first lasting holder."""
    at = max(NOW, admin.updated_at)
    return event(EventType.ROLE_UPDATED, role=admin, changes={"min_holders": (0, 1)}, actor=SYSTEM, at=at)


EVERYTHING: PageRequest[EventOrderField] = PageRequest(
    order=(), size=200, backward=False, after=None, before=None
)


async def recorded(db: Database) -> list[Event]:
    """The whole log."""
    page = await acting(db).services.events.page(None, EVERYTHING)
    ids = [edge.node.id for edge in page.edges]
    assert len(set(ids)) == len(ids)
    assert {id_.version for id_ in ids} <= {7}
    return [replace(edge.node, id=ANY_ID) for edge in page.edges]


def in_any_order(events: Iterable[Event]) -> list[str]:
    return sorted(map(repr, events))
