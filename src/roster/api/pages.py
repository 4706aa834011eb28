"""Relay connections: what the arguments ask for, what is answered, and cursors, which only this module can read."""

import json
from base64 import b64decode
from binascii import Error as BinasciiError
from binascii import b2a_base64
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, cast
from uuid import UUID

import strawberry

from roster.api.context import Info
from roster.api.execution import batched
from roster.domain.errors import BadCursorError, BadUserInputError
from roster.domain.pages import (
    DEFAULT_SIZE,
    KEY_TYPES,
    LONG_KEYS,
    MAX_ORDER_KEYS,
    MAX_SIZE,
    NULLABLE_KEYS,
    AssignmentOrderField,
    Cursor,
    EventOrderField,
    KeyValue,
    OrderKey,
    Page,
    PageRequest,
    RoleOrderField,
    UserOrderField,
)
from roster.domain.text import is_storable

T = TypeVar("T")
DEFAULT_CAP = 10_000
# What cursors call each list. Whoever follows the feed keeps one for good: these names stay.
_LISTS = {
    UserOrderField: "users",
    RoleOrderField: "roles",
    AssignmentOrderField: "assignments",
    EventOrderField: "events",
}
_FOR_URLS = bytes.maketrans(b"+/", b"-_")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

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
    edges = root.page.edges
    return cursor_encoder(root.order)(edges[0].cursor) if edges else None


def _end_cursor(root: strawberry.Parent[PageValue]) -> str | None:
    edges = root.page.edges
    return cursor_encoder(root.order)(edges[-1].cursor) if edges else None


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


@strawberry.type(name="Edge", description="An item of a page, and its place in the list.")
class EdgeType(Generic[T]):
    cursor: str = strawberry.field(
        description="The place. Opaque, and of use only with the same order. For `after` and `before`.",
    )
    node: T = strawberry.field(description="The item.")


def _edges(root: strawberry.Parent[PageValue]) -> list[Any]:
    encode = cursor_encoder(root.order)
    return [EdgeValue(encode(cursor), node) for cursor, node in root.page.edges]


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


def cursor_encoder(order: Sequence[OrderKey[Any]]) -> Callable[[Cursor], str]:
    """What writes the cursors of an order, of which a page has many."""
    # By its name: orders of different lists may be equal, as their fields are texts.
    return _encoder(name_of_order(order), *(KEY_TYPES[key.field] for key in order))


@lru_cache(maxsize=256)
def _encoder(name: str, *kinds: type) -> Callable[[Cursor], str]:
    writers = [_WRITERS[kind] for kind in kinds]

    def encode(cursor: Cursor) -> str:
        # The id comes last, and has no writer.
        written = [
            "null" if value is None else write(value) for write, value in zip(writers, cursor, strict=False)
        ]
        text = f'["{name}",{",".join(written)},"{cast("UUID", cursor[-1]).int:032x}"]'
        return b2a_base64(text.encode(), newline=False).rstrip(b"=").translate(_FOR_URLS).decode()

    return encode


def decode_cursor(text: str, order: Sequence[OrderKey[Any]], argument: str) -> Cursor:
    """Raises BadCursorError for what is not a cursor of this order."""
    try:
        content = json.loads(b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if not isinstance(content, list):
            raise BadCursorError("This is not a cursor.", (argument,))
        name, *values, id_ = content
        if name != name_of_order(order) or len(values) != len(order):
            raise BadCursorError("This cursor belongs to another order.", (argument,))
        return (*(_value(value, key) for value, key in zip(values, order, strict=True)), UUID(hex=id_))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, BinasciiError):
        raise BadCursorError("This is not a cursor.", (argument,)) from None


def name_of_order(order: Sequence[OrderKey[Any]]) -> str:
    return ",".join(f"{_LISTS[type(key.field)]}.{key.field}.{key.direction}" for key in order)


def _milliseconds(instant: datetime) -> str:
    return str((instant - _EPOCH) // _MILLISECOND)


_WRITERS: Mapping[type, Callable[[Any], str]] = {datetime: _milliseconds, str: encode_basestring, int: str}


def _value(plain: object, key: OrderKey[Any]) -> KeyValue:
    """As the order has it. A cursor that was made up must not reach the database as anything else."""
    kind = KEY_TYPES[key.field]
    if plain is None and key.field in NULLABLE_KEYS:
        return None
    if kind is str and isinstance(plain, str) and is_storable(plain):
        return plain
    if kind is not str and type(plain) is int:
        if kind is datetime:
            return _EPOCH + timedelta(milliseconds=plain)
        if 0 <= plain < 2 ** (63 if key.field in LONG_KEYS else 31):
            return plain
    raise ValueError(plain)
