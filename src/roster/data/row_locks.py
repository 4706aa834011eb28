"""Locking rows, some of them alone and others shared, in the one order: that of their ids."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from uuid import UUID

from sqlalchemy import select, union_all

from roster.data.connections import Asked
from roster.data.statements import AnyCompound, AnySelect, fixed

# Selects, in the order of their ids, the rows whose ids a parameter of this name has, and locks them, alone or not.
Locked = Callable[[str, bool], AnySelect]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToLock:
    """The ids of rows to be locked: `shared` among all who only rely on them, `alone` to change them.

    A row that is named as both is locked alone.
    """

    alone: Collection[UUID] = ()
    shared: Collection[UUID] = ()


NOTHING_TO_LOCK = ToLock()


def in_id_order(rows: ToLock, locked: Locked) -> list[Asked]:
    """The statement that locks them; none if there are none."""
    ids_alone = set(rows.alone)
    grouped = groupby(sorted(ids_alone.union(rows.shared)), key=ids_alone.__contains__)
    runs = [(is_alone, list(ids)) for is_alone, ids in grouped]
    if not runs:
        return []
    return [(_locking(locked, len(runs), runs[0][0]), {f"ids_{n}": ids for n, (_, ids) in enumerate(runs)})]


@lru_cache(maxsize=256)
def _locking(locked: Locked, runs: int, first_is_alone: bool) -> AnySelect | AnyCompound:  # noqa: FBT001 -- a key of the cache
    """For so many runs of ids, which are locked alone and shared in turn."""
    parts = [locked(f"ids_{n}", (n % 2 == 0) == first_is_alone) for n in range(runs)]
    if len(parts) == 1:
        return fixed(parts[0])
    # Each part locks its rows when the one before has locked its own.
    return fixed(union_all(*(select(part.subquery()) for part in parts)))
