"""By which names of this host requests are answered, on every path, and that nothing is done for any other."""

import json
from typing import Any

import httpx
import pytest
from starlette.types import Message

from applications import open_app
from client import Client
from validation.world import snapshot

OURS = ["localhost", "LocalHost", "127.0.0.1", "[::1]"]
PORTS = ["", ":8000", ":1", ":65535"]
OTHERS = [
    "",
    " ",
    "example.org",
    "example.org:8000",
    "localhost.example.org",
    "example.org.localhost",
    "localhost.",
    "127.0.0.1.",
    "127.0.0.1.example.org",
    "user@localhost",
    "localhost@example.org",
    "user:pass@127.0.0.1:8000",
    "localhost:8000@example.org",
    "localhost:",
    "localhost:http",
    "localhost:8000:8000",
    "localhost:-1",
    "localhost:123456",
    "localhost:٨",
    "localhost ",
    " localhost",
    "localhost\n",
    "localhost\r\nx: y",
    "localhost\x00",
    "localhost,example.org",
    "localhost/",
    "localhost/graphql",
    "localhost?",
    "localhost#",
    "http://localhost",
    "l\u00f6calhost",
    "\uff4cocalhost",
    "locaLho\u017ft",
    "127.0.0.2",
    "127.1",
    "127.0.0.01",
    "127.0.0.0x1",
    "2130706433",
    "0x7f000001",
    "0.0.0.0",  # noqa: S104 -- refused
    "0",
    "::1",
    "::1:8000",
    "[::1",
    "::1]",
    "[::1]8000",
    "[::1%lo]",
    "[::]",
    "[::2]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[localhost]",
    "[127.0.0.1]",
    "*",
    "ip6-localhost",
]
PATHS = ["/graphql", "/graphql/assets/codicon-DCmgc-ay.ttf", "/health/live", "/health/ready", "/none", "/"]


async def ask(
    hosts: list[str], path: str = "/health/live", method: str = "GET", **scope: Any
) -> tuple[int, Any]:
    """The status, and the body where it is JSON, of an application whose database nothing may ask."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b'{"query": "{ __typename }"}'}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", host.encode()) for host in hosts]
    headers.append((b"content-type", b"application/json"))
    asked = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    await open_app("postgresql+psycopg://nobody@/nowhere")(asked | scope, receive, send)
    start = sent[0]
    told = dict(start["headers"])[b"content-type"] == b"application/json"
    return start["status"], json.loads(sent[1]["body"]) if told else None


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("name", OURS)
async def test_who_asks_by_a_name_of_this_host_is_answered(name: str, port: str) -> None:
    assert await ask([f"{name}{port}"]) == (200, {"status": "LIVE"})
    assert await ask([f"{name}{port}"], "/graphql", "POST") == (200, {"data": {"__typename": "Query"}})


def is_refused(answer: tuple[int, Any]) -> bool:
    status, body = answer
    (error,) = body["errors"]
    named = all(name in error["message"] for name in ("localhost", "127.0.0.1", "[::1]"))
    return status == 421 and error["extensions"] == {"code": "BAD_REQUEST"} and named


@pytest.mark.parametrize("host", OTHERS, ids=ascii)
async def test_who_asks_by_any_other_name_is_refused(host: str) -> None:
    assert is_refused(await ask([host]))


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["localhost", "localhost"],
        ["localhost", "example.org"],
        ["example.org", "localhost"],
        ["", "localhost"],
    ],
)
async def test_who_asks_by_no_name_or_by_two_is_refused(hosts: list[str]) -> None:
    assert is_refused(await ask(hosts))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PUT"])
@pytest.mark.parametrize("path", PATHS)
async def test_no_path_is_left_out(path: str, method: str) -> None:
    assert is_refused(await ask(["example.org"], path, method))


async def test_a_websocket_is_refused_likewise() -> None:
    extensions: dict[str, Any] = {"websocket.http.response": {}}
    assert is_refused(await ask(["example.org"], "/graphql", type="websocket", extensions=extensions))


async def test_nothing_is_done_for_who_is_refused(api: Client) -> None:
    before = await snapshot(api.db)
    mutation = 'mutation { addRole(input: {key: "AUDITOR"}) { role { key } } }'
    with api.statements() as statements:
        response = await api.http.post(
            "/graphql", json={"query": mutation}, headers={"host": "rebound.example.org:8000"}
        )
    assert (response.status_code, response.headers["content-type"]) == (421, "application/json")
    assert statements == []
    assert await snapshot(api.db) == before


async def test_the_host_that_is_listened_on_is_answered_too() -> None:
    for host, named in (("roster.internal", "Roster.Internal:8000"), ("fd00::7", "[fd00::7]:8000")):
        app = open_app("postgresql+psycopg://nobody@/nowhere", hosts=[host])
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            statuses = [
                (await http.get("/health/live", headers={"host": each})).status_code
                for each in (named, "localhost", "rosterXinternal", "fd00::7")
            ]
        assert statuses == [200, 200, 421, 421]
