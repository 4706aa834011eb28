"""Callers who lose what permits them, or act on each other, while they write: refused or first, and never a deadlock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import permutations, product
from random import Random

import pytest
from sqlalchemy import Executable, text

import make
from acting import LATER, NOW, Acting, acting, stored_user
from racing import Work, deadlocks, race, role_gate, user_gate
from roster.data.db import Database
from roster.domain.callers import Caller
from roster.domain.errors import ForbiddenError, Rejected, UnavailableError
from roster.domain.permissions import EVERY_PERMISSION, Permission
from roster.domain.roles import Role
from roster.domain.tokens import ApiTokenToRevoke
from roster.domain.users import User, UserStatus
from roster.services.expiries import record_expiries
from service_calls import CALLS, WRITES, Target, make_target, new_token
from snapshots import rows

SUSPENDED = UserStatus.SUSPENDED


@pytest.fixture(scope="module", autouse=True)
async def _without_deadlock(shared_db: Database) -> AsyncIterator[None]:
    before = await deadlocks(shared_db)
    yield
    assert await deadlocks(shared_db) == before


def user_of(caller: Caller) -> User:
    assert caller.user
    return caller.user


async def role_of(db: Database, caller: Caller) -> Role:
    (role_id,) = caller.role_ids
    return (await acting(db).services.roles.by_ids([role_id]))[role_id]


# ---- what permits the caller goes first ----

LOSING: dict[str, Callable[[Acting, User, Role], Awaitable[object]]] = {
    "revoked": lambda act, user, role: act.revoke([user], [role]),
    "set to none": lambda act, user, _: act.set_roles(user, {}),
    "emptied": lambda act, _, role: act.update_role(role, permissions=()),
    "archived": lambda act, _, role: act.archive_role(role, revoke_assignments=True),
    "suspended": lambda act, user, _: act.set_status(SUSPENDED, user),
    "left": lambda act, user, _: act.set_status(UserStatus.ARCHIVED, user),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("way", LOSING)
async def test_who_was_told_first_that_they_may_no_more_writes_nothing(
    db: Database, way: str, name: str
) -> None:
    """The caller was looked up before, and has begun to write."""
    needs, call = CALLS[name]
    caller, at = await make.caller(db, needs), await make_target(db)
    user, role = user_of(caller), await role_of(db, caller)
    marks: list[object] = []

    async def lose() -> None:
        await LOSING[way](acting(db), user, role)
        marks.append(await rows(db))

    async def write() -> None:
        with pytest.raises(ForbiddenError):
            await call(acting(db, NOW, caller), at)

    gate = role_gate(role) if way in {"emptied", "archived"} else user_gate(user)
    await race(db, gate, lose, write)
    assert await rows(db) == marks[0]


# ---- the caller's write goes first ----

_MADE = ("users.create", "roles.add")  # there is nothing yet that they could wait at
_OF_USERS = [name for name in WRITES if not name.startswith((*_MADE, "roles."))]
_OF_ROLES = [name for name in WRITES if name.startswith("roles.") and name not in _MADE]
# Who waits at a role has locked the roles that permit, but not itself yet.
_OVERLAPPING = [*product(LOSING, _OF_USERS), *product(("emptied", "archived"), _OF_ROLES)]


def gate_of(name: str, at: Target) -> Executable:
    """What the write of that name waits at last."""
    if name == "users.erase":
        return user_gate(at.archived)
    return role_gate(at.role) if name in _OF_ROLES else user_gate(at.user)


@pytest.mark.parametrize(("way", "name"), _OVERLAPPING)
async def test_whoever_takes_the_permission_waits_for_what_is_being_written(
    db: Database, way: str, name: str
) -> None:
    """The caller holds its own locks by then, as their ids are the smaller ones, and waits for the last."""
    needs, call = CALLS[name]
    caller, at = await make.caller(db, needs), await make_target(db)
    if name == "roles.archive":
        await acting(db).revoke([at.user], [at.role])
    user, role = user_of(caller), await role_of(db, caller)
    # Had it not waited, the write would be refused.
    ends = await race(
        db,
        gate_of(name, at),
        lambda: call(acting(db, NOW, caller), at),
        lambda: LOSING[way](acting(db), user, role),
    )
    assert [end.won for end in ends] == [True, True]


async def test_a_caller_whose_lock_comes_last_loses_to_who_is_faster(db: Database) -> None:
    """Who is changed has the smaller id, and is waited for first: the caller is not locked yet, and can be suspended."""
    target, caller = await make.user(db), await make.caller(db)
    user = user_of(caller)

    async def write() -> None:
        with pytest.raises(ForbiddenError):
            await acting(db, NOW, caller).update(target, first_name="Ada")

    async def suspended_meanwhile() -> None:
        await acting(db).set_status(SUSPENDED, user)
        await acting(db).update(target, first_name="Eve")  # waits as well, so that the race is one

    await race(db, user_gate(target), write, suspended_meanwhile)
    assert (await stored_user(db, target)).first_name == "Eve"


# ---- nobody waits who need not ----


async def test_writes_of_one_caller_do_not_wait_for_each_other(db: Database) -> None:
    caller, target = await make.caller(db), await make.user(db)
    act = acting(db, NOW, caller)
    async with db.engine.connect() as other, asyncio.timeout(20):
        for table, id_ in (("users", user_of(caller).id), ("roles", (await role_of(db, caller)).id)):
            relied_on = f"SELECT id FROM {table} WHERE id = :id FOR SHARE"  # noqa: S608 -- ours
            await other.execute(text(relied_on), {"id": id_})
        await act.update(target, first_name="Ada")
        await act.services.tokens.create(new_token(target))
        await act.set_roles(target, {})
        await other.rollback()


async def test_a_token_is_revoked_while_its_owner_writes_without_a_pause(db: Database) -> None:
    owner = await make.caller(db)
    created = await acting(db).services.tokens.create(new_token(user_of(owner)))
    given = ApiTokenToRevoke(token_id=created.token.id, reason=None)
    async with db.engine.connect() as other, asyncio.timeout(20):
        relied_on = text("SELECT id FROM users WHERE id = :id FOR SHARE")
        await other.execute(relied_on, {"id": user_of(owner).id})
        assert (await acting(db).services.tokens.revoke(given)).revoked_at == NOW
        await other.rollback()


# ---- callers who act on each other and on themselves ----

ACTS: dict[str, Callable[[Acting, User], Awaitable[object]]] = {
    "update": lambda act, user: act.update(user, last_name="New"),
    "suspend": lambda act, user: act.set_status(SUSPENDED, user),
    "revoke": lambda act, user: act.set_roles(user, {}),
    "token": lambda act, user: act.services.tokens.create(new_token(user)),
}


async def ended(work: Awaitable[object]) -> str:
    try:
        await work
    except ForbiddenError:
        return "forbidden"
    return "done"


@pytest.mark.parametrize("gate", range(2))
@pytest.mark.parametrize(("first", "second"), list(product(ACTS, repeat=2)))
@pytest.mark.parametrize("everything", [True, False])
async def test_two_who_act_on_each_other_follow_each_other(
    db: Database, everything: bool, first: str, second: str, gate: int
) -> None:
    """Whoever may not everything locks the roles of the other as well."""
    may = EVERY_PERMISSION if everything else EVERY_PERMISSION - {Permission.EVENTS_READ}
    callers = [await make.caller(db, may) for _ in range(2)]
    one, other = (user_of(caller) for caller in callers)
    ends = await race(
        db,
        user_gate((one, other)[gate]),
        lambda: ended(ACTS[first](acting(db, NOW, callers[0]), other)),
        lambda: ended(ACTS[second](acting(db, NOW, callers[1]), one)),
    )
    takes_all = first in {"suspend", "revoke"}
    assert [end.value for end in ends] == ["done", "forbidden" if takes_all else "done"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("gate", range(3))
async def test_a_circle_of_callers_does_not_lock_itself(
    db: Database, gate: int, order: tuple[int, ...]
) -> None:
    """Each acts on all in an order of their own, on who is held back, and who is held back on each."""
    callers, role = [await make.caller(db) for _ in range(3)], await make.role(db)
    users = [user_of(caller) for caller in callers]
    acts = [acting(db, NOW, callers[place]) for place in order]
    named = [users[place] for place in order]
    works: list[Work[object]] = [
        *(partial(act.assign, named[place:] + named[:place], [role]) for place, act in enumerate(acts)),
        *(partial(act.update, users[gate], last_name=str(place)) for place, act in enumerate(acts)),
        *(partial(acting(db, NOW, callers[gate]).update, user, first_name="A") for user in named),
        partial(acts[0].set_status, UserStatus.ACTIVE, *named),
    ]
    ends = await race(db, user_gate(users[gate]), *works)
    assert [end.won for end in ends] == [True] * len(works)


@pytest.mark.parametrize("gate", range(3))
async def test_callers_who_change_each_others_roles_do_not_lock_themselves(db: Database, gate: int) -> None:
    callers = [await make.caller(db) for _ in range(3)]
    roles = [await role_of(db, caller) for caller in callers]
    acts = [acting(db, NOW, caller) for caller in callers]
    works: list[Work[object]] = [
        *(partial(act.update_role, roles[gate], name=str(place)) for place, act in enumerate(acts)),
        *(partial(acts[gate].update_role, role, description="A") for role in roles),
        *(partial(act.assign, [user_of(callers[0])], roles[::-1]) for act in acts),
    ]
    ends = await race(db, role_gate(roles[gate]), *works)
    assert [end.won for end in ends] == [True] * len(works)


# ---- the job beside them ----


@pytest.mark.parametrize("number", range(5))
async def test_recording_expiries_does_not_lock_itself_and_who_archives_a_role(
    db: Database, number: int
) -> None:
    roles, users = [make.a_role() for _ in range(3)], [make.a_user() for _ in range(20)]
    past = NOW - timedelta(minutes=1)
    held = [make.an_assignment(user, role, expires_at=past) for user in users for role in roles]
    await make.store(db, *roles, *users, *held)
    await asyncio.gather(
        *(acting(db).archive_role(role) for role in roles[:: 1 if number % 2 else -1]),
        *(record_expiries(db, NOW) for _ in range(3)),
        *(acting(db).set_status(SUSPENDED, *users[:: 1 if number % 2 else -1]) for _ in range(2)),
    )
    await record_expiries(db, NOW)
    async with db.read() as reader:
        left = "SELECT count(*) FROM role_assignments WHERE ended_at IS NULL"
        assert (await reader.execute(text(left))).scalar_one() == 0
        told = "SELECT count(*) FROM events WHERE type = 'ROLE_ASSIGNMENT_EXPIRED'"
        assert (await reader.execute(text(told))).scalar_one() == len(held)


# ---- everything at once ----


def any_write(choice: Random, act: Acting, users: list[User], roles: list[Role]) -> Work[object]:
    some, those = choice.sample(users, choice.choice((1, 1, 3))), choice.sample(roles, choice.choice((1, 2)))
    return choice.choice(
        (
            partial(act.assign, some, those, expires_at=choice.choice((None, LATER))),
            partial(act.revoke, some, those),
            partial(act.set_roles, some[0], dict.fromkeys(those)),
            partial(act.set_status, choice.choice((UserStatus.ACTIVE, UserStatus.ACTIVE, SUSPENDED)), *some),
            partial(act.update, some[0], first_name=str(choice.random())),
            partial(act.update_role, those[0], name=str(choice.random())),
            partial(act.services.tokens.create, replace(new_token(some[0]), id=make.a_user().id)),
        )
    )


@pytest.mark.parametrize("seed", range(3))
async def test_a_storm_of_callers_who_are_each_others_targets(db: Database, seed: int) -> None:
    """All are answered: with what was done, or why not. One may everything, the others all but one permission."""
    callers = [await make.caller(db, EVERY_PERMISSION - {one}) for one in [*Permission][:5]]
    callers.append(await make.caller(db))
    users = [user_of(caller) for caller in callers]
    roles = [await role_of(db, caller) for caller in callers]
    choice = Random(seed)  # noqa: S311 -- not a secret
    answered = 0

    async def run(first: int) -> None:
        nonlocal answered
        for second in range(first, 120, 8):
            act = acting(db, NOW + timedelta(seconds=second), callers[second % len(callers)])
            with suppress(Rejected, ForbiddenError, UnavailableError):
                await any_write(choice, act, users, roles)()
            answered += 1

    async with asyncio.timeout(60):
        await asyncio.gather(*(run(first) for first in range(8)))
    assert answered == 120
