"""Finding a user by what was shown: who is found, and what the roles that they hold now permit."""

from datetime import datetime, timedelta
from typing import Any

import pytest

import make
from acting import NOW
from roster.data import callers as caller_data
from roster.data.callers import TokenCaller
from roster.data.db import Database
from roster.domain.actors import LOCAL_OPERATOR, ActorKind
from roster.domain.callers import Caller
from roster.domain.roles import Role
from roster.domain.tokens import digest, new_secret
from roster.domain.user_input import erased_user
from roster.domain.users import User, UserStatus

HOUR = timedelta(hours=1)
BARELY = timedelta(milliseconds=1)
SECRET = new_secret()


def caller_of(user: User, *roles: Role) -> Caller:
    return Caller(
        kind=ActorKind.USER,
        user=user,
        permissions=frozenset(label for role in roles for label in role.permissions),
        role_ids=frozenset(role.id for role in roles),
    )


async def by_token(db: Database, secret: str = SECRET, now: datetime = NOW) -> TokenCaller | None:
    async with db.read() as reader:
        return await caller_data.by_token(reader, digest(secret), now)


async def by_subject(db: Database, subject: str, email: str | None = None) -> Caller | None:
    async with db.read() as reader:
        return await caller_data.by_subject(reader, subject, email, NOW)


# ---- what one may ----


async def test_whoever_holds_nothing_is_found_and_may_nothing(db: Database) -> None:
    user = await make.user(db)
    token = await make.token(db, user, secret=SECRET)
    found = await by_token(db)
    assert found
    assert (found.caller, found.token_id, found.last_used_at) == (caller_of(user), token.id, None)
    assert found.expires_at == token.expires_at


async def test_one_may_what_any_of_the_roles_held_permits(db: Database) -> None:
    user = await make.user(db, attributes={"team": "a"}, email_verified_at=NOW)
    roles = [
        await make.role(db, permissions=permissions)
        for permissions in (("a", "b"), ("b", "c", "roster:users:read"), ())
    ]
    for role in roles:
        await make.assignment(db, user, role)
    await make.token(db, user, secret=SECRET, last_used_at=NOW - HOUR)
    found = await by_token(db)
    assert found
    assert found.caller == caller_of(user, *roles)
    assert found.last_used_at == NOW - HOUR
    assert found.caller.permissions == {"a", "b", "c", "roster:users:read"}


IN_FORCE: dict[str, dict[str, Any]] = {
    "for good": {},
    "since now": {"assigned_at": NOW},
    "until the next moment": {"expires_at": NOW + BARELY},
}
NOT_IN_FORCE: dict[str, dict[str, Any]] = {
    "expired and open": {"expires_at": NOW},
    "expired and closed": {"expires_at": NOW - HOUR, "ended_at": NOW - HOUR},
    "revoked": {"ended_at": NOW - HOUR, "revoked_by": LOCAL_OPERATOR},
}


@pytest.mark.parametrize("way", [*IN_FORCE, *NOT_IN_FORCE])
async def test_only_what_is_in_force_permits(db: Database, way: str) -> None:
    user, role = await make.user(db), await make.role(db, permissions=("a",))
    await make.assignment(db, user, role, **(IN_FORCE | NOT_IN_FORCE)[way])
    await make.token(db, user, secret=SECRET)
    found = await by_token(db)
    assert found
    assert found.caller == caller_of(user, *([role] if way in IN_FORCE else []))


async def test_what_others_hold_permits_them_alone(db: Database) -> None:
    user, other, role = await make.user(db), await make.user(db), await make.role(db, permissions=("a",))
    await make.assignment(db, other, role)
    await make.token(db, user, secret=SECRET)
    found = await by_token(db)
    assert found
    assert found.caller == caller_of(user)


# ---- by a token ----


@pytest.mark.parametrize("status", UserStatus)
async def test_a_token_finds_its_owner_while_active(db: Database, status: UserStatus) -> None:
    user = make.a_user(status=status)
    user = erased_user(user) if status is UserStatus.ERASED else user
    await make.store(db, user)
    await make.token(db, user, secret=SECRET)
    found = await by_token(db)
    assert (found and found.caller.user) == (user if status is UserStatus.ACTIVE else None)


