"""One line in the log for each request: what it says and at which level; ids in and out; and that requests do not mix."""

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

import make
from applications import guarded_api, open_app
from client import Client
from logged import Line, logged, one_line
from roster.api.request_log import RequestLog, note_code, note_operation
from roster.data.db import Database
from roster.data.statements import count_statements
from roster.domain.tokens import new_secret
from roster.services.users import Users

PAGE = "query Page { users { nodes { id roles { key } } } }"


@pytest.fixture
async def two_users(db: Database) -> None:
    for _ in range(2):
        await make.user(db)


# ---- the fields ----


@pytest.mark.usefixtures("two_users")
async def test_a_query_is_one_line_with_these_fields(api: Client) -> None:
    with one_line() as line:
        await api(PAGE)
    assert 0 < line.pop("milliseconds") < 60_000
    assert re.fullmatch("[0-9a-f]{32}", line.pop("request_id"))
    assert line == {
        "event": "request",
        "level": "INFO",
        "method": "POST",
        "path": "/graphql",
        "status": 200,
        "caller": "CLI",
        "operation": "query",
        "operation_name": "Page",
        "statements": 1,
    }


async def test_who_asks_is_told_by_the_id_alone(db: Database) -> None:
    user, secret = await make.user(db), new_secret()
    await make.token(db, user, secret=secret)
    async with guarded_api(db, secret) as api:
        with one_line() as line:
            await api("{ viewer { actor { label } } }")
    assert line["caller"] == make.user_id(user.id)
    assert not {secret, user.email, user.display_name} & set(map(str, line.values()))


async def test_nobody_and_who_is_refused_are_not_told(db: Database) -> None:
    async with guarded_api(db) as api:
        with one_line() as line:
            await api.answer("{ __typename }")
    assert "caller" not in line
    wrong = new_secret()
    async with guarded_api(db, wrong) as api:
        with one_line() as line:
            await api.answer("{ __typename }")
    assert "caller" not in line
    assert (line["level"], line["status"], line["codes"]) == ("INFO", 401, ["UNAUTHENTICATED"])
    assert wrong not in map(str, line.values())


async def test_what_stands_in_the_way_of_a_mutation_is_told_by_its_codes(api: Client) -> None:
    await api('mutation { addRole(input: {key: "STAFF"}) { errors { code } } }')
    mutation = """mutation Several {
        a: addRole(input: {key: "STAFF"}) { errors { message } }
        b: addRole(input: {key: "?", name: "", description: " "}) { errors { message } }
        c: createUser(input: {email: "?"}) { user { id } }
        d: addRole(input: {key: "CLERK"}) { role { id } }
    }"""
    with one_line() as line:
        await api.answer(mutation)
    assert line["codes"] == ["TAKEN", "INVALID_INPUT"]
    assert (line["level"], line["operation"], line["operation_name"]) == ("INFO", "mutation", "Several")


@pytest.mark.parametrize(
    ("body", "codes", "operation"),
    [
        ("{", ["BAD_REQUEST"], None),
        ({"query": ""}, ["BAD_REQUEST"], None),
        ({"query": "query A { a: __typename } query B { a: __typename }"}, ["BAD_REQUEST"], None),
        ({"query": "query A { __typename }", "operationName": "B\r\nC"}, ["BAD_REQUEST"], None),
        ({"query": "query A {"}, ["GRAPHQL_PARSE_FAILED"], None),
        ({"query": "query A { a b }"}, ["GRAPHQL_VALIDATION_FAILED"], ("query", "A")),
        (
            {"query": "query A($n: Int!) { users(first: $n) { totalCount } }"},
            ["BAD_USER_INPUT"],
            ("query", "A"),
        ),
        (
            {"query": '{ node(id: "?") { id } users(after: "?") { totalCount } }'},
            ["BAD_ID", "BAD_CURSOR"],
            ("query", None),
        ),
        ({"query": "fragment A on Query { __typename }"}, ["BAD_REQUEST"], None),
    ],
    ids=range(9),
)
async def test_a_mistake_of_a_client_is_told_and_is_no_error(
    api: Client, body: Any, codes: list[str], operation: tuple[str, str | None] | None
) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    with one_line() as line:
        await api.http.post("/graphql", content=content, headers={"content-type": "application/json"})
    assert (line["level"], line["codes"]) == ("INFO", codes)
    assert (line.get("operation"), line.get("operation_name")) == (operation or (None, None))


