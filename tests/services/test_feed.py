"""The feed while others write: whoever polls it misses nothing and gets nothing twice, whatever order commits come in."""

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import select, text, tuple_

from acting import acting
from client import Client
from following import DAWDLE, Follower
from roster.api import ids
from roster.data.db import Database
from roster.data.models import EventRow
from roster.domain.errors import Rejected
from roster.domain.events import EventType
from roster.domain.instants import now
from roster.domain.roles import RoleKey, RoleRef

WRITERS, WRITES = 8, 10
ASSIGNMENTS = [EventType.ROLE_ASSIGNED, EventType.ROLE_REVOKED]
PLACE = (EventRow.epoch, EventRow.transaction, EventRow.sequence)


@pytest.fixture
async def dawdling_db(db: Database) -> AsyncIterator[Database]:
    """Each COMMIT takes a while that nobody can foresee, so that they come in another order than their transactions."""
    async with db.engine.begin() as connection:
        for statement in DAWDLE:
            await connection.execute(text(statement))
    yield db
    async with db.engine.begin() as connection:
        await connection.execute(text("DROP FUNCTION dawdle CASCADE"))


async def write(db: Database, number: int) -> None:
    """Some of it is refused, as two writers want the same address."""
    role = RoleRef(key=RoleKey.KEY, value=f"ROLE_{number % 3}")
    for turn in range(WRITES):
        act = acting(db, now())
        try:
            user = await act.create(email=f"user{number // 2}.{turn}@example.org", grants={})
        except Rejected:
            continue
        await act.assign([user], [role])
        await act.update(user, display_name=f"User {turn}")
        if turn % 2:
            await act.revoke([user], [role])
        else:
            await act.update_role(role, description=f"Of {number} in turn {turn}")


async def poll_until(done: asyncio.Event, follower: Follower, api: Client) -> None:
    while not done.is_set():
        await follower.poll(api)
        await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311


async def poll_rashly_until(done: asyncio.Event, db: Database, seen: list[UUID]) -> None:
    """As one would without the feed: whatever is committed and comes after what was read."""
    last = (0, 0, 0)
    while not done.is_set():
        async with db.read() as reader:
            new = select(EventRow.id, *PLACE).where(tuple_(*PLACE) > tuple_(*last)).order_by(*PLACE)
            for row in await reader.execute(new):
                seen.append(row.id)
                last = row[1:]
        await asyncio.sleep(0.002)


async def log(db: Database, *types: EventType) -> list[str]:
    """The ids of all events, or those of the types, in their order."""
    every = select(EventRow.id).order_by(*PLACE)
    async with db.engine.connect() as reader:
        found = await reader.scalars(every.where(EventRow.type.in_(types)) if types else every)
        return [ids.to_text(ids.Kind.EVENT, id_) for id_ in found]


async def test_whoever_polls_beside_many_writers_misses_nothing_and_gets_nothing_twice(
    dawdling_db: Database, api: Client
) -> None:
    db, done, rash = dawdling_db, asyncio.Event(), list[UUID]()
    followers = [Follower(size=size) for size in (1, 7, 200)]
    picky = [Follower(size=size, types=[type_.name for type_ in ASSIGNMENTS]) for size in (2, 200)]
    for number in range(3):
        await acting(db, now()).add_role(f"ROLE_{number}")
    async with asyncio.TaskGroup() as group:
        for follower in (*followers, *picky):
            group.create_task(poll_until(done, follower, api))
        group.create_task(poll_rashly_until(done, db, rash))
        await asyncio.gather(*(write(db, number) for number in range(WRITERS)))
        done.set()
    for follower in (*followers, *picky):
        await follower.poll(api)
    every = await log(db)
    assert len(every) > WRITERS * WRITES
    assert {ids.to_text(ids.Kind.EVENT, id_) for id_ in rash} < set(every), "no two commits changed places"
    for follower in followers:
        assert follower.ids == every
    for follower in picky:
        assert follower.ids == await log(db, *ASSIGNMENTS)
