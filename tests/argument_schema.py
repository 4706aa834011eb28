"""A schema whose fields have arguments of every kind, and note what they are called with."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Generic, NewType, TypeVar

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.relay import GlobalID
from strawberry.schema.config import StrawberryConfig

from roster.api.execution import batched

Text = NewType("Text", str)
ItemT = TypeVar("ItemT")


def _text(value: object) -> list[object]:
    """What can be changed by who gets it."""
    if value == "wrong":
        raise ValueError("This text is wrong.")
    return [value]


@strawberry.enum
class Size(Enum):
    BIG = strawberry.enum_value("big", name="LARGE")
    SMALL = "small"


@strawberry.input
class Deep:
    some_number: int = 7
    maybe: str | None = None
    none: str | None
    unset: str | None = strawberry.UNSET
    sizes: list[Size] = strawberry.field(default_factory=lambda: [Size.BIG])
    named: int | None = strawberry.field(default=None, name="otherwise")
    below: list[Annotated["Deep", strawberry.lazy("argument_schema")] | None] | None = None
    grid: list[list[int]] | None = strawberry.UNSET


@strawberry.input(one_of=True)
class Either:
    left: int | None = strawberry.UNSET
    right_one: str | None = strawberry.UNSET
    deep: Deep | None = strawberry.UNSET


@strawberry.input
class Checked:
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("It is negative.")


@strawberry.input
class Pair(Generic[ItemT]):
    first: ItemT
    second: ItemT | None = None


@strawberry.input
class Sparse:
    a: strawberry.Maybe[int]
    b: strawberry.Maybe[int | None]


@strawberry.input
class Made:
    number: int


Made.__strawberry_definition__.from_input = lambda type_, value, context: (  # type: ignore[attr-defined]
    type_.__name__,
    dict(value),
    context.info.field_name,
    context.path,
)


@dataclass
class Calls:
    """What was called, as the context of an operation: the field, its info, its arguments as they are and as they look."""

    made: list[object] = field(default_factory=list)


def note(info: strawberry.Info[Calls, None], root: object, arguments: dict[str, Any]) -> str:
    assert info.path
    where = (type(info), info.field_name, info.python_name, info.path.as_list(), info.variable_values)
    info.context.made.append((where, type(root), repr(arguments), deepcopy(arguments)))
    for value in arguments.values():
        _change(value)
    return "done"


def _change(value: object) -> None:
    """As who gets an argument may."""
    if isinstance(value, list):
        value.append("changed")
    elif isinstance(value, dict):
        value["changed"] = True


@strawberry.type
class Leaf:
    @strawberry.field
    async def nothing(self, info: strawberry.Info) -> str:
        return note(info, self, {})


async def _leaves(
    parents: Sequence[Leaf], info: strawberry.Info, deep: Deep | None = None, times: int = 1
) -> list[list[Leaf]]:
    note(info, None, {"deep": deep, "times": times})
    return [[Leaf()] * times for _ in parents]


async def _made(parents: Sequence[Leaf], info: strawberry.Info, made: Made) -> list[str]:
    return [note(info, None, {"made": made}) for _ in parents]


@strawberry.type
class Branch(Leaf):
    leaves = batched(_leaves, graphql_type=list[Leaf], description="")
    made = batched(_made, graphql_type=str, description="")


async def _with_root(root: strawberry.Parent[Any], info: strawberry.Info, number: int = 3) -> str:
    return note(info, root, {"number": number})


async def _bare(number: int) -> str:
    return f"{number}"


async def _failing(number: int | None = None) -> str:
    raise LookupError(f"There is no {number}.")


async def _refused(info: int = 5) -> str:
    return f"{info}"


class Shouting(FieldExtension):
    async def resolve_async(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> str:
        return f"{await next_(source, info, **kwargs)}!"


@strawberry.type
class Query:
    with_root = strawberry.field(resolver=_with_root)
    bare = strawberry.field(resolver=_bare)
    failing: str | None = strawberry.field(resolver=_failing)
    shouted = strawberry.field(resolver=_with_root, extensions=[Shouting()])

    @strawberry.field
    async def scalars(
        self,
        info: strawberry.Info,
        some_id: strawberry.ID | None = strawberry.UNSET,
        number: int | None = 5,
        flag: bool = False,
        share: float | None = None,
        text: Text | None = None,
        data: strawberry.scalars.JSON | None = strawberry.UNSET,
        otherwise: Annotated[str | None, strawberry.argument(name="renamed")] = None,
    ) -> str | None:
        given = {"id": some_id, "number": number, "flag": flag, "share": share}
        return note(info, self, {**given, "text": text, "data": data, "otherwise": otherwise})

    @strawberry.field
    async def lists(
        self,
        info: strawberry.Info,
        sizes: list[Size] = [Size.SMALL],  # noqa: B006 -- the argument's default
        size: Size | None = None,
        numbers: list[int | None] | None = None,
        grid: list[list[int]] | None = None,
        texts: list[Text] | None = None,
    ) -> str | None:
        given = {"sizes": sizes, "size": size, "numbers": numbers, "grid": grid, "texts": texts}
        return note(info, self, given)

    @strawberry.field
    async def inputs(
        self,
        info: strawberry.Info,
        deep: Deep | None = None,
        many: list[Deep] | None = None,
        either: Either | None = strawberry.UNSET,
        checked: Checked | None = None,
        pair: Pair[Size] | None = None,
    ) -> str | None:
        given = {"deep": deep, "many": many, "either": either, "checked": checked, "pair": pair}
        return note(info, self, given)

    @strawberry.field
    async def required(self, info: strawberry.Info, either: Either, numbers: list[int]) -> str | None:
        return note(info, self, {"either": either, "numbers": numbers})

    @strawberry.field
    async def maybe(
        self,
        info: strawberry.Info,
        sparse: Sparse | None = None,
        number: strawberry.Maybe[int | None] = None,
    ) -> str | None:
        return note(info, self, {"sparse": sparse, "number": number})

    @strawberry.field
    async def made(self, info: strawberry.Info, made: Made | None = None) -> str | None:
        return note(info, self, {"made": made})

    @strawberry.field
    async def node(
        self, info: strawberry.Info, one: GlobalID | None = None, ids: list[GlobalID] | None = None
    ) -> str | None:
        return note(info, self, {"one": one, "ids": ids})

    @strawberry.field
    async def taken(self, here: strawberry.Info, _source: int = 1) -> str | None:
        return note(here, self, {"_source": _source})

    @strawberry.field
    def synchronous(self, info: strawberry.Info, deep: Deep) -> str:
        return note(info, self, {"deep": deep})

    @strawberry.field
    async def branch(self) -> Branch:
        return Branch()


ARGUMENT_SCHEMA = strawberry.Schema(
    query=Query,
    config=StrawberryConfig(
        scalar_map={Text: strawberry.scalar(name="Text", parse_value=_text, serialize=str)}
    ),
)
