"""GraphQL over HTTP: POST with a JSON object is answered, GET from a browser shows the playground."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

from fastapi import APIRouter, Request, Response
from graphql import ExecutionResult
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse

from roster.api import playground
from roster.api.context import Context
from roster.api.request_log import note_caller, note_code, request_id
from roster.api.schema import execute
from roster.domain.callers import Call, Caller
from roster.domain.errors import BadRequestError, RequestError, UnauthenticatedError, UnavailableError
from roster.services.services import Services

_PARAMETERS = {"query": str, "variables": dict, "operationName": str, "extensions": dict}


FindCaller = Callable[[Sequence[str]], Awaitable[Caller]]
MakeServices = Callable[[Call], Services]


def router(find_caller: FindCaller, make_services: MakeServices) -> APIRouter:
    """`find_caller` is given the Authorization headers."""
    made = APIRouter()

    @made.post("/graphql")
    async def answer(request: Request) -> Response:
        try:
            caller = await find_caller(request.headers.getlist("authorization"))
            note_caller(caller)
            given = _read(request.headers.get("content-type", ""), await request.body())
            result = await execute(
                given["query"],
                given.get("variables"),
                given.get("operationName") or None,
                Context(partial(_services, make_services, caller)),
            )
        except UnauthenticatedError as error:
            return refusal(error, 401, {"WWW-Authenticate": 'Bearer realm="Roster", error="invalid_token"'})
        except UnavailableError as error:
            return refusal(error, 503)
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


def _services(make_services: MakeServices, caller: Caller, now: datetime) -> Services:
    return make_services(Call(caller=caller, now=now, request_id=request_id()))


def refusal(error: RequestError, status: int = 400, headers: Mapping[str, str] | None = None) -> Response:
    note_code(error.code)
    told = {"message": error.message, "extensions": {"code": error.code}}
    return _json({"errors": [told]}, status, headers)


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


def _json(content: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    # Escaped to ASCII: a lone surrogate that a client sent can be told back to it.
    return Response(
        json.dumps(content, separators=(",", ":")), status, headers, media_type="application/json"
    )
