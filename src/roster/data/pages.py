"""Keyset pages: the next page is found by seeking to the cursor, so the millionth costs what the first does.

What follows a cursor is one row comparison where the order's keys all run one way, and otherwise a UNION ALL of
seeks, each of which an index can answer; never one condition with OR, which no index can.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    FromClause,
    Subquery,
    and_,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import Uuid

from roster.data.connections import Reader, Values
from roster.data.statements import AnyCompound, AnyRow, AnySelect, Column
from roster.domain.pages import Cursor, Edge, OrderDirection, OrderKey, Page, PageRequest

T = TypeVar("T")
# The parameter for a value of a cursor; None stands for NULL.
Bound = BindParameter[Any] | None
# The parameter for how many rows are counted at most.
_MOST = "most"
Parts = Callable[[Column], Sequence[ColumnElement[bool]]]
_edge: Callable[[Sequence[Any]], Edge[Any]] = partial(tuple.__new__, Edge)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the text of a page's statement depends on: of each cursor, whether each of its values is there.

    The number of `rows` stands in the text, as a plan that is made for any number is made for a tenth of all.
    """

    order: tuple[OrderKey[Any], ...]
    rows: int
    backward: bool
    after: tuple[bool, ...] | None
    before: tuple[bool, ...] | None

    @classmethod
    def of(cls, request: PageRequest[Any]) -> "Shape":
        return cls(
            order=request.order,
            rows=request.size + 1,
            backward=request.backward,
            after=_given(request.after),
            before=_given(request.before),
        )


def _given(cursor: Cursor | None) -> tuple[bool, ...] | None:
    return None if cursor is None else tuple([value is not None for value in cursor])


def parameters_of(request: PageRequest[Any]) -> Values:
    """For what `page_statement` made of the request's shape."""
    return {
        f"{side}_{n}": value
        for side, cursor in (("after", request.after), ("before", request.before))
        if cursor is not None
        for n, value in enumerate(cursor)
        if value is not None
    }


def page_statement(
    base: AnySelect,
    keys: Sequence[SortKey],
    shape: Shape,
    parts: Sequence[ColumnElement[bool]] = (true(),),
) -> AnySelect | AnyCompound:
    """One row more than asked for, in reading order. `base` has columns named after the record, filtered already.

    Each row is in one of the parts, each of which an index has in the order of the keys.
    """
    reading = [key.reversed() for key in keys] if shape.backward else list(keys)
    deciding = [key for key in reading if not key.moot]
    after, before = _bound(deciding, "after", shape.after), _bound(deciding, "before", shape.before)
    start, end = (before, after) if shape.backward else (after, before)
    labelled = base.add_columns(*(key.expression.label(f"key_{n}") for n, key in enumerate(keys[:-1])))
    if end is not None:
        labelled = labelled.where(or_(*following([key.reversed() for key in deciding], end)))
    ordering = [key.ordering(key.expression) for key in deciding]
    seeks = [true()] if start is None else following(deciding, start)
    rows: ColumnElement[int] = literal_column(str(shape.rows))
    runs = [labelled.where(part, seek).order_by(*ordering).limit(rows) for part in parts for seek in seeks]
    if len(runs) == 1:
        return runs[0]
    # Each run is made a subquery, as only there it may have an order and a limit of its own.
    united = union_all(*(select(run.subquery()) for run in runs)).subquery()
    return select(united).order_by(*_outer_ordering(united, reading)).limit(rows)


def _bound(keys: Sequence[SortKey], side: str, given: tuple[bool, ...] | None) -> Sequence[Bound] | None:
    """A parameter for each value of a cursor; None for one that is missing."""
    if given is None:
        return None
    return [
        bindparam(f"{side}_{n}", type_=key.expression.type) if is_there else None
        for n, (key, is_there) in enumerate(zip(keys, given, strict=False))
    ]


def following(keys: Sequence[SortKey], values: Sequence[Bound]) -> list[ColumnElement[bool]]:
    """Conditions, of which exactly one holds for each row that comes after the values in the order of the keys."""
    if all(key.descending == keys[0].descending for key in keys) and not any(
        value is None for value in values
    ):
        columns, bound = tuple_(*(key.expression for key in keys)), tuple_(*values)
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


def _beyond(key: SortKey, value: Bound) -> list[ColumnElement[bool]]:
    if value is None:
        return [key.expression.is_not(None)] if key.descending else []
    if key.descending:
        return [key.expression < value]
    return [key.expression > value, *([key.expression.is_(None)] if key.nullable else [])]


