"""Operations of documents: what graphql-core finds out of one at each execution is found out once."""

from functools import cached_property
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLDefaultInput,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    coerce_input_value,
    get_nullable_type,
    get_variable_values,
    is_leaf_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import FragmentDetails, GroupedFieldSet, collect_fields
from graphql.execution.executor import SELECTIONS_NESTED_TOO_DEEPLY
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import (
    VariableValues,
    VariableValueSource,
    input_is_nested_too_deeply,
    maybe_use_default_value,
)

from roster.api.execution.values import Uncovered, uncovered

# As many as graphql-core tells unless it is asked for more.
_MAX_ERRORS = 50


class Operation:
    """One of a document: its `kind`, its `name`, and the fragments that there are."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, node: OperationDefinitionNode) -> None:
        self._schema, self.node = schema, node
        self.kind, self.name = node.operation.value, node.name.value if node.name else None
        definitions = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
        self.fragment_definitions = {each.name.value: each for each in definitions}
        self.fragments = {each.name.value: FragmentDetails(each) for each in definitions}

    def variables(self, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        """As get_variable_values has them, which tells what is wrong with them."""
        try:
            return self._coerced(given)
        except Exception:  # noqa: BLE001, S110 -- graphql-core meets it again, and tells it
            pass
        # Only now: its errors would carry the one that was caught.
        nodes = self.node.variable_definitions or ()
        return get_variable_values(self._schema, nodes, given, max_errors=_MAX_ERRORS)

    def root_fields(self, type_: GraphQLObjectType, values: VariableValues) -> GroupedFieldSet:
        """What it selects. Raises GraphQLError if that is nested too deeply."""
        try:
            return collect_fields(self._schema, self.fragments, values, type_, self.node).grouped_field_set
        except RecursionError:
            pass
        raise GraphQLError(SELECTIONS_NESTED_TOO_DEEPLY, self.node)

    @cached_property
    def _signatures(self) -> list[tuple[GraphQLVariableSignature, bool]]:
        """With each, whether its values may be nested."""
        found = []
        for node in self.node.variable_definitions or ():
            signature = get_variable_signature(self._schema, node)
            if isinstance(signature, GraphQLError):
                raise Uncovered
            found.append((signature, not is_leaf_type(get_nullable_type(signature.type))))
        return found

    def _coerced(self, given: dict[str, Any]) -> VariableValues:
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, is_nested in self._signatures:
            name = signature.name
            value = given.get(name, Undefined)
            sources[name] = VariableValueSource(signature, value)
            if value is Undefined:
                if signature.default:
                    # It keeps its value, which whoever gets it may change.
                    default = GraphQLDefaultInput(literal=signature.default.literal)
                    anew = signature._replace(default=default)
                    maybe_use_default_value(coerced, name, anew, lambda *_: uncovered())
                elif is_non_null_type(signature.type):
                    raise Uncovered
                continue
            if is_nested and input_is_nested_too_deeply(value, signature.type):
                raise Uncovered
            coerced[name] = coerce_input_value(value, signature.type)
            if coerced[name] is Undefined:
                raise Uncovered
        return VariableValues(sources, coerced)
