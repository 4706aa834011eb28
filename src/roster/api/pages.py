"""Relay connections: what the arguments ask for, and what is answered."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, cast
from uuid import UUID

import strawberry

from roster.api.context import Info
from roster.api.cursors import cursor_writer, decode_cursor
from roster.api.execution import batched
from roster.domain.errors import BadUserInputError
from roster.domain.pages import DEFAULT_SIZE, MAX_ORDER_KEYS, MAX_SIZE, Edge, OrderKey, Page, PageRequest

T = TypeVar("T")
DEFAULT_CAP = 10_000

First = Annotated[
    int | None,
    strawberry.argument(
        description="How many from the start, 0 to 200; 25 if neither first nor last is given."
    ),
]
After = Annotated[
    str | None, strawberry.argument(description="Only what comes after the edge of this cursor.")
]
Last = Annotated[
    int | None, strawberry.argument(description="How many from the end, 0 to 200; not with first.")
]
Before = Annotated[
    str | None, strawberry.argument(description="Only what comes before the edge of this cursor.")
]
Cap = Annotated[int, strawberry.argument(description="How far to count.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageValue:
    """A page, and the order of its list."""

    page: Page[Any]
    order: Sequence[OrderKey[Any]]


# How many items each owner's list has, counted no further than one more than the cap.
Totals = Callable[[Sequence[Any], int], Awaitable[Sequence[int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionValue(PageValue):
    """And how to count its list, which is `owner`'s, or nobody's."""

    totals: Totals
    owner: UUID | None


def connections(
    pages: Sequence[Page[Any]], order: Sequence[OrderKey[Any]], owners: Sequence[UUID], totals: Totals
) -> list[ConnectionValue]:
    """A page of each owner's list."""
    return [
        ConnectionValue(page=page, order=order, totals=totals, owner=owner)
        for page, owner in zip(pages, owners, strict=True)
    ]


def total_of(info: Info, which: Hashable, count: Callable[[Any, int], Awaitable[int]]) -> Totals:
    """Of a list that is nobody's: `count` takes which items are in it, and the cap."""

    async def totals(owners: Sequence[None], cap: int) -> Sequence[int]:
        async def batch(_owners: Sequence[None]) -> Mapping[None, int]:
            return {None: await count(which, cap)}

        return await info.context.load(("number", which, cap), batch, owners)

    return totals


def _start_cursor(root: strawberry.Parent[PageValue]) -> str | None:
    return next(iter(_cursors(root, root.page.edges[:1])), None)


def _end_cursor(root: strawberry.Parent[PageValue]) -> str | None:
    return next(iter(_cursors(root, root.page.edges[-1:])), None)


def _cursors(root: PageValue, edges: Sequence[Edge[Any]]) -> list[str]:
    return cursor_writer(root.order)([edge.cursor for edge in edges])


def _has_next_page(root: strawberry.Parent[PageValue]) -> bool:
    return root.page.has_next


def _has_previous_page(root: strawberry.Parent[PageValue]) -> bool:
    return root.page.has_previous


@strawberry.type(name="PageInfo", description="Where a page lies in its list.")
class PageInfoType:
    has_next_page: bool = strawberry.field(
        resolver=_has_next_page,
        description="Whether more follows; when paging backward, true if `before` was given.",
    )
    has_previous_page: bool = strawberry.field(
        resolver=_has_previous_page,
        description="Whether something comes before; when paging forward, true if `after` was given.",
    )
    start_cursor: str | None = strawberry.field(
        resolver=_start_cursor, description="The cursor of the first edge."
    )
    end_cursor: str | None = strawberry.field(
        resolver=_end_cursor, description="The cursor of the last edge."
    )


class EdgeValue(NamedTuple):
    """An edge of a page, with its cursor as clients see it."""

    cursor: str
    node: Any


_edge = cast("Callable[[tuple[str, Any]], EdgeValue]", partial(tuple.__new__, EdgeValue))


@strawberry.type(name="Edge", description="An item of a page, and its place in the list.")
class EdgeType(Generic[T]):
    cursor: str = strawberry.field(
        description="The place. Opaque, and of use only with the same order. For `after` and `before`.",
    )
    node: T = strawberry.field(description="The item.")


def _edges(root: strawberry.Parent[PageValue]) -> list[Any]:
    edges = root.page.edges
    return list(map(_edge, zip(_cursors(root, edges), _nodes(root), strict=True)))


def _nodes(root: strawberry.Parent[PageValue]) -> list[Any]:
    return [edge.node for edge in root.page.edges]


def _page_info(root: strawberry.Parent[PageValue]) -> PageValue:
    return root


async def _total_count(roots: Sequence[ConnectionValue], info: Info, cap: Cap = DEFAULT_CAP) -> list[int]:  # noqa: ARG001 -- as batched has it
    if cap < 0:
        raise BadUserInputError("A cap is 0 or more.", ("cap",))
    owners: dict[Totals, list[UUID | None]] = {}
    for root in roots:
        owners.setdefault(root.totals, []).append(root.owner)
    counted = {
        (totals, owner): count
        for totals, some in owners.items()
        for owner, count in zip(some, await totals(some, cap), strict=True)
    }
    return [counted[root.totals, root.owner] for root in roots]


@strawberry.type(name="Feed", description="A page of a list that nobody counts.")
class FeedType(Generic[T]):
    edges: list[EdgeType[T]] = strawberry.field(
        resolver=_edges, description="The items with their cursors, in the order of the list."
    )
    nodes: list[T] = strawberry.field(resolver=_nodes, description="The items alone.")
    page_info = strawberry.field(
        resolver=_page_info, graphql_type=PageInfoType, description="Where the page lies."
    )


@strawberry.type(name="Connection", description="A page of a list.")
class ConnectionType(FeedType[T]):
    total_count = batched(
        _total_count,
        graphql_type=int,
        description="How many items the whole list has. Counted only when selected, and no further than one more"
        " than the cap: a greater value than the cap means that there are more than it.",
    )


def read_order(given: Sequence[Any] | None, default: tuple[OrderKey[Any], ...]) -> tuple[OrderKey[Any], ...]:
    """The order that an argument orderBy asks for."""
    keys = tuple(OrderKey(field=key.field, direction=key.direction) for key in given or ())
    if len(keys) > MAX_ORDER_KEYS or len({key.field for key in keys}) < len(keys):
        raise BadUserInputError(f"An order has at most {MAX_ORDER_KEYS} different fields.", ("order_by",))
    return keys or default


def page_request(
    order: tuple[OrderKey[Any], ...],
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> PageRequest[Any]:
    """What the arguments of a connection ask for; null is as good as absent. Never clamps."""
    first, after, last, before = (_or_none(given) for given in (first, after, last, before))
    if first is not None and last is not None:
        raise BadUserInputError("Give first or last, not both.", ("last",))
    for name, size in (("first", first), ("last", last)):
        if size is not None and not 0 <= size <= MAX_SIZE:
            raise BadUserInputError(f"A page has 0 to {MAX_SIZE} items.", (name,))
    size = first if first is not None else last
    return PageRequest(
        order=order,
        size=DEFAULT_SIZE if size is None else size,
        backward=last is not None,
        after=None if after is None else decode_cursor(after, order, "after"),
        before=None if before is None else decode_cursor(before, order, "before"),
    )


def _or_none(given: Any) -> Any:  # noqa: ANN401 -- whatever it is
    return None if given is strawberry.UNSET else given
