"""Transactions: what is kept and what is not, what is tried again, what is told when the database does not answer,
and that no connection is ever lost.
"""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from psycopg.errors import UndefinedColumn
from sqlalchemy import text

import make
from acting import NOW, refusal
from racing import deadlocks, race, user_gate
from roster.data import locks as lock_data
from roster.data import users as user_data
from roster.data.connections import Reader, Writer
from roster.data.db import ATTEMPTS, BeginAgain, Database, UnexpectedValueError
from roster.data.row_locks import ToLock
from roster.domain.errors import Rejected, TakenError, UnavailableError, UniqueField
from roster.domain.users import User, UserStatus
from roster.settings import Settings
from tuned import tuned

BUSY = "The server is busy: try again."
TOO_LONG = "The database takes too long to answer this: ask for less, or try again."
UNREACHABLE = "The database cannot be reached: try again."


@asynccontextmanager
async def database(like: Database, *, pool_size: int = 1, **changes: Any) -> AsyncIterator[Database]:
    """Another pool, on the same server unless the changes to its address say otherwise."""
    made = Database(
        like.engine.url.set(**changes).render_as_string(hide_password=False),
        pool_size=pool_size,
        driver=Settings().database_driver,
    )
    try:
        yield made
    finally:
        await made.close()


async def pid_of(connection: Reader | Writer) -> int:
    return int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def states(db: Database, pid: int) -> list[str]:
    """What the server says that a connection of another pool is doing."""
    async with db.read() as reader:
        statement = text("SELECT state FROM pg_stat_activity WHERE pid = :pid")
        return list((await reader.execute(statement, {"pid": pid})).scalars())


def lent(db: Database) -> int:
    return db.driver.lent


async def stored(db: Database, user: User) -> User | None:
    async with db.read() as reader:
        return (await user_data.by_ids(reader, [user.id])).get(user.id)


# ---- what is kept ----


async def test_what_the_work_returns_is_answered_once_committed(db: Database) -> None:
    user = make.a_user()

    async def work(writer: Writer) -> str:
        await user_data.add(writer, user)
        return "done"

    assert await db.write(work) == "done"
    assert await stored(db, user) == user


@pytest.mark.parametrize("raised", [Rejected(), ValueError("a bug"), asyncio.CancelledError(), SystemExit(3)])
async def test_whatever_the_work_raises_nothing_is_kept(db: Database, raised: BaseException) -> None:
    user, runs = make.a_user(), 0

    async def work(writer: Writer) -> None:
        nonlocal runs
        runs += 1
        await user_data.add(writer, user)
        raise raised

    with pytest.raises(type(raised)) as told:
        await db.write(work)
    assert told.value is raised
    assert runs == 1
    assert await stored(db, user) is None
    assert lent(db) == 0


async def test_a_failure_that_means_nothing_to_a_caller_stays_what_it_is(db: Database) -> None:
    async def work(writer: Writer) -> None:
        await writer.execute(text("SELECT nothing"))

    with pytest.raises(UndefinedColumn):
        await db.write(work)
    with pytest.raises(UndefinedColumn):
        async with db.read() as reader:
            await reader.execute(text("SELECT nothing"))
    assert lent(db) == 0


ADDRESS = "ann@example.org"


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SELECT CAST(:value AS uuid)", "InvalidTextRepresentation of a value: SELECT CAST("),
        ("INSERT INTO users (email) VALUES (:value)", "NotNullViolation of kind: INSERT INTO users"),
    ],
)
@pytest.mark.parametrize("writing", [True, False])
async def test_a_value_that_is_refused_unexpectedly_is_shown_by_no_traceback(
    db: Database, writing: bool, statement: str, told: str
) -> None:
    async def work(connection: Any) -> None:
        await connection.execute(text(statement), {"value": ADDRESS})

    async def reading() -> None:
        async with db.read() as reader:
            await work(reader)

    with pytest.raises(UnexpectedValueError) as raised:
        await (db.write(work) if writing else reading())
    shown = "".join(traceback.format_exception(raised.value))
    assert told in shown
    assert "connection.execute(" in shown
    assert ADDRESS not in shown


