"""Every method of every service asks first whether its caller may: who may not costs no statement and is told nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

import make
from acting import NOW, Acting, acting
from roster.data.db import Database
from roster.data.statements import count_statements
from roster.domain.assignments import IN_FORCE, RoleAssignment
from roster.domain.callers import Call, Caller, nobody
from roster.domain.errors import ForbiddenError, RequestError, UnauthenticatedError
from roster.domain.permissions import EVERY_PERMISSION, Permission
from roster.domain.tokens import NewApiToken
from roster.domain.users import User, UserKey, UserRef, UserStatus
from roster.services.services import Services
from service_calls import (
    CALLS,
    EVERY_ASSIGNMENT,
    FIRST,
    READ_USERS,
    WRITES,
    Target,
    make_target,
    methods,
    new_token,
)
from snapshots import rows

OWN_TOKEN = frozenset({Permission.TOKENS_WRITE})


def test_every_method_is_among_the_calls() -> None:
    assert {name.partition(",")[0] for name in CALLS} == methods()


async def assert_refused(work: Callable[[], Awaitable[object]], error: type[RequestError]) -> None:
    sent = count_statements()
    with pytest.raises(error) as raised:
        await work()
    assert sent() == 0
    assert raised.type is error


async def assert_sees_nobody(act: Acting, at: Target) -> None:
    sent = count_statements()
    assert await act.services.users.visible([at.user.id]) == {}
    assert sent() == 0


@pytest.mark.parametrize("name", CALLS)
async def test_nobody_may_call_it(db: Database, name: str) -> None:
    _, call = CALLS[name]
    act, at = acting(db, NOW, nobody(frozenset())), await make_target(db)
    if name == "users.visible":
        await assert_sees_nobody(act, at)
    else:
        await assert_refused(lambda: call(act, at), UnauthenticatedError)


@pytest.mark.parametrize("name", CALLS)
async def test_whoever_lacks_one_of_what_it_needs_may_not_call_it(db: Database, name: str) -> None:
    needs, call = CALLS[name]
    at = await make_target(db)
    before = await rows(db)
    for held in [frozenset[str](), *(EVERY_PERMISSION - {lacking} for lacking in sorted(needs))]:
        act = acting(db, NOW, a_caller(at, held))
        if name == "users.visible":
            await assert_sees_nobody(act, at)
        else:
            await assert_refused(lambda act=act: call(act, at), ForbiddenError)  # type: ignore[misc]
    assert await rows(db) == before


def a_caller(at: Target, permissions: frozenset[str]) -> Caller:
    """Somebody else than those whom the call is about. That nobody is stored does not matter to who is refused at once."""
    return Caller(kind=at.event.actor.kind, user=make.a_user(), permissions=permissions, role_ids=frozenset())


@pytest.mark.parametrize("name", CALLS)
async def test_whoever_has_what_it_needs_may_call_it(db: Database, name: str) -> None:
    needs, call = CALLS[name]
    at = await make_target(db)
    caller = await make.caller(db, needs)
    if name == "roles.archive":  # while somebody holds the role, it says what it needs more
        await acting(db).revoke([at.user], [at.role])
    sent = count_statements()
    assert await call(acting(db, NOW, caller), at)
    assert sent() > 0


# ---- what is one's own ----

OWN: dict[str, Callable[[Services, User, RoleAssignment], Awaitable[object]]] = {
    "users.by_ids": lambda services, me, _: services.users.by_ids([me.id]),
    "users.visible": lambda services, me, _: services.users.visible([me.id]),
    **{
        f"users.by_ref, {key}": lambda services, me, _, key=key: services.users.by_ref(  # type: ignore[misc]
            UserRef(key=key, value=getattr(me, key.value))
        )
        for key in UserKey
    },
    "roles.by_users": lambda services, me, _: services.roles.by_users([me.id], IN_FORCE),
    "roles.of_assignments": lambda services, _, held: services.roles.of_assignments([held]),
    "assignments.pages_by_users": lambda services, me, _: services.assignments.pages_by_users(
        [me.id], EVERY_ASSIGNMENT, FIRST
    ),
    "assignments.counts_by_users": lambda services, me, _: services.assignments.counts_by_users(
        [me.id], EVERY_ASSIGNMENT, 9
    ),
}


async def somebody(db: Database, permissions: frozenset[str] = frozenset()) -> tuple[Caller, RoleAssignment]:
    caller = await make.caller(db, permissions, username="me", external_id="of-me")
    assert caller.user
    role = await make.role(db)
    return caller, await make.assignment(db, caller.user, role)


def services_of(db: Database, caller: Caller) -> Services:
    return Services.of(db, Call(caller=caller, now=NOW, request_id=None))


@pytest.mark.parametrize("name", OWN)
async def test_everybody_may_read_themselves(db: Database, name: str) -> None:
    caller, held = await somebody(db)
    assert caller.user
    assert await OWN[name](services_of(db, caller), caller.user, held)


MIXED: dict[str, Callable[[Services, User, RoleAssignment, Target], Awaitable[object]]] = {
    "users.by_ids": lambda services, me, _, at: services.users.by_ids([me.id, at.user.id]),
    "roles.by_users": lambda services, me, _, at: services.roles.by_users([me.id, at.user.id], IN_FORCE),
    "roles.of_assignments": lambda services, _, held, at: services.roles.of_assignments([held, at.held]),
    "assignments.pages_by_users": lambda services, me, _, at: services.assignments.pages_by_users(
        [me.id, at.user.id], EVERY_ASSIGNMENT, FIRST
    ),
    "assignments.counts_by_users": lambda services, me, _, at: services.assignments.counts_by_users(
        [me.id, at.user.id], EVERY_ASSIGNMENT, 9
    ),
}


@pytest.mark.parametrize("name", MIXED)
async def test_nobody_reads_others_together_with_themselves(db: Database, name: str) -> None:
    (caller, held), at = await somebody(db), await make_target(db)
    assert caller.user
    me = caller.user
    await assert_refused(lambda: MIXED[name](services_of(db, caller), me, held, at), ForbiddenError)


async def test_of_several_only_those_are_visible_whom_one_may_see(db: Database) -> None:
    (caller, _), at = await somebody(db), await make_target(db)
    assert caller.user
    ids = [caller.user.id, at.user.id]
    assert await services_of(db, caller).users.visible(ids) == {caller.user.id: caller.user}
    reader = replace(caller, permissions=READ_USERS)
    assert set(await services_of(db, reader).users.visible(ids)) == set(ids)


async def test_a_token_of_ones_own_needs_no_reading(db: Database) -> None:
    caller, _ = await somebody(db, OWN_TOKEN)
    assert caller.user
    created = await services_of(db, caller).tokens.create(new_token(caller.user))
    assert created.token.owner_id == caller.user.id


# ---- an address that changes hands between the look-up of the caller and that of the user ----


async def handed_on(db: Database, permissions: frozenset[str]) -> tuple[Caller, UserRef]:
    """Somebody as they were when they called, and what named them then; it names another now."""
    caller, _ = await somebody(db, permissions)
    assert caller.user
    address = UserRef(key=UserKey.EMAIL, value=str(caller.user.email))
    await acting(db).update(caller.user, email="moved@example.org")
    await make.user(db, email=str(address.value))
    return caller, address


async def test_who_has_the_callers_address_by_now_is_not_shown(db: Database) -> None:
    caller, address = await handed_on(db, frozenset())
    with pytest.raises(ForbiddenError):
        await services_of(db, caller).users.by_ref(address)


async def test_no_token_is_made_for_who_has_the_callers_address_by_now(db: Database) -> None:
    caller, address = await handed_on(db, OWN_TOKEN)
    before = await rows(db)
    given: NewApiToken = replace(new_token(make.a_user()), owner=address)
    with pytest.raises(ForbiddenError):
        await services_of(db, caller).tokens.create(given)
    assert await rows(db) == before


# ---- what was permitted a moment ago ----


@pytest.mark.parametrize("name", WRITES)
async def test_what_the_caller_may_is_decided_anew_where_it_is_written(db: Database, name: str) -> None:
    """The caller is as it was looked up, and the role was revoked since."""
    needs, call = CALLS[name]
    at, caller = await make_target(db), await make.caller(db, needs)
    assert caller.user
    await acting(db).set_roles(caller.user, {})
    before = await rows(db)
    with pytest.raises(ForbiddenError):
        await call(acting(db, NOW, caller), at)
    assert await rows(db) == before


@pytest.mark.parametrize("name", WRITES)
async def test_whoever_is_suspended_meanwhile_writes_nothing(db: Database, name: str) -> None:
    needs, call = CALLS[name]
    at, caller = await make_target(db), await make.caller(db, needs)
    assert caller.user
    await acting(db).set_status(UserStatus.SUSPENDED, caller.user)
    before = await rows(db)
    with pytest.raises(ForbiddenError):
        await call(acting(db, NOW, caller), at)
    assert await rows(db) == before
