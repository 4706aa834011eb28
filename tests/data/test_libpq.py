"""Statements on libpq where it is hard: cancelled at any moment, cut off, refused, too many, too big, and closed meanwhile.

Whatever happens, an answer is that of its own statement, a failure is told as one that may go otherwise another time,
and the pool is whole afterwards.
"""

import asyncio
import gc
import os
import signal
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
import pytest
import uvloop
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, UndefinedTable
from sqlalchemy import Text, bindparam, select, text

from postgres import ask, connect, wait_until
from roster.data.connections import Asked, Reader, Writer
from roster.data.db import Database, UnexpectedValueError
from roster.data.libpq import connection as libpq_connection
from roster.data.libpq.driver import LibpqDriver
from roster.data.libpq.pool import Pool
from roster.data.statements import fixed
from roster.domain.errors import UnavailableError

BUSY = "The server is busy: try again."
UNREACHABLE = "The database cannot be reached: try again."
_BACKENDS = "select count(*) from pg_stat_activity where application_name = 'roster' and datname = 'own'"
_SLEEPING = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = 'own'"
_UNHEARD = "select pid from pg_stat_activity where wait_event = 'ClientWrite' and datname = 'own'"
_SLEEP = text("SELECT pg_sleep(60)")
_PID = text("SELECT pg_backend_pid()")
_ECHO = fixed(select(bindparam("said", type_=Text)))
_ADD = text("INSERT INTO notes (said) VALUES (:said)")
_MANY = text("SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
_LENGTH = text("SELECT length(CAST(:said AS text))")


@asynccontextmanager
async def database(url: str, *, pool_size: int = 1) -> AsyncIterator[Database]:
    made = Database(url, pool_size=pool_size)
    try:
        yield made
    finally:
        await made.close()


def pool_of(db: Database) -> Pool:
    assert isinstance(db.driver, LibpqDriver)
    return db.driver.pool


def wait_until_backends_are(url: str, number: int) -> None:
    """A server process that was told to end takes a moment."""
    wait_until(lambda: ask(url, _BACKENDS) == number)


async def pid(db: Database) -> int:
    async with db.read() as reader:
        return await pid_of(reader)


async def pid_of(connection: Reader | Writer) -> int:
    return int((await connection.execute(_PID)).scalar_one())


async def echo(db: Database, said: str) -> str:
    async with db.read() as reader:
        return str((await reader.execute(_ECHO, {"said": said})).scalar_one())


async def sleep(db: Database) -> None:
    async with db.read() as reader:
        await reader.execute(_SLEEP)


def terminate(url: str, *pids: int) -> None:
    with connect(url, autocommit=True) as server:
        server.execute("select pg_terminate_backend(pid, 5000) from unnest(%s::int[]) as pid", [list(pids)])


@pytest.fixture
def notes_url(own_url: str) -> str:
    """With a table to write to."""
    with connect(own_url, autocommit=True) as server:
        server.execute("create table notes (said text not null)")
    return own_url


def adding(said: str) -> Callable[[Writer], Awaitable[None]]:
    async def work(writer: Writer) -> None:
        await writer.execute(_ADD, {"said": said})

    return work


def notes(url: str) -> list[str]:
    with connect(url) as server:
        return [row[0] for row in server.execute("select said from notes order by said")]


# ---- cancelled ----


async def whole(db: Database, number: int) -> None:
    """As many at once as the pool has connections get their own answers, and nothing is left over."""
    said = [f"{number}-{n}" for n in range(4)]
    assert await asyncio.gather(*(echo(db, one) for one in said)) == said
    assert db.driver.lent == 0


async def cancel_at_every_step(url: str) -> None:
    big = "x" * 3_000_000

    async def write(db: Database) -> None:
        async def work(writer: Writer) -> None:
            await writer.send(_ADD, {"said": "sent"})
            await writer.execute(_ADD, {"said": big})

        await db.write(work)

    async def fail(db: Database) -> None:
        with pytest.raises(UndefinedTable):
            await db.write(lambda writer: writer.execute(text("INSERT INTO nothing VALUES (1)")))

    async with database(url, pool_size=2) as db:
        for number in range(90):
            tasks = [asyncio.create_task(work) for work in (write(db), fail(db), echo(db, big), sleep(db))]
            # Steps of the loop first, then moments.
            for _ in range(number):
                await asyncio.sleep(0 if number < 60 else 0.0005)
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(ends.pop(), asyncio.CancelledError)
            assert all(end in {None, big} or isinstance(end, asyncio.CancelledError) for end in ends)
            await whole(db, number)
            assert int(str(ask(url, "select count(*) from notes"))) % 2 == 0
        assert int(str(ask(url, _BACKENDS))) <= 3  # and one perhaps that is about to end
    wait_until_backends_are(url, 0)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_whatever_is_cancelled_at_any_step_gives_back_what_it_took(
    notes_url: str, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(cancel_at_every_step(notes_url))


async def test_what_is_cancelled_takes_its_place_until_the_server_has_ended_it(own_url: str) -> None:
    async with database(own_url, pool_size=3) as db:
        for _ in range(20):
            tasks = [asyncio.create_task(sleep(db)) for _ in range(3)]
            await asyncio.sleep(0.01)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert pool_of(db).lent == 0
            await whole(db, 0)
            assert ask(own_url, _SLEEPING) == 0


async def test_a_cancellation_that_comes_before_its_statement_is_sent_again(own_url: str) -> None:
    """The server process hears of it first and finds nothing to cancel, as it has not read the statement yet."""
    async with database(own_url) as db:
        backend = await pid(db)
        os.kill(backend, signal.SIGSTOP)
        try:
            task = asyncio.create_task(sleep(db))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(0.1)
        finally:
            os.kill(backend, signal.SIGCONT)
        await whole(db, 0)
        assert ask(own_url, _SLEEPING) == 0


async def test_a_task_cancelled_at_the_moment_of_its_turn_passes_it_on(own_url: str) -> None:
    async with database(own_url) as db:
        async with db.read():
            tasks = [asyncio.create_task(echo(db, f"{n}")) for n in range(3)]
            await asyncio.sleep(0.01)
        tasks[0].cancel()  # the connection is its own already, and it does not know
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(ends[0], asyncio.CancelledError)
        assert ends[1:] == ["1", "2"]
        assert await echo(db, "again") == "again"
        assert db.driver.lent == 0


async def test_a_task_cancelled_when_its_time_is_over_is_cancelled(own_url: str) -> None:
    async with database(own_url) as db:
        pool_of(db).timeout = 0.05
        async with db.read():
            task = asyncio.create_task(echo(db, "late"))
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_later(0.06, task.cancel)
            time.sleep(0.1)  # noqa: ASYNC251 -- so that the loop finds both due at once
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await echo(db, "again") == "again"


async def test_a_coroutine_that_is_closed_leaves_no_answer_to_another(own_url: str) -> None:
    async with database(own_url) as db:
        async with db.read() as reader:
            running: Coroutine[Any, Any, Any] = reader.execute(_ECHO, {"said": "not yours"})
            running.send(None)
            running.close()
            with pytest.raises(psycopg.OperationalError):
                await reader.execute(_ECHO, {"said": "mine"})
        assert await echo(db, "mine") == "mine"


# ---- terminated ----


async def test_idle_connections_that_are_cut_off_are_noticed_before_they_are_used(own_url: str) -> None:
    async with database(own_url, pool_size=3) as db:
        async with AsyncExitStack() as stack:
            readers = [await stack.enter_async_context(db.read()) for _ in range(3)]
            pids = [await pid_of(reader) for reader in readers]
        terminate(own_url, *pids)
        await asyncio.sleep(0.01)
        await whole(db, 1)
        assert await pid(db) not in pids


@pytest.mark.parametrize("writing", [True, False])
async def test_a_statement_that_is_cut_off_is_told_so_and_nothing_is_kept(
    notes_url: str, writing: bool
) -> None:
    pids = []

    async def work(connection: Any) -> None:
        pids.append(await pid_of(connection))
        if writing:
            await connection.send(text("INSERT INTO notes (said) VALUES ('lost')"))
        await connection.execute(_SLEEP)

    async def reading() -> None:
        async with db.read() as reader:
            await work(reader)

    async with database(notes_url) as db:
        task = asyncio.create_task(db.write(work) if writing else reading())
        await asyncio.to_thread(wait_until, lambda: bool(ask(notes_url, _SLEEPING)))
        terminate(notes_url, *pids)
        with pytest.raises(UnavailableError, match=UNREACHABLE):
            await task
        await whole(db, 1)
        assert notes(notes_url) == []


async def speak_to_nobody(url: str, asked: Sequence[Asked]) -> None:
    """The server waits to be heard, with more to come for it, when it is cut off: it has no last word."""

    async def speak() -> None:
        async with db.read() as reader:
            await reader.execute_all(asked)

    async with database(url) as db:
        for _ in range(3):
            first = await pid(db)
            speaking = asyncio.create_task(speak())
            while ask(url, _UNHEARD) != first:  # noqa: ASYNC110 -- the server tells nobody
                await asyncio.sleep(0)
            terminate(url, first)
            with pytest.raises(UnavailableError, match=UNREACHABLE):
                await asyncio.wait_for(speaking, 5)
            await whole(db, 1)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize(
    "asked",
    [
        [(_ECHO, {"said": "x" * 10_000_000})] * 5,
        # All of it is written, and the server has not read it.
        [(_MANY, {}), (_ECHO, {"said": "x" * 120_000})],
    ],
    ids=["writes", "has written"],
)
def test_whoever_writes_to_a_server_that_is_gone_is_told_so(
    own_url: str, asked: Sequence[Asked], new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(speak_to_nobody(own_url, asked))


async def test_whoever_waits_comes_before_whoever_comes_when_a_connection_is_lost(own_url: str) -> None:
    order: list[str] = []

    async def come(name: str) -> None:
        async with db.read() as reader:
            order.append(name)
            await reader.execute(text("SELECT 1"))

    async def hold() -> None:
        try:
            async with db.read() as reader:
                pids.append(await pid_of(reader))
                begun.set()
                await reader.execute(_SLEEP)
        except UnavailableError:
            await come("last")

    pids: list[int] = []
    begun = asyncio.Event()
    async with database(own_url) as db, asyncio.TaskGroup() as group:
        group.create_task(hold())
        await begun.wait()
        for name in ("first", "second", "third"):
            group.create_task(come(name))
        await asyncio.sleep(0.01)
        terminate(own_url, *pids)
    assert order == ["first", "second", "third", "last"]


async def test_a_full_pool_is_told_in_time(own_url: str) -> None:
    async with database(own_url, pool_size=2) as db:
        pool_of(db).timeout = 0.1
        async with db.read(), db.read():
            begun = time.monotonic()
            with pytest.raises(UnavailableError, match=BUSY):
                await echo(db, "nobody listens")
            assert 0.1 <= time.monotonic() - begun < 5
        await whole(db, 1)


# ---- refused ----


async def test_what_fails_in_the_middle_of_a_batch_leaves_the_rest_undone_and_the_connection_whole(
    notes_url: str,
) -> None:
    before, after = (fixed(_ADD.bindparams(said=said)) for said in ("before", "after"))
    async with database(notes_url) as db:
        first = await pid(db)
        for _ in range(2):
            with pytest.raises(UndefinedTable) as raised:
                async with db.read() as reader:
                    await reader.execute_all(
                        [(before, {}), (text("INSERT INTO nothing VALUES (1)"), {}), (after, {})]
                    )
            assert raised.value.__notes__ == ["INSERT INTO nothing VALUES (1)"]
            assert notes(notes_url) == []
        async with db.read() as reader:
            await reader.execute_all([(before, {}), (after, {})])
        assert notes(notes_url) == ["after", "before"]
        assert await pid(db) == first


async def test_what_could_not_be_prepared_can_be_later(own_url: str) -> None:
    statement = fixed(text("SELECT said FROM later"))
    async with database(own_url) as db:
        first = await pid(db)
        for _ in range(2):
            with pytest.raises(UndefinedTable):
                async with db.read() as reader:
                    await reader.execute_all(
                        [(_ECHO, {"said": "x"}), (statement, {}), (_ECHO, {"said": "y"})]
                    )
        with connect(own_url, autocommit=True) as server:
            server.execute("create table later as select 'now' as said")
        async with db.read() as reader:
            answers = await reader.execute_all(
                [(_ECHO, {"said": "x"}), (statement, {}), (_ECHO, {"said": "y"})]
            )
        assert [rows.scalar_one() for rows in answers] == ["x", "now", "y"]
        assert await pid(db) == first


@pytest.mark.parametrize(
    ("meanwhile", "error"),
    [
        ("alter table notes alter said type jsonb using to_jsonb(said)", FeatureNotSupported),
        ("deallocate all", InvalidSqlStatementName),
    ],
)
async def test_what_was_prepared_and_does_not_fit_any_more_is_prepared_anew(
    notes_url: str, meanwhile: str, error: type[psycopg.Error]
) -> None:
    statement = fixed(text("SELECT said FROM notes"))
    async with database(notes_url) as db:
        await db.write(adding("hello"))
        async with db.read() as reader:
            await reader.execute(statement)
        async with db.read() as reader:
            await reader.execute(text(meanwhile))
        with pytest.raises(error):
            async with db.read() as reader:
                await reader.execute(statement)
        async with db.read() as reader:
            assert (await reader.execute(statement)).scalar_one() == "hello"
    wait_until_backends_are(notes_url, 0)


async def test_a_connection_with_too_much_prepared_is_replaced(
    own_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libpq_connection, "_MAX_PREPARED", 3)
    pids = set()
    async with database(own_url) as db:
        for number in range(21):
            async with db.read() as reader:
                statement = fixed(text(f"SELECT {number}, pg_backend_pid()"))
                ((answer, of),) = await reader.execute(statement)
                assert answer == number
                pids.add(of)
        assert len(pids) == 6
        wait_until_backends_are(own_url, 1)


async def test_statements_that_nobody_has_any_more_are_forgotten(own_url: str) -> None:
    statement = fixed(text("SELECT 'once'"))
    told = weakref.ref(statement)
    async with database(own_url) as db, db.read() as reader:
        await reader.execute(statement)
        del statement
        for _ in range(4):
            await reader.execute_all([(fixed(text(f"SELECT {n}")), {}) for n in range(500)])
    del reader, db
    gc.collect()
    assert told() is None


@pytest.mark.parametrize("writing", [True, False])
async def test_a_text_with_a_zero_byte_is_refused_with_its_statement_and_not_shown(
    own_url: str, writing: bool
) -> None:
    async def work(connection: Any) -> None:
        await connection.execute(_LENGTH, {"said": "secret\0"})

    async def reading() -> None:
        async with db.read() as reader:
            await work(reader)

    async with database(own_url) as db:
        first = await pid(db)
        with pytest.raises(UnexpectedValueError, match=r"^DataError of a value: SELECT length\(") as raised:
            await (db.write(work) if writing else reading())
        assert "secret" not in str(raised.value)
        assert await pid(db) == first


async def test_a_value_that_python_has_not_is_refused_with_its_statement(own_url: str) -> None:
    async with database(own_url) as db:
        first = await pid(db)
        with pytest.raises(UnexpectedValueError, match="of a value: SELECT 'infinity'"):
            async with db.read() as reader:
                await reader.execute(text("SELECT 'infinity'::timestamptz"))
        assert await pid(db) == first


async def test_a_statement_that_takes_too_long_is_told_and_keeps_its_connection(own_url: str) -> None:
    async with database(own_url) as db:
        async with db.read() as reader:
            first = await pid_of(reader)
            await reader.execute(text("SET statement_timeout = 50"))
        with pytest.raises(UnavailableError, match="takes too long"):
            await sleep(db)
        with pytest.raises(UnavailableError, match="takes too long"):
            await db.write(lambda writer: writer.execute(_SLEEP))
        assert await pid(db) == first


@pytest.mark.parametrize("failing", [text("SELECT nothing"), text("SELECT CAST(:said AS text)")])
@pytest.mark.parametrize("goes_on", [True, False])
async def test_work_that_ignores_a_failure_keeps_nothing_and_is_told(
    notes_url: str, failing: Any, goes_on: bool
) -> None:
    async def work(writer: Writer) -> None:
        with pytest.raises(psycopg.Error):
            await writer.execute(failing, {"said": "\0"} if "said" in str(failing) else {})
        if goes_on:
            await writer.send(text("INSERT INTO notes VALUES ('half')"))

    async with database(notes_url) as db:
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            await db.write(work)
        assert notes(notes_url) == []
        await db.write(adding("whole"))
        assert notes(notes_url) == ["whole"]


# ---- big ----


async def speak_at_length(url: str) -> None:
    async with database(url, pool_size=2) as db:
        for size in (1_000_000, 8_000_000, 30_000_000):
            said = "ü" * (size // 2)
            assert await asyncio.gather(*(echo(db, f"{n}{said}") for n in range(3))) == [
                f"{n}{said}" for n in range(3)
            ]
        async with db.read() as reader:
            # What is sent and what is answered do not fit the sockets: neither waits for the other.
            answers = await reader.execute_all([(_ECHO, {"said": f"{n}{said}"}) for n in range(4)])
        assert [rows.scalar_one()[0] for rows in answers] == ["0", "1", "2", "3"]
        for size in range(0, 70_000, 1_111):
            assert await echo(db, "x" * size) == "x" * size


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_parameters_and_answers_may_be_big(
    own_url: str, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(speak_at_length(own_url))


# ---- closed ----


async def test_a_database_closed_while_statements_run_lets_them_end_and_takes_no_more(own_url: str) -> None:
    db = Database(own_url, pool_size=1)
    begun = asyncio.Event()

    async def hold() -> str:
        async with db.read() as reader:
            begun.set()
            await reader.execute(text("SELECT pg_sleep(0.3)"))
            return str((await reader.execute(_ECHO, {"said": "still here"})).scalar_one())

    holding = asyncio.create_task(hold())
    await begun.wait()
    waiting = asyncio.create_task(echo(db, "too late"))
    await asyncio.sleep(0.05)
    await db.close()
    with pytest.raises(UnavailableError, match=BUSY):
        await waiting
    with pytest.raises(UnavailableError, match=BUSY):
        await asyncio.wait_for(echo(db, "later still"), 1)
    assert await holding == "still here"
    wait_until_backends_are(own_url, 0)


async def test_a_database_closed_while_statements_are_cancelled_waits_for_that(own_url: str) -> None:
    db = Database(own_url, pool_size=4)
    tasks = [asyncio.create_task(sleep(db)) for _ in range(4)]
    await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    tasks_before = asyncio.all_tasks()
    await db.close()
    assert asyncio.all_tasks() <= tasks_before
    wait_until_backends_are(own_url, 0)
