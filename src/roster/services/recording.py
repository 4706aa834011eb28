"""What a write records: its events, written in its transaction."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from roster.data import events as event_data
from roster.data.connections import Writer
from roster.domain.events import Event
from roster.domain.ids import new_id


class Recorder:
    """Writes the events of one write.

    Made before its transaction: the ids are the same however often that begins again, so that a write whose answer was
    lost recognises itself.
    """

    def __init__(self, request_id: str | None) -> None:
        self._request_id = request_id
        self._ids: list[UUID] = [new_id()]

    async def write(self, writer: Writer, events: Sequence[Event]) -> None:
        """All of them, once a transaction, in their order."""
        while len(self._ids) < len(events):
            self._ids.append(new_id())
        stamped = [
            replace(event, id=id_, request_id=self._request_id)
            for id_, event in zip(self._ids, events, strict=False)
        ]
        await event_data.add(writer, stamped)
