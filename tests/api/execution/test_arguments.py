"""Resolvers are called with what plain Strawberry calls them with, whatever the arguments are and however they are given."""

import logging
from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from typing import Any

import pytest

from agreement import assert_agree
from argument_schema import ARGUMENT_SCHEMA, Calls
from roster.api.execution import Documents, execute
from roster.api.execution.arguments import MAX_TEMPLATES
from roster.api.execution.calls import call_of

ABSENT = object()

LITERALS = [
    "{ scalars }",
    '{ scalars(someId: 3, number: 8, flag: true, share: 2, text: "a", renamed: "b") }',
    "{ scalars(someId: null, number: null, share: null, data: null) }",
    '{ scalars(data: {a: [1, {b: "c"}], d: LARGE}) }',
    "{ lists lists2: lists }",
    '{ lists(sizes: LARGE, size: SMALL, numbers: [1, null], grid: 1, texts: "a") }',
    "{ lists(sizes: [SMALL, LARGE], numbers: null, grid: [[1], [2, 3]]) }",
    "{ inputs }",
    "{ inputs(deep: {}, many: {none: null}, either: {left: 1}, checked: {number: 1}, pair: {first: LARGE}) }",
    '{ inputs(deep: {someNumber: 1, unset: null, otherwise: 2, grid: [[1]], below: [null, {below: {maybe: "a"}}]}) }',
    "{ inputs(either: {deep: {sizes: []}}) }",
    "{ inputs(checked: {number: -1}) }",
    "{ required(either: {left: 1}, numbers: 3) }",
    '{ maybe(sparse: {a: 1}, number: null) made(made: {number: 2}) node(one: "VGhpbmc6MQ==", ids: "VGhpbmc6MQ==") }',
    '{ maybe(sparse: {b: null}, number: 1) made node(one: "nothing") taken }',
    "{ taken(Source: 2) }",
    "{ withRoot withMore: withRoot(number: 4) bare(number: 2) failing(number: 1) shouted synchronous(deep: {}) }",
    "{ branch { nothing leaves(times: 2, deep: {someNumber: 2}) { nothing } made(made: {number: 1}) } }",
]
# With the values of $a and of $b, each of which is also null, and absent.
WITH_VARIABLES: list[tuple[str, list[Any], list[Any]]] = [
    ("query ($a: ID, $b: Int) { scalars(someId: $a, number: $b) }", ["x", 3], [4]),
    ("query ($a: Int = 6, $b: Boolean = true) { scalars(number: $a, flag: $b) }", [4], [False]),
    ('query ($a: JSON = {a: [1]}, $b: Text = "b") { scalars(data: $a, text: $b) }', [[2]], ["a"]),
    ("query ($a: JSON, $b: Text) { scalars(data: $a, text: $b) }", [{"a": [1]}], ["a", "wrong"]),
    ("query ($a: JSON, $b: Int) { scalars(data: {a: $a, b: [$b]}) }", [[1]], [2]),
    (
        "query ($a: [Size!]! = [LARGE], $b: Size) { lists(sizes: $a, size: $b) }",
        [["SMALL"], "SMALL", []],
        ["LARGE"],
    ),
    ("query ($a: Size! = LARGE, $b: Int) { lists(sizes: [SMALL, $a], numbers: [1, $b]) }", ["SMALL"], [2]),
    (
        "query ($a: [[Int!]!], $b: [Int!]! = [1]) { lists(grid: $a) again: lists(grid: [$b]) }",
        [[[1], [2]], 1],
        [[3]],
    ),
    (
        "query ($a: Deep, $b: Int! = 2) { inputs(deep: $a, many: [{someNumber: $b}]) }",
        [{}, {"below": [{}]}],
        [3],
    ),
    (
        'query ($a: Deep! = {maybe: "a"}, $b: [Size!]! = []) { inputs(many: [$a, {sizes: $b}]) }',
        [{}],
        [["LARGE"]],
    ),
    (
        "query ($a: String, $b: Int) { inputs(deep: {maybe: $a, none: $a, unset: $a, otherwise: $b}) }",
        ["a"],
        [3],
    ),
    (
        "query ($a: Either, $b: Int) { inputs(either: $a, deep: {otherwise: $b}) }",
        [{"rightOne": "a"}, {"left": None}],
        [3],
    ),
    (
        "query ($a: Int!, $b: Deep!) { inputs(either: {left: $a}) more: inputs(either: {deep: $b}) }",
        [1],
        [{}],
    ),
    (
        "query ($a: Checked, $b: Int! = -2) { inputs(checked: $a) more: inputs(checked: {number: $b}) }",
        [{"number": -1}],
        [3],
    ),
    (
        "query ($a: Either!, $b: [Int!]!) { required(either: $a, numbers: $b) }",
        [{"left": 1}, {}, {"x": 1}],
        [[1], 2, "a"],
    ),
    ("query ($a: Int! = 1, $b: Int! = 2) { required(either: {left: $a}, numbers: [$b, 3]) }", [5], [6]),
    (
        "query ($a: Sparse, $b: Made) { maybe(sparse: $a) made(made: $b) }",
        [{}, {"a": 1, "b": None}],
        [{"number": 1}],
    ),
    ("query ($a: ID, $b: Int) { node(one: $a) maybe(number: $b) }", ["VGhpbmc6MQ==", "nothing"], [1]),
    (
        "query ($a: Deep, $b: Int! = 2) { branch { leaves(deep: $a, times: $b) { nothing } } }",
        [{"maybe": "a"}],
        [3],
    ),
]


