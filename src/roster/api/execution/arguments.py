"""The arguments of fields, as a document gives them: what its text says of them is coerced once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_argument_values,
    is_enum_type,
    is_specified_scalar_type,
)
from graphql.execution.values import VariableValues

from roster.api.execution.values import Uncovered

MAX_TEMPLATES = 16


@dataclass(frozen=True, slots=True)
class _Placeholder:
    name: str


class Arguments:
    """Of a field where a valid document asks for it.

    graphql-core coerces them with placeholders for the variables, once for each way in which these are given, null or
    absent. Nothing else about a variable matters, for its value was coerced before: then it takes the place.
    """

    def __init__(self, definition: GraphQLField, node: FieldNode) -> None:
        self._definition, self._node = definition, node
        self._templates: dict[tuple[object, ...], dict[str, Any] | None] = {}
        try:
            given = [(each.value, definition.args[each.name.value].type) for each in node.arguments or ()]
            self._variables = sorted({name for value, type_ in given for name in _variables(value, type_)})
            self._covered = True
        except Uncovered:
            self._covered = False

    def values(self, variables: VariableValues) -> dict[str, Any]:
        """By GraphQL's names, as get_argument_values has them; it raises what that raises."""
        template = self._template(variables.coerced) if self._covered else None
        if template is None:
            return get_argument_values(self._definition, self._node, variables)
        return {name: _filled(value, variables.coerced) for name, value in template.items()}

    def _template(self, coerced: dict[str, Any]) -> dict[str, Any] | None:
        """None where there is an error to tell, of the values themselves."""
        values = [coerced.get(name, Undefined) for name in self._variables]
        given = tuple([value if value is None or value is Undefined else True for value in values])
        if given not in self._templates:
            if len(self._templates) >= MAX_TEMPLATES:
                self._templates.clear()
            self._templates[given] = self._coerced(given)
        return self._templates[given]

    def _coerced(self, given: tuple[object, ...]) -> dict[str, Any] | None:
        placeholders = {
            name: None if value is None else _Placeholder(name)
            for name, value in zip(self._variables, given, strict=True)
            if value is not Undefined
        }
        try:
            return get_argument_values(self._definition, self._node, VariableValues({}, placeholders))
        except Exception:  # noqa: BLE001 -- graphql-core meets it again, and tells it
            return None


def _variables(node: ValueNode, type_: GraphQLInputType) -> Iterator[str]:
    """Those in a value. Raises Uncovered for what a scalar of our own reads: it may see variables, or make anew what changes."""
    if isinstance(type_, GraphQLNonNull):
        yield from _variables(node, type_.of_type)
    elif isinstance(node, VariableNode):
        yield node.name.value
    elif isinstance(node, NullValueNode):
        return
    elif isinstance(type_, GraphQLList):
        for item in node.values if isinstance(node, ListValueNode) else [node]:
            yield from _variables(item, type_.of_type)
    elif isinstance(node, ObjectValueNode) and isinstance(type_, GraphQLInputObjectType):
        for field in node.fields:
            yield from _variables(field.value, type_.fields[field.name.value].type)
    elif not (is_enum_type(type_) or is_specified_scalar_type(type_)):
        raise Uncovered


def _filled(value: Any, coerced: dict[str, Any]) -> Any:
    """Lists and dicts anew, for they may be changed by who gets them."""
    kind = type(value)
    if kind is _Placeholder:
        return coerced[value.name]
    if kind is dict:
        return {name: _filled(item, coerced) for name, item in value.items()}
    if kind is list:
        return [_filled(item, coerced) for item in value]
    return value