# ---- what is tried again ----


@pytest.mark.parametrize("attempts", range(1, ATTEMPTS + 1))
async def test_work_that_sees_a_race_begins_again_with_nothing_kept(db: Database, attempts: int) -> None:
    users = [make.a_user() for _ in range(attempts)]
    runs: list[User] = []

    async def work(writer: Writer) -> str:
        runs.append(users[len(runs)])
        await user_data.add(writer, runs[-1])
        if len(runs) < attempts:
            raise BeginAgain
        return "done"

    assert await db.write(work) == "done"
    assert runs == users
    assert [await stored(db, user) for user in users] == [None] * (attempts - 1) + [users[-1]]


async def test_work_gives_up_after_five_attempts(db: Database) -> None:
    runs = 0

    async def work(_: Writer) -> None:
        nonlocal runs
        runs += 1
        raise BeginAgain

    with pytest.raises(UnavailableError) as told:
        await db.write(work)
    assert told.value.message == "Too many others change the same: try again."
    assert runs == 5
    assert lent(db) == 0


async def test_a_unique_value_taken_meanwhile_is_looked_at_again(db: Database) -> None:
    owner, user = make.a_user(email="ada@example.org"), make.a_user(email="ada@example.org")
    looks: list[UUID | None] = []

    async def work(writer: Writer) -> None:
        found = (await writer.execute(text("SELECT id FROM users"))).scalars()
        looks.append(found[0] if found else None)
        if found:
            raise Rejected
        # Between the look and the write.
        await make.store(db, owner)
        await user_data.add(writer, user)

    assert await refusal(db.write(work)) == ()
    assert looks == [None, owner.id]


async def test_a_unique_value_that_stays_taken_is_told_in_the_end(db: Database) -> None:
    await make.user(db, email="ada@example.org")
    user, runs = make.a_user(email="ada@example.org"), 0

    async def work(writer: Writer) -> None:
        nonlocal runs
        runs += 1
        await user_data.add(writer, user)

    assert await refusal(db.write(work)) == (
        TakenError(message="This is in use.", path=("email",), field=UniqueField.EMAIL, existing_id=None),
    )
    assert runs == 5


async def test_a_constraint_that_a_second_look_cannot_settle_is_told_at_once(db: Database) -> None:
    runs = 0

    async def work(writer: Writer) -> None:
        nonlocal runs
        runs += 1
        await user_data.add(writer, make.a_user(email="ADA@example.org"))

    (error,) = await refusal(db.write(work))
    assert error.path == ("email",)
    assert runs == 1


async def test_a_deadlock_is_settled_by_a_second_look(db: Database) -> None:
    """Nothing of ours locks in two orders; this does, and shows too that a deadlock would be noticed."""
    users = [await make.user(db) for _ in range(2)]
    both_hold, runs = asyncio.Barrier(2), 0

    def locking(order: list[User]) -> Callable[[Writer], Awaitable[None]]:
        async def work(writer: Writer) -> None:
            nonlocal runs
            runs += 1
            await lock_data.lock(writer, users=ToLock(alone=[order[0].id]))
            if runs <= 2:
                await both_hold.wait()
            await lock_data.lock(writer, users=ToLock(alone=[order[1].id]))
            await user_data.touch(writer, order, NOW)

        return work

    before = await deadlocks(db)
    await asyncio.gather(db.write(locking(users)), db.write(locking(users[::-1])))
    # The victim may begin again before the other has got its lock, and meet it once more.
    assert runs >= 3
    assert await deadlocks(db) == before + runs - 2
    after = [await stored(db, user) for user in users]
    assert [user and user.version for user in after] == [3, 3]


# ---- readers ----


async def test_a_reader_leaves_no_transaction_open(db: Database) -> None:
    async with db.read() as reader:
        pid = await pid_of(reader)
        assert await states(db, pid) == ["idle"]
        await user_data.by_ids(reader, [])
        assert await states(db, pid) == ["idle"]


async def test_a_reader_sees_what_was_committed_before_each_statement(db: Database) -> None:
    user = make.a_user()
    async with db.read() as reader:
        assert await user_data.by_ids(reader, [user.id]) == {}
        await make.store(db, user)
        assert await user_data.by_ids(reader, [user.id]) == {user.id: user}