@pytest.fixture(autouse=True)
def _unlogged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "strawberry.execution")


def _with_variables() -> Iterator[tuple[str, dict[str, Any]]]:
    for text, a, b in WITH_VARIABLES:
        for given in product([*a, None, ABSENT], [*b, None, ABSENT]):
            yield text, {name: value for name, value in zip("ab", given, strict=True) if value is not ABSENT}


async def _assert_same(documents: Documents, text: str, variables: dict[str, Any]) -> None:
    ours, theirs = Calls(), Calls()
    document = documents.read(text)
    assert not document.errors
    result = await execute(
        ARGUMENT_SCHEMA, document, variables=deepcopy(variables), operation_name=None, context=ours
    )
    assert_agree(result, await ARGUMENT_SCHEMA.execute(text, deepcopy(variables), context_value=theirs))
    assert ours.made == theirs.made


@pytest.mark.parametrize("text", LITERALS)
async def test_arguments_are_strawberrys(text: str) -> None:
    documents = Documents(ARGUMENT_SCHEMA, max_number=1, max_size=1_000)
    for _ in range(3):  # what one call made of its arguments is not in the next
        await _assert_same(documents, text, {})


async def test_variables_may_be_given_null_or_absent_in_any_order() -> None:
    documents = Documents(ARGUMENT_SCHEMA, max_number=len(WITH_VARIABLES), max_size=10_000)
    every = [*_with_variables()]
    for text, variables in [*every, *reversed(every)]:
        await _assert_same(documents, text, variables)


async def test_more_ways_of_giving_variables_than_are_remembered_are_no_different() -> None:
    documents = Documents(ARGUMENT_SCHEMA, max_number=1, max_size=1_000)
    text = "query ($a: Int, $b: String, $c: String) { inputs(deep: {otherwise: $a, unset: $b, maybe: $c}) }"
    ways = [*product([1, None, ABSENT], ["b", None, ABSENT], ["c", None, ABSENT])]
    assert len(ways) > MAX_TEMPLATES
    for given in ways * 2:
        variables = {name: value for name, value in zip("abc", given, strict=True) if value is not ABSENT}
        await _assert_same(documents, text, variables)


def test_strawberry_calls_what_is_more_than_a_resolver() -> None:
    fields = ARGUMENT_SCHEMA._schema.query_type.fields  # type: ignore[union-attr]  # noqa: SLF001 -- Strawberry has no public name for it
    called = {name for name, definition in fields.items() if call_of(definition, ARGUMENT_SCHEMA).resolve}
    assert fields.keys() - called == {"shouted", "synchronous", "taken"}
