"""Rows are locked in the order of their ids, each as strongly as it must be and no more."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import text

import make
from roster.data import locks, roles, users
from roster.data.connections import Writer
from roster.data.db import Database
from roster.data.row_locks import ToLock

# From the weakest to the strongest: each lets pass those that do not conflict with it.
MODES = ("KEY SHARE", "SHARE", "NO KEY UPDATE", "UPDATE")
# What a row that is locked so still lets others lock it for (PostgreSQL's table of row-level locks).
LETS_PASS = {
    "none": MODES,
    "KEY SHARE": MODES[:3],
    "SHARE": MODES[:2],
    "NO KEY UPDATE": MODES[:1],
    "UPDATE": (),
}
Lock = Callable[[Writer], Awaitable[object]]


async def modes(db: Database, table: str, ids: Sequence[UUID]) -> list[str]:
    """How each row is locked, by what others can still lock it for."""
    passing: dict[UUID, list[str]] = {id_: [] for id_ in ids}
    for mode in MODES:
        async with db.engine.connect() as connection:
            ask = f"SELECT id FROM {table} WHERE id = ANY (:ids) FOR {mode} SKIP LOCKED"  # noqa: S608 -- ours
            for id_ in (await connection.execute(text(ask), {"ids": list(ids)})).scalars():
                passing[id_].append(mode)
            await connection.rollback()
    names = {passed: name for name, passed in LETS_PASS.items()}
    return [names[tuple(passing[id_])] for id_ in ids]


async def until_one_waits(db: Database) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'roster'"
    )
    async with db.read() as reader:
        for _ in range(4000):
            if (await reader.execute(waiting)).scalar_one() == 1:
                return
            await asyncio.sleep(0.005)
    pytest.fail("it did not wait")


async def assert_locked(
    db: Database, table: str, ids: Sequence[UUID], lock: Lock, how: Sequence[str]
) -> None:
    """`how` each of the ids, in their order, is locked at last; and, with each held back, only those before it are."""
    assert list(ids) == sorted(ids)

    async def look(writer: Writer) -> list[str]:
        await lock(writer)
        return await modes(db, table, ids)

    assert await db.write(look) == how
    for place, id_ in enumerate(ids):
        if how[place] == "none":
            continue
        async with db.engine.connect() as keeper, asyncio.TaskGroup() as group:
            held_back = f"SELECT id FROM {table} WHERE id = :id FOR UPDATE"  # noqa: S608 -- ours
            await keeper.execute(text(held_back), {"id": id_})
            task = group.create_task(db.write(look))
            await until_one_waits(db)
            assert await modes(db, table, ids) == [
                *how[:place],
                "UPDATE",
                *("none" for _ in how[place + 1 :]),
            ]
            await keeper.rollback()
            assert await task == how


def mixed(ids: Sequence[UUID]) -> list[UUID]:
    """In another order than that of the ids."""
    return Random(1).sample(list(ids), len(ids))  # noqa: S311 -- not a secret


async def stored_users(db: Database, count: int) -> list[UUID]:
    """Their ids in order, though they lie in the table otherwise."""
    made = [make.a_user() for _ in range(count)]
    await make.store(db, *Random(2).sample(made, count))  # noqa: S311 -- not a secret
    return [user.id for user in made]


CHANGED, RELIED_ON, NOT = "NO KEY UPDATE", "SHARE", "none"


async def test_users_are_locked_in_id_order(db: Database) -> None:
    ids = await stored_users(db, 5)
    changed = [ids[0], ids[1], ids[3], ids[4]]
    lock = partial(locks.lock, users=ToLock(alone=mixed(changed)))
    await assert_locked(db, "users", ids, lock, [CHANGED, CHANGED, NOT, CHANGED, CHANGED])


@pytest.mark.parametrize("place", range(6))
async def test_the_caller_is_locked_shared_in_the_same_order(db: Database, place: int) -> None:
    ids = await stored_users(db, 6)
    others = [id_ for id_ in ids if id_ != ids[place]]
    lock = partial(locks.lock, users=ToLock(alone=mixed(others), shared=[ids[place]]))
    how = [CHANGED] * 6
    how[place] = RELIED_ON
    await assert_locked(db, "users", ids, lock, how)


@pytest.mark.parametrize("place", range(3))
async def test_a_caller_who_is_changed_is_locked_as_such(db: Database, place: int) -> None:
    ids = await stored_users(db, 3)
    await assert_locked(
        db,
        "users",
        ids,
        partial(locks.lock, users=ToLock(alone=mixed(ids), shared=[ids[place]])),
        [CHANGED] * 3,
    )


async def test_a_caller_alone_is_locked_shared(db: Database) -> None:
    ids = await stored_users(db, 3)
    await assert_locked(
        db, "users", ids, partial(locks.lock, users=ToLock(alone=[], shared=[ids[1]])), [NOT, RELIED_ON, NOT]
    )


async def test_several_are_locked_shared_between_those_who_are_changed(db: Database) -> None:
    ids = await stored_users(db, 6)
    lock = partial(locks.lock, users=ToLock(alone=[ids[4], ids[1]], shared=[ids[5], ids[0], ids[2]]))
    how = [RELIED_ON, CHANGED, RELIED_ON, NOT, CHANGED, RELIED_ON]
    await assert_locked(db, "users", ids, lock, how)


async def test_nobody_is_locked_if_nobody_is_named(db: Database) -> None:
    await stored_users(db, 1)
    assert (await db.write(partial(locks.lock, users=ToLock(alone=[])))).users == {}


async def test_locked_users_are_answered_as_they_are_by_then(db: Database) -> None:
    """Whoever waited is told what was committed meanwhile: of those changed, and of the caller."""
    ids = await stored_users(db, 3)
    async with db.engine.connect() as other, asyncio.TaskGroup() as group:
        await other.execute(text("UPDATE users SET first_name = 'New'"))
        task = group.create_task(
            db.write(partial(locks.lock, users=ToLock(alone=[ids[0], ids[2]], shared=[ids[1]])))
        )
        await until_one_waits(db)
        await other.commit()
        assert [(await task).users[id_].first_name for id_ in ids] == ["New"] * 3


@pytest.mark.parametrize("alone", [(), (0, 1, 2, 3), (1,), (0, 3)])
async def test_roles_are_locked_in_id_order(db: Database, alone: tuple[int, ...]) -> None:
    made = [make.a_role() for _ in range(5)]
    await make.store(db, *Random(2).sample(made, 5))  # noqa: S311 -- not a secret
    ids = [role.id for role in made]
    lock = partial(roles.lock, alone=[ids[n] for n in alone], shared=mixed(ids[:4]))
    how = ["UPDATE" if n in alone else "SHARE" for n in range(4)]
    await assert_locked(db, "roles", ids, lock, [*how, NOT])


async def test_those_who_are_busy_are_left_out(db: Database) -> None:
    """By the job that records expiries, which waits for nobody: also not for a caller, who is locked shared."""
    ids = await stored_users(db, 4)

    async def free(_: Writer) -> set[UUID]:
        return set(await db.write(partial(users.lock_free, ids=mixed(ids))))

    async def busy(writer: Writer) -> set[UUID]:
        await locks.lock(writer, users=ToLock(alone=[ids[0]], shared=[ids[2]]))
        return await free(writer)

    assert await db.write(busy) == {ids[1], ids[3]}