async def test_a_connection_serves_readers_and_writers_in_turn(db: Database) -> None:
    async with database(db) as narrow:
        pids: list[int] = []
        for _ in range(2):
            async with narrow.read() as reader:
                pids.append(await pid_of(reader))
                assert await states(db, pids[-1]) == ["idle"]

            async def work(writer: Writer) -> None:
                pids.append(await pid_of(writer))
                assert await states(db, pids[-1]) == ["idle in transaction"]

            await narrow.write(work)
        assert pids == [pids[0]] * 4
        assert await states(db, pids[0]) == ["idle"]


# ---- when the database does not answer ----


async def use(db: Database, *, writing: bool) -> int:
    if writing:
        return await db.write(pid_of)
    async with db.read() as reader:
        return await pid_of(reader)


@pytest.mark.parametrize("writing", [True, False])
async def test_an_exhausted_pool_is_told(
    db: Database, monkeypatch: pytest.MonkeyPatch, writing: bool
) -> None:
    # Ten seconds, but nobody here has the time.
    monkeypatch.setattr("roster.data.db._POOL_TIMEOUT", 0.05)
    async with database(db, pool_size=2) as narrow:
        async with narrow.read(), narrow.read():
            with pytest.raises(UnavailableError) as told:
                await use(narrow, writing=writing)
            assert told.value.message == BUSY
        await use(narrow, writing=writing)
        assert lent(narrow) == 0


@pytest.mark.parametrize("writing", [True, False])
async def test_a_server_that_is_not_there_is_told(db: Database, writing: bool) -> None:
    # Nothing listens on the port that is nobody's.
    async with database(db, host="127.0.0.1", port=1, query={}) as nowhere:
        with pytest.raises(UnavailableError) as told:
            await use(nowhere, writing=writing)
        assert told.value.message == UNREACHABLE
        assert lent(nowhere) == 0


@pytest.mark.parametrize("writing", [False, True])
async def test_a_statement_that_takes_too_long_is_told(db: Database, writing: bool) -> None:
    """Never as an empty list. The connection stays."""

    async def work(connection: Any) -> None:
        await connection.execute(text("SELECT pg_sleep(60)"))

    async def reading(hasty: Database) -> None:
        async with hasty.read() as reader:
            await work(reader)

    async with tuned(db, "statement_timeout", "50ms") as hasty:
        pid = await use(hasty, writing=writing)
        with pytest.raises(UnavailableError) as told:
            await (hasty.write(work) if writing else reading(hasty))
        assert told.value.message == TOO_LONG
        assert lent(hasty) == 0
        assert await use(hasty, writing=writing) == pid


@pytest.mark.parametrize("writing", [True, False])
async def test_a_full_disk_is_told(db: Database, writing: bool) -> None:
    """As the server says it; tests/faults has a disk that is full."""

    async def work(connection: Any) -> None:
        await connection.execute(text("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$"))

    async def reading() -> None:
        async with db.read() as reader:
            await work(reader)

    with pytest.raises(UnavailableError) as told:
        await (db.write(work) if writing else reading())
    assert told.value.message == "The database has no room for more: try again later."
    assert lent(db) == 0


async def test_a_database_that_can_only_be_read_is_told(db: Database) -> None:
    """As a standby, or after a failover that the server has not heard of."""

    async def work(writer: Writer) -> None:
        await writer.execute(text("SET TRANSACTION READ ONLY"))
        await user_data.add(writer, make.a_user())

    with pytest.raises(UnavailableError) as told:
        await db.write(work)
    assert told.value.message == "The database can only be read: try again later."
    assert lent(db) == 0


async def end_backend(db: Database, pid: int) -> None:
    """Ends a connection from the server's side, as a restart would."""
    async with db.read() as reader:
        await reader.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


