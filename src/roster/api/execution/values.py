"""Single values: what is answered for them, and what is left to graphql-core."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from enum import Enum
from typing import Any, NoReturn, TypeGuard, cast

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLNamedType,
    GraphQLString,
    Undefined,
)
from strawberry.execution import optimized_is_awaitable

from roster.api.execution.fields import resolves_on

_IS_TEXT = "type({value}) is str"
_TESTS: dict[GraphQLNamedType, str] = {
    GraphQLString: _IS_TEXT,
    GraphQLID: _IS_TEXT,
    GraphQLBoolean: "type({value}) is bool",
    GraphQLInt: "type({value}) is int and -0x80000000 <= {value} <= 0x7FFFFFFF",
    GraphQLFloat: "type({value}) is float and {value} - {value} == 0",
}
_PLAIN = frozenset({str, int, float, bool, list, tuple, dict, date, datetime})


def test_of(type_: GraphQLLeafType) -> str | None:
    """Whether a value is what is answered for it, as far as one expression can tell."""
    return _IS_TEXT if type_.coerce_output_value is str else _TESTS.get(type_)


class Uncovered(Exception):
    """This is for graphql-core."""


def uncovered() -> NoReturn:
    raise Uncovered


def _is_no_value(value: object) -> bool:
    return value is None or value is Undefined or isinstance(value, Exception) or is_awaitable(value)


is_awaitable = cast("Callable[[object], TypeGuard[Awaitable[Any]]]", optimized_is_awaitable)


def check_of(is_type_of: resolves_on | None, known: set[type]) -> Callable[[object], None]:
    def check(source: object) -> None:
        if _is_no_value(source) or (is_type_of and not is_type_of(source, None)):
            raise Uncovered
        known.add(type(source))

    return check


def coercion(type_: GraphQLLeafType) -> Callable[[Any], Any]:
    coerce = type_.coerce_output_value

    def complete(value: Any) -> Any:
        if type(value) not in _PLAIN and _is_no_value(value):
            raise Uncovered
        coerced = coerce(value)
        if coerced is None or coerced is Undefined:
            raise Uncovered
        return coerced

    return complete


def enum_named_alike(type_: GraphQLLeafType) -> type[Enum] | None:
    """The enum whose members have the names that GraphQL has for them."""
    enum = getattr(type_, "wrapped_cls", None)
    if not isinstance(type_, GraphQLEnumType) or enum is None:
        return None
    names = {member.value: name for name, member in enum.__members__.items()}
    alike = {value.value: name for name, value in type_.values.items()}
    return enum if names == alike else None