@pytest.mark.parametrize(
    ("given", "finds"),
    [
        ({"expires_at": NOW + BARELY}, True),
        ({"expires_at": NOW}, False),
        ({"expires_at": NOW - HOUR}, False),
        ({"revoked_at": NOW - HOUR}, False),
        # At another server it was revoked by a clock that is ahead: it is revoked here too.
        ({"revoked_at": NOW + HOUR}, False),
        ({"created_at": NOW + HOUR}, True),
    ],
)
async def test_a_token_finds_its_owner_until_it_ends(
    db: Database, given: dict[str, Any], *, finds: bool
) -> None:
    user = await make.user(db)
    await make.token(db, user, secret=SECRET, **given)
    assert (await by_token(db) is not None) is finds


async def test_each_of_several_tokens_finds_its_owner(db: Database) -> None:
    users = [await make.user(db), await make.user(db)]
    secrets = [new_secret() for _ in range(4)]
    tokens = [await make.token(db, users[n % 2], secret=secret) for n, secret in enumerate(secrets)]
    for n, secret in enumerate(secrets):
        found = await by_token(db, secret)
        assert found
        assert (found.caller.user, found.token_id) == (users[n % 2], tokens[n].id)
    assert await by_token(db, new_secret()) is None


# ---- by the subject of a JWT ----


async def test_a_subject_is_an_external_id(db: Database) -> None:
    user, role = await make.user(db, external_id="sub-1"), await make.role(db, permissions=("a",))
    await make.assignment(db, user, role)
    await make.user(db, external_id="sub-2")
    assert await by_subject(db, "sub-1") == caller_of(user, role)
    for other in ("sub-3", "SUB-1", "sub-1 ", "", str(user.id), str(user.email)):
        assert await by_subject(db, other) is None


@pytest.mark.parametrize("status", [UserStatus.PENDING, UserStatus.SUSPENDED, UserStatus.ARCHIVED])
async def test_nobody_is_found_but_the_active(db: Database, status: UserStatus) -> None:
    """Whoever is erased has neither an external id nor an address."""
    await make.user(db, external_id="sub-1", status=status)
    await make.user(db, email="a@example.org", status=status)
    assert await by_subject(db, "sub-1") is None
    assert await by_subject(db, "sub-9", "a@example.org") is None


async def test_an_archived_user_of_the_same_name_is_in_nobody_s_way(db: Database) -> None:
    await make.user(db, external_id="sub-1", email="a@example.org", status=UserStatus.ARCHIVED)
    user = await make.user(db, external_id="sub-1")
    by_address = await make.user(db, email="a@example.org")
    assert await by_subject(db, "sub-1") == caller_of(user)
    assert await by_subject(db, "sub-9", "a@example.org") == caller_of(by_address)


async def test_an_address_finds_who_has_no_external_id(db: Database) -> None:
    user = await make.user(db, email="a@example.org")
    await make.user(db, email="b@example.org", external_id="sub-2")
    assert await by_subject(db, "sub-1", "a@example.org") == caller_of(user)
    assert await by_subject(db, "sub-1") is None
    # Theirs is another's account at the issuer.
    assert await by_subject(db, "sub-1", "b@example.org") is None
    assert await by_subject(db, "sub-1", "c@example.org") is None


async def test_the_external_id_goes_before_the_address(db: Database) -> None:
    """Whoever takes over an address does not take over the account."""
    for first in ("address", "subject"):
        given = {"address": {"email": f"{first}@example.org"}, "subject": {"external_id": f"sub-{first}"}}
        order = ["address", "subject"] if first == "address" else ["subject", "address"]
        made = {name: await make.user(db, **given[name]) for name in order}
        assert await by_subject(db, f"sub-{first}", f"{first}@example.org") == caller_of(made["subject"])


@pytest.mark.parametrize("status", [UserStatus.PENDING, UserStatus.SUSPENDED])
async def test_the_address_finds_nobody_while_whose_the_subject_is_may_not_call(
    db: Database, status: UserStatus
) -> None:
    await make.user(db, external_id="sub-1", status=status)
    await make.user(db, email="a@example.org")
    assert await by_subject(db, "sub-1", "a@example.org") is None
