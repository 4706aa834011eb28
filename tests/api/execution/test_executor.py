"""How often things are called: a relation once for a level, a mutation once whatever becomes of its value."""

import asyncio
import gc
from collections import Counter
from collections.abc import Sequence
from typing import Any
from weakref import ref

import pytest
import strawberry

from roster.api.execution import Documents, batched, execute

BROKEN = 13


class Calls:
    """What was asked for in one call, and how many calls were under way at once."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Sequence[int]]] = []
        self.running = self.most = self.changes = 0

    async def load(self, name: str, parents: Sequence[int]) -> None:
        self.made.append((name, parents))
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1


async def _below(parents: Sequence[int], info: strawberry.Info, times: int = 2) -> list[list[int]]:
    await info.context.load(f"below {times}", parents)
    return [[parent * 10 + turn for turn in range(times)] for parent in parents]


async def _size(parents: Sequence[int], info: strawberry.Info) -> list[int | ValueError]:
    await info.context.load("size", parents)
    return [ValueError("broken") if parent == BROKEN else parent for parent in parents]


def _came(parent: int) -> list[int] | None:
    """The leaves came with the parents that are odd."""
    return [7, parent, 7] if parent % 2 else None


def _number(root: strawberry.Parent[int]) -> int:
    return root


@strawberry.type
class Leaf:
    number: int = strawberry.field(resolver=_number)
    size = batched(_size, graphql_type=int | None, description="")


@strawberry.type
class Branch:
    number: int = strawberry.field(resolver=_number)
    size = batched(_size, graphql_type=int | None, description="")
    leaves = batched(_below, graphql_type=list[Leaf], description="")
    perhaps = batched(_below, graphql_type=list[Leaf], description="", ready=_came)


@strawberry.type
class Query:
    @strawberry.field
    async def branches(self) -> list[Branch]:
        return [1, 2, 3]  # type: ignore[list-item]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def change(self, info: strawberry.Info, to: int) -> Branch:
        info.context.changes += 1
        await asyncio.sleep(0)
        return to  # type: ignore[return-value]


SCHEMA = strawberry.Schema(query=Query, mutation=Mutation)
DOCUMENTS = Documents(SCHEMA, max_number=10, max_size=10_000)


async def run(text: str) -> tuple[Any, Calls, Counter[str]]:
    calls, outcomes = Calls(), Counter[str]()
    result = await execute(
        SCHEMA, DOCUMENTS.read(text), variables=None, operation_name=None, context=calls, outcomes=outcomes
    )
    return result, calls, outcomes


async def test_a_relation_is_loaded_once_for_a_level() -> None:
    result, calls, outcomes = await run("{ branches { number leaves { size number } } }")
    assert not result.errors
    assert result.data["branches"][2] == {
        "number": 3,
        "leaves": [{"size": 30, "number": 30}, {"size": 31, "number": 31}],
    }
    assert calls.made == [("below 2", [1, 2, 3]), ("size", [10, 11, 20, 21, 30, 31])]
    assert outcomes == {"fast": 1}


async def test_what_is_beside_each_other_is_loaded_at_once() -> None:
    text = "{ branches { a: leaves(times: 1) { number } size b: leaves(times: 3) { number } } }"
    result, calls, outcomes = await run(text)
    assert [*result.data["branches"][0]] == ["a", "size", "b"]
    assert {name for name, _ in calls.made} == {"below 1", "below 3", "size"}
    assert calls.most == len(calls.made) == 3
    assert outcomes == {"fast": 1}


async def test_what_came_with_the_parents_is_not_loaded() -> None:
    result, calls, outcomes = await run("{ branches { perhaps { number size } } }")
    assert [branch["perhaps"] for branch in result.data["branches"]] == [
        [{"number": number, "size": number} for number in numbers]
        for numbers in ([7, 1, 7], [20, 21], [7, 3, 7])
    ]
    assert calls.made[0] == ("below 2", [2])
    assert sorted(calls.made[1:]) == [("size", [7, 1, 3]), ("size", [20, 21])]
    assert outcomes == {"fast": 1}


async def test_what_came_with_the_parents_is_no_answer_to_arguments() -> None:
    result, calls, _ = await run("{ branches { perhaps(times: 1) { number } } }")
    assert [branch["perhaps"] for branch in result.data["branches"]] == [
        [{"number": n}] for n in (10, 20, 30)
    ]
    assert calls.made == [("below 1", [1, 2, 3])]


async def test_nothing_is_loaded_for_nobody() -> None:
    result, calls, _ = await run("{ branches { leaves(times: 0) { size } } }")
    assert result.data == {"branches": [{"leaves": []}] * 3}
    assert calls.made == [("below 0", [1, 2, 3])]


async def test_what_fails_for_one_is_the_error_of_that_one() -> None:
    result, _, outcomes = await run("{ branches { leaves(times: 4) { size } } }")
    (error,) = result.errors
    assert (error.message, error.path) == ("broken", ["branches", 0, "leaves", 3, "size"])
    assert result.data["branches"][0]["leaves"][2:] == [{"size": 12}, {"size": None}]
    assert outcomes["broken"] > 0


async def test_a_mutation_is_done_once_whatever_becomes_of_its_value() -> None:
    result, calls, outcomes = await run(
        f"mutation {{ a: change(to: 1) {{ size }} b: change(to: {BROKEN}) {{ number size }} c: change(to: 3) {{ number }} }}"
    )
    assert result.data == {"a": {"size": 1}, "b": {"number": BROKEN, "size": None}, "c": {"number": 3}}
    assert [error.path for error in result.errors] == [["b", "size"]]
    assert calls.changes == 3
    assert outcomes == {"fast": 2, "broken": 1}


@pytest.mark.parametrize(
    "text",
    [
        "{ __typename }",
        "{ branches { number leaves { size number } } }",
        "mutation { change(to: 1) { size } }",
    ],
)
async def test_what_an_execution_made_is_gone_by_counting(text: str) -> None:
    gc.disable()
    try:
        _, context, _ = await run(text)
        held = ref(context)
        del context
        assert held() is None
    finally:
        gc.enable()
