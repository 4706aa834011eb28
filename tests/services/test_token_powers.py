"""A token may what its owner may at that moment: what the owner loses, it loses with the next request."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

import make
from acting import NOW, Acting, acting
from roster.data.db import Database
from roster.domain.callers import Caller
from roster.domain.errors import UnauthenticatedError
from roster.domain.permissions import EVERY_PERMISSION, Permission
from roster.domain.roles import Role
from roster.domain.tokens import ApiTokenToRevoke
from roster.domain.users import User, UserStatus
from roster.services.callers import Callers
from service_calls import new_token

SOON = NOW + timedelta(minutes=5)
READ = {Permission.USERS_READ.value, Permission.ROLES_READ.value}


async def caller_of(db: Database, secret: str, now: datetime = NOW) -> Caller:
    callers = Callers(db=db, anonymous=frozenset(), issuer=None, match_email=False)
    return await callers.of_headers([f"Bearer {secret}"], now)


async def owner_of_two_roles(db: Database) -> tuple[User, Role, str]:
    """One permits reading, and stays; the other, everything."""
    owner, kept, role = (
        make.a_user(),
        make.a_role(permissions=sorted(READ)),
        make.a_role(permissions=sorted(EVERY_PERMISSION)),
    )
    await make.store(db, owner, kept, role, *(make.an_assignment(owner, one) for one in (kept, role)))
    return owner, role, (await acting(db).services.tokens.create(new_token(owner))).secret


SHRINKING: dict[str, Callable[[Acting, User, Role], Awaitable[object]]] = {
    "the role is revoked": lambda act, owner, role: act.revoke([owner], [role]),
    "the role is given until now": lambda act, owner, role: act.assign([owner], [role], expires_at=SOON),
    "the role is emptied": lambda act, _, role: act.update_role(role, permissions=()),
    "the role is archived": lambda act, _, role: act.archive_role(role, revoke_assignments=True),
}


@pytest.mark.parametrize("way", SHRINKING)
async def test_a_token_shrinks_with_its_owner(db: Database, way: str) -> None:
    owner, role, secret = await owner_of_two_roles(db)
    assert (await caller_of(db, secret)).permissions == EVERY_PERMISSION
    await SHRINKING[way](acting(db), owner, role)
    after = await caller_of(db, secret, SOON)
    assert after.permissions == READ
    assert (role.id in after.role_ids) == (way == "the role is emptied")


async def test_a_token_grows_with_its_owner(db: Database) -> None:
    """Also one that somebody else made, and knows: whoever is given more may have such tokens, which the log names."""
    owner, maker = (
        await make.user(db),
        await make.caller(db, {Permission.TOKENS_WRITE, Permission.USERS_READ}),
    )
    created = await acting(db, caller=maker).services.tokens.create(new_token(owner))
    assert (await caller_of(db, created.secret)).permissions == frozenset()
    await acting(db).assign([owner], [await make.admin_role(db)])
    assert (await caller_of(db, created.secret)).permissions == EVERY_PERMISSION


async def refused(db: Database, secret: str, now: datetime = NOW) -> bool:
    try:
        await caller_of(db, secret, now)
    except UnauthenticatedError:
        return True
    return False


async def test_a_token_sleeps_while_its_owner_is_suspended(db: Database) -> None:
    owner, _, secret = await owner_of_two_roles(db)
    await acting(db).set_status(UserStatus.SUSPENDED, owner)
    assert await refused(db, secret)
    await acting(db).set_status(UserStatus.ACTIVE, owner)
    assert not await refused(db, secret)


async def test_a_token_does_not_come_back_with_an_owner_who_was_archived(db: Database) -> None:
    owner, _, secret = await owner_of_two_roles(db)
    act = acting(db)
    for status in (UserStatus.ARCHIVED, UserStatus.SUSPENDED, UserStatus.ACTIVE):
        await act.set_status(status, owner)
        assert await refused(db, secret)


async def test_a_token_ends_with_its_time_and_when_it_is_revoked(db: Database) -> None:
    owner, _, secret = await owner_of_two_roles(db)
    services = acting(db).services
    created = await services.tokens.create(new_token(owner))
    ends_at = created.token.expires_at
    assert not await refused(db, created.secret, ends_at - timedelta(milliseconds=1))
    assert await refused(db, created.secret, ends_at)
    await services.tokens.revoke(ApiTokenToRevoke(token_id=created.token.id, reason=None))
    assert await refused(db, created.secret)
    assert not await refused(db, secret)
