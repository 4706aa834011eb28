"""Locking rows, some of them alone and others shared, in the one order: that of their ids."""

from collections.abc import Callable, Collection, Sequence
from itertools import groupby
from uuid import UUID

from sqlalchemy import select, union_all

from roster.data.statements import AnyCompound, AnySelect


def in_id_order(
    alone: Collection[UUID],
    shared: Collection[UUID],
    locked: Callable[[Sequence[UUID], bool], AnySelect],
) -> AnySelect | AnyCompound | None:
    """The statement that locks them; None if there are none. A row that is named as both is locked alone.

    `locked` selects rows in the order of their ids and locks them, alone or not.
    """
    ids_alone = set(alone)
    runs = groupby(sorted(ids_alone.union(shared)), key=ids_alone.__contains__)
    parts = [locked(list(ids), is_alone) for is_alone, ids in runs]
    if len(parts) > 1:
        # Each part locks its rows when the one before has locked its own.
        return union_all(*(select(part.subquery()) for part in parts))
    return parts[0] if parts else None
