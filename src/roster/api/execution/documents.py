"""Documents by their text: each is parsed and validated once, as long as it is remembered."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLField,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    get_operation_ast,
    parse,
    specified_rules,
    visit,
)
from strawberry import Schema
from strawberry.schema.schema import validate_document

from roster.api.execution.arguments import Arguments
from roster.api.execution.plans import Plans

MAX_VARIANTS = 16


class Document:
    """A document, the errors that forbid to execute it, and what was made of it: that is found by its nodes, and dies with them."""

    def __init__(self, ast: DocumentNode, errors: Sequence[GraphQLError]) -> None:
        self.ast, self.errors = ast, errors
        self._conditions = _conditions(ast)
        self._plans: dict[tuple[object, ...], Plans] = {}
        self._arguments: dict[tuple[int, int], Arguments] = {}

    @property
    def has_operations(self) -> bool:
        return any(isinstance(node, OperationDefinitionNode) for node in self.ast.definitions)

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The one of that name, or the only one; None if there is none such."""
        return get_operation_ast(self.ast, name)

    def plans(self, variables: dict[str, Any]) -> Plans:
        """Those for the values of the variables that decide what is selected."""
        values = tuple(variables.get(name) for name in self._conditions)
        if values not in self._plans and len(self._plans) >= MAX_VARIANTS:
            self._plans.clear()
        return self._plans.setdefault(values, {})

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
        document = Document(ast, self._errors(ast))
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
