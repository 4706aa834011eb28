"""The order of the log: what follows what, and that nobody who polls the feed ever misses an event.

A transaction is numbered when it begins to write, and may end long after one with a higher number.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

import make
from acting import NOW, acting
from racing import Work, race, role_gate, until_one_waits
from roster.data import events as event_data
from roster.data.connections import Writer
from roster.data.db import Database
from roster.data.engine import EngineConnection
from roster.domain.actors import LOCAL_OPERATOR
from roster.domain.assignments import Change
from roster.domain.events import Event, EventType, of_user
from roster.domain.filters import EventFilter
from roster.domain.ids import new_id
from roster.domain.pages import Cursor, EventOrderField, Page, PageRequest
from roster.domain.users import User

BY_CLI = Change(by=LOCAL_OPERATOR, at=NOW, reason=None)
ELSEWHERE = "7000000000000000000/00000001"


@pytest.fixture
async def user(db: Database) -> User:
    return await make.user(db)


def events_of(user: User, count: int = 1) -> list[Event]:
    return [of_user(EventType.USER_UPDATED, user.id, BY_CLI) for _ in range(count)]


async def add(writer: Writer, user: User, count: int = 1) -> list[Event]:
    added = events_of(user, count)
    await event_data.add(writer, added)
    return added


async def added(db: Database, user: User, count: int = 1) -> list[Event]:
    return await db.write(partial(add, user=user, count=count))


def request(after: Cursor | None = None, size: int = 200) -> PageRequest[EventOrderField]:
    return PageRequest(order=(), size=size, backward=False, after=after, before=None)


async def page(
    db: Database, after: Cursor | None = None, *, size: int = 200, which: EventFilter | None = None
) -> Page[Event]:
    async with db.read() as reader:
        return await event_data.page(reader, which, request(after, size))


async def feed(db: Database) -> list[Event]:
    return [edge.node for edge in (await page(db)).edges]


async def places(db: Database) -> list[tuple[int, int, int]]:
    async with db.read() as reader:
        statement = "SELECT epoch, transaction, sequence FROM events ORDER BY sequence"
        return [tuple(row) for row in await reader.execute(text(statement))]


@asynccontextmanager
async def writing(db: Database) -> AsyncIterator[AsyncConnection]:
    """A transaction that has its number by now, and is committed in the end."""
    async with db.engine.begin() as connection:
        await connection.execute(text("SELECT pg_current_xact_id()"))
        yield connection


# ---- places ----


async def test_the_events_of_one_transaction_follow_each_other_in_their_order(
    db: Database, user: User
) -> None:
    """However many: more than are sent in one statement."""
    made = await added(db, user, 2500)
    found = await places(db)
    assert len({place[:2] for place in found}) == 1
    assert found == sorted(set(found))
    seen: list[Event] = []
    after = None
    while more := (await page(db, after)).edges:
        seen += [edge.node for edge in more]
        after = more[-1].cursor
    assert seen == made


async def test_a_place_that_is_given_is_kept(db: Database, user: User) -> None:
    """As in a dump that is restored."""
    statement = text(
        "INSERT INTO events (id, epoch, transaction, sequence, type, at, actor_kind, user_id, changes)"
        " OVERRIDING SYSTEM VALUE VALUES (:id, 7, 8, 9, 'USER_UPDATED', now(), 'CLI', :user, '[]')"
    )
    async with db.engine.begin() as connection:
        await connection.execute(statement, {"id": new_id(), "user": user.id})
    assert await places(db) == [(7, 8, 9)]


async def test_an_event_follows_those_that_its_transaction_waited_for(db: Database) -> None:
    """Whoever applies the log in its order must come to what there is.

    The first to begin waits for a role, while another gives the user the other one; it then takes both.
    """
    user, free, busy = await make.user(db), await make.role(db), await make.role(db)
    act = acting(db)

    async def give() -> None:
        await act.assign([user], [free])

    async def take_and_let_others_first() -> None:
        taking = asyncio.create_task(act.revoke([user], [free, busy]))
        await until_one_waits(db)
        await give()
        await let_go()
        assert (await taking).revoked == 1

    async with db.engine.connect() as keeper:
        await keeper.execute(role_gate(busy))
        let_go = keeper.rollback
        await take_and_let_others_first()
    assert [event.type for event in await feed(db)] == [EventType.ROLE_ASSIGNED, EventType.ROLE_REVOKED]


async def test_events_of_those_who_met_follow_as_they_did(db: Database, user: User) -> None:
    role = await make.role(db)
    act = acting(db)
    works: list[Work[object]] = [partial(act.assign, [user], [role]), partial(act.revoke, [user], [role])] * 3
    await race(db, role_gate(role), *works)
    types = [event.type for event in await feed(db)]
    assert types[0] is EventType.ROLE_ASSIGNED
    assert [one for one, next_ in pairwise(types) if one is next_] == []


# ---- the fence ----


async def test_what_is_not_committed_is_not_skipped(db: Database, user: User) -> None:
    first = await added(db, user)
    start = (await page(db)).edges[-1].cursor
    async with writing(db) as early, writing(db) as late:
        second = await add(EngineConnection(early), user)
        await late.commit()
        # One that began later has ended: the feed waits for the earlier one.
        third = await added(db, user)
        assert await feed(db) == first
        assert (await page(db, start)).edges == ()
        assert (await page(db, start)).has_next is False
        # For people who look at one user it is no feed.
        async with db.read() as reader:
            shown = await event_data.pages_by_users(reader, [user.id], request())
        assert [edge.node for edge in shown[user.id].edges] == [*first, *third]
    assert await feed(db) == [*first, *second, *third]
    assert [edge.node for edge in (await page(db, start)).edges] == [*second, *third]


async def test_one_that_adds_its_event_last_keeps_its_place(db: Database, user: User) -> None:
    """Its number is the lowest, and its event the latest; whatever is shown of the others stays before it."""
    async with writing(db) as early:
        others = await added(db, user)
        assert await feed(db) == []
        last = await add(EngineConnection(early), user)
    assert await feed(db) == [*others, *last]


async def test_one_that_is_rolled_back_holds_nothing_up_any_more(db: Database, user: User) -> None:
    async with db.engine.connect() as early:
        await add(EngineConnection(early), user)
        later = await added(db, user)
        assert await feed(db) == []
        await early.rollback()
    assert await feed(db) == later


async def test_whoever_only_reads_holds_nothing_up(db: Database, user: User) -> None:
    async with db.engine.connect() as reader:
        await reader.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        await reader.execute(text("SELECT FROM events"))
        made = await added(db, user)
        assert await feed(db) == made


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_when_all_have_ended_all_of_it_is_shown(db: Database, user: User, end: str) -> None:
    """Also when nobody comes after, whose number would be the next."""
    async with writing(db) as early, db.engine.connect() as late:
        await late.execute(text("SELECT pg_current_xact_id()"))
        await (late.commit() if end == "commit" else late.rollback())
        made = await add(EngineConnection(early), user)
    assert await feed(db) == made


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_polls_while_many_write_gets_each_event_once_in_order(db: Database, seed: int) -> None:
    choice = Random(seed)  # noqa: S311 -- not a secret
    users = [await make.user(db) for _ in range(8)]
    done = asyncio.Event()

    async def write(user: User) -> None:
        for _ in range(15):
            async with db.engine.connect() as connection:
                await connection.execute(text("SELECT pg_current_xact_id()"))
                await asyncio.sleep(choice.choice((0, 0, 0.001, 0.01)))
                await add(EngineConnection(connection), user, choice.choice((1, 1, 3)))
                await asyncio.sleep(choice.choice((0, 0, 0.001, 0.01)))
                await (connection.rollback() if choice.random() < 0.2 else connection.commit())

    async def poll() -> list[Event]:
        seen: list[Event] = []
        after, last = None, False
        while True:
            ending = done.is_set()
            found = await page(db, after, size=choice.choice((1, 3, 200)))
            seen += [edge.node for edge in found.edges]
            after = found.edges[-1].cursor if found.edges else after
            last = ending and not found.edges
            if last:
                return seen
            await asyncio.sleep(0)

    polls = [asyncio.create_task(poll()) for _ in range(2)]
    await asyncio.gather(*map(write, users))
    done.set()
    expected = await feed_to_its_end(db)
    assert len(expected) > 100
    for poll_ in polls:
        assert await poll_ == expected


async def feed_to_its_end(db: Database) -> list[Event]:
    seen: list[Event] = []
    after = None
    while found := (await page(db, after)).edges:
        seen += [edge.node for edge in found]
        after = found[-1].cursor
    return seen


# ---- another cluster ----


@pytest.fixture
async def moved(db: Database) -> AsyncIterator[Database]:
    """The same database once it was dumped, and restored in another cluster: its log goes on there."""
    yield db
    async with db.engine.begin() as connection:
        await connection.execute(text("DELETE FROM event_epochs"))
        await connection.execute(text("INSERT INTO event_epochs VALUES (1, event_cluster())"))


async def move(db: Database, cluster: str = ELSEWHERE) -> None:
    """What was here is of another cluster, whose transactions had far higher numbers."""
    async with db.engine.begin() as connection:
        await connection.execute(text("UPDATE event_epochs SET cluster = :cluster"), {"cluster": cluster})
        # As a restore writes it: nobody updates an event.
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text("UPDATE events SET transaction = transaction + 1000000000000"))


async def epochs(db: Database) -> list[tuple[int, bool]]:
    """Each, and whether it is that of this cluster."""
    async with db.read() as reader:
        statement = "SELECT epoch, cluster = event_cluster() FROM event_epochs ORDER BY epoch"
        return [tuple(row) for row in await reader.execute(text(statement))]


async def test_a_log_begins_in_the_first_epoch(moved: Database) -> None:
    user = await make.user(moved)
    async with moved.engine.begin() as connection:
        await connection.execute(text("DELETE FROM event_epochs"))
    assert await feed(moved) == []
    await added(moved, user)
    assert await epochs(moved) == [(1, True)]
    assert (await places(moved))[0][0] == 1
    assert len(await feed(moved)) == 1


async def test_what_was_there_before_is_shown_and_what_comes_then_follows(moved: Database) -> None:
    user = await make.user(moved)
    old = await added(moved, user, 2)
    await move(moved)
    # Before anything was written here.
    assert await feed(moved) == old
    assert await epochs(moved) == [(1, False)]
    start = (await page(moved)).edges[-1].cursor
    new = await added(moved, user, 2)
    assert await epochs(moved) == [(1, False), (2, True)]
    assert await feed(moved) == [*old, *new]
    assert [edge.node for edge in (await page(moved, start)).edges] == new
    # The next one finds the epoch there.
    newer = await added(moved, user)
    assert await epochs(moved) == [(1, False), (2, True)]
    assert await feed(moved) == [*old, *new, *newer]


async def test_the_feed_waits_in_the_new_epoch_too(moved: Database) -> None:
    user = await make.user(moved)
    old = await added(moved, user)
    await move(moved)
    async with writing(moved) as early:
        later = await added(moved, user)
        assert await feed(moved) == old
        first = await add(EngineConnection(early), user)
    assert {*(await feed(moved))[1:]} == {*later, *first}


async def test_several_who_write_first_begin_one_epoch(moved: Database) -> None:
    """And none of them has to begin again."""
    user = await make.user(moved)
    old = await added(moved, user)
    await move(moved)

    async def add_once() -> list[Event]:
        async with moved.engine.begin() as connection:
            return await add(EngineConnection(connection), user)

    async with moved.engine.begin() as one:
        first = await add(EngineConnection(one), user)
        other = asyncio.create_task(add_once())
        await until_one_waits(moved)
    second = await other
    assert await epochs(moved) == [(1, False), (2, True)]
    assert await feed(moved) == [*old, *first, *second]


async def test_a_log_that_moves_again_begins_another_epoch(moved: Database) -> None:
    user = await make.user(moved)
    made = []
    for number in range(3):
        made += await added(moved, user)
        await move(moved, f"{number}/00000001")
    assert await feed(moved) == made
    made += await added(moved, user)
    assert await epochs(moved) == [(1, False), (2, False), (3, False), (4, True)]
    assert await feed(moved) == made


async def test_another_timeline_is_another_cluster(moved: Database) -> None:
    """After a failover or a recovery to a moment the numbers go on from before it, on another branch."""
    user = await make.user(moved)
    async with moved.read() as reader:
        here = (await reader.execute(text("SELECT event_cluster()"))).scalar_one()
    identifier, timeline = here.split("/")
    assert (identifier.isdecimal(), timeline) == (True, "00000001")
    old = await added(moved, user)
    await move(moved, f"{identifier}/00000002")
    new = await added(moved, user)
    assert await epochs(moved) == [(1, False), (2, True)]
    assert await feed(moved) == [*old, *new]
