"""The log is all that happened, and nothing else: replayed from nothing, it gives exactly what there is.

Whatever calls of the services come after each other, by whomever, refused or not.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

import make
from acting import NOW, Acting, user_ref
from emptying import empty
from replay import Row, check_replay, count, log
from roster.data.db import Database
from roster.data.models import RoleRow
from roster.domain.actors import ActorKind
from roster.domain.callers import OPERATOR, Call, Caller
from roster.domain.checks import ABSENT
from roster.domain.errors import ForbiddenError, Rejected, UnavailableError
from roster.domain.events import EventType
from roster.domain.ids import new_id
from roster.domain.permissions import EVERY_PERMISSION, Permission
from roster.domain.roles import Role
from roster.domain.tokens import ApiToken, ApiTokenToRevoke, NewApiToken
from roster.domain.users import User, UserKind, UserStatus
from roster.services.expiries import record_expiries
from roster.services.services import Services

HELPS = frozenset(
    {
        Permission.USERS_READ,
        Permission.USERS_WRITE,
        Permission.ROLES_READ,
        Permission.ROLES_ASSIGN,
        "docs:read",
    }
)


@dataclass(kw_only=True)
class World:
    """All who ever were there, in the order in which they came."""

    db: Database
    now: datetime = NOW
    calls: int = 0
    users: list[User] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    tokens: list[ApiToken] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=lambda: [OPERATOR])

    def acting(self, caller: int = 0) -> Acting:
        """A call of its own, with an id of its own."""
        self.calls += 1
        call = Call(caller=self.callers[caller], now=self.now, request_id=f"call-{self.calls}")
        return Acting(services=Services.of(self.db, call))

    def moment(self, ahead: timedelta | None) -> datetime | None:
        return None if ahead is None else self.now + ahead

    def grants(self, given: Mapping[int, timedelta | None]) -> Mapping[Role, datetime | None]:
        return {self.roles[number % len(self.roles)]: self.moment(ahead) for number, ahead in given.items()}

    def some_users(self, numbers: Sequence[int]) -> list[User]:
        return [self.users[number % len(self.users)] for number in numbers]

    def some_roles(self, numbers: Sequence[int]) -> list[Role]:
        return [self.roles[number % len(self.roles)] for number in numbers]


Step: TypeAlias = Callable[[World, Acting], Coroutine[Any, Any, object]]


# ---- the steps ----


async def create(
    world: World, act: Acting, *, grants: Mapping[int, timedelta | None] | None, **fields: Any
) -> None:
    wanted = None if grants is None else world.grants(grants)
    world.users.append(await act.create(grants=wanted, **fields))


async def update(world: World, act: Acting, *, user: int, **fields: Any) -> None:
    (who,) = world.some_users([user])
    await act.update(who, **{name: value for name, value in fields.items() if value is not ABSENT})


async def set_status(
    world: World, act: Acting, *, users: list[int], status: UserStatus, reason: str | None
) -> None:
    await act.set_status(status, *world.some_users(users), reason=reason)


async def erase(world: World, act: Acting, *, user: int) -> None:
    """Whoever is not archived is so first, by another call."""
    (who,) = world.some_users([user])
    await world.acting().set_status(UserStatus.ARCHIVED, who)
    stored = (await world.acting().services.users.by_ids([who.id]))[who.id]
    await act.erase(who, str(stored.email or stored.username))


async def add_role(world: World, act: Acting, **fields: Any) -> None:
    world.roles.append(await act.add_role(**fields))


async def update_role(world: World, act: Acting, *, role: int, **fields: Any) -> None:
    (which,) = world.some_roles([role])
    await act.update_role(which, **{name: value for name, value in fields.items() if value is not ABSENT})


async def archive_role(world: World, act: Acting, *, role: int, revoke: bool, reason: str | None) -> None:
    await act.archive_role(world.some_roles([role])[0], revoke_assignments=revoke, reason=reason)


async def assign(
    world: World,
    act: Acting,
    *,
    users: list[int],
    roles: list[int],
    ahead: timedelta | None,
    reason: str | None,
) -> None:
    until = world.moment(ahead)
    await act.assign(world.some_users(users), world.some_roles(roles), expires_at=until, reason=reason)


async def revoke(
    world: World, act: Acting, *, users: list[int], roles: list[int], reason: str | None
) -> None:
    await act.revoke(world.some_users(users), world.some_roles(roles), reason=reason)


async def set_roles(
    world: World, act: Acting, *, user: int, grants: Mapping[int, timedelta | None], reason: str | None
) -> None:
    await act.set_roles(world.some_users([user])[0], world.grants(grants), reason=reason)


async def create_token(world: World, act: Acting, *, user: int, label: str, ahead: timedelta) -> None:
    (owner,) = world.some_users([user])
    given = NewApiToken(
        id=new_id(), owner=user_ref(owner), label=label, expires_at=act.services.call.now + ahead
    )
    world.tokens.append((await act.services.tokens.create(given)).token)


async def revoke_token(world: World, act: Acting, *, token: int, reason: str | None) -> None:
    if world.tokens:
        which = world.tokens[token % len(world.tokens)]
        await act.services.tokens.revoke(ApiTokenToRevoke(token_id=which.id, reason=reason))


async def expire(world: World, _: Acting) -> None:
    await record_expiries(world.db, world.now)


# ---- any of them ----

ONE = st.integers(0, 4)
SOME = st.lists(ONE, min_size=1, max_size=3)
AHEAD = st.sampled_from([timedelta(seconds=5), timedelta(minutes=5), timedelta(hours=3), timedelta(days=30)])
SOON = st.just(timedelta(minutes=5))
UNTIL = st.none() | SOON | AHEAD
REASON = st.sampled_from([None, "Because"])
GRANTS = st.dictionaries(ONE, UNTIL, max_size=3)
LABELS = st.sampled_from(["docs:read", "docs:write", "roster:users:read", "roster:roles:assign"])
PERMISSIONS = st.lists(LABELS, max_size=2).map(tuple)
ATTRIBUTES = st.sampled_from(
    [{}, {"a": 1}, {"a": True}, {"a": 1.0}, {"a": None}, {"b": [{"c": "🦉"}], "a": 1}]
)
EMAIL = st.sampled_from([f"{name}@example.org" for name in ("ada", "bob", "cyd", "dan")])
USERNAME = st.sampled_from([None, "ada", "bob", "cyd"])
NAME = st.sampled_from([None, "Ada", "Ł 🦉"])
YES_OR_NO = st.booleans()


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly not given."""
    return st.one_of(st.just(ABSENT), st.just(ABSENT), values)


