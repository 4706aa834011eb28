"""GraphQL over HTTP: POST with a JSON object is answered, GET from a browser shows the playground."""

import json
from collections.abc import Callable
from typing import Any, NoReturn

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types import ExecutionResult

from roster.api import playground
from roster.api.context import Context
from roster.api.request_log import note_code
from roster.api.schema import schema
from roster.domain.errors import BadRequestError

_PARAMETERS = {"query": str, "variables": dict, "operationName": str, "extensions": dict}


def router(make_context: Callable[[], Context]) -> APIRouter:
    made = APIRouter()

    @made.post("/graphql")
    async def answer(request: Request) -> Response:
        try:
            given = _read(request.headers.get("content-type", ""), await request.body())
            result = await schema().execute(
                given["query"],
                variable_values=given.get("variables"),
                operation_name=given.get("operationName") or None,
                context_value=make_context(),
            )
        except CannotGetOperationTypeError:
            return refusal(BadRequestError("The document has no operation of that name."))
        except BadRequestError as error:
            return refusal(error)
        except ClientDisconnect:
            return refusal(BadRequestError("The body did not arrive."))
        return _json(_formatted(result))

    made.get("/graphql")(playground.page)

    @made.get("/")
    def home() -> Response:
        return RedirectResponse("/graphql")

    @made.get("/graphql/assets/{name}")
    def asset(name: str, request: Request) -> Response:
        return playground.asset(name, request.headers.get("accept-encoding", ""))

    return made


def _read(content_type: str, body: bytes) -> dict[str, Any]:
    """The parameters of a request. Only JSON is read, which no form of another site can send."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise BadRequestError("The body must be application/json.")
    try:
        given = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadRequestError("The body is not JSON.") from None
    if not isinstance(given, dict):
        raise BadRequestError("The body must be a JSON object.")
    for name, kind in _PARAMETERS.items():
        if not isinstance(given.get(name), kind | None):
            raise BadRequestError(f"{name} must be {'a text' if kind is str else 'an object'}.")
    if not given.get("query"):
        raise BadRequestError("There is no query.")
    return given


def _no_constant(name: str) -> NoReturn:
    """Python reads NaN and Infinity, which RFC 8259 does not have."""
    raise ValueError(name)


def refusal(error: BadRequestError, status: int = 400) -> Response:
    note_code(error.code)
    told = {"message": error.message, "extensions": {"code": error.code}}
    return _json({"errors": [told]}, status)


def _formatted(result: ExecutionResult) -> dict[str, Any]:
    """Errors first, as the specification suggests; no data where nothing was executed."""
    answer: dict[str, Any] = {}
    if result.errors:
        answer["errors"] = [error.formatted for error in result.errors]
    if result.data is not None or not _before_execution(result):
        answer["data"] = result.data
    return answer


def _before_execution(result: ExecutionResult) -> bool:
    return bool(result.errors) and all(error.path is None for error in result.errors or ())


def _json(content: dict[str, Any], status: int = 200) -> Response:
    # Escaped to ASCII: a lone surrogate that a client sent can be told back to it.
    return Response(json.dumps(content, separators=(",", ":")), status, media_type="application/json")
