"""Readies filters for the data layer."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from roster.data import roles
from roster.data.db import Reader
from roster.data.filters import Matcher
from roster.domain.filters import NounFilter, role_keys


class Filters:
    """The filters of one caller at one moment: a role key that several of them name is looked up once."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._role_ids: dict[str, Sequence[UUID]] = {}

    async def matcher(self, reader: Reader, given: NounFilter | None) -> Matcher:
        """Resolves the role keys that the filter names first: the planner can tell an id that is rare from one that is not."""
        if unknown := sorted(role_keys(given) - self._role_ids.keys()):
            self._role_ids |= await roles.ids_by_keys(reader, unknown)
        return Matcher(now=self._now, role_ids=self._role_ids)
