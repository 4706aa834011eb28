"""The schema: queries and mutations joined, and what an error tells a client and what only the log."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSyntaxError, OperationDefinitionNode, get_operation_ast
from strawberry.extensions import ParserCache, SchemaExtension, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from roster.api import enums as _enums  # noqa: F401 -- it describes the enums of the domain
from roster.api.assignments.mutations import AssignmentMutations
from roster.api.assignments.queries import AssignmentQueries
from roster.api.errors import ERROR_TYPES, camel_path
from roster.api.events.queries import EventQueries
from roster.api.nodes import NodeQueries
from roster.api.request_log import internal_error, note_code, note_operation
from roster.api.roles.mutations import RoleMutations
from roster.api.roles.queries import RoleQueries
from roster.api.scalars import SCALARS
from roster.api.tokens.mutations import TokenMutations
from roster.api.users.mutations import UserMutations
from roster.api.users.queries import UserQueries
from roster.api.viewer import ViewerQueries
from roster.domain.errors import BadRequestError, RequestError

# GraphQL's own messages show a value as Python does.
_IN_JSON = {"None": "null", "True": "true", "False": "false"}


@strawberry.type(description="What can be read.")
class Query(NodeQueries, ViewerQueries, UserQueries, RoleQueries, AssignmentQueries, EventQueries):
    pass


@strawberry.type(
    description="What can be changed. Fields run one after the other, each in a transaction of its own."
)
class Mutation(UserMutations, RoleMutations, AssignmentMutations, TokenMutations):
    pass


class OneOperation(SchemaExtension):
    """Notes for the log the operation that is meant, and refuses a document with several and no word which.

    The first of them may be another.
    """

    def on_parse(self) -> Iterator[None]:
        yield
        context = self.execution_context
        document = context.graphql_document
        if document is None:
            return
        name = context._provided_operation_name  # noqa: SLF001 -- the public one names the first
        if operation := get_operation_ast(document, name):
            note_operation(operation.operation.value, operation.name.value if operation.name else None)
        elif name is None and any(isinstance(node, OperationDefinitionNode) for node in document.definitions):
            raise BadRequestError("The document has several operations: say which with operationName.")


class RosterSchema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Gives every error its code, and masks what is not meant for clients."""
        executed = execution_context is not None and execution_context.result is not None
        for error in errors:
            error.message, error.extensions = _told(error, executed=executed)
            note_code(error.extensions["code"])


def _told(error: GraphQLError, *, executed: bool) -> tuple[str, dict[str, Any]]:
    cause = _cause(error)
    if isinstance(cause, RequestError):
        where = {"path": camel_path(cause.path)} if cause.path else {}
        return cause.message, {"code": cause.code, **where}
    if isinstance(cause, GraphQLSyntaxError):
        return error.message, {"code": "GRAPHQL_PARSE_FAILED"}
    if isinstance(cause, GraphQLError):
        message = re.sub(r"\b(None|True|False)\b", lambda found: _IN_JSON[found[0]], error.message)
        return message, {"code": "BAD_USER_INPUT" if executed else "GRAPHQL_VALIDATION_FAILED"}
    if isinstance(cause, ValueError) and "integer string conversion" in str(cause):
        # Python reads no integer of thousands of digits.
        return "A number in the document is too long.", {"code": "GRAPHQL_VALIDATION_FAILED"}
    return internal_error(cause, error.path)


def _cause(error: GraphQLError) -> Exception:
    """What was raised first, under what GraphQL wrapped around it."""
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


@cache
def schema() -> RosterSchema:
    """The one schema of the process: Strawberry builds it once over its types, and not again."""
    return RosterSchema(
        query=Query,
        mutation=Mutation,
        types=ERROR_TYPES,
        extensions=[OneOperation, ParserCache, ValidationCache],
        config=StrawberryConfig(scalar_map=SCALARS),
    )


def sdl() -> str:
    """The schema as text. @oneOf is built into GraphQL, and its definition left out."""
    return re.sub(r"directive @oneOf on INPUT_OBJECT\n+", "", schema().as_str()) + "\n"
