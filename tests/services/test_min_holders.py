"""A protected role is never left with fewer lasting holders than it must have, whichever way one would be lost.

A lasting holder is an ACTIVE user who holds the role without expiry. ADMIN protects itself from its first one on.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

import make
from acting import (
    LATER,
    NOW,
    WAYS_TO_LOSE,
    Acting,
    acting,
    history,
    one_refusal,
    refusal,
    stored_role,
    stored_user,
)
from roster.data.db import Database
from roster.domain.errors import Path, RoleInUseError, TooFewHoldersError
from roster.domain.roles import Role
from roster.domain.users import User, UserStatus

# Holders who do not count: their status, and what they hold the role until.
OTHERS: dict[str, dict[str, Any]] = {
    "pending": {"status": UserStatus.PENDING, "expires_at": None},
    "suspended": {"status": UserStatus.SUSPENDED, "expires_at": None},
    "expiring": {"status": UserStatus.ACTIVE, "expires_at": LATER},
    "expired": {"status": UserStatus.ACTIVE, "expires_at": NOW},
}


async def holder(db: Database, role: Role, *, status: UserStatus = UserStatus.ACTIVE, **given: Any) -> User:
    made = await make.user(db, status=status)
    await make.assignment(db, made, role, **given)
    return made


async def protected(db: Database, min_holders: int = 1) -> Role:
    """A protected role with every kind of holder who does not count."""
    role = await make.role(db, min_holders=min_holders)
    for kind in OTHERS.values():
        await holder(db, role, **kind)
    return role


def too_few(role: Role, path: Path, holders: int, min_holders: int | None = None) -> TooFewHoldersError:
    needed = role.min_holders if min_holders is None else min_holders
    return TooFewHoldersError(
        message=f"{role.key} must be held by at least {needed} active users without expiry;"
        f" this would leave {holders}.",
        path=path,
        role=role,
        min_holders=needed,
        holders=holders,
    )


# ---- losing one ----


@pytest.mark.parametrize("way", WAYS_TO_LOSE)
async def test_the_last_holder_is_kept(db: Database, way: str) -> None:
    path, lose = WAYS_TO_LOSE[way]
    role = await protected(db)
    last = await holder(db, role)
    before = await history(db, last)
    assert await one_refusal(lose(acting(db), last, role)) == too_few(role, path, 0)
    assert await stored_user(db, last) == last
    assert await history(db, last) == before
    assert await stored_role(db, role) == role


@pytest.mark.parametrize("way", WAYS_TO_LOSE)
async def test_any_but_the_last_may_go(db: Database, way: str) -> None:
    path, lose = WAYS_TO_LOSE[way]
    role = await protected(db)
    one, other = await holder(db, role), await holder(db, role)
    await lose(acting(db), one, role)
    assert (await stored_user(db, one)).version == 2
    assert await one_refusal(lose(acting(db), other, role)) == too_few(role, path, 0)


# The lifecycle has no step from PENDING to SUSPENDED.
GOERS = [(way, kind) for way in WAYS_TO_LOSE for kind in OTHERS if (way, kind) != ("suspended", "pending")]


@pytest.mark.parametrize(("way", "kind"), GOERS)
async def test_who_does_not_count_may_go_and_replaces_nobody(db: Database, way: str, kind: str) -> None:
    path, lose = WAYS_TO_LOSE[way]
    role = await make.role(db, min_holders=1)
    last, other = await holder(db, role), await holder(db, role, **OTHERS[kind])
    assert await one_refusal(lose(acting(db), last, role)) == too_few(role, path, 0)
    await lose(acting(db), other, role)


async def test_two_who_would_go_together_count_together(db: Database) -> None:
    role, second = await protected(db, 2), await protected(db)
    holders = [await holder(db, role) for _ in range(3)]
    await make.assignment(db, holders[0], second)
    act = acting(db)
    assert await one_refusal(act.revoke(holders[1:], [role])) == too_few(role, ("roles", "0"), 1)
    errors = await refusal(act.revoke(holders, [second, role]))
    assert set(errors) == {too_few(second, ("roles", "0"), 0), too_few(role, ("roles", "1"), 0)}
    error = await one_refusal(act.set_status(UserStatus.SUSPENDED, *holders[1:]))
    assert isinstance(error, TooFewHoldersError)
    assert replace(error, path=()) == too_few(role, (), 1)
    await act.revoke(holders[2:], [role])
    assert [(await stored_user(db, user)).version for user in holders] == [1, 1, 2]


async def test_one_who_comes_may_replace_one_who_goes(db: Database) -> None:
    role = await protected(db)
    one, other = await holder(db, role), await make.user(db)
    await acting(db).assign([other], [role])
    await acting(db).revoke([one], [role])
    assert await one_refusal(acting(db).revoke([other], [role])) == too_few(role, ("roles", "0"), 0)


# ---- the role itself ----


async def test_a_protected_role_is_not_archived_from_under_its_holders(db: Database) -> None:
    role = await protected(db)
    last = await holder(db, role)
    act = acting(db)
    error = await one_refusal(act.archive_role(role))
    # Of five who hold it now, one is expired.
    assert error == RoleInUseError(
        message=error.message, path=("revoke_assignments",), role=role, holder_count=4
    )
    error = await one_refusal(act.archive_role(role, revoke_assignments=True))
    assert error == too_few(role, ("role",), 0)
    assert await stored_role(db, role) == role
    assert [assignment.ended_at for assignment in await history(db, last)] == [None]
    await act.update_role(role, min_holders=0)
    assert (await act.archive_role(role, revoke_assignments=True)).revoked == 4


async def test_a_protected_role_without_a_lasting_holder_is_archived(db: Database) -> None:
    role = await protected(db)
    assert (await acting(db).archive_role(role, revoke_assignments=True)).revoked == 3


async def test_min_holders_is_raised_only_to_what_is_there(db: Database) -> None:
    role = await protected(db, 0)
    for _ in range(2):
        await holder(db, role)
    act = acting(db)
    error = await one_refusal(act.update_role(role, min_holders=3))
    assert error == too_few(role, ("min_holders",), 2, min_holders=3)
    assert await stored_role(db, role) == role
    assert (await act.update_role(role, min_holders=2)).min_holders == 2
    assert (await act.update_role(role, min_holders=1)).version == 3


async def test_a_role_that_has_too_few_already_can_be_changed_otherwise(db: Database) -> None:
    role = await protected(db, 5)
    last = await holder(db, role)
    act = acting(db)
    assert (await act.update_role(role, name="Rare", min_holders=4)).version == 2
    error = await one_refusal(act.revoke([last], [role]))
    assert error == too_few(await stored_role(db, role), ("roles", "0"), 0)


# ---- the first administrator ----


async def _create(act: Acting, _: User, admin: Role) -> object:
    return await act.create(email="first@example.org", grants={admin: None})


Way = Callable[[Acting, User, Role], Awaitable[object]]
WAYS_TO_GAIN: dict[str, tuple[dict[str, Any] | None, Way]] = {
    # What the user is and holds before, if anything; and what happens.
    "createUser": (None, _create),
    "assignRoles": (None, lambda act, user, admin: act.assign([user], [admin])),
    "assignRoles over an expired one": (
        {"status": UserStatus.ACTIVE, "expires_at": NOW},
        lambda act, user, admin: act.assign([user], [admin]),
    ),
    "setUserRoles": (None, lambda act, user, admin: act.set_roles(user, {admin: None})),
    "a pending user activated": (
        {"status": UserStatus.PENDING},
        lambda act, user, _: act.set_status(UserStatus.ACTIVE, user),
    ),
    "a suspended user activated": (
        {"status": UserStatus.SUSPENDED},
        lambda act, user, _: act.set_status(UserStatus.ACTIVE, user),
    ),
    "assignRoles without the expiry": (
        {"expires_at": LATER},
        lambda act, user, admin: act.assign([user], [admin]),
    ),
    "setUserRoles without the expiry": (
        {"expires_at": LATER},
        lambda act, user, admin: act.set_roles(user, {admin: None}),
    ),
}


@pytest.mark.parametrize("way", WAYS_TO_GAIN)
async def test_admin_is_protected_from_its_first_lasting_holder_on(db: Database, way: str) -> None:
    before, gain = WAYS_TO_GAIN[way]
    admin = await make.admin_role(db)
    user = await make.user(db) if before is None else await holder(db, admin, **before)
    assert admin.min_holders == 0
    await gain(acting(db), user, admin)
    now = await stored_role(db, admin)
    assert now == replace(admin, min_holders=1, version=admin.version + 1, updated_at=now.updated_at)
    assert now.updated_at == max(NOW, admin.updated_at)
    # One more changes nothing.
    await acting(db).assign([await make.user(db)], [admin])
    assert await stored_role(db, admin) == now


async def test_admin_as_a_default_role_is_protected_too(db: Database) -> None:
    admin = await acting(db).update_role(await make.admin_role(db), is_default=True)
    await acting(db).create(email="first@example.org")
    assert await stored_role(db, admin) == replace(admin, min_holders=1, version=admin.version + 1)


async def test_who_does_not_last_does_not_protect_admin(db: Database) -> None:
    admin = await make.admin_role(db)
    act = acting(db)
    pending = await act.create(email="first@example.org", status=UserStatus.PENDING, grants={admin: None})
    expiring = await act.create(email="second@example.org", grants={admin: LATER})
    suspended = await make.user(db, status=UserStatus.SUSPENDED)
    await act.assign([suspended], [admin])
    await act.set_roles(await make.user(db), {admin: LATER})
    assert await stored_role(db, admin) == admin
    assert (await act.revoke([pending, expiring, suspended], [admin])).revoked == 3


@pytest.mark.parametrize("way", WAYS_TO_LOSE)
async def test_the_last_administrator_stays(db: Database, way: str) -> None:
    path, lose = WAYS_TO_LOSE[way]
    last = await acting(db).create(email="first@example.org", grants={await make.admin_role(db): None})
    admin = await make.admin_role(db)
    assert await one_refusal(lose(acting(db), last, admin)) == too_few(admin, path, 0)
    assert await stored_user(db, last) == last
