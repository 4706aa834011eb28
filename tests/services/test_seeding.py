"""Seeding: an empty directory is filled, all of it or not at all, and one in use is left alone."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, text

import make
from acting import acting
from client import Client
from roster.data import users as user_data
from roster.data.db import Database
from roster.data.models import RoleAssignmentRow, RoleRow, UserRow
from roster.domain.errors import Rejected
from roster.domain.instants import now
from roster.domain.users import UserKey, UserRef, UserStatus
from roster.services.seeding import NotEmptyError, Seeded, seed

TODAY = datetime(2026, 6, 30, 15, 30, tzinfo=UTC)
TABLES = (UserRow, RoleRow, RoleAssignmentRow)
Row = dict[str, Any]


def ignore(_what: str, _done: int, _of: int) -> None:
    pass


async def rows(db: Database) -> list[list[Row]]:
    async with db.read() as reader:
        found = [await reader.execute(select(row.__table__).order_by(row.__table__.c.id)) for row in TABLES]
    return [[dict(each) for each in table.mappings()] for table in found]


async def counts(db: Database) -> list[int]:
    async with db.read() as reader:
        return [(await reader.execute(select(func.count()).select_from(row))).scalar_one() for row in TABLES]


async def clear(db: Database, seeded: list[Row]) -> None:
    async with db.engine.begin() as connection:
        for row in (RoleAssignmentRow, UserRow, RoleRow):
            await connection.execute(delete(row))
        await connection.execute(insert(RoleRow), seeded)


# ---- what there is then ----


async def test_it_says_how_much_there_is_then(db: Database) -> None:
    made = await seed(db, 1000, TODAY, ignore)
    assert [made.users, made.roles, made.assignments] == await counts(db)
    assert (made.users, made.roles) == (1000, 26)


async def test_progress_goes_from_nothing_to_all_of_it(db: Database) -> None:
    seen: list[tuple[str, int, int]] = []
    await seed(db, 20, TODAY, lambda *progress: seen.append(progress))
    steps = {
        what: [progress[1:] for progress in group] for what, group in groupby(seen, lambda each: each[0])
    }
    assert list(steps) == ["Users", "Indexes"]
    assert steps["Users"] == [(0, 20), (20, 20)]
    assert steps["Indexes"] == [(done, len(steps["Indexes"]) - 1) for done in range(len(steps["Indexes"]))]


async def test_it_is_the_same_all_day(db: Database, seeded: list[Row]) -> None:
    await seed(db, 50, TODAY, ignore)
    morning = await rows(db)
    await clear(db, seeded)
    await seed(db, 50, TODAY.replace(hour=1), ignore)
    assert await rows(db) == morning


async def test_nothing_is_in_the_future_but_expiries(db: Database) -> None:
    await seed(db, 200, now(), ignore)
    users, roles, assignments = await rows(db)
    moments = [row["updated_at"] for row in (*users, *roles)]
    moments += [row["ended_at"] or row["assigned_at"] for row in assignments]
    assert max(moments) <= now()
    assert max(row["expires_at"] or now() for row in assignments) > now() + timedelta(days=300)


async def test_the_playground_s_first_example_shows_it(api: Client, db: Database) -> None:
    await seed(db, 100, now(), ignore)
    answer = await api.answer(
        """query UsersWithRoles {
          users(first: 10) {
            nodes { id displayName email status roles { key name } }
            pageInfo { hasNextPage endCursor }
          }
        }"""
    )
    users = answer["data"]["users"]
    assert users["pageInfo"]["hasNextPage"]
    assert len([user for user in users["nodes"] if user["roles"]]) > 5


async def test_who_held_admin_half_a_year_ago_is_answered(api: Client, db: Database) -> None:
    await seed(db, 100, now(), ignore)
    then = (now() - timedelta(days=183)).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = await api.answer(
        f"""{{
          role(by: {{ key: "ADMIN" }}) {{
            minHolders
            users {{ nodes {{ firstName }} }}
            then: assignments(activeAt: "{then}") {{ nodes {{ user {{ firstName }} revokedBy {{ label }} }} }}
          }}
        }}"""
    )
    role = answer["data"]["role"]
    assert role["minHolders"] == 1
    assert {user["firstName"] for user in role["users"]["nodes"]} == {"Ada", "Grace", "Katherine"}
    held = {node["user"]["firstName"]: node["revokedBy"] for node in role["then"]["nodes"]}
    assert held == {"Ada": None, "Grace": None, "Alan": {"label": "Ada Lovelace"}}


async def test_the_last_administrator_cannot_leave(db: Database) -> None:
    await seed(db, 20, now(), ignore)
    act = acting(db, now())
    grace, ada = (
        UserRef(key=UserKey.EMAIL, value=f"{name}@example.org") for name in ("grace.hopper", "ada.lovelace")
    )
    with pytest.raises(Rejected, match="DATA_PROTECTION_OFFICER must be held by at least 1"):
        await act.set_status(UserStatus.SUSPENDED, grace)
    with pytest.raises(Rejected, match="ADMIN must be held by at least 1"):
        await act.set_status(UserStatus.SUSPENDED, grace, ada)


# ---- an empty directory only ----


@pytest.mark.parametrize("make_something", [make.user, make.role])
async def test_a_directory_in_use_is_left_alone(db: Database, make_something: Callable[..., Any]) -> None:
    await make_something(db)
    before = await rows(db)
    with pytest.raises(NotEmptyError, match="only an empty directory"):
        await seed(db, 20, TODAY, ignore)
    assert await rows(db) == before


async def test_a_directory_in_use_is_not_held_up(db: Database) -> None:
    await make.user(db)
    async with db.engine.begin() as busy:
        await busy.execute(text("UPDATE users SET version = 2"))
        with pytest.raises(NotEmptyError):
            await asyncio.wait_for(seed(db, 20, TODAY, ignore), 10)


async def test_whoever_comes_in_at_the_last_moment_stays(db: Database) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'")
    user = make.a_user()
    async with db.engine.begin() as other:
        await other.execute(insert(UserRow).values(**user_data.values(user)))
        seeding = asyncio.create_task(seed(db, 20, TODAY, ignore))
        async with db.read() as reader, asyncio.timeout(20):
            while not (await reader.execute(waiting)).scalar_one():
                assert not seeding.done()
                await asyncio.sleep(0.01)
    with pytest.raises(NotEmptyError):
        await seeding
    assert [row["id"] for row in (await rows(db))[0]] == [user.id]


# ---- all or nothing ----


@pytest.mark.parametrize(
    ("interrupt", "when"),
    [
        (KeyboardInterrupt, ("Users", 0)),
        (KeyboardInterrupt, ("Users", 20)),
        (ValueError, ("Indexes", 3)),
        (KeyboardInterrupt, ("Indexes", 20)),
        (asyncio.CancelledError, ("Indexes", 21)),
    ],
)
async def test_an_interruption_leaves_nothing(
    db: Database, interrupt: type[BaseException], when: tuple[str, int]
) -> None:
    def progress(what: str, done: int, _of: int) -> None:
        if (what, done) == when:
            raise interrupt

    before = await rows(db)
    with pytest.raises(interrupt):
        await seed(db, 20, TODAY, progress)
    assert await rows(db) == before
    assert isinstance(await seed(db, 20, TODAY, ignore), Seeded)