async def test_of_several_operations_the_one_that_is_done_is_named(api: Client) -> None:
    document = 'query A { __typename } mutation B { addRole(input: {key: "STAFF"}) { role { id } } }'
    with one_line() as line:
        await api.http.post("/graphql", json={"query": document, "operationName": "B"})
    assert (line["operation"], line["operation_name"]) == ("mutation", "B")


async def test_a_long_name_is_cut(api: Client) -> None:
    with one_line() as line:
        await api(f"query {'N' * 10_000} {{ __typename }}")
    assert line["operation_name"] == "N" * 100


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/graphql?token=hush", "/graphql"),
        ("/a%0d%0ab", "/a%0D%0Ab"),
        ("/%1b[2J%c2%9b%e2%80%ae", "/%1B%5B2J%C2%9B%E2%80%AE"),
        ("/%ff", "/%EF%BF%BD"),
        ("/" + "x" * 10_000, "/" + "x" * 199),
    ],
)
async def test_a_path_is_shown_without_its_query_and_cannot_forge_a_line(
    api: Client, path: str, shown: str
) -> None:
    with one_line() as line:
        await api.http.get(path)
    assert (line["method"], line["path"], line["level"]) == ("GET", shown, "INFO")


# ---- the levels ----


@pytest.mark.parametrize(
    ("path", "status", "level"),
    [
        ("/health/live", 200, "DEBUG"),
        ("/health/ready", 200, "DEBUG"),
        ("/health/none", 404, "INFO"),
        ("/graphql", 200, "INFO"),
        ("/graphql/assets/codicon-DCmgc-ay.ttf", 200, "DEBUG"),
        ("/graphql/assets/none.js", 404, "INFO"),
        ("/none", 404, "INFO"),
    ],
)
async def test_only_what_is_asked_often_and_answered_well_is_quiet(
    api: Client, path: str, status: int, level: str
) -> None:
    with one_line() as line:
        await api.http.get(path)
    assert (line["status"], line["level"]) == (status, level)
    assert "codes" not in line


async def test_a_database_that_is_gone_is_a_warning_with_the_reason() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        app = open_app(f"postgresql+psycopg://keeper:hush@127.0.0.1:{free.getsockname()[1]}/vault")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
            with logged() as lines:
                await http.post("/graphql", json={"query": PAGE})
    cause, line = lines
    assert (cause["event"], cause["level"]) == ("the database cannot be reached", "WARNING")
    assert "Connection refused" in cause["reason"]
    assert "hush" not in cause["reason"]
    assert (line["level"], line["codes"]) == ("WARNING", ["UNAVAILABLE"])
    assert cause["request_id"] == line["request_id"]


