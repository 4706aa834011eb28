"""GraphQL over HTTP: POST with a JSON object is answered, GET from a browser shows the playground."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import NoneType
from typing import Any, NoReturn

import orjson
from fastapi import APIRouter, Request, Response
from graphql import ExecutionResult
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from roster.api import playground
from roster.api.context import Context
from roster.api.request_log import note_caller, note_code, request_id
from roster.api.schema import execute
from roster.domain.callers import Call, Caller
from roster.domain.errors import BadRequestError, RequestError, UnauthenticatedError, UnavailableError
from roster.services.services import Services

_TEXT, _OBJECT = (str, NoneType), (dict, NoneType)
_PARAMETERS = {"query": _TEXT, "variables": _OBJECT, "operationName": _TEXT, "extensions": _OBJECT}


def _no_constant(name: str) -> NoReturn:
    """Python reads NaN and Infinity, which RFC 8259 does not have."""
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_no_constant)

Work = Callable[[Caller], Awaitable[ExecutionResult]]
ToCaller = Callable[[Sequence[str], Work], Awaitable[ExecutionResult]]
MakeServices = Callable[[Call], Services]


class GraphQLOverHTTP:
    """Answers POST to /graphql; whatever else there is, the application behind it.

    Before the application's routes, which take several times as long to find it as it takes to be called.
    `to_caller` answers what the work that it is given does for whoever is told by the Authorization headers.
    """

    def __init__(self, app: ASGIApp, to_caller: ToCaller, make_services: MakeServices) -> None:
        self._app, self._to_caller, self._make_services = app, to_caller, make_services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/graphql" and scope["method"] == "POST":
            answer = await self._answer(scope, receive)
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        bodies: list[bytes] = []

        async def to(caller: Caller) -> ExecutionResult:
            note_caller(caller)
            if not bodies:  # it can be read once, and this begun twice
                bodies.append(await _body(receive))
            given = _read(_header(scope, b"content-type"), bodies[0])
            return await execute(
                given["query"],
                given.get("variables"),
                given.get("operationName") or None,
                Context(partial(_services, self._make_services, caller)),
            )

        try:
            result = await self._to_caller(_header(scope, b"authorization"), to)
        except UnauthenticatedError as error:
            return refusal(error, 401, {"WWW-Authenticate": 'Bearer realm="Roster", error="invalid_token"'})
        except UnavailableError as error:
            return refusal(error, 503)
        except BadRequestError as error:
            return refusal(error)
        return _json(_formatted(result))


def pages() -> APIRouter:
    """The playground, for browsers."""
    made = APIRouter()
    made.get("/graphql")(playground.page)

    @made.get("/")
    def home() -> Response:
        return RedirectResponse("/graphql")

    @made.get("/graphql/assets/{name}")
    def asset(name: str, request: Request) -> Response:
        return playground.asset(name, request.headers.get("accept-encoding", ""))

    return made


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequestError("The body did not arrive.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _header(scope: Scope, name: bytes) -> list[str]:
    """Its values: none, or one each time that it was sent."""
    return [value.decode("latin-1") for each, value in scope["headers"] if each == name]


def _read(content_types: Sequence[str], body: bytes) -> dict[str, Any]:
    """The parameters of a request. Only JSON is read, which no form of another site can send."""
    if not content_types or content_types[0].partition(";")[0].strip().lower() != "application/json":
        raise BadRequestError("The body must be application/json.")
    try:
        given = _DECODER.decode(body.decode())
    except (ValueError, RecursionError):
        raise BadRequestError("The body is not JSON.") from None
    if not isinstance(given, dict):
        raise BadRequestError("The body must be a JSON object.")
    for name, kind in _PARAMETERS.items():
        if not isinstance(given.get(name), kind):
            raise BadRequestError(f"{name} must be {'a text' if kind is _TEXT else 'an object'}.")
    if not given.get("query"):
        raise BadRequestError("There is no query.")
    return given


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
    try:
        body = orjson.dumps(content)
    except TypeError:
        # A lone surrogate that a client sent can be told back to it only escaped; so can a huge number.
        body = json.dumps(content, separators=(",", ":")).encode()
    return Response(body, status, headers, media_type="application/json")
