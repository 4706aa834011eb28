"""The statements of events: they are added and read, and nothing else but for what `erase` blanks.

The order of the log is that of (epoch, transaction, sequence): an event follows all that its transaction waited for. One
that began earlier may commit later, so the feed ends before the first transaction that still runs: what follows it can
only be added after what was read.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Integer, cast, func, insert, select, tuple_, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.types import Text

from roster.data.columns import CText
from roster.data.connections import Reader, Writer
from roster.data.filters import role_ref_is, user_ref_is
from roster.data.models import EventRow, RoleRow, UserRow
from roster.data.operators import date_time_matches, one_of_given_ids, one_of_texts
from roster.data.pages import Ordered, Shape, SortKey, fetch_page, fetch_pages, page_statement, with_id
from roster.data.statements import AnyRow, AnySelect, Column, fixed
from roster.domain.actors import Actor
from roster.domain.events import Event, FieldChange
from roster.domain.filters import EventFilter
from roster.domain.pages import EventOrderField, Page, PageRequest
from roster.domain.roles import RoleKey, RoleRef
from roster.domain.users import UserKey, UserRef

COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    EventRow.id,
    EventRow.type,
    EventRow.at,
    EventRow.actor_kind,
    EventRow.actor_user_id,
    EventRow.user_id,
    EventRow.role_id,
    EventRow.role_key,
    EventRow.changes,
    EventRow.reason,
    EventRow.request_id,
)
_PLACE = (EventRow.epoch, EventRow.transaction, EventRow.sequence)


def _event(row: AnyRow) -> Event:
    return Event(
        id=row.id,
        type=row.type,
        at=row.at,
        actor=Actor(kind=row.actor_kind, user_id=row.actor_user_id),
        user_id=row.user_id,
        role_id=row.role_id,
        role_key=row.role_key,
        changes=tuple(FieldChange(**change) for change in row.changes),
        reason=row.reason,
        request_id=row.request_id,
    )


_BY_IDS = fixed(select(*COLUMNS).where(one_of_given_ids(EventRow.id)))
_ADD = fixed(insert(EventRow), writes=tuple(column.key for column in COLUMNS))

_ORDERED = Ordered(
    keys=with_id([SortKey(expression=column, nullable=False) for column in _PLACE], EventRow.id, moot=True),
    record=_event,
    columns=COLUMNS,
)


def _is_settled() -> ColumnElement[bool]:
    """Nothing can be added any more to what comes before it."""
    still_running = cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)
    epoch = select(func.current_event_epoch(type_=Integer)).scalar_subquery()
    return tuple_(EventRow.epoch, EventRow.transaction) < tuple_(epoch, still_running)


def _user_is(column: InstrumentedAttribute[UUID | None], ref: UserRef) -> ColumnElement[bool]:
    if ref.key is UserKey.ID:
        return column == ref.value
    user = aliased(UserRow)
    return column == select(user.id).where(user_ref_is(ref, user)).scalar_subquery()


def _role_is(ref: RoleRef) -> ColumnElement[bool]:
    if ref.key is RoleKey.ID:
        return EventRow.role_id == ref.value
    role = aliased(RoleRow)
    return EventRow.role_id == select(role.id).where(role_ref_is(ref, role)).scalar_subquery()


def _selected(given: EventFilter | None) -> AnySelect:
    statement = select(*COLUMNS)
    if given is None:
        return statement
    if given.type is not None:
        statement = statement.where(one_of_texts(type_coerce(EventRow.type, CText), given.type))
    if given.user is not None:
        statement = statement.where(_user_is(EventRow.user_id, given.user))
    if given.role is not None:
        statement = statement.where(_role_is(given.role))
    if given.actor is not None:
        statement = statement.where(_user_is(EventRow.actor_user_id, given.actor))
    if given.at is not None:
        statement = statement.where(date_time_matches(given.at, EventRow.at))
    return statement


async def by_ids(reader: Reader, ids: Sequence[UUID]) -> Mapping[UUID, Event]:
    rows = await reader.execute(_BY_IDS, {"ids": ids})
    return {row.id: _event(row) for row in rows}


async def page(
    reader: Reader, given: EventFilter | None, request: PageRequest[EventOrderField]
) -> Page[Event]:
    """Of the feed, which ends where something could still come in between."""
    statement = page_statement(_selected(given).where(_is_settled()), _ORDERED.keys, Shape.of(request))
    return await fetch_page(reader, statement, request, _ORDERED)


async def pages_by_users(
    reader: Reader, user_ids: Sequence[UUID], request: PageRequest[EventOrderField]
) -> Mapping[UUID, Page[Event]]:
    """Of all that is committed, for people to look at: no feed."""
    return await fetch_pages(reader, user_ids, partial(_about, EventRow.user_id), request, _ORDERED)


async def pages_by_roles(
    reader: Reader, role_ids: Sequence[UUID], request: PageRequest[EventOrderField]
) -> Mapping[UUID, Page[Event]]:
    return await fetch_pages(reader, role_ids, partial(_about, EventRow.role_id), request, _ORDERED)


def _about(column: InstrumentedAttribute[UUID | None], id_: Column) -> AnySelect:
    return select(*COLUMNS).where(column == id_)


async def add(writer: Writer, events: Sequence[Event]) -> None:
    """In their order."""
    if events:
        await writer.send(_ADD, [values(event) for event in events])


def values(event: Event) -> dict[str, Any]:
    """The row of the event, but for its place."""
    return {
        "id": event.id,
        "type": event.type,
        "at": event.at,
        "actor_kind": event.actor.kind,
        "actor_user_id": event.actor.user_id,
        "user_id": event.user_id,
        "role_id": event.role_id,
        "role_key": event.role_key,
        "changes": [
            {"field": change.field, "before": change.before, "after": change.after}
            for change in event.changes
        ],
        "reason": event.reason,
        "request_id": event.request_id,
    }


async def erase(writer: Writer, user_id: UUID) -> None:
    """Blanks what is personal in the events about a user, who must be ERASED by now."""
    await writer.send(select(func.erase_from_events(user_id)))
