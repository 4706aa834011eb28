"""The scalars. They check the kind of a value only: rules are the domain's, so that it can say where one was broken."""

from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from roster.domain.instants import format_instant

DateTime = NewType("DateTime", str)
Email = NewType("Email", str)
JSON = NewType("JSON", dict)  # type: ignore[type-arg]  # Strawberry keys its scalars by a plain type
JSONValue = NewType("JSONValue", object)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError("A text is expected.")
    return value


def _json_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise GraphQLError("A JSON object is expected.")
    return value


def _as_it_is(value: object) -> object:
    return value


SCALARS: dict[object, ScalarDefinition] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="A moment: RFC 3339, in UTC, to the millisecond (and stored so). Input needs an offset, and a"
        " year from 1900 to 9000; what is finer than a millisecond is dropped.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=format_instant,
        parse_value=_text,
    ),
    Email: strawberry.scalar(
        name="Email",
        description="An email address: trimmed, lower-cased, at most 254 characters; the local part is ASCII, an"
        " international domain is stored as its A-label (xn--…). No look-up is made.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc5321",
        serialize=str,
        parse_value=_text,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="A JSON object.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=dict,
        parse_value=_json_object,
    ),
    JSONValue: strawberry.scalar(
        name="JSONValue",
        description="Any JSON value.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=_as_it_is,
        parse_value=_as_it_is,
    ),
}
