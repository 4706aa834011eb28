"""What somebody may more counts from the moment at which it is so, also for whoever has looked already and waits."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

import make
from acting import NOW, Acting, acting
from racing import deadlocks, race, role_gate, user_gate
from roster.data.db import Database
from roster.domain.callers import Caller
from roster.domain.errors import EscalationError, Path
from roster.domain.permissions import EVERY_PERMISSION, Permission
from roster.domain.roles import Role
from roster.domain.tokens import ApiToken, ApiTokenToRevoke
from roster.domain.users import User, UserStatus
from service_calls import new_token

LABELS = ("other:label", Permission.EVENTS_READ)
CLERK = EVERY_PERMISSION - {Permission.EVENTS_READ}


@pytest.fixture(scope="module", autouse=True)
async def _without_deadlock(shared_db: Database) -> AsyncIterator[None]:
    before = await deadlocks(shared_db)
    yield
    assert await deadlocks(shared_db) == before


async def clerk_and_other(db: Database) -> tuple[Caller, User, ApiToken]:
    clerk, other = await make.caller(db, CLERK), await make.user(db)
    return clerk, other, (await acting(db).services.tokens.create(new_token(other))).token


def revoking(token: ApiToken) -> ApiTokenToRevoke:
    return ApiTokenToRevoke(token_id=token.id, reason=None)


CHANGING: dict[str, tuple[Path, Callable[[Acting, User, ApiToken], Awaitable[object]]]] = {
    "the address": (("user",), lambda act, user, _: act.update(user, email="mine@example.org")),
    "suspending": (
        ("users", "refs", "0"),
        lambda act, user, _: act.set_status(UserStatus.SUSPENDED, user),
    ),
    "a token": (("owner",), lambda act, user, _: act.services.tokens.create(new_token(user))),
    "revoking a token": (("token",), lambda act, _, token: act.services.tokens.revoke(revoking(token))),
}


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("way", CHANGING)
async def test_who_is_given_more_meanwhile_is_not_changed(db: Database, way: str, label: str) -> None:
    path, change = CHANGING[way]
    clerk, other, token = await clerk_and_other(db)
    role = await make.role(db, permissions=(label,))
    given, changed = await race(
        db,
        user_gate(other),
        lambda: acting(db).assign([other], [role]),
        lambda: change(acting(db, NOW, clerk), other, token),
    )
    assert given.won
    message = changed.error.message
    assert changed.error == EscalationError(message=message, path=path, missing_permissions=(label,))


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("way", CHANGING)
async def test_whose_role_permits_more_meanwhile_is_not_changed(db: Database, way: str, label: str) -> None:
    path, change = CHANGING[way]
    clerk, other, token = await clerk_and_other(db)
    role = await make.role(db)
    await make.assignment(db, other, role)
    grown, changed = await race(
        db,
        role_gate(role),
        lambda: acting(db).update_role(role, permissions=(label,)),
        lambda: change(acting(db, NOW, clerk), other, token),
    )
    assert grown.won
    message = changed.error.message
    assert changed.error == EscalationError(message=message, path=path, missing_permissions=(label,))


GIVING: dict[str, tuple[Path, Callable[[Acting, User, Role], Awaitable[object]]]] = {
    "assignRoles": (("roles", "0"), lambda act, user, role: act.assign([user], [role])),
    "setUserRoles": (("roles", "0", "role"), lambda act, user, role: act.set_roles(user, {role: None})),
    "createUser": (
        ("roles", "0", "role"),
        lambda act, _, role: act.create(email="new@example.org", grants={role: None}),
    ),
    "createUser with default roles": (("roles",), lambda act, *_: act.create(email="new@example.org")),
    "updateRole": (("role",), lambda act, _, role: act.update_role(role, name="Mine")),
    "archiveRole": (("role",), lambda act, _, role: act.archive_role(role)),
}


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("way", GIVING)
async def test_a_role_that_permits_more_meanwhile_is_not_given(db: Database, way: str, label: str) -> None:
    path, give = GIVING[way]
    clerk, other, _ = await clerk_and_other(db)
    role = await make.role(db, is_default=True)
    grown, given = await race(
        db,
        role_gate(role),
        lambda: acting(db).update_role(role, permissions=(label,)),
        lambda: give(acting(db, NOW, clerk), other, role),
    )
    assert grown.won
    assert given.error == EscalationError(
        message=given.error.message, path=path, missing_permissions=(label,)
    )


@pytest.mark.parametrize("way", ["assignRoles", "setUserRoles", "createUser"])
async def test_what_the_caller_holds_no_more_is_not_given(db: Database, way: str) -> None:
    """The label was the caller's own until a moment ago."""
    path, give = GIVING[way]
    clerk, other, _ = await clerk_and_other(db)
    mine, role = make.a_role(permissions=("a:b",)), await make.role(db, permissions=("a:b",))
    assert clerk.user
    user = clerk.user
    await make.store(db, mine, make.an_assignment(user, mine))
    as_found = replace(clerk, permissions=clerk.permissions | {"a:b"}, role_ids=clerk.role_ids | {mine.id})
    lost, given = await race(
        db,
        user_gate(user),
        lambda: acting(db).revoke([user], [mine]),
        lambda: give(acting(db, NOW, as_found), other, role),
    )
    assert lost.won
    assert given.error == EscalationError(
        message=given.error.message, path=path, missing_permissions=("a:b",)
    )
