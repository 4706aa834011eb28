"""The schema: queries and mutations joined, and what an error tells a client and what only the log."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLError, GraphQLSyntaxError
from strawberry.schema.config import StrawberryConfig

from roster.api import enums as _enums  # noqa: F401 -- it describes the enums of the domain
from roster.api import execution
from roster.api.assignments.mutations import AssignmentMutations
from roster.api.assignments.queries import AssignmentQueries
from roster.api.context import Context
from roster.api.errors import ERROR_TYPES, camel_path
from roster.api.events.queries import EventQueries
from roster.api.execution import Documents
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

# Of the documents that are remembered. A character costs some 200 bytes with what is made of it.
_MAX_DOCUMENTS = 500
_MAX_CHARACTERS = 50_000


@strawberry.type(description="What can be read.")
class Query(NodeQueries, ViewerQueries, UserQueries, RoleQueries, AssignmentQueries, EventQueries):
    pass


@strawberry.type(
    description="What can be changed. Fields run one after the other, each in a transaction of its own."
)
class Mutation(UserMutations, RoleMutations, AssignmentMutations, TokenMutations):
    pass


async def execute(
    query: str, variables: dict[str, Any] | None, operation_name: str | None, context: Context
) -> ExecutionResult:
    """What is answered: every error with its code, and what is not meant for clients masked.

    Raises BadRequestError if there is no operation of that name.
    """
    try:
        document = documents().read(query)
    except Exception as error:  # noqa: BLE001 -- it is told, or masked
        return _refused([error])
    operation = document.operation(operation_name)
    if operation:
        note_operation(operation.kind, operation.name)
    elif operation_name is None and document.has_operations:
        message = "The document has several operations: say which with operationName."
        return _refused([BadRequestError(message)])
    else:
        raise BadRequestError("The document has no operation of that name.")
    if document.errors:
        return _refused(document.errors)
    result = await execution.execute(
        schema(), document, variables=variables, operation_name=operation_name, context=context
    )
    return ExecutionResult(result.data, [_told(error, executed=True) for error in result.errors or ()])


def _refused(errors: Sequence[Exception]) -> ExecutionResult:
    """What is not executed."""
    return ExecutionResult(None, [_told(error, executed=False) for error in errors])


def _told(error: Exception, *, executed: bool) -> GraphQLError:
    """The error as clients are told it."""
    path = error.path if isinstance(error, GraphQLError) else None
    message, extensions = _words(_cause(error), path, executed=executed)
    note_code(extensions["code"])
    if not isinstance(error, GraphQLError):
        return GraphQLError(message, extensions=extensions)
    nodes, source, positions = error.nodes, error.source, error.positions
    return GraphQLError(message, nodes, source, positions, error.path, extensions=extensions)


def _words(cause: Exception, path: list[str | int] | None, *, executed: bool) -> tuple[str, dict[str, Any]]:
    if isinstance(cause, RequestError):
        where = {"path": camel_path(cause.path)} if cause.path else {}
        return cause.message, {"code": cause.code, **where}
    if isinstance(cause, GraphQLSyntaxError):
        return cause.message, {"code": "GRAPHQL_PARSE_FAILED"}
    if isinstance(cause, GraphQLError):
        message = re.sub(r"\b(None|True|False)\b", lambda found: _IN_JSON[found[0]], cause.message)
        return message, {"code": "BAD_USER_INPUT" if executed else "GRAPHQL_VALIDATION_FAILED"}
    if isinstance(cause, ValueError) and "integer string conversion" in str(cause):
        # Python reads no integer of thousands of digits.
        return "A number in the document is too long.", {"code": "GRAPHQL_VALIDATION_FAILED"}
    return internal_error(cause, path)


def _cause(error: Exception) -> Exception:
    """What was raised first, under what GraphQL wrapped around it."""
    cause = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


@cache
def schema() -> strawberry.Schema:
    """The one schema of the process: Strawberry builds it once over its types, and not again."""
    config = StrawberryConfig(scalar_map=SCALARS)
    return strawberry.Schema(query=Query, mutation=Mutation, types=ERROR_TYPES, config=config)


@cache
def documents() -> Documents:
    """What clients of the process ask, remembered."""
    return Documents(schema(), max_number=_MAX_DOCUMENTS, max_size=_MAX_CHARACTERS)


def sdl() -> str:
    """The schema as text. @oneOf is built into GraphQL, and its definition left out."""
    return re.sub(r"directive @oneOf on INPUT_OBJECT\n+", "", schema().as_str()) + "\n"
