"""Statements on libpq under fire: two hundred tasks read and write, are cancelled at any moment, and lose their servers.

A write that was answered is found. One that was refused as unavailable, or cancelled, is found whole or not at all. No
answer is that of another's statement, and in the end the pool is as it was. Rounds: `--rounds`, 10 unless given.
"""

# ruff: noqa: S311 -- chance, not secrets

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
import uvloop
from sqlalchemy import Text, bindparam, insert, select, text
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from postgres import ask, connect, wait_until
from roster.data.connections import Writer
from roster.data.db import Database
from roster.data.statements import fixed
from roster.domain.errors import UnavailableError

pytestmark = pytest.mark.faults

TASKS, POOL, SECONDS = 200, 8, 2.0
HALVES = {"first", "second"}
_BACKENDS = "select count(*) from pg_stat_activity where application_name = 'roster' and datname = 'own'"
_TERMINATE = """
select count(pg_terminate_backend(pid)) from (
    select pid from pg_stat_activity
    where application_name = 'roster' and datname = 'own' order by random() limit 1
)
"""
_NOTES = sql_table("notes", sql_column("id", Text), sql_column("half", Text))
_ADD = fixed(insert(_NOTES), writes=("id", "half"))
_ECHO = fixed(select(bindparam("said", type_=Text)))
_SLOWLY = text("SELECT CAST(:said AS text) FROM pg_sleep(:seconds)")


@dataclass
class Ledger:
    """What was answered as written, and what may be there or not."""

    kept: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    answers: int = 0
    failures: int = 0
    over: bool = False


async def read(db: Database, ledger: Ledger) -> None:
    said = [uuid4().hex * random.choice((1, 1, 50, 20_000)) for _ in range(random.randint(1, 4))]
    async with db.read() as reader:
        answers = await reader.execute_all([(_ECHO, {"said": one}) for one in said])
        assert [rows.scalar_one() for rows in answers] == said
        rows = await reader.execute(_SLOWLY, {"said": said[0], "seconds": random.uniform(0, 0.02)})
        assert rows.scalar_one() == said[0]
    ledger.answers += 1


async def write(db: Database, ledger: Ledger) -> None:
    note = uuid4().hex

    async def work(writer: Writer) -> None:
        await writer.send(_ADD, {"id": note, "half": "first"})
        if random.random() < 0.5:
            rows = await writer.execute(_SLOWLY, {"said": note, "seconds": random.uniform(0, 0.02)})
            assert rows.scalar_one() == note
        await writer.send(_ADD, {"id": note, "half": "second"})

    ledger.refused.add(note)
    await db.write(work)
    ledger.refused.remove(note)
    ledger.kept.add(note)


async def fail(db: Database, ledger: Ledger) -> None:
    """A write that is refused for what it is: nothing of it may be there."""
    note = f"wrong {uuid4().hex}"

    async def work(writer: Writer) -> None:
        await writer.send(_ADD, {"id": note, "half": "first"})
        await writer.execute(text("SELECT 1 / CAST(:zero AS int)"), {"zero": 0})

    try:
        await db.write(work)
    except UnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 -- told below
        assert "DivisionByZero" in str(error)  # noqa: PT017
        ledger.answers += 1
    else:
        raise AssertionError("it was not refused")


async def go_on(db: Database, ledger: Ledger) -> None:
    while not ledger.over:
        action = random.choice((read, read, write, write, fail))
        task = asyncio.create_task(action(db, ledger))
        if random.random() < 0.3:
            asyncio.get_running_loop().call_later(random.expovariate(50), task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            if (current := asyncio.current_task()) and current.cancelling():
                raise
        except UnavailableError:
            ledger.failures += 1
        await asyncio.sleep(0)


async def fire(url: str, ledger: Ledger) -> None:
    with connect(url, autocommit=True) as server:
        while not ledger.over:
            server.execute(_TERMINATE)
            await asyncio.sleep(random.uniform(0, 0.1))


async def one_round(url: str, ledger: Ledger) -> None:
    db = Database(url, pool_size=POOL)
    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(go_on(db, ledger))
        group.create_task(fire(url, ledger))
        await asyncio.sleep(SECONDS)
        ledger.over = True
    assert db.driver.lent == 0
    await check_the_pool(db, url)
    await db.close()
    wait_until(lambda: ask(url, _BACKENDS) == 0)


async def check_the_pool(db: Database, url: str) -> None:
    """Each of its connections can be had at once, none is broken but those that were cut off last, and there are no more."""
    together = asyncio.Barrier(POOL)

    async def hold(said: str) -> str:
        async with db.read() as reader:
            await together.wait()
            return str((await reader.execute(_ECHO, {"said": said})).scalar_one())

    said = [uuid4().hex for _ in range(POOL)]
    async with asyncio.timeout(10):
        assert await asyncio.gather(*(hold(one) for one in said)) == said
    wait_until(lambda: ask(url, _BACKENDS) == POOL)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_what_is_told_is_true_whatever_is_cancelled_and_cut_off(
    own_url: str, rounds: int, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with connect(own_url, autocommit=True) as server:
        server.execute("create table notes (id text, half text, primary key (id, half))")
    for _ in range(rounds):
        ledger = Ledger()
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(one_round(own_url, ledger))
        with connect(own_url) as server:
            rows = server.execute("select id, array_agg(half) from notes group by id").fetchall()
            found: dict[str, list[str]] = dict(rows)
            server.execute("truncate notes")
        assert all(set(halves) == HALVES for halves in found.values())
        assert ledger.kept <= found.keys() <= ledger.kept | ledger.refused
        # It was a fight, and a good deal came through.
        assert ledger.failures > 5
        assert len(ledger.kept) > 100
        assert ledger.answers > 100
