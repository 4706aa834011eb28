"""The log as it is written: what a line is made of, in which form, and what never gets into it."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
import pytest
from sqlalchemy import text
from structlog.contextvars import bound_contextvars

from client import Client
from roster.cli.logs import configure
from roster.services.users import Users


class Stderr(io.StringIO):
    """Stands in for the process's."""

    terminal = False

    def isatty(self) -> bool:
        return self.terminal

    def configure(self, form: Literal["auto", "json", "text"], level: str) -> None:
        with redirect_stderr(self):
            configure(form, level)


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stderr]:
    """Logging is afterwards as it was before."""
    made, root = Stderr(), logging.getLogger()
    handlers, level = root.handlers, root.level
    monkeypatch.delenv("NO_COLOR", raising=False)
    yield made
    logging.captureWarnings(capture=False)
    root.handlers = handlers
    root.setLevel(level)
    logging.getLogger("uvicorn").setLevel(logging.NOTSET)


def lines(stderr: Stderr) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stderr.getvalue().splitlines()]


def log_all() -> None:
    """A line of ours, one of each library that logs, and one at each level."""
    logging.getLogger("roster.requests").info("request", extra={"status": 200, "codes": ["TAKEN"]})
    coloured = {"color_message": "\x1b[1mStarted %d\x1b[0m"}
    logging.getLogger("uvicorn.error").warning("Started %d", 7, extra=coloured)
    logging.getLogger("sqlalchemy.pool").warning("lost\nit")
    logging.getLogger("roster").debug("detail")
    logging.getLogger("roster").error("wrong")


# ---- JSON ----


def test_every_line_is_an_object_with_these_fields(stderr: Stderr) -> None:
    stderr.configure("auto", "debug")
    log_all()
    told = lines(stderr)
    for line in told:
        moment = datetime.fromisoformat(line.pop("timestamp"))
        assert moment.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)
    assert told == [
        {"event": "request", "level": "info", "logger": "roster.requests", "status": 200, "codes": ["TAKEN"]},
        {"event": "Started 7", "level": "warning", "logger": "uvicorn.error"},
        {"event": "lost\nit", "level": "warning", "logger": "sqlalchemy.pool"},
        {"event": "detail", "level": "debug", "logger": "roster"},
        {"event": "wrong", "level": "error", "logger": "roster"},
    ]


def fail() -> None:
    secret = "hush".upper()
    raise LookupError(len(secret))


def log_a_failure() -> None:
    try:
        fail()
    except LookupError as error:
        logging.getLogger("roster").exception("wrong", exc_info=error)


def test_an_exception_is_one_field(stderr: Stderr) -> None:
    stderr.configure("json", "info")
    log_a_failure()
    (line,) = lines(stderr)
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith("\nLookupError: 4")


def test_a_warning_is_a_line(stderr: Stderr) -> None:
    stderr.configure("json", "info")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("mind the gap", UserWarning, stacklevel=1)
    (line,) = lines(stderr)
    assert (line["level"], line["logger"]) == ("warning", "py.warnings")
    assert "UserWarning: mind the gap" in line["event"]


def test_what_is_bound_is_on_every_line(stderr: Stderr) -> None:
    stderr.configure("json", "info")
    with bound_contextvars(request_id="abc"):
        log_all()
    log_all()
    assert [line.get("request_id") for line in lines(stderr)] == ["abc"] * 4 + [None] * 4


@pytest.mark.parametrize(("level", "least"), [("debug", 5), ("info", 4), ("warning", 3), ("error", 1)])
def test_less_than_the_level_is_not_written(stderr: Stderr, level: str, least: int) -> None:
    stderr.configure("json", level)
    log_all()
    assert len(lines(stderr)) == least


def test_what_uvicorn_says_of_requests_is_not_written(stderr: Stderr) -> None:
    stderr.configure("json", "debug")
    logging.getLogger("uvicorn.error").info('"WebSocket /graphql?token=%s" 403', "hush")
    logging.getLogger("uvicorn.error").debug("< authorization: %s", "hush")
    logging.getLogger("uvicorn.access").info('"GET /graphql?token=%s" 200', "hush")
    assert lines(stderr) == []


def test_the_last_word_counts(stderr: Stderr) -> None:
    stderr.configure("text", "debug")
    stderr.configure("json", "error")
    log_all()
    assert [line["event"] for line in lines(stderr)] == ["wrong"]


# ---- for people ----