@pytest.mark.parametrize("writing", [True, False])
async def test_a_connection_lost_in_the_middle_is_told_and_replaced(db: Database, writing: bool) -> None:
    user = make.a_user()

    async def work(connection: Any) -> None:
        if writing:
            await user_data.add(connection, user)
        await end_backend(db, await pid_of(connection))
        await pid_of(connection)

    async def reading() -> None:
        async with narrow.read() as reader:
            await work(reader)

    async with database(db) as narrow:
        with pytest.raises(UnavailableError) as told:
            await (narrow.write(work) if writing else reading())
        assert told.value.message == UNREACHABLE
        assert lent(narrow) == 0
        assert await stored(narrow, user) is None


@pytest.mark.parametrize("writing", [True, False])
async def test_connections_that_are_lost_while_nobody_has_them_cost_no_answer(
    db: Database, writing: bool
) -> None:
    async with database(db, pool_size=3) as pool:
        async with pool.read() as one, pool.read() as two, pool.read() as three:
            lost = [await pid_of(reader) for reader in (one, two, three)]
        for pid in lost:
            await end_backend(db, pid)
        assert await use(pool, writing=writing) not in lost
        async with pool.read() as one, pool.read() as two, pool.read() as three:
            assert not {await pid_of(reader) for reader in (one, two, three)} & set(lost)
        assert lent(pool) == 0


# ---- cancelled ----


@pytest.mark.parametrize("writing", [True, False])
async def test_cancelled_work_gives_its_connection_back_and_keeps_nothing(
    db: Database, writing: bool
) -> None:
    user, begun = make.a_user(), asyncio.Event()

    async def work(connection: Any) -> None:
        if writing:
            await user_data.add(connection, user)
        begun.set()
        await connection.execute(text("SELECT pg_sleep(60)"))

    async def reading() -> None:
        async with narrow.read() as reader:
            await work(reader)

    async with database(db) as narrow:
        task = asyncio.create_task(narrow.write(work) if writing else reading())
        await begun.wait()
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert lent(narrow) == 0
        assert await stored(narrow, user) is None
        sleeping = text(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
        )
        async with db.read() as reader:
            assert (await reader.execute(sleeping)).scalar_one() == 0


async def test_work_cancelled_while_it_waits_for_a_lock_lets_the_next_go_on(db: Database) -> None:
    user = await make.user(db)

    async def lock(writer: Writer) -> User:
        return (await lock_data.lock(writer, users=ToLock(alone=[user.id]))).users[user.id]

    async with database(db) as narrow:
        async with db.engine.begin() as holder:
            await holder.execute(user_gate(user))
            task = asyncio.create_task(narrow.write(lock))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert lent(narrow) == 0
        assert await narrow.write(lock) == user


async def test_waiting_for_a_connection_can_be_cancelled(db: Database) -> None:
    async with database(db) as narrow:
        async with narrow.read():
            tasks = [asyncio.create_task(use(narrow, writing=writing)) for writing in (True, False)]
            await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(end) for end in ends] == [asyncio.CancelledError] * 2
            assert lent(narrow) == 1
        await use(narrow, writing=True)
        assert lent(narrow) == 0


async def test_many_at_once_pass_through_few_connections(db: Database) -> None:
    users = [make.a_user() for _ in range(40)]

    def adding(user: User) -> Callable[[Writer], Awaitable[None]]:
        async def work(writer: Writer) -> None:
            await user_data.add(writer, user)
            if user.status is UserStatus.PENDING:
                raise ValueError

        return work

    async with database(db, pool_size=3) as narrow:
        ends = await asyncio.gather(*(narrow.write(adding(user)) for user in users))
        assert ends == [None] * 40
        assert lent(narrow) == 0
    async with db.read() as reader:
        assert len(await user_data.by_ids(reader, [user.id for user in users])) == 40


async def test_a_race_that_is_none_is_noticed(db: Database) -> None:
    """The tests of races rely on this: what does not wait at the gate has not overlapped."""
    user, other = await make.user(db), await make.user(db)

    async def lock() -> None:
        await db.write(lambda writer: lock_data.lock(writer, users=ToLock(alone=[other.id])))

    with pytest.raises(ExceptionGroup) as told:
        await race(db, user_gate(user), lock)
    assert told.group_contains(AssertionError, match="it did not wait")
