"""Events: the feed, and what happened to a user or a role. They are written by the services of what they are about."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from roster.data import events as event_data
from roster.data.db import Database
from roster.domain.callers import Call
from roster.domain.events import Event
from roster.domain.filters import EventFilter
from roster.domain.pages import EventOrderField, Page, PageRequest
from roster.domain.permissions import WHO_HOLDS_WHAT, Permission

# The log tells who holds what, and what everyone is called.
_TO_READ = (Permission.EVENTS_READ, *WHO_HOLDS_WHAT)


class Events:
    def __init__(self, db: Database, call: Call) -> None:
        self._db, self._call = db, call

    async def by_ids(self, ids: Sequence[UUID]) -> Mapping[UUID, Event]:
        self._call.caller.require(*_TO_READ)
        async with self._db.read() as reader:
            return await event_data.by_ids(reader, ids)

    async def page(self, which: EventFilter | None, request: PageRequest[EventOrderField]) -> Page[Event]:
        self._call.caller.require(*_TO_READ)
        async with self._db.read() as reader:
            return await event_data.page(reader, which, request)

    async def pages_by_users(
        self, user_ids: Sequence[UUID], request: PageRequest[EventOrderField]
    ) -> Mapping[UUID, Page[Event]]:
        self._call.caller.require(*_TO_READ)
        async with self._db.read() as reader:
            return await event_data.pages_by_users(reader, user_ids, request)

    async def pages_by_roles(
        self, role_ids: Sequence[UUID], request: PageRequest[EventOrderField]
    ) -> Mapping[UUID, Page[Event]]:
        self._call.caller.require(*_TO_READ)
        async with self._db.read() as reader:
            return await event_data.pages_by_roles(reader, role_ids, request)
