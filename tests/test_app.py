"""The one small job beside the requests: what expires is recorded by the server itself, for as long as it runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text
from starlette.types import ASGIApp

import make
from acting import history
from applications import open_app, running
from logged import Line, logged
from roster.data.db import Database
from roster.domain.instants import now
from roster.domain.users import User
from roster.services import expiries

HOUR = timedelta(hours=1)


def on(db: Database) -> ASGIApp:
    return open_app(db.engine.url.render_as_string(hide_password=False))


async def an_expired_one(db: Database) -> User:
    user, role = await make.user(db), await make.role(db)
    await make.assignment(db, user, role, expires_at=now() - HOUR)
    return user


async def until_closed(db: Database, user: User) -> None:
    async with asyncio.timeout(20):
        while not (await history(db, user))[0].ended_at:  # noqa: ASYNC110 -- the job tells nobody
            await asyncio.sleep(0.01)


async def until_told(lines: list[Line], many: int) -> None:
    async with asyncio.timeout(20):
        while len(lines) < many:  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0.01)


@asynccontextmanager
async def renamed(db: Database) -> AsyncIterator[None]:
    """A column has a name that the server does not know."""
    rename = "ALTER TABLE role_assignments RENAME COLUMN {} TO {}"
    async with db.engine.begin() as connection:
        await connection.execute(text(rename.format("expires_at", "until")))
    yield
    async with db.engine.begin() as connection:
        await connection.execute(text(rename.format("until", "expires_at")))


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once in a quarter of a minute."""
    monkeypatch.setattr(expiries, "_EVERY_SECONDS", 0.02)


async def test_a_server_that_starts_records_what_expired_meanwhile(db: Database) -> None:
    user = await an_expired_one(db)
    app = on(db)
    async with running(app):
        await until_closed(db, user)


@pytest.mark.usefixtures("_often")
async def test_a_server_that_runs_records_what_expires(db: Database) -> None:
    app = on(db)
    async with running(app):
        for _ in range(2):
            await until_closed(db, await an_expired_one(db))


@pytest.mark.usefixtures("_often")
async def test_what_fails_is_told_and_done_later(db: Database) -> None:
    """Whether the database cannot be reached, or something is wrong that nobody thought of."""
    user = await an_expired_one(db)
    app = on(db)
    with logged() as lines:
        async with AsyncExitStack() as undo:
            await undo.enter_async_context(renamed(db))
            async with running(app):
                await until_told(lines, 2)
                await undo.aclose()
                await until_closed(db, user)
    assert {(line["event"], line["level"]) for line in lines} == {("expiries could not be recorded", "ERROR")}


@pytest.mark.usefixtures("_often")
async def test_a_database_that_is_not_there_is_a_warning() -> None:
    app = open_app("postgresql+psycopg://roster@/roster?host=/nowhere")
    with logged() as lines:
        async with running(app):
            await until_told(lines, 4)
    told = [(line["event"], line["level"]) for line in lines]
    assert ("expiries could not be recorded: they will be", "WARNING") in told
    assert {level for _, level in told} == {"WARNING"}


async def test_the_job_ends_with_the_server(db: Database) -> None:
    before = asyncio.all_tasks()
    app = on(db)
    async with running(app):
        assert len(asyncio.all_tasks() - before) == 2, "the job, and the server's own"
    assert asyncio.all_tasks() - before == set()
    user = await an_expired_one(db)
    await asyncio.sleep(0.1)
    assert [held.ended_at for held in await history(db, user)] == [None]
