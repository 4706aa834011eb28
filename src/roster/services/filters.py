"""Readies a filter for the data layer."""

from datetime import datetime

from roster.data import roles
from roster.data.db import Reader
from roster.data.filters import Matcher
from roster.domain.filters import NounFilter, role_keys


async def matcher(reader: Reader, given: NounFilter | None, now: datetime) -> Matcher:
    """Resolves the role keys that the filter names first: the planner can tell an id that is rare from one that is not."""
    keys = sorted(role_keys(given)) if given is not None else []
    return Matcher(now=now, role_ids=await roles.ids_by_keys(reader, keys) if keys else {})
