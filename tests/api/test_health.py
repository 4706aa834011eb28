"""What a probe is told, in which status, and how little of it."""

import httpx
import pytest

from applications import open_api
from client import Client
from logged import one_line
from roster.services.health import Readiness

TOLD = {
    Readiness.DATABASE_UNAVAILABLE: "The database does not answer. See that it runs, and that DATABASE_URL names it.",
    Readiness.MIGRATIONS_BEHIND: "The database is older than this version of Roster: run `roster migrate`.",
    Readiness.MIGRATIONS_UNKNOWN: (
        "The database was migrated by a newer version of Roster: run that version, or one after it."
    ),
}


async def probe(url: str, path: str, method: str = "GET") -> httpx.Response:
    async with open_api(url, pool_size=1) as api:
        return await api.http.request(method, path)


NOWHERE = "postgresql+psycopg://keeper:hush@127.0.0.1:1/vault"


async def test_live_needs_no_database() -> None:
    response = await probe(NOWHERE, "/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "LIVE"})
    assert response.headers["cache-control"] == "no-store"


async def test_ready_asks_the_database(api: Client) -> None:
    with one_line() as line:
        response = await api.http.get("/health/ready")
    assert (response.status_code, response.json()) == (200, {"status": "READY"})
    assert response.headers["cache-control"] == "no-store"
    assert (line["level"], line["statements"]) == ("DEBUG", 1)


@pytest.mark.parametrize("readiness", [each for each in Readiness if each is not Readiness.READY])
async def test_not_ready_says_why_and_what_to_do(
    api: Client, monkeypatch: pytest.MonkeyPatch, readiness: Readiness
) -> None:
    async def found(*_: object) -> Readiness:
        return readiness

    monkeypatch.setattr("roster.services.health._look", found)
    with one_line() as line:
        response = await api.http.get("/health/ready")
    assert (response.status_code, response.headers["cache-control"]) == (503, "no-store")
    assert response.json() == {"status": readiness, "reason": TOLD[readiness]}
    assert line["level"] == "WARNING"


async def test_not_ready_says_nothing_else() -> None:
    response = await probe(NOWHERE, "/health/ready")
    assert response.json() == {
        "status": "DATABASE_UNAVAILABLE",
        "reason": TOLD[Readiness.DATABASE_UNAVAILABLE],
    }


@pytest.mark.parametrize(("path", "status"), [("/health/live", 200), ("/health/ready", 503)])
async def test_head_is_answered_alike(path: str, status: int) -> None:
    assert (await probe(NOWHERE, path, "HEAD")).status_code == status


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_nothing_else_is_taken(path: str) -> None:
    assert (await probe(NOWHERE, path, "POST")).status_code == 405