def call(step: Callable[..., object], **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.builds(partial, st.just(step), **arguments)


USER_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "email": EMAIL,
    "username": USERNAME,
    "first_name": NAME,
    "last_name": NAME,
    "display_name": NAME,
    "phone": st.sampled_from([None, "+4930901820"]),
    "locale": st.sampled_from([None, "de-CH"]),
    "timezone": st.sampled_from([None, "Europe/Zurich"]),
    "avatar_url": st.sampled_from([None, "https://example.org/a.png"]),
    "external_id": st.sampled_from([None, "1", "2", "3"]),
    "attributes": ATTRIBUTES,
    "email_verified_at": st.sampled_from([None, "2026-01-01T00:00:00.5+02:00"]),
}
CALLS = (
    call(
        create,
        kind=st.sampled_from(UserKind),
        status=st.sampled_from([UserStatus.ACTIVE, UserStatus.PENDING]),
        grants=st.none() | GRANTS,
        **USER_FIELDS,
    ),
    call(update, user=ONE, **{name: maybe(values) for name, values in USER_FIELDS.items()}),
    call(set_status, users=SOME, status=st.sampled_from(UserStatus), reason=REASON),
    call(erase, user=ONE),
    call(
        add_role,
        key=st.sampled_from(["EDITOR", "AUDITOR", "CLERK"]),
        name=NAME,
        description=NAME,
        permissions=PERMISSIONS,
        is_default=YES_OR_NO,
        min_holders=st.sampled_from([0, 0, 1]),
    ),
    call(
        update_role,
        role=ONE,
        name=maybe(st.sampled_from(["Editor", "Writer"])),
        description=maybe(NAME),
        permissions=maybe(PERMISSIONS),
        is_default=maybe(YES_OR_NO),
        min_holders=maybe(st.integers(0, 2)),
    ),
    call(archive_role, role=ONE, revoke=YES_OR_NO, reason=REASON),
    call(assign, users=SOME, roles=SOME, ahead=UNTIL, reason=REASON),
    call(assign, users=SOME, roles=SOME, ahead=SOON, reason=REASON),
    call(revoke, users=SOME, roles=SOME, reason=REASON),
    call(set_roles, user=ONE, grants=GRANTS, reason=REASON),
    call(create_token, user=ONE, label=st.sampled_from(["CI", "Laptop"]), ahead=AHEAD),
    call(revoke_token, token=ONE, reason=REASON),
    call(expire),
)
# Mostly forward; the clock of another server may be behind.
ELAPSED = st.sampled_from(
    [*(timedelta(minutes=minutes) for minutes in (10, 120, 0)), timedelta(seconds=1), timedelta(seconds=-10)]
)
# The operator is who calls most.
CALLER = st.sampled_from([0, 0, 0, 1, 2])
STEPS = st.lists(st.tuples(ELAPSED, CALLER, st.one_of(CALLS)), min_size=5, max_size=25)


