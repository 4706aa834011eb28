"""Calls of resolvers: what Strawberry finds out of a field at each call is found out once for the field."""

from collections.abc import Callable, Coroutine
from dataclasses import MISSING, dataclass
from inspect import iscoroutinefunction
from typing import Any

from graphql import GraphQLField, GraphQLResolveInfo
from strawberry import UNSET, Info, Schema
from strawberry.relay import GlobalID
from strawberry.scalars import is_scalar
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.lazy_type import LazyType

from roster.api.execution.values import Uncovered

_CALL = "roster-call"
# Names of parameters within Strawberry: an argument of such a name is an error, or not what it seems.
_TAKEN = {"_source", "info"}

_Convert = Callable[[Any], Any]
_Arguments = Callable[[dict[str, Any], Info[Any, Any]], dict[str, Any]]
_Resolve = Callable[[Any, GraphQLResolveInfo[Any], dict[str, Any]], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """`arguments` makes Python's of GraphQL's. `resolve` calls the resolver; None if more than it is to be called."""

    arguments: _Arguments
    resolve: _Resolve | None


# For what is GraphQL's own.
_NOTHING_TO_CALL = Call(arguments=lambda values, _: values, resolve=None)


def call_of(definition: GraphQLField, schema: Schema) -> Call:
    """It is kept with the field's definition, as Strawberry keeps its own there."""
    found: Call | None = definition.extensions.get(_CALL)
    if found:
        return found
    field = definition.extensions.get("strawberry-definition")
    if not isinstance(field, StrawberryField):
        return _NOTHING_TO_CALL
    arguments = _arguments(field, schema)
    call = definition.extensions[_CALL] = Call(arguments, _resolve(field, schema, arguments))
    return call


def _resolve(field: StrawberryField, schema: Schema, convert: _Arguments) -> _Resolve | None:
    resolver = field.base_resolver
    if type(field) is not StrawberryField or type(resolver) is not StrawberryResolver:
        return None
    if field.extensions or schema.exception_handlers or not iscoroutinefunction(resolver.wrapped_func):
        return None
    name_of = schema.config.name_converter.from_argument
    if not {name for each in field.arguments for name in (each.python_name, name_of(each))}.isdisjoint(
        _TAKEN
    ):
        return None
    function, info_parameter = resolver.wrapped_func, resolver.info_parameter
    info_class, with_self = schema.config.info_class, resolver.self_parameter is not None
    parents = [each.name for each in (resolver.parent_parameter, resolver.root_parameter) if each]

    async def resolve(source: Any, raw: GraphQLResolveInfo[Any], values: dict[str, Any]) -> Any:
        info = info_class(_raw_info=raw, _field=field)
        arguments = convert(values, info)
        for parent in parents:
            arguments[parent] = source
        if info_parameter:
            arguments[info_parameter.name] = info
        return await (function(source, **arguments) if with_self else function(**arguments))

    return resolve


def _arguments(field: StrawberryField, schema: Schema) -> _Arguments:
    converters = _Converters(schema)
    name_of = schema.config.name_converter.from_argument
    try:
        known = [(name_of(each), each.python_name, converters.of(each.type)) for each in field.arguments]
    except Uncovered:
        registry = schema.schema_converter.scalar_registry
        return lambda values, info: convert_arguments(values, field.arguments, registry, schema.config, info)
    return lambda values, _: {
        python_name: convert(values[name]) for name, python_name, convert in known if name in values
    }


def _as_it_is(value: Any) -> Any:
    return value


class _Converters:
    """What Strawberry's `convert_argument` does, by type. Raises Uncovered for what an input type does itself."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._inputs: dict[type, _Convert] = {}

    def of(self, type_: Any) -> _Convert:
        if isinstance(type_, StrawberryMaybe) or type_ is GlobalID:
            raise Uncovered
        if isinstance(type_, StrawberryOptional):
            return self.of(type_.of_type)
        if isinstance(type_, LazyType):
            return self.of(type_.resolve_type())
        if isinstance(type_, StrawberryList):
            return self._list(self.of(type_.of_type))
        is_enum = isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_)
        if is_enum or is_scalar(type_, self._schema.schema_converter.scalar_registry):
            return _as_it_is
        if has_object_definition(type_) and type_.__strawberry_definition__.from_input is None:
            return self._inputs.get(type_) or self._input(type_)
        raise Uncovered

    def _list(self, item: _Convert) -> _Convert:
        def convert(value: Any) -> Any:
            if value is None or value is UNSET:
                return value
            return list(value) if item is _as_it_is else [item(each) for each in value]

        return convert

    def _input(self, type_: Any) -> _Convert:
        definition = type_.__strawberry_definition__
        fields: list[tuple[str, str, _Convert]] = []
        # As Strawberry has it: what is nullable and has no default is None.
        absent = {
            each.python_name: None
            for each in definition.fields
            if definition.is_input and each.default_value is MISSING and each.default_factory is MISSING
        }

        def convert(value: Any) -> Any:
            if value is None or value is UNSET:
                return value
            given = {python: convert(value[name]) for name, python, convert in fields if name in value}
            return type_(**absent | given)

        self._inputs[type_] = convert  # before its fields, which may be of the type itself
        for each in definition.fields:
            name = self._schema.config.name_converter.from_field(each)
            converter = self.of(each.resolve_type(type_definition=definition))
            fields.append((name, each.python_name, converter))
        return convert
