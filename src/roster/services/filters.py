"""Readies filters for the data layer."""

from datetime import datetime

from roster.data import roles
from roster.data.connections import Reader
from roster.data.forms import Matcher
from roster.domain.filters import NounFilter, Permits, RoleFilter, RoleQuestion, RolesMeant, role_questions


class Filters:
    """The filters of one caller at one moment: what several of them ask about roles is looked up once."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._meant: dict[RoleQuestion, RolesMeant] = {}

    async def matcher(self, reader: Reader, given: NounFilter | None) -> Matcher:
        """Finds the roles that the filter means first: the planner can tell an id that is rare from one that is not."""
        unknown = role_questions(given) - self._meant.keys()
        matcher = Matcher(now=self._now, meant=self._meant)
        if keys := sorted(key for key in unknown if isinstance(key, str)):
            self._meant |= await roles.meant_by_keys(reader, keys)
        if labels := [permits for permits in unknown if isinstance(permits, Permits)]:
            self._meant |= await roles.meant_by_permissions(reader, labels)
        for role in unknown:
            if isinstance(role, RoleFilter):
                self._meant[role] = await roles.meant_by_filter(reader, role, matcher)
        return matcher