async def test_a_mistake_of_ours_is_an_error_with_its_cause_and_reference(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake = LookupError("why")

    async def fail(*_: object, **__: object) -> None:
        raise mistake

    monkeypatch.setattr(Users, "by_ref", fail)
    with logged() as lines:
        error = await api.error('{ mine: user(by: {username: "ann"}) { id } }')
    cause, line = lines
    assert cause == {
        "event": "internal error",
        "level": "ERROR",
        "reference": error["extensions"]["reference"],
        "at": "mine",
        "cause": mistake,
        "request_id": line["request_id"],
    }
    assert (line["level"], line["codes"]) == ("ERROR", ["INTERNAL"])


@pytest.mark.parametrize(
    ("where", "method", "path"),
    [
        ("roster.api.http.Context", "POST", "/graphql"),
        ("roster.services.health._look", "GET", "/health/ready"),
    ],
)
async def test_a_mistake_of_ours_outside_graphql_is_answered_and_logged_alike(
    api: Client, monkeypatch: pytest.MonkeyPatch, where: str, method: str, path: str
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("why")

    monkeypatch.setattr(where, fail)
    with logged() as lines:
        response = await api.http.request(method, path, json={"query": PAGE})
    cause, line = lines
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL", "reference": cause["reference"]}
    assert "why" not in response.text
    assert (response.status_code, response.headers["x-request-id"]) == (500, line["request_id"])
    assert (line["status"], line["level"], line["codes"]) == (500, "ERROR", ["INTERNAL"])


# ---- ids ----


@pytest.mark.parametrize(
    "sent",
    [
        "a",
        "01980f7e-33c6-7d3b-8c0a-3a2b6c0d9f11",
        "Root=1-67891233-abcdef012345678912345678",
        "0af7651916cd43dd8448eb211c80319c:b9c7c989f97918e1",
        "aGVsbG8+/w==",
        "x" * 128,
    ],
)
async def test_an_id_that_came_with_the_request_goes_on_with_it(api: Client, sent: str) -> None:
    with one_line() as line:
        response = await api.http.get("/graphql", headers={"X-Request-ID": sent})
    assert response.headers.get_list("x-request-id") == [sent]
    assert line["request_id"] == sent


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [b""],
        [b"a b"],
        [b"a\r\nset-cookie: b=c"],
        [b"a\n"],
        [b"a\x00"],
        [b"\x1b[2J"],
        ["ä".encode()],
        [b"\xff\xfe"],
        [b'"},{"level":"error'],
        [b"ann@example.org"],
        [b"x" * 129],
        [b"x" * 10_240],
        [b"a", b"b"],
        [b"a", b"a"],
    ],
    ids=range(15),
)
async def test_no_id_or_a_hostile_one_is_replaced(api: Client, sent: list[bytes]) -> None:
    with one_line() as line:
        response = await api.http.get("/graphql", headers=[(b"x-request-id", value) for value in sent])
    assert re.fullmatch("[0-9a-f]{32}", line["request_id"])
    assert response.headers.get_list("x-request-id") == [line["request_id"]]


async def test_whoever_is_refused_has_an_id_too(api: Client) -> None:
    with one_line() as line:
        response = await api.http.get("/graphql", headers={"host": "example.org"})
    assert response.headers["x-request-id"] == line["request_id"]
    assert (line["status"], line["codes"], line["level"]) == (421, ["BAD_REQUEST"], "INFO")


# ---- statements, and many requests at once ----


@pytest.mark.usefixtures("two_users")
@pytest.mark.parametrize(
    "operation",
    [
        "{ __typename }",
        "{ users { nodes { id } totalCount } }",
        "{ users { nodes { roles { key users { nodes { assignments { nodes { role { key } } } } } } } } }",
        "{ a: roles { nodes { holderCount } } b: users { nodes { permissions roles { holderCount } } } }",
        'mutation { addRole(input: {key: "STAFF", isDefault: true}) { role { key holderCount } } }',
        """mutation { a: addRole(input: {key: "STAFF"}) { role { key } }
            b: createUser(input: {email: "a@example.org", roles: [{role: {key: "STAFF"}}]}) { user { roles { key } } }
            c: createUser(input: {email: "a@example.org"}) { errors { code } } }""",
    ],
    ids=range(6),
)
async def test_statements_are_those_that_are_sent(narrow_api: Client, operation: str) -> None:
    with one_line() as line, narrow_api.statements() as statements:
        await narrow_api.answer(operation)
    assert line["statements"] == len(statements)


