"""Readiness, on databases that are as they should be, and that are not: none of them may keep the answer waiting."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text

from roster.data import migrations
from roster.data.db import Database
from roster.services import health
from roster.services.health import Readiness, readiness

_numbers = count(1)


@pytest.fixture
async def own(db: Database) -> AsyncIterator[Database]:
    """A pool of one connection on a database of the test's own, with nothing in it."""
    name = f"health_{next(_numbers)}"
    async with db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as server:
        await server.execute(text(f"CREATE DATABASE {name}"))
        made = Database(url(db, database=name), pool_size=1)
        yield made
        await made.close()
        await server.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def url(like: Database, **changes: Any) -> str:
    return like.engine.url.set(**changes).render_as_string(hide_password=False)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    assert health.PATIENCE_SECONDS == 3
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.3)


async def in_time(db: Database) -> Readiness:
    began = time.perf_counter()
    found = await readiness(db)
    assert time.perf_counter() - began < 2
    return found


async def soon_ready(db: Database) -> None:
    """What was given up gives its connection back: the pool has no other."""
    deadline = time.monotonic() + 20
    while await readiness(db) is not Readiness.READY:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


# ---- the migrations ----


async def test_a_database_of_this_version_is_ready(db: Database) -> None:
    assert await readiness(db) is Readiness.READY


async def test_an_empty_database_is_behind_until_it_is_migrated(own: Database) -> None:
    assert await readiness(own) is Readiness.MIGRATIONS_BEHIND
    await asyncio.to_thread(migrations.upgrade, url(own))
    assert await readiness(own) is Readiness.READY


async def test_a_database_without_the_newest_migration_is_behind(
    own: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(migrations.upgrade, url(own))
    monkeypatch.setattr(migrations, "revisions", lambda: ("newer", *_revisions()))
    assert await readiness(own) is Readiness.MIGRATIONS_BEHIND


async def test_a_database_that_was_downgraded_to_nothing_is_behind(own: Database) -> None:
    await asyncio.to_thread(migrations.upgrade, url(own))
    await asyncio.to_thread(command.downgrade, migrations.config(url(own)), "base")
    assert await readiness(own) is Readiness.MIGRATIONS_BEHIND


@pytest.mark.parametrize(
    "change",
    ["UPDATE alembic_version SET version_num = 'newer'", "INSERT INTO alembic_version VALUES ('newer')"],
)
async def test_a_database_of_a_newer_version_is_unknown(own: Database, change: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url(own))
    async with own.engine.begin() as connection:
        await connection.execute(text(change))
    assert await readiness(own) is Readiness.MIGRATIONS_UNKNOWN


_revisions = migrations.revisions


# ---- the database ----


async def test_a_server_that_is_not_there_is_unavailable(db: Database) -> None:
    nowhere = Database(url(db, host="127.0.0.1", port=1, query={}))
    assert await readiness(nowhere) is Readiness.DATABASE_UNAVAILABLE
    await nowhere.close()


async def test_a_database_that_is_not_there_is_unavailable(db: Database) -> None:
    nowhere = Database(url(db, database="nowhere"))
    assert await readiness(nowhere) is Readiness.DATABASE_UNAVAILABLE
    await nowhere.close()


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_takes_the_call_and_says_nothing_is_unavailable(db: Database) -> None:
    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hung_up.wait()
        writer.close()

    hung_up = asyncio.Event()
    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        silent = Database(url(db, host="127.0.0.1", port=port, query={}))
        assert await in_time(silent) is Readiness.DATABASE_UNAVAILABLE
        hung_up.set()
        await silent.close()


@asynccontextmanager
async def migrated(db: Database) -> AsyncIterator[Database]:
    """Another pool of one connection, on the database of `db`."""
    narrow = Database(url(db), pool_size=1)
    yield narrow
    await narrow.close()


@pytest.mark.usefixtures("impatient")
async def test_a_pool_without_a_free_connection_is_unavailable(db: Database) -> None:
    async with migrated(db) as narrow:
        async with narrow.read():
            assert await in_time(narrow) is Readiness.DATABASE_UNAVAILABLE
        assert await readiness(narrow) is Readiness.READY


@pytest.mark.usefixtures("impatient")
async def test_a_statement_that_waits_for_a_lock_is_unavailable(db: Database) -> None:
    async with migrated(db) as narrow:
        async with db.engine.begin() as connection:
            await connection.execute(text("LOCK alembic_version IN ACCESS EXCLUSIVE MODE"))
            for _ in range(3):
                assert await in_time(narrow) is Readiness.DATABASE_UNAVAILABLE
        await soon_ready(narrow)


@pytest.mark.usefixtures("impatient")
async def test_a_connection_that_stopped_in_its_tracks_is_replaced(db: Database) -> None:
    """Cancelling its statement waits longer than a probe would: nobody waits for that."""
    async with migrated(db) as narrow:
        async with narrow.read() as reader:
            pid = (await reader.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        os.kill(pid, signal.SIGSTOP)
        try:
            assert await in_time(narrow) is Readiness.DATABASE_UNAVAILABLE
            assert await in_time(narrow) is Readiness.READY
        finally:
            os.kill(pid, signal.SIGCONT)
        await soon_ready(narrow)


async def test_whoever_gives_up_the_question_leaves_no_connection_behind(db: Database) -> None:
    async with migrated(db) as narrow:
        async with db.engine.begin() as connection:
            await connection.execute(text("LOCK alembic_version IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(readiness(narrow), 0.1)
        await soon_ready(narrow)