def _equal(key: SortKey, value: Bound) -> ColumnElement[bool]:
    return key.expression.is_(None) if value is None else key.expression == value


def _outer_ordering(rows: FromClause, keys: Sequence[SortKey]) -> list[Column]:
    *sorting, by_id = keys
    named = [key.ordering(rows.c[f"key_{n}"]) for n, key in enumerate(sorting)]
    return [*named, by_id.ordering(rows.c.id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered(Generic[T]):
    """How the rows of a list are ordered, the id last, and what record each makes of its first columns, which follow: the
    id before all.

    `parts` are those of page_statement; they are given the parent's id where it is a parent's list.
    """

    keys: Sequence[SortKey]
    record: Callable[[AnyRow], T]
    columns: Sequence[Column]
    parts: Parts = lambda _: (true(),)


async def fetch_page(
    reader: Reader,
    statement: AnySelect | AnyCompound,
    request: PageRequest[Any],
    ordered: Ordered[T],
    **values: object,
) -> Page[T]:
    """By the statement of the request's shape; `values` are those of its filter."""
    rows = await reader.execute(statement, {**values, **parameters_of(request)})
    return page_of_rows(rows, request, ordered)


async def fetch_pages(
    reader: Reader,
    parents: Sequence[UUID],
    base: Callable[[Column], AnySelect],
    request: PageRequest[Any],
    ordered: Ordered[T],
    **values: object,
) -> Mapping[UUID, Page[T]]:
    """The same page of each parent's own list, in one statement. `base` takes the parent's id."""
    parent = _parents(parents)
    keys = ordered.keys
    reading = [key.reversed() for key in keys] if request.backward else keys
    own = base(parent.c.id).correlate(parent)
    of_one = page_statement(own, keys, Shape.of(request), ordered.parts(parent.c.id))
    lateral = of_one.subquery().lateral()
    statement = (
        select(*lateral.c, parent.c.id.label("parent_id"))
        .select_from(parent.join(lateral, true()))
        .order_by(parent.c.id, *_outer_ordering(lateral, reading))
    )
    rows_by_parent: dict[UUID, list[AnyRow]] = {}
    for row in await reader.execute(statement, {**values, **parameters_of(request)}):
        rows_by_parent.setdefault(row.parent_id, []).append(row)
    return {
        parent_id: page_of_rows(rows_by_parent.get(parent_id, ()), request, ordered) for parent_id in parents
    }


def _parents(ids: Sequence[UUID]) -> Subquery:
    rows = func.unnest(literal(list(ids), ARRAY(Uuid))).column_valued("id")
    return select(rows.label("id")).subquery("parents")


def page_of_rows(rows: Sequence[AnyRow], request: PageRequest[Any], ordered: Ordered[T]) -> Page[T]:
    more = len(rows) > request.size
    kept = list(rows[: request.size])
    if request.backward:
        kept.reverse()
    key = len(ordered.columns)
    cursor = itemgetter(*range(key, key + len(ordered.keys) - 1), 0)
    edges = tuple(map(_edge, zip(map(cursor, kept), map(ordered.record, kept), strict=True)))
    has_previous = more if request.backward else request.after is not None
    has_next = request.before is not None if request.backward else more
    return Page(edges=edges, has_next=has_next, has_previous=has_previous)


def count_statement(base: AnySelect) -> AnySelect:
    """For count_up_to."""
    return select(func.count()).select_from(_up_to(base))


async def count_up_to(reader: Reader, statement: AnySelect, cap: int, **values: object) -> int:
    """How many rows there are, counted no further than one more than the cap; `values` are those of its filter."""
    return int((await reader.execute(statement, {**values, _MOST: cap + 1})).scalar_one())


async def counts_up_to(
    reader: Reader,
    parents: Sequence[UUID],
    base: Callable[[Column], AnySelect],
    cap: int,
    **values: object,
) -> Mapping[UUID, int]:
    """The same for each parent's own list, in one statement."""
    parent = _parents(parents)
    rows = _up_to(base(parent.c.id).correlate(parent))
    count = select(func.count()).select_from(rows).lateral()
    statement = select(parent.c.id, *count.c).select_from(parent.join(count, true()))
    return dict(await reader.execute(statement, {**values, _MOST: cap + 1}))


def _up_to(base: AnySelect) -> Subquery:
    # Without its columns a list of everything would name no table at all, and have one row.
    rows = base.with_only_columns(literal(1), maintain_column_froms=True)
    return rows.limit(bindparam(_MOST, type_=BigInteger)).subquery()
