"""The life of a role: added, changed, archived; what happens then to those who hold it, and how many there may be."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

import make
from acting import NOW, acting, history, one_refusal, refusal, stored_role, stored_user
from roster.data.db import Database
from roster.domain.errors import (
    InvalidInputError,
    InvalidReason,
    LimitExceededError,
    NotFoundError,
    RoleInUseError,
    StaleVersionError,
    TakenError,
    UniqueField,
)
from roster.domain.permissions import EVERY_PERMISSION
from roster.domain.roles import Role, RoleKey, RoleRef
from roster.domain.users import UserStatus

HOUR = timedelta(hours=1)


def key_ref(role: Role) -> RoleRef:
    return RoleRef(key=RoleKey.KEY, value=role.key)


async def archived_role(db: Database, **given: Any) -> Role:
    return await make.role(db, archived_at=NOW - HOUR, updated_at=NOW - HOUR, **given)


# ---- added ----


async def test_a_role_is_added_as_given(db: Database) -> None:
    role = await acting(db).add_role(
        "editor", name="Editor", permissions=("b:write", "a:read", "b:write"), is_default=True, min_holders=2
    )
    assert (role.key, role.permissions, role.version) == ("EDITOR", ("a:read", "b:write"), 1)
    assert (role.created_at, role.updated_at, role.archived_at) == (NOW, NOW, None)
    assert (role.is_default, role.min_holders) == (True, 2)
    assert await stored_role(db, role) == role


async def test_a_key_in_use_is_taken(db: Database) -> None:
    role = await make.role(db)
    error = await one_refusal(acting(db).add_role(role.key.lower()))
    assert error == TakenError(
        message=error.message, path=("key",), field=UniqueField.ROLE_KEY, existing_id=role.id
    )


async def test_there_are_at_most_2000_live_roles(db: Database) -> None:
    await archived_role(db)
    many = text(
        "INSERT INTO roles (key, key_fold, name, name_fold, created_at, updated_at)"
        " SELECT 'MANY_' || n, 'many_' || n, 'Many', 'many', now(), now() FROM generate_series(1, 1998) AS n"
    )
    async with db.engine.begin() as connection:
        await connection.execute(many)
    # ADMIN is one of them.
    last = await acting(db).add_role("LAST")
    errors = await refusal(acting(db).add_role("LAST"))
    assert errors == (
        LimitExceededError(message=errors[0].message, path=(), limit=2000),
        TakenError(message=errors[1].message, path=("key",), field=UniqueField.ROLE_KEY, existing_id=last.id),
    )
    await acting(db).archive_role(last)
    assert (await acting(db).add_role("LAST")).version == 1


# ---- changed ----

CHANGES: dict[str, tuple[dict[str, Any], int]] = {
    "a field changed": ({"name": "Writer"}, 1),
    "all at once": (
        {"name": "Writer", "description": None, "permissions": ("b:write",), "is_default": True},
        1,
    ),
    "minHolders as they are": ({"min_holders": 0}, 0),
    "fields given as they are": ({"name": "Editor", "description": "Edits.", "is_default": False}, 0),
    "permissions in another order": ({"permissions": ("b:write", "a:read", "a:read")}, 0),
    "nothing given": ({}, 0),
}


@pytest.mark.parametrize("case", CHANGES)
async def test_each_update_is_one_version_and_a_no_op_none(db: Database, case: str) -> None:
    fields, versions = CHANGES[case]
    role = await make.role(db, name="Editor", description="Edits.", permissions=("a:read", "b:write"))
    after = await acting(db).update_role(role, **fields)
    expected = replace(role, **fields, version=2, updated_at=NOW) if versions else role
    assert after == expected
    assert await stored_role(db, role) == expected


async def test_a_value_set_and_set_back_is_two_versions(db: Database) -> None:
    role = await make.role(db)
    assert (await acting(db).update_role(role, is_default=True)).version == 2
    assert await acting(db).update_role(role, is_default=False) == replace(role, version=3, updated_at=NOW)


async def test_a_stale_update_is_refused_with_the_role_as_it_is(db: Database) -> None:
    role = await make.role(db)
    current = await acting(db).update_role(role, name="Editor", expected_version=1)
    act = acting(db)
    for stale in (
        act.update_role(role, name="Writer", expected_version=1),
        act.update_role(role, name="Editor", expected_version=1),
        act.archive_role(role, expected_version=1),
    ):
        error = await one_refusal(stale)
        assert error == StaleVersionError(
            message=error.message,
            path=("expected_version",),
            expected_version=1,
            current_version=2,
            current=current,
        )
    assert await stored_role(db, role) == current
    assert (await act.archive_role(role, expected_version=2)).role.version == 3


async def test_an_archived_role_is_not_changed(db: Database) -> None:
    role = await archived_role(db)
    error = await one_refusal(acting(db).update_role(role, name="Editor"))
    assert error == InvalidInputError(message=error.message, path=("role",), reason=InvalidReason.NOT_ALLOWED)
    error = await one_refusal(acting(db).update_role(key_ref(role), name="Editor"))
    assert error == NotFoundError(message=error.message, path=("role",))
    assert await stored_role(db, role) == role


# ---- archived ----


async def test_a_role_that_someone_holds_is_archived_only_with_its_assignments(db: Database) -> None:
    role, user, other = await make.role(db), await make.user(db), await make.user(db)
    held = await make.assignment(db, user, role)
    await make.assignment(db, other, role, expires_at=NOW + HOUR)
    await make.assignment(db, await make.user(db), role, expires_at=NOW)
    error = await one_refusal(acting(db).archive_role(role))
    assert error == RoleInUseError(
        message=error.message, path=("revoke_assignments",), role=role, holder_count=2
    )
    assert await stored_role(db, role) == role
    assert await history(db, user) == [held]
    assert await stored_user(db, user) == user


@pytest.mark.parametrize("lost", sorted(EVERY_PERMISSION))
async def test_admin_keeps_every_permission_of_roster_s_own(db: Database, lost: str) -> None:
    admin, act = await make.admin_role(db), acting(db)
    left = tuple(sorted(EVERY_PERMISSION - {lost} | {"billing:pay"}))
    error = await one_refusal(act.update_role(admin, permissions=left))
    assert error == InvalidInputError(
        message=error.message, path=("permissions",), reason=InvalidReason.NOT_ALLOWED
    )
    assert await stored_role(db, admin) == admin
    more = tuple(sorted(EVERY_PERMISSION | {"billing:pay"}))
    assert (await act.update_role(admin, permissions=more)).permissions == more


async def test_archiving_ends_every_assignment_of_the_role(db: Database) -> None:
    role, other = await make.role(db), await make.role(db)
    users = [await make.user(db) for _ in range(4)]
    await acting(db).set_status(UserStatus.SUSPENDED, users[1])
    kept = await make.assignment(db, users[0], other)
    held = [
        await make.assignment(db, users[0], role),
        await make.assignment(db, users[1], role, expires_at=NOW + 2 * HOUR),
        await make.assignment(db, users[2], role, expires_at=NOW - HOUR),
    ]
    caller = await make.caller(db)
    by = caller.actor
    done = await acting(db, NOW + HOUR, caller).archive_role(role, revoke_assignments=True, reason="Merged")
    moment = NOW + HOUR
    assert done.revoked == 2
    assert done.role == replace(role, archived_at=moment, version=2, updated_at=moment)
    assert await stored_role(db, role) == done.role
    revoked = [replace(a, ended_at=moment, revoked_by=by, revoke_reason="Merged") for a in held[:2]]
    assert await history(db, users[0]) == [kept, revoked[0]]
    assert await history(db, users[1]) == [revoked[1]]
    assert await history(db, users[2]) == [replace(held[2], ended_at=NOW - HOUR)]
    # Who lost nothing but an assignment that had expired has not changed.
    assert [(await stored_user(db, user)).version for user in users] == [2, 3, 1, 1]


async def test_a_role_whose_assignments_have_all_expired_is_in_nobodys_use(db: Database) -> None:
    role, user = await make.role(db), await make.user(db)
    held = await make.assignment(db, user, role, expires_at=NOW)
    assert (await acting(db).archive_role(role)).revoked == 0
    assert await history(db, user) == [replace(held, ended_at=NOW)]
    assert await stored_user(db, user) == user


async def test_archiving_again_does_nothing(db: Database) -> None:
    role = await make.role(db)
    first = await acting(db).archive_role(role)
    again = await acting(db, NOW + HOUR).archive_role(role, revoke_assignments=True)
    assert (again.role, again.revoked) == (first.role, 0)
    assert await stored_role(db, role) == first.role


async def test_archiving_frees_the_key(db: Database) -> None:
    before = await make.role(db)
    await acting(db).archive_role(before)
    after = await acting(db).add_role(before.key)
    assert await acting(db).services.roles.by_ref(key_ref(before)) == after
    assert (await stored_role(db, before)).key == after.key


async def test_admin_is_never_archived(db: Database) -> None:
    admin = await make.admin_role(db)
    error = await one_refusal(acting(db).archive_role(admin, revoke_assignments=True))
    assert error == InvalidInputError(message=error.message, path=("role",), reason=InvalidReason.NOT_ALLOWED)
    assert await stored_role(db, admin) == admin


async def test_a_role_of_nobody_is_not_found(db: Database) -> None:
    nobody = make.a_role()
    for work in (acting(db).update_role(nobody, name="Editor"), acting(db).archive_role(key_ref(nobody))):
        error = await one_refusal(work)
        assert error == NotFoundError(message=error.message, path=("role",))
