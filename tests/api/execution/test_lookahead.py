"""What is selected below a field, as a resolver of it is told."""

from typing import Any

import pytest
import strawberry

from roster.api.execution import Documents, asks_below, execute


@strawberry.type
class Box:
    name: str = "a box"

    @strawberry.field
    def label(self, of: str = "") -> str:
        return f"label {of}"

    @strawberry.field
    def inner(self) -> "Box":
        return Box()


@strawberry.type
class Query:
    @strawberry.field
    def box(self, info: strawberry.Info) -> Box:
        info.context.append(asks_below(info, ("label",)))
        return Box()


SCHEMA = strawberry.Schema(query=Query)
DOCUMENTS = Documents(SCHEMA, max_number=20, max_size=10_000)
RING = "fragment A on Box { inner { ...B } } fragment B on Box { %s inner { name } ...C } fragment C on Box { name }"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("{ box { label } }", [True]),
        ("{ box { name other: label } }", [True]),
        ("{ box { name label: name } }", [False]),
        ('{ box { label(of: "it") } }', [False]),
        ('{ box { a: label(of: "it") label } }', [True]),
        ("{ box { inner { inner { label } } } }", [True]),
        ("{ box { ... on Box { inner { ... { label } } } } }", [True]),
        ("{ box { ...A } } " + RING % "label", [True]),
        ("{ box { ...A ...B ...A } } " + RING % "", [False]),
        ("{ a: box { name } b: box { label } }", [False, True]),
        ("{ box { name } box { label } }", [True]),
    ],
)
async def test_a_field_is_told_whether_it_is_asked_for_below(text: str, asked: list[bool]) -> None:
    told: list[Any] = []
    result = await execute(SCHEMA, DOCUMENTS.read(text), variables=None, operation_name=None, context=told)
    assert not result.errors
    assert told == asked
