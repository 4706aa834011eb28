"""What the log says of a request: an id on all its lines, one line when it is answered, one for each mistake of ours.

Nothing that a client said is in it: no variables, no document, no header and no query string. The names that are
logged (the request's id, its path, its operation) are bounded, and have no character that could begin a line.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from time import perf_counter
from typing import Any
from urllib.parse import quote

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from roster.api import ids
from roster.domain.callers import Caller
from roster.domain.errors import UnavailableError

logger = logging.getLogger("roster")
_requests = logging.getLogger("roster.requests")

CountStatements = Callable[[], Callable[[], int]]

_SANE_ID = re.compile(rb"[A-Za-z0-9._:+/=-]{1,128}")
_MAX_NAME = 100
_MAX_PATH = 200
# Well answered, they are noise: a probe asks every few seconds, and the playground loads a dozen files.
_QUIET = ("/health/", "/graphql/assets/")

_line: ContextVar[dict[str, Any]] = ContextVar("line")
# As structlog names what it binds to the context, so that it is on every line.
_request_id: ContextVar[str | None] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id", default=None)


def note_operation(kind: str, name: str | None) -> None:
    """For the line of the request that this runs in; outside of any it is lost."""
    line = _line.get({})
    line["operation"] = kind
    if name is not None:
        line["operation_name"] = name[:_MAX_NAME]


def note_code(code: str) -> None:
    """The same for the code of an error that the client is told."""
    codes = _line.get({}).setdefault("codes", [])
    if code not in codes:
        codes.append(code)


def note_caller(caller: Caller) -> None:
    """Who asks: the id of a user, or CLI for whoever reaches a server without access control; nothing for nobody."""
    line = _line.get({})
    line.pop("codes", None)  # of what was done before it was known to be another
    if caller.kind is not None:
        line["caller"] = ids.to_text(ids.Kind.USER, caller.user.id) if caller.user else caller.kind


def request_id() -> str | None:
    """Of the request that this runs in."""
    return _request_id.get()


def internal_error(cause: Exception, at: Iterable[str | int] | None = None) -> tuple[str, dict[str, Any]]:
    """Logs a mistake of ours, and returns the message and the extensions by which a client can name it to us."""
    reference = secrets.token_hex(8)
    where = {"at": ".".join(map(str, at))[:_MAX_PATH]} if at else {}
    logger.error("internal error", extra={"reference": reference, **where}, exc_info=cause)
    note_code("INTERNAL")
    message = f"Something went wrong here. The log has it under {reference}."
    return message, {"code": "INTERNAL", "reference": reference}


class RequestLog:
    """Outermost, so that what goes wrong anywhere is answered and logged as ours, once.

    `count_statements` begins to count the SQL statements of the request, and returns what tells their number.
    """

    def __init__(self, app: ASGIApp, count_statements: CountStatements) -> None:
        self._app, self._count_statements = app, count_statements

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given_id(scope) or secrets.token_hex(16).encode()
        line = {"method": scope["method"], "path": quote(scope["path"], errors="replace")[:_MAX_PATH]}

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                line["status"] = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", request_id)]
                message = {**message, "headers": headers}
            await send(message)

        token = _request_id.set(request_id.decode())
        try:
            await self._answer(line, scope, receive, send_with_id)
        finally:
            _request_id.reset(token)

    async def _answer(self, line: dict[str, Any], scope: Scope, receive: Receive, send: Send) -> None:
        began, statements = perf_counter(), self._count_statements()
        _line.set(line)
        try:
            await self._app(scope, receive, send)
        except Exception as cause:
            message, extensions = internal_error(cause)
            if "status" in line:
                raise  # for the server to break off: part of another answer is sent
            await _errors(500, message, extensions)(scope, receive, send)
        except asyncio.CancelledError:
            # By the server, which ends and has waited long enough; with this so does the task.
            if "status" in line:
                raise
            note_code(UnavailableError.code)
            message = "The server ends, and could not wait for the answer. It may be done or not: ask again."
            await _errors(503, message, {"code": UnavailableError.code})(scope, receive, send)
        finally:
            line["milliseconds"] = round((perf_counter() - began) * 1000, 2)
            line["statements"] = statements()
            _requests.log(_level(line), "request", extra=line)


def _errors(status: int, message: str, extensions: dict[str, Any]) -> JSONResponse:
    return JSONResponse({"errors": [{"message": message, "extensions": extensions}]}, status)


def _given_id(scope: Scope) -> bytes | None:
    """The client's, if it sent one and a sane one."""
    given = [value for name, value in scope["headers"] if name == b"x-request-id"]
    return given[0] if len(given) == 1 and _SANE_ID.fullmatch(given[0]) else None


def _level(line: dict[str, Any]) -> int:
    """A mistake of a client is nothing to look into; of ours, and of the database, it is."""
    codes, status = line.get("codes", ()), line.get("status", 0)
    if "INTERNAL" in codes:
        return logging.ERROR
    if UnavailableError.code in codes or status == 503:  # noqa: PLR2004 -- Service Unavailable
        return logging.WARNING
    return logging.DEBUG if status < 400 and line["path"].startswith(_QUIET) else logging.INFO  # noqa: PLR2004
