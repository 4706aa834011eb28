"""Seeding: an empty directory is filled, all of it or not at all, and one in use is left alone."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

import make
from acting import acting
from client import Client
from emptying import empty
from replay import check_replay, log
from roster.data import users as user_data
from roster.data.db import Database
from roster.data.models import RoleAssignmentRow, RoleRow, UserRow
from roster.domain.errors import Rejected
from roster.domain.events import EventType
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
    return [[row._asdict() for row in table] for table in found]


async def counts(db: Database) -> list[int]:
    async with db.read() as reader:
        return [(await reader.execute(select(func.count()).select_from(row))).scalar_one() for row in TABLES]


async def clear(db: Database, seeded: list[Row]) -> None:
    async with db.engine.begin() as connection:
        await empty(connection)
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


@pytest.mark.parametrize("size", [1, 300])
async def test_the_log_tells_how_it_came_to_be(db: Database, seeded: list[Row], size: int) -> None:
    """Replayed it gives what there is; and each was made, given and ended once."""
    await seed(db, size, now(), ignore)
    # The company is older than the migrations.
    at_first = [role | {"updated_at": datetime.min.replace(tzinfo=UTC)} for role in seeded]
    await check_replay(db, at_first, versions=False)
    users, roles, assignments = await rows(db)
    ended = [row for row in assignments if row["ended_at"]]
    revoked = [row for row in ended if row["revoked_by_kind"]]
    events = await log(db)
    assert Counter(event["type"] for event in events) == Counter(
        {
            EventType.USER_CREATED: len(users),
            EventType.USER_STATUS_CHANGED: len(
                [row for row in users if row["status"] in {"SUSPENDED", "ARCHIVED"}]
            ),
            EventType.ROLE_CREATED: len(roles) - 1,
            EventType.ROLE_UPDATED: 1,
            EventType.ROLE_ARCHIVED: len([row for row in roles if row["archived_at"]]),
            EventType.ROLE_ASSIGNED: len(assignments),
            EventType.ROLE_REVOKED: len(revoked),
            EventType.ROLE_ASSIGNMENT_EXPIRED: len(ended) - len(revoked),
        }
    )
    assert max(event["at"] for event in events) <= now()
    assert len({(event["epoch"], event["transaction"]) for event in events}) == 1


async def test_the_log_of_every_user_follows_the_clock(db: Database) -> None:
    await seed(db, 300, now(), ignore)
    moments: dict[Any, list[datetime]] = {}
    for event in await log(db):
        moments.setdefault(event["user_id"] or event["role_id"], []).append(event["at"])
    assert [times for times in moments.values() if times != sorted(times)] == []
    assert len(moments) > 300


async def test_what_comes_after_follows_the_sample_in_the_feed(api: Client, db: Database) -> None:
    await seed(db, 20, now(), ignore)
    await acting(db, now()).create(email="new@example.org")
    answer = await api.answer("{ events(last: 2) { nodes { type roleKey user { email } } } }")
    new = {"user": {"email": "new@example.org"}}
    assert answer["data"]["events"]["nodes"] == [
        {"type": "USER_CREATED", "roleKey": None} | new,
        {"type": "ROLE_ASSIGNED", "roleKey": "MEMBER"} | new,
    ]


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
