"""Documents by their text: each is parsed and validated once, as long as it is remembered."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    get_operation_ast,
    parse,
    specified_rules,
    visit,
)
from graphql.execution.collect_fields import GroupedFieldSet
from graphql.execution.values import VariableValues
from strawberry import Schema
from strawberry.schema.schema import validate_document

from roster.api.execution.arguments import Arguments
from roster.api.execution.operations import Operation
from roster.api.execution.plans import Plans

MAX_VARIANTS = 16


@dataclass(frozen=True, slots=True)
class Variant:
    """What was made of a document for some values of the variables that decide what is selected."""

    plans: Plans
    _roots: dict[str | None, GroupedFieldSet]

    def root_fields(
        self, operation: Operation, type_: GraphQLObjectType, values: VariableValues
    ) -> GroupedFieldSet:
        """Raises GraphQLError if they are nested too deeply."""
        found = self._roots.get(operation.name)
        if found is None:
            found = self._roots[operation.name] = operation.root_fields(type_, values)
        return found


class Document:
    """A document, the errors that forbid to execute it, and what was made of it: that is found by its nodes, and dies with them."""

    def __init__(self, schema: GraphQLSchema, ast: DocumentNode, errors: Sequence[GraphQLError]) -> None:
        self._schema, self._ast, self.errors = schema, ast, errors
        self._conditions = _conditions(ast)
        self._operations: dict[str | None, Operation] = {}
        self._variants: dict[tuple[object, ...], Variant] = {}
        self._arguments: dict[tuple[int, int], Arguments] = {}

    @property
    def has_operations(self) -> bool:
        return any(isinstance(node, OperationDefinitionNode) for node in self._ast.definitions)

    def operation(self, name: str | None) -> Operation | None:
        """The one of that name, or the only one; None if there is none such."""
        found = self._operations.get(name)
        if found is None and (node := get_operation_ast(self._ast, name)):
            found = self._operations[name] = Operation(self._schema, self._ast, node)
        return found

    def variant(self, variables: dict[str, Any]) -> Variant:
        """The one for the values of the variables."""
        values = tuple([variables.get(name) for name in self._conditions])
        found = self._variants.get(values)
        if found is None:
            if len(self._variants) >= MAX_VARIANTS:
                self._variants.clear()
            found = self._variants[values] = Variant({}, {})
        return found

    def arguments(self, definition: GraphQLField, node: FieldNode) -> Arguments:
        key = (id(definition), id(node))
        if key not in self._arguments:
            self._arguments[key] = Arguments(definition, node)
        return self._arguments[key]


class Documents:
    """Of one schema, by text: at most `max_number` that have together at most `max_size` characters."""

    def __init__(self, schema: Schema, *, max_number: int, max_size: int) -> None:
        self._schema, self._max_number, self._max_size = schema, max_number, max_size
        self._known: OrderedDict[str, Document] = OrderedDict()
        self._size = 0

    def read(self, text: str) -> Document:
        """Raises what parsing raises: GraphQLError for a text that is no document."""
        if document := self._known.get(text):
            self._known.move_to_end(text)
            return document
        ast = parse(text)
        _unlink_tokens(ast)
        document = Document(self._schema._schema, ast, self._errors(ast))  # noqa: SLF001 -- Strawberry has no public name for it
        self._remember(text, document)
        return document

    def _errors(self, ast: DocumentNode) -> Sequence[GraphQLError]:
        try:
            return validate_document(self._schema._schema, ast, tuple(specified_rules))  # noqa: SLF001 -- Strawberry has no public name for it
        except Exception as error:  # noqa: BLE001 -- such as a number that Python does not read
            return [GraphQLError(str(error), original_error=error)]

    def _remember(self, text: str, document: Document) -> None:
        self._known[text] = document
        self._size += len(text)
        while len(self._known) > self._max_number or self._size > self._max_size:
            forgotten, _ = self._known.popitem(last=False)
            self._size -= len(forgotten)


def _unlink_tokens(ast: DocumentNode) -> None:
    """Each refers to the one before it and the one after: what is between nodes would stay, and all of it when forgotten."""
    token = ast.loc and ast.loc.start_token
    while token:
        token.prev, token.next, token = None, None, token.next


class _Conditions(Visitor):
    """Collects the names of the variables in @skip and @include."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        self.names |= {
            argument.value.name.value
            for argument in node.arguments or ()
            if isinstance(argument.value, VariableNode)
        }


def _conditions(ast: DocumentNode) -> tuple[str, ...]:
    conditions = _Conditions()
    visit(ast, conditions)
    return tuple(sorted(conditions.names))
