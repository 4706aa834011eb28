"""A small schema in which anything can be odd: missing, wrong, raising, or awaited; lists of lists, unions, interfaces."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum
from random import Random
from typing import Annotated, Any

import strawberry

from roster.api.execution import batched, resolves_on


@strawberry.enum
class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


@strawberry.enum
class Size(Enum):
    BIG = strawberry.enum_value(1, name="LARGE")
    SMALL = 2


class Odd(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Each attribute is mostly what the schema says of it."""

    number: int
    text: Any
    count: Any
    share: Any
    flag: Any
    colour: Any
    size: Any
    at: Any
    data: Any
    rows: Any
    one: Any
    some: Any
    grid: Any
    named: Any
    any: Any
    raises: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """What has a type of its own, and a name."""

    number: int
    name: Any


class Kin(Plain):
    """The same type, by another class."""


def _shout(root: strawberry.Parent[Any]) -> Any:
    if root.raises:
        raise Odd(f"number {root.number}")
    return root.text


def _path(root: strawberry.Parent[Any], info: strawberry.Info) -> str:
    return f"{info.context['name']} {info.field_name} {root.number}"


async def _slowly(root: strawberry.Parent[Any], times: int = 1) -> Any:
    for _ in range(times):
        await asyncio.sleep(0)
    return _shout(root)


async def _others(things: Sequence[Thing], info: strawberry.Info, first: int = 2) -> list[Any]:
    """Some odd, and odd alone: what is answered for one does not depend on the others."""
    await asyncio.sleep(0)
    if first < 0:
        raise Odd("first")
    every = info.context["things"]
    return [
        Odd(f"others of {thing.number}")
        if thing.number % 7 == 3
        else [every[(thing.number * 3 + turn) % len(every)] for turn in range(first)]
        for thing in things
    ]


async def _best(things: Sequence[Thing], info: strawberry.Info) -> list[Any]:
    every = info.context["things"]
    return [None if thing.number % 5 == 1 else every[thing.number * 2 % len(every)] for thing in things]


async def _weight(things: Sequence[Thing], info: strawberry.Info) -> list[Any]:  # noqa: ARG001 -- as batched has it
    return [thing.count for thing in things]


@strawberry.interface
class Named:
    name: str | None


@strawberry.type(name="Plain")
class PlainType(Named):
    is_type_of = resolves_on(Plain)

    number: int


@strawberry.type
class Own(Named):
    """Resolves on instances of itself, as Strawberry's types do if nothing is said."""

    number: int
    best = batched(
        _best, graphql_type=Annotated["ThingType", strawberry.lazy("odd_schema")] | None, description=""
    )


@strawberry.type
class Other:
    number: int


@strawberry.type(name="Thing")
class ThingType:
    number: int
    text: str
    maybe_text: str | None = strawberry.field(resolver=_shout)
    count: int
    share: float | None
    flag: bool | None
    colour: Colour
    size: Size | None
    at: datetime | None
    data: strawberry.scalars.JSON | None
    rows: list[list[int]] | None
    one: Annotated["ThingType", strawberry.lazy("odd_schema")] | None
    some: list[Annotated["ThingType", strawberry.lazy("odd_schema")]] | None
    grid: list[list[Annotated["ThingType", strawberry.lazy("odd_schema")] | None]] | None
    named: Named | None
    any: Annotated[PlainType | Own | Other, strawberry.union("Any")] | None
    shout: str = strawberry.field(resolver=_shout)
    path: str = strawberry.field(resolver=_path)
    slowly = strawberry.field(resolver=_slowly, graphql_type=str)
    maybe_slowly = strawberry.field(resolver=_slowly, graphql_type=str | None)
    others = batched(
        _others,
        graphql_type=list[Annotated["ThingType", strawberry.lazy("odd_schema")]] | None,
        description="",
    )
    all_others = batched(
        _others,
        graphql_type=list[Annotated["ThingType", strawberry.lazy("odd_schema")] | None],
        description="",
    )
    best = batched(
        _best, graphql_type=Annotated["ThingType", strawberry.lazy("odd_schema")] | None, description=""
    )
    must_best = batched(
        _best, graphql_type=Annotated["ThingType", strawberry.lazy("odd_schema")], description=""
    )
    weight = batched(_weight, graphql_type=int | None, description="")


async def _thing(info: strawberry.Info, number: int = 0) -> Any:
    await asyncio.sleep(0)
    if number < 0:
        raise Odd("no such number")
    return info.context["things"][number % len(info.context["things"])]


async def _things(info: strawberry.Info, first: int = 3) -> list[Any]:
    return [await _thing(info, number if first >= 0 else first) for number in range(abs(first))]


def _named(info: strawberry.Info) -> list[Any]:
    return [thing.named for thing in info.context["things"]]


@strawberry.type
class Query:
    thing = strawberry.field(resolver=_thing, graphql_type=ThingType | None)
    must_thing = strawberry.field(resolver=_thing, graphql_type=ThingType)
    things = strawberry.field(resolver=_things, graphql_type=list[ThingType | None] | None)
    must_things = strawberry.field(resolver=_things, graphql_type=list[ThingType])
    named = strawberry.field(resolver=_named, graphql_type=list[Named | None])


ODD_SCHEMA = strawberry.Schema(query=Query, types=[PlainType, Own, Other])
ODD_POOLS = {
    "first": [("2", 2), ("1", 1), ("0", 0), ("3", 3), ("-1", -1)],
    "number": [("0", 0), ("1", 1), ("5", 5), ("-1", -1)],
    "times": [("1", 1), ("0", 0), ("4", 4)],
}


def odd_things(random: Random, oddity: float) -> list[Thing]:
    """Of which each attribute is odd with this chance."""
    things: list[Thing] = []

    def either(ordinary: Sequence[Any], *odd: Any) -> Any:
        chosen: Any = random.choice(odd if random.random() < oddity else ordinary)
        return chosen

    def thing() -> Any:
        return random.choice(things) if things else None

    def plain() -> Any:
        number = len(things)
        return random.choice(
            [
                Plain(number=number, name="plain"),
                Kin(number=number, name=None),
                Own(number=number, name="own"),
            ]
        )

    for number in range(12):
        things.append(
            Thing(
                number=number,
                text=either(["a", "ü"], None, 7, [], Odd("text"), Colour.RED),
                count=either([0, number], None, "x", 2**31, 1.5, True, "12", Odd("count")),
                share=either([0.5, 1.0], None, float("nan"), float("inf"), 3, "x"),
                flag=either([True, False], None, 1, "x"),
                colour=either([Colour.RED, Colour.BLUE], None, "RED", "GREEN", Size.BIG),
                size=either([Size.BIG, Size.SMALL, None], 1, "BIG", Odd("size")),
                at=either([datetime(2026, 1, 1, tzinfo=UTC), None], "x", 1, Odd("at")),
                data=either([{"a": [1, None]}, None], Odd("data")),
                rows=either([[[1, 2], []], None], [[1], None], [["x"]], (range(2),), 5, "x", ([1], (2,))),
                one=either([thing()], None, 5, Odd("one"), {}),
                some=either(
                    [[thing(), thing()] if things else [], None], [None], [thing(), Odd("some")], (), iter([])
                ),
                grid=either([[[thing(), None]], []], [None], [[5]], [[Odd("grid")]]),
                named=either([plain()], None, Other(number=1), 5, Odd("named")),
                any=either([plain(), Other(number=number)], None, 5, Odd("any"), {}),
                raises=random.random() < oddity,
            )
        )
    return things