@pytest.mark.usefixtures("two_users")
async def test_requests_at_once_keep_apart(api: Client) -> None:
    """On fewer connections than there are requests, so that they wait for one another."""
    asked = {
        f"{number}-{name}": query
        for number in range(20)
        for name, query in [
            ("none", "query None { __typename }"),
            ("page", PAGE),
            ("wrong", 'mutation Wrong { addRole(input: {key: "?"}) { role { holderCount } } }'),
            ("read", "query Read { users { nodes { roles { holderCount } } totalCount } }"),
        ]
    }
    with logged() as lines:
        await asyncio.gather(
            *(
                api.http.post("/graphql", json={"query": query}, headers={"x-request-id": id_})
                for id_, query in asked.items()
            )
        )
    assert sorted(line["request_id"] for line in lines) == sorted(asked)
    expected = {"none": ("None", 0, ()), "page": ("Page", 1, ()), "wrong": ("Wrong", 0, ("INVALID_INPUT",))}
    expected["read"] = ("Read", 2, ())
    for line in lines:
        _, name = line["request_id"].split("-")
        assert (line["operation_name"], line["statements"], tuple(line.get("codes", ()))) == expected[name]


async def test_what_is_noted_outside_of_a_request_is_lost(api: Client) -> None:
    note_operation("query", "Elsewhere")
    note_code("ELSEWHERE")
    with one_line() as line:
        await api.http.get("/graphql")
    assert "operation" not in line
    assert "codes" not in line


# ---- requests that do not end well ----


def http_scope(**given: Any) -> Scope:
    return {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "headers": [(b"host", b"localhost")],
        **given,
    }


@pytest.fixture
def sent() -> list[Message]:
    return []


async def run(app: Any, scope: Scope, received: list[Message], sent: list[Message]) -> None:
    messages: Iterator[Message] = iter(received)

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)


async def test_a_client_that_leaves_before_its_body_arrived_is_one_line(sent: list[Message]) -> None:
    app = open_app("postgresql+psycopg://nobody@/nowhere")
    scope = http_scope(
        headers=[(b"host", b"localhost"), (b"content-type", b"application/json")], query_string=b""
    )
    begun: Message = {"type": "http.request", "body": b'{"query"', "more_body": True}
    with one_line() as line:
        await run(app, scope, [begun, {"type": "http.disconnect"}], sent)
    assert (line["level"], line["status"], line["codes"]) == ("INFO", 400, ["BAD_REQUEST"])


async def cancelled(app: Any, sent: list[Message]) -> None:
    task = asyncio.create_task(run(RequestLog(app, count_statements), http_scope(), [], sent))
    await asyncio.sleep(0)
    task.cancel()
    await task


async def test_a_request_that_the_server_cannot_wait_for_is_told_so(sent: list[Message]) -> None:
    async def forever(_: Scope, __: Receive, ___: Send) -> None:
        await asyncio.Event().wait()

    with one_line() as line:
        await cancelled(forever, sent)
    assert (line["level"], line["status"], line["codes"]) == ("WARNING", 503, ["UNAVAILABLE"])
    (error,) = json.loads(sent[1]["body"])["errors"]
    assert error["extensions"] == {"code": "UNAVAILABLE"}


async def test_in_the_middle_of_an_answer_it_cannot_be_told(sent: list[Message]) -> None:
    async def begun(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    with one_line() as line, pytest.raises(asyncio.CancelledError):
        await cancelled(begun, sent)
    assert (line["level"], line["status"]) == ("INFO", 200)
    assert len(sent) == 1


async def test_a_mistake_in_the_middle_of_an_answer_is_left_to_the_server_to_break_off(
    sent: list[Message],
) -> None:
    async def half(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError

    lines: list[Line]
    with logged() as lines, pytest.raises(LookupError):
        await run(RequestLog(half, count_statements), http_scope(), [], sent)
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert [line["level"] for line in lines] == ["ERROR", "ERROR"]
    assert lines[1]["status"] == 200


async def test_what_is_no_request_passes(sent: list[Message]) -> None:
    async def app(scope: Scope, _: Receive, send: Send) -> None:
        await send({"type": f"{scope['type']}.done"})

    with logged() as lines:
        await run(RequestLog(app, count_statements), {"type": "lifespan"}, [], sent)
    assert (sent, lines) == ([{"type": "lifespan.done"}], [])
