"""Keyset pages: the next page is found by seeking to the cursor, so the millionth costs what the first does.

What follows a cursor is one row comparison where the order's keys all run one way, and otherwise a UNION ALL of
seeks, each of which an index can answer; never one condition with OR, which no index can.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Subquery,
    and_,
    func,
    literal,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import Uuid

from roster.data.db import Reader
from roster.data.statements import AnyCompound, AnyRow, AnySelect, Column
from roster.domain.pages import Cursor, Edge, KeyValue, OrderDirection, OrderKey, Page, PageRequest

T = TypeVar("T")
Parts = Callable[[Column], Sequence[ColumnElement[bool]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SortKey:
    """PostgreSQL's own order of nulls (last ascending, first descending) is the order of the law.

    A moot key decides nothing, as those before it are unique together: an index need not have it.
    """

    expression: ColumnElement[Any] | InstrumentedAttribute[Any]
    nullable: bool
    descending: bool = False
    moot: bool = False

    def reversed(self) -> "SortKey":
        return replace(self, descending=not self.descending)

    def ordering(self, column: Column) -> Column:
        return column.desc() if self.descending else column.asc()


def directed(key: SortKey, order: OrderKey[Any]) -> SortKey:
    return replace(key, descending=order.direction is OrderDirection.DESC)


def with_id(
    keys: Sequence[SortKey], id_column: InstrumentedAttribute[UUID], *, moot: bool = False
) -> list[SortKey]:
    """The id breaks ties in the direction of the last key."""
    return [*keys, SortKey(expression=id_column, nullable=False, descending=keys[-1].descending, moot=moot)]


def page_statement(
    base: AnySelect,
    keys: Sequence[SortKey],
    request: PageRequest[Any],
    parts: Sequence[ColumnElement[bool]] = (true(),),
) -> AnySelect | AnyCompound:
    """One row more than asked for, in reading order. `base` has columns named after the record, filtered already.

    Each row is in one of the parts, each of which an index has in the order of the keys.
    """
    reading = [key.reversed() for key in keys] if request.backward else list(keys)
    deciding = [key for key in reading if not key.moot]
    start, end = (request.before, request.after) if request.backward else (request.after, request.before)
    labelled = base.add_columns(*(key.expression.label(f"key_{n}") for n, key in enumerate(keys[:-1])))
    if end is not None:
        labelled = labelled.where(
            or_(*following([key.reversed() for key in deciding], _values(end, deciding)))
        )
    ordering = [key.ordering(key.expression) for key in deciding]
    seeks = [true()] if start is None else following(deciding, _values(start, deciding))
    runs = [
        labelled.where(part, seek).order_by(*ordering).limit(request.size + 1)
        for part in parts
        for seek in seeks
    ]
    if len(runs) == 1:
        return runs[0]
    # Each run is made a subquery, as only there it may have an order and a limit of its own.
    united = union_all(*(select(run.subquery()) for run in runs)).subquery()
    return select(united).order_by(*_outer_ordering(united, reading)).limit(request.size + 1)


def following(keys: Sequence[SortKey], values: Sequence[KeyValue | UUID]) -> list[ColumnElement[bool]]:
    """Conditions, of which exactly one holds for each row that comes after the values in the order of the keys."""
    if all(key.descending == keys[0].descending for key in keys) and None not in values:
        columns = tuple_(*(key.expression for key in keys))
        bound = tuple_(*(_bound(key, value) for key, value in zip(keys, values, strict=True)))
        if keys[0].descending:
            return [columns < bound]
        missing = [
            and_(*(_equal(*tie) for tie in zip(keys[:n], values[:n], strict=True)), key.expression.is_(None))
            for n, key in enumerate(keys)
            if key.nullable
        ]
        return [columns > bound, *missing]
    first, value = keys[0], values[0]
    tied = [and_(_equal(first, value), seek) for seek in following(keys[1:], values[1:])] if keys[1:] else []
    return [*tied, *_beyond(first, value)]


def _beyond(key: SortKey, value: KeyValue | UUID) -> list[ColumnElement[bool]]:
    if value is None:
        return [key.expression.is_not(None)] if key.descending else []
    if key.descending:
        return [key.expression < _bound(key, value)]
    return [key.expression > _bound(key, value), *([key.expression.is_(None)] if key.nullable else [])]


def _equal(key: SortKey, value: KeyValue | UUID) -> ColumnElement[bool]:
    return key.expression.is_(None) if value is None else key.expression == _bound(key, value)


def _bound(key: SortKey, value: KeyValue | UUID) -> Column:
    return literal(value, key.expression.type)


def _values(cursor: Cursor, keys: Sequence[SortKey]) -> tuple[KeyValue | UUID, ...]:
    return (*cursor.values, cursor.id)[: len(keys)]


def _outer_ordering(rows: FromClause, keys: Sequence[SortKey]) -> list[Column]:
    *sorting, by_id = keys
    named = [key.ordering(rows.c[f"key_{n}"]) for n, key in enumerate(sorting)]
    return [*named, by_id.ordering(rows.c.id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered(Generic[T]):
    """How the rows of a list are ordered, the id last, and what record each makes.

    `parts` are those of page_statement; they are given the parent's id where it is a parent's list.
    """

    keys: Sequence[SortKey]
    record: Callable[[AnyRow], T]
    parts: Parts = lambda _: (true(),)


async def fetch_page(
    reader: Reader, base: AnySelect, request: PageRequest[Any], ordered: Ordered[T]
) -> Page[T]:
    rows = (await reader.execute(page_statement(base, ordered.keys, request, ordered.parts(null())))).all()
    return _page(rows, request, ordered)


async def fetch_pages(
    reader: Reader,
    parents: Sequence[UUID],
    base: Callable[[Column], AnySelect],
    request: PageRequest[Any],
    ordered: Ordered[T],
) -> Mapping[UUID, Page[T]]:
    """The same page of each parent's own list, in one statement. `base` takes the parent's id."""
    parent = _parents(parents)
    keys = ordered.keys
    reading = [key.reversed() for key in keys] if request.backward else keys
    own = base(parent.c.id).correlate(parent)
    lateral = page_statement(own, keys, request, ordered.parts(parent.c.id)).subquery().lateral()
    statement = (
        select(parent.c.id.label("parent_id"), *lateral.c)
        .select_from(parent.join(lateral, true()))
        .order_by(parent.c.id, *_outer_ordering(lateral, reading))
    )
    rows_by_parent: dict[UUID, list[AnyRow]] = {}
    for row in (await reader.execute(statement)).all():
        rows_by_parent.setdefault(row.parent_id, []).append(row)
    return {parent_id: _page(rows_by_parent.get(parent_id, ()), request, ordered) for parent_id in parents}


def _parents(ids: Sequence[UUID]) -> Subquery:
    rows = func.unnest(literal(list(ids), ARRAY(Uuid))).column_valued("id")
    return select(rows.label("id")).subquery("parents")


def _page(rows: Sequence[AnyRow], request: PageRequest[Any], ordered: Ordered[T]) -> Page[T]:
    more = len(rows) > request.size
    kept = list(rows[: request.size])
    if request.backward:
        kept.reverse()
    edges = tuple(
        Edge(
            cursor=Cursor(
                values=tuple(row._mapping[f"key_{n}"] for n in range(len(ordered.keys) - 1)),  # noqa: SLF001 -- SQLAlchemy's public name for it
                id=row.id,
            ),
            node=ordered.record(row),
        )
        for row in kept
    )
    has_previous = more if request.backward else request.after is not None
    has_next = request.before is not None if request.backward else more
    return Page(edges=edges, has_next=has_next, has_previous=has_previous)


async def count_up_to(reader: Reader, base: AnySelect, cap: int) -> int:
    """How many rows there are, counted no further than one more than the cap."""
    rows = _up_to(base, cap)
    return int((await reader.execute(select(func.count()).select_from(rows))).scalar_one())


async def counts_up_to(
    reader: Reader, parents: Sequence[UUID], base: Callable[[Column], AnySelect], cap: int
) -> Mapping[UUID, int]:
    """The same for each parent's own list, in one statement."""
    parent = _parents(parents)
    rows = _up_to(base(parent.c.id).correlate(parent), cap)
    count = select(func.count()).select_from(rows).lateral()
    statement = select(parent.c.id, *count.c).select_from(parent.join(count, true()))
    return dict((await reader.execute(statement)).all())


def _up_to(base: AnySelect, cap: int) -> Subquery:
    # Without its columns a list of everything would name no table at all, and have one row.
    return base.with_only_columns(literal(1), maintain_column_froms=True).limit(cap + 1).subquery()
