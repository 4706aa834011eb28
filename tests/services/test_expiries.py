"""Expiries are recorded once each, a while after they were, by however many do so; what is in force never depends on it."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

import make
from acting import LATER, NOW, acting, history, stored_role, stored_user
from racing import Work, race, role_gate, until_one_waits, user_gate
from recorded import assigned, event, expired, recorded, revoked
from replay import count, log
from roster.data import assignments as assignment_data
from roster.data.db import Database
from roster.data.engine import EngineConnection
from roster.domain.actors import SYSTEM
from roster.domain.events import Event, EventType
from roster.domain.roles import Role
from roster.domain.users import User, UserStatus
from roster.services.expiries import record_expiries

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
GRACE = 15 * SECOND
BARELY = timedelta(milliseconds=1)


@pytest.fixture
async def user(db: Database) -> User:
    return await make.user(db)


@pytest.fixture
async def role(db: Database) -> Role:
    return await make.role(db)


def lapsed(user: User, role: Role, at: datetime) -> Event:
    """As the job records it, in no request."""
    return event(
        EventType.ROLE_ASSIGNMENT_EXPIRED, user=user, role=role, at=at, actor=SYSTEM, request_id=None
    )


async def ends(db: Database, user: User) -> list[datetime | None]:
    return [held.ended_at for held in await history(db, user)]


# ---- what is recorded ----


async def test_what_expired_a_while_ago_is_closed_at_its_expiry_and_told(
    db: Database, user: User, role: Role
) -> None:
    at = NOW - HOUR
    await make.assignment(db, user, role, expires_at=at, reason="For a while")
    assert await record_expiries(db, NOW) == 1
    (held,) = await history(db, user)
    assert (held.expires_at, held.ended_at, held.revoked_by, held.reason) == (at, at, None, "For a while")
    assert await recorded(db) == [lapsed(user, role, at)]
    # And there is nothing more to do.
    assert await record_expiries(db, NOW) == 0
    assert len(await recorded(db)) == 1


@pytest.mark.parametrize(
    ("ago", "told"),
    [
        (-HOUR, False),
        (timedelta(0), False),
        (GRACE - BARELY, False),
        (GRACE, False),
        (GRACE + BARELY, True),
    ],
)
async def test_who_decides_at_a_moment_that_is_not_long_ago_is_not_overtaken(
    db: Database, user: User, role: Role, ago: timedelta, *, told: bool
) -> None:
    await make.assignment(db, user, role, expires_at=NOW - ago)
    assert await record_expiries(db, NOW) == int(told)
    assert await ends(db, user) == [NOW - ago if told else None]


async def test_what_does_not_expire_or_has_ended_stays_as_it_is(db: Database, user: User) -> None:
    held = [
        make.an_assignment(user, await make.role(db), **given)
        for given in (
            {},
            {"expires_at": LATER},
            {"expires_at": NOW - HOUR, "ended_at": NOW - HOUR},
            {
                "expires_at": NOW - HOUR,
                "ended_at": NOW - 2 * HOUR,
                "revoked_by": SYSTEM,
                "revoke_reason": "Done",
            },
        )
    ]
    await make.store(db, *held)
    assert await record_expiries(db, NOW) == 0
    assert await history(db, user) == held
    assert await recorded(db) == []


async def test_it_touches_nobody(db: Database, user: User, role: Role) -> None:
    """To expire is no change of a user or a role: nobody who has seen their latest version is told otherwise."""
    await make.assignment(db, user, role, expires_at=NOW - HOUR)
    await record_expiries(db, NOW)
    assert await stored_user(db, user) == user
    assert await stored_role(db, role) == role
    await acting(db).set_roles(user, {role: LATER}, expected_version=1)


@pytest.mark.parametrize("status", [status for status in UserStatus if status is not UserStatus.ERASED])
async def test_whoever_held_it_is_told_of(db: Database, role: Role, status: UserStatus) -> None:
    user = await make.user(db, status=status)
    await make.assignment(db, user, role, expires_at=NOW - HOUR)
    assert await record_expiries(db, NOW) == 1


async def test_what_expired_first_is_told_first(db: Database) -> None:
    users, roles = [await make.user(db) for _ in range(3)], [await make.role(db) for _ in range(2)]
    held = [
        make.an_assignment(user, role, expires_at=NOW - timedelta(minutes=(5 * n + 3 * m) % 7 + 1))
        for n, user in enumerate(users)
        for m, role in enumerate(roles)
    ]
    await make.store(db, *held)
    assert await record_expiries(db, NOW) == 6
    moments = [told.at for told in await recorded(db)]
    assert moments == sorted(moments)
    assert sorted(moments) == sorted(one.expires_at for one in held if one.expires_at)


async def test_however_many_there_are_all_are_recorded(db: Database) -> None:
    """More than are recorded at a time; of some users several."""
    users, roles = [make.a_user() for _ in range(420)], [make.a_role() for _ in range(3)]
    held = [
        make.an_assignment(user, role, expires_at=NOW - timedelta(minutes=n % 50 + 1))
        for n, user in enumerate(users)
        for role in roles
    ]
    await make.store(db, *users, *roles, *held)
    assert await record_expiries(db, NOW) == 1260
    assert await count(db) == 1260
    async with db.read() as reader:
        found = await assignment_data.by_ids(reader, [one.id for one in held])
    assert {one.ended_at == one.expires_at for one in found.values()} == {True}


async def test_what_else_expired_of_a_user_waits_for_its_role(db: Database) -> None:
    """Of whoever is locked only what was looked at: the role of what comes later is not."""
    users, first, second = [make.a_user() for _ in range(500)], await make.role(db), await make.role(db)
    held = [make.an_assignment(user, first, expires_at=NOW - 2 * HOUR) for user in users]
    later = [make.an_assignment(user, second, expires_at=NOW - HOUR) for user in users[:2]]
    await make.store(db, *users, *held, *later)
    assert await record_expiries(db, NOW) == 502
    assert len({(one["user_id"], one["role_id"]) for one in await log(db)}) == await count(db) == 502


# ---- many at once ----


async def test_however_many_do_so_each_is_recorded_once(db: Database) -> None:
    users, roles = [make.a_user() for _ in range(60)], [make.a_role() for _ in range(20)]
    held = [make.an_assignment(user, role, expires_at=NOW - HOUR) for user in users for role in roles]
    await make.store(db, *users, *roles, *held)
    done = await asyncio.gather(*(record_expiries(db, NOW + n * SECOND) for n in range(6)))
    assert sum(done) + await record_expiries(db, NOW) == len(held)
    told = await log(db)
    assert len({(one["user_id"], one["role_id"]) for one in told}) == len(told) == len(held)


async def test_whoever_is_busy_is_left_for_the_next_time(db: Database, user: User, role: Role) -> None:
    other = await make.user(db)
    for one in (user, other):
        await make.assignment(db, one, role, expires_at=NOW - HOUR)
    async with db.engine.begin() as busy:
        await busy.execute(user_gate(user))
        assert await asyncio.wait_for(record_expiries(db, NOW), 10) == 1
        assert await recorded(db) == []  # the feed waits for whoever writes
    assert await recorded(db) == [lapsed(other, role, NOW - HOUR)]
    assert await record_expiries(db, NOW) == 1
    assert await ends(db, user) == [NOW - HOUR]


# ---- what changes meanwhile ----


@pytest.mark.parametrize("until", [None, LATER])
async def test_what_is_extended_meanwhile_does_not_expire(
    db: Database, user: User, role: Role, until: datetime | None
) -> None:
    """By a request of before the expiry, after the job has looked."""
    held = await make.assignment(db, user, role, expires_at=NOW - HOUR)
    async with db.engine.begin() as request:
        await request.execute(role_gate(role))
        job = asyncio.create_task(record_expiries(db, NOW))
        await until_one_waits(db)
        await assignment_data.set_expiries(EngineConnection(request), {held.id: until})
    assert await job == 0
    assert await history(db, user) == [replace(held, expires_at=until)]
    assert await recorded(db) == []


@pytest.mark.parametrize("job_first", [True, False])
async def test_what_was_assigned_again_expired_once(
    db: Database, user: User, role: Role, *, job_first: bool
) -> None:
    at = NOW - HOUR
    await make.assignment(db, user, role, expires_at=at)
    works: list[Work[object]] = [
        partial(record_expiries, db, NOW),
        partial(acting(db).assign, [user], [role], expires_at=LATER),
    ]
    await race(db, role_gate(role), *(works if job_first else works[::-1]))
    told = await recorded(db)
    assert [one.type for one in told] == [EventType.ROLE_ASSIGNMENT_EXPIRED, EventType.ROLE_ASSIGNED]
    assert told[0] in (expired(user, role, at), lapsed(user, role, at))
    assert told[1] == assigned(user, role, LATER)
    assert await ends(db, user) == [at, None]


@pytest.mark.parametrize("job_first", [True, False])
@pytest.mark.parametrize("way", ["revoked", "archived", "role archived"])
async def test_what_ends_otherwise_meanwhile_expired_once(
    db: Database, user: User, role: Role, way: str, *, job_first: bool
) -> None:
    at, lasting = NOW - HOUR, await make.user(db)
    await make.assignment(db, user, role, expires_at=at)
    await make.assignment(db, lasting, role)
    act = acting(db)
    ways: dict[str, Work[object]] = {
        "revoked": partial(act.revoke, [user, lasting], [role]),
        "archived": partial(act.set_status, UserStatus.ARCHIVED, user, lasting),
        "role archived": partial(act.archive_role, role, revoke_assignments=True),
    }
    works: list[Work[object]] = [partial(record_expiries, db, NOW), ways[way]]
    done = await race(db, role_gate(role), *(works if job_first else works[::-1]))
    assert [end.won for end in done] == [True, True]
    await record_expiries(db, NOW)
    told = [one for one in await recorded(db) if one.user_id == user.id and one.role_id]
    assert told in ([expired(user, role, at)], [lapsed(user, role, at)])
    assert await ends(db, user) == [at]
    assert [one for one in await recorded(db) if one.user_id == lasting.id and one.role_id] == [
        revoked(lasting, role)
    ]


async def test_a_request_of_just_before_still_finds_it_in_force(db: Database, user: User, role: Role) -> None:
    """It decides at its own moment, which lies before the expiry; the job leaves it as much time as that."""
    at = NOW - GRACE
    await make.assignment(db, user, role, expires_at=at)
    assert await record_expiries(db, NOW) == 0
    moment = at - BARELY
    await acting(db, moment).revoke([user], [role], reason="Just in time")
    assert await record_expiries(db, NOW + HOUR) == 0
    assert await recorded(db) == [revoked(user, role, at=moment, reason="Just in time")]
