"""Documents are remembered by their text, within bounds, and their plans with them."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from graphql import GraphQLError

from odd_schema import ODD_SCHEMA, odd_things
from roster.api.execution import Documents, execute
from roster.api.execution.documents import MAX_VARIANTS


def documents(*, max_number: int = 3, max_size: int = 1_000) -> Documents:
    return Documents(ODD_SCHEMA, max_number=max_number, max_size=max_size)


async def run(known: Documents, text: str, **variables: Any) -> dict[str, int]:
    outcomes: Counter[str] = Counter()
    context = {"name": "a context", "things": odd_things(Random(0), 0)}  # noqa: S311
    result = await execute(
        ODD_SCHEMA,
        known.read(text),
        variables=variables,
        operation_name=None,
        context=context,
        outcomes=outcomes,
    )
    assert not result.errors
    return dict(outcomes)


def test_a_text_is_read_once() -> None:
    known = documents()
    assert known.read("{ __typename }") is known.read("{ __typename }")
    assert known.read("{ __typename }") is not known.read("{ __typename } ")


def test_the_longest_unused_is_forgotten() -> None:
    known = documents(max_number=2)
    first, second = known.read("{ a: __typename }"), known.read("{ b: __typename }")
    assert known.read("{ a: __typename }") is first
    known.read("{ c: __typename }")
    assert known.read("{ a: __typename }") is first
    assert known.read("{ b: __typename }") is not second


def test_what_is_remembered_is_no_longer_than_it_may_be() -> None:
    short, long = "{ __typename }", f"{{ __typename {'#' * 80} \n}}"
    known = documents(max_number=10, max_size=100)
    remembered = known.read(short)
    assert known.read(short) is remembered
    known.read(long)
    assert known.read(short) is not remembered
    assert known.read(f"{long}{'#' * 100}") is not known.read(f"{long}{'#' * 100}")


def test_what_is_no_document_is_told_every_time() -> None:
    known = documents()
    for _ in range(2):
        with pytest.raises(GraphQLError, match="Syntax Error"):
            known.read("{")


def test_a_mistake_is_remembered() -> None:
    known = documents()
    (error,) = known.read("{ nothing }").errors
    assert error.message.startswith("Cannot query field 'nothing' on type 'Query'.")
    assert known.read("{ nothing }").errors == [error]


async def test_what_is_selected_depends_on_variables() -> None:
    known = documents()
    text = (
        "query ($a: Boolean!, $b: Boolean! = true) { thing { number @skip(if: $a) count @include(if: $b) } }"
    )
    for _ in range(2):
        assert await run(known, text, a=True) == {"fast": 1}
        assert await run(known, text, a=False, b=False) == {"fast": 1}
    document = known.read(text)
    assert document.variant({"a": True, "b": True}) is document.variant({"b": True, "a": True, "c": 1})
    assert document.variant({"a": True, "b": True}) is not document.variant({"a": False, "b": True})


async def test_the_variants_of_a_document_are_bounded() -> None:
    conditions = [f"$v{number}: Boolean!" for number in range(8)]
    fields = [f"f{number}: count @skip(if: $v{number})" for number in range(8)]
    document = documents().read(
        f"query ({', '.join(conditions)}) {{ thing {{ {' '.join(fields)} number }} }}"
    )
    assert not document.errors
    kept = [
        document.variant({f"v{bit}": bool(number >> bit & 1) for bit in range(8)}) for number in range(256)
    ]
    still = [
        variant
        for number, variant in enumerate(kept)
        if document.variant({f"v{bit}": bool(number >> bit & 1) for bit in range(8)}) is variant
    ]
    assert len(still) <= MAX_VARIANTS