def test_on_a_terminal_it_is_text_in_colours(stderr: Stderr) -> None:
    stderr.terminal = True
    stderr.configure("auto", "info")
    log_all()
    assert "\x1b[" in stderr.getvalue()
    assert "{" not in stderr.getvalue()


@pytest.mark.parametrize(("no_color", "coloured"), [("1", False), ("", True)])
def test_no_color_is_honoured(
    stderr: Stderr, monkeypatch: pytest.MonkeyPatch, no_color: str, coloured: bool
) -> None:
    stderr.terminal = True
    monkeypatch.setenv("NO_COLOR", no_color)
    stderr.configure("auto", "info")
    log_all()
    assert ("\x1b[" in stderr.getvalue()) == coloured


def test_text_off_a_terminal_has_no_colours(stderr: Stderr) -> None:
    stderr.configure("text", "info")
    log_all()
    first = stderr.getvalue().splitlines()[0]
    assert "\x1b[" not in stderr.getvalue()
    assert first.split()[1:] == [
        "[info",
        "]",
        "request",
        "[roster.requests]",
        "status=200",
        "codes=['TAKEN']",
    ]


def test_json_can_be_asked_for_on_a_terminal(stderr: Stderr) -> None:
    stderr.terminal = True
    stderr.configure("json", "info")
    log_all()
    assert len(lines(stderr)) == 4


def test_an_exception_is_shown_without_the_values_of_variables(stderr: Stderr) -> None:
    stderr.terminal = True
    stderr.configure("auto", "info")
    log_a_failure()
    assert "LookupError: 4" in stderr.getvalue()
    assert "HUSH" not in stderr.getvalue()


# ---- what never gets into it ----

SECRET = "s3cr3t"  # noqa: S105 -- no one's
ADDRESS = f"{SECRET}@example.org"
CREATE = "mutation Create($input: CreateUserInput!) { createUser(input: $input) { user { id } errors { code message } } }"
FIND = f'query Find {{ user(by: {{email: "{ADDRESS}"}}) {{ id }} }}'


async def ask(api: Client, query: str, path: str = "/graphql", **variables: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {SECRET}", "cookie": f"session={SECRET}", "user-agent": SECRET}
    body = {"query": query, "variables": variables, "operationName": None, "extensions": {"token": SECRET}}
    return await api.http.post(f"{path}?token={SECRET}", json=body, headers=headers)


def own(stderr: Stderr) -> list[dict[str, Any]]:
    """The server's, and not those of the client, which runs in the same process here."""
    return [line for line in lines(stderr) if not line["logger"].startswith(("httpx", "httpcore"))]


async def test_nothing_that_a_client_said_is_written_at_any_level(
    api: Client, stderr: Stderr, monkeypatch: pytest.MonkeyPatch
) -> None:
    stderr.configure("json", "debug")
    given = {"email": ADDRESS, "firstName": SECRET, "externalId": SECRET, "attributes": {"key": SECRET}}
    asked = [
        await ask(api, CREATE, input=given),
        await ask(api, CREATE, input=given),
        await ask(api, CREATE, input={"email": SECRET, "phone": SECRET}),
        await ask(api, CREATE, input=SECRET),
        await ask(api, FIND),
        await ask(api, f'{{ node(id: "{SECRET}") {{ id }} users(after: "{SECRET}") {{ totalCount }} }}'),
        await ask(api, f"{{ {SECRET} }}"),
        await ask(api, f'{{ user(by: {{email: "{SECRET}'),
        await ask(api, FIND, path="/none"),
        await api.http.post("/graphql", content=SECRET, headers={"content-type": SECRET}),
        await api.http.get("/graphql", headers={"host": SECRET, "x-request-id": f"{SECRET} {SECRET}"}),
        await api.http.get(f"/health/ready?{SECRET}"),
    ]

    async def refuse(users: Users, *_: object, **__: object) -> None:
        async with users._db.read() as reader:  # noqa: SLF001 -- a mistake of ours, as a test needs it
            await reader.execute(text("INSERT INTO users (email) VALUES (:value)"), {"value": ADDRESS})

    monkeypatch.setattr(Users, "by_ref", refuse)
    asked.append(await ask(api, FIND))
    requests = [line for line in own(stderr) if line["event"] == "request"]
    assert [line["status"] for line in requests] == [response.status_code for response in asked]
    assert [line["request_id"] for line in requests] == [
        response.headers["x-request-id"] for response in asked
    ]
    assert requests[-1]["codes"] == ["INTERNAL"]
    assert any("NotNullViolation" in line.get("exception", "") for line in own(stderr))
    assert SECRET not in json.dumps(own(stderr))