async def first_callers(world: World) -> None:
    """Two users who call, who are like all others: one who may everything and one who helps."""
    act = world.acting()
    admin = await make.admin_role(world.db)
    world.roles.append(admin)
    world.roles.append(await act.add_role("HELPER", permissions=tuple(sorted(HELPS))))
    for name, role, permissions in (("admin", admin, EVERY_PERMISSION), ("helper", world.roles[1], HELPS)):
        user = await world.acting().create(email=f"{name}@example.org", grants={role: None})
        world.users.append(user)
        world.callers.append(
            Caller(kind=ActorKind.USER, user=user, permissions=permissions, role_ids=frozenset({role.id}))
        )


@dataclass
class Tally:
    """What the examples came to."""

    done: int = 0
    refused: int = 0
    types: set[str] = field(default_factory=set)


@pytest.fixture
def tally() -> Iterator[Tally]:
    """Sees to it that the examples put something to the test: most steps do something, and every event is met."""
    made = Tally()
    yield made
    assert made.done > made.refused, made
    assert made.types == set(EventType), set(EventType) - made.types


async def run(world: World, steps: Sequence[tuple[timedelta, int, Step]], tally: Tally) -> None:
    for elapsed, caller, step in steps:
        world.now += elapsed
        before = await count(world.db)
        try:
            await step(world, world.acting(caller))
            tally.done += 1
        except (Rejected, ForbiddenError):
            tally.refused += 1
            # Archived on the way to being erased it may be.
            assert step.func is erase or await count(world.db) == before  # type: ignore[attr-defined]


@given(steps=STEPS)
@settings(
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ]
)
async def test_the_log_replayed_gives_what_there_is(
    db: Database, seeded: list[Row], tally: Tally, steps: list[tuple[timedelta, int, Step]]
) -> None:
    async with db.engine.begin() as connection:
        await empty(connection)
        await connection.execute(insert(RoleRow), seeded)
    world = World(db=db)
    await first_callers(world)
    await run(world, steps, tally)
    await check_replay(db, seeded)
    tally.types |= {event["type"] for event in await log(db)}


LANES = 6


async def run_lane(world: World, steps: Sequence[tuple[timedelta, int, Step]]) -> int:
    done = 0
    for elapsed, caller, step in steps:
        world.now += elapsed
        # Refused, or met by others too often; anything else fails.
        with suppress(Rejected, ForbiddenError, UnavailableError):
            await step(world, world.acting(caller))
            done += 1
    return done


@pytest.mark.parametrize("seed", range(4))
async def test_the_log_of_many_who_write_at_once_is_in_the_order_of_what_happened(
    db: Database, seeded: list[Row], seed: int
) -> None:
    choice = Random(seed)  # noqa: S311 -- not a secret
    world = World(db=db)
    await first_callers(world)
    for number in range(3):
        world.users.append(await world.acting().create(email=f"user{number}@example.org"))
        world.roles.append(await world.acting().add_role(f"ROLE_{number}", is_default=number == 0))
    lanes = [[any_step(choice) for _ in range(30)] for _ in range(LANES)]
    done = await asyncio.gather(*(run_lane(world, lane) for lane in lanes))
    assert sum(done) > 30 * LANES // 3
    await check_replay(db, seeded)
    types = {event["type"] for event in await log(db)}
    assert len(types) > 8, types


def any_step(choice: Random) -> tuple[timedelta, int, Step]:
    """What two who write at once can meet at: of those who are there, by the operator or one of them."""
    some = partial(choice.sample, range(5))
    until = choice.choice([None, timedelta(minutes=2), timedelta(days=1)])
    reason = choice.choice([None, "Because"])
    steps: list[Step] = [
        partial(assign, users=some(2), roles=some(2), ahead=until, reason=reason),
        partial(assign, users=some(1), roles=some(1), ahead=timedelta(minutes=2), reason=reason),
        partial(revoke, users=some(2), roles=some(2), reason=reason),
        partial(set_roles, user=some(1)[0], grants=dict.fromkeys(some(2), until), reason=reason),
        partial(set_status, users=some(2), status=choice.choice(list(UserStatus)), reason=reason),
        partial(set_status, users=some(5), status=UserStatus.ACTIVE, reason=reason),
        partial(update, user=some(1)[0], first_name=choice.choice(["Ada", "Bob", None])),
        partial(update_role, role=some(1)[0], name=choice.choice(["Editor", "Writer"])),
        partial(create_token, user=some(1)[0], label="CI", ahead=timedelta(days=1)),
        partial(revoke_token, token=choice.randrange(9), reason=reason),
        expire,
    ]
    elapsed = timedelta(seconds=choice.choice([0, 1, 10, 60]))
    return elapsed, choice.choice([0, 0, 1, 2]), choice.choice(steps)
