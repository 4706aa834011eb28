"""API tokens: made for whom, how many, and how they end. What they let their owner do is shown in test_callers."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

import make
from acting import LATER, NOW, Acting, acting, one_refusal, refusal, user_ref
from racing import Work, race, user_gate
from recorded import EVERYTHING, recorded, status_changed
from roster.data import tokens as token_data
from roster.data.db import Database
from roster.domain.callers import nobody
from roster.domain.errors import (
    EscalationError,
    ForbiddenError,
    InvalidInputError,
    InvalidReason,
    LimitExceededError,
    NotFoundError,
    UnauthenticatedError,
)
from roster.domain.events import EventType
from roster.domain.ids import new_id
from roster.domain.permissions import EVERY_PERMISSION, Permission
from roster.domain.tokens import ApiToken, ApiTokenState, ApiTokenToRevoke, NewApiToken, digest, is_secret
from roster.domain.users import User, UserKey, UserRef, UserStatus
from roster.services.tokens import TokenCreated

HOUR = timedelta(hours=1)
ACTIVE, SUSPENDED, ARCHIVED = UserStatus.ACTIVE, UserStatus.SUSPENDED, UserStatus.ARCHIVED
TOKENS_WRITE, USERS_READ = Permission.TOKENS_WRITE, Permission.USERS_READ


@pytest.fixture
async def owner(db: Database) -> User:
    return await make.user(db)


def new(owner: User | UserRef, **given: Any) -> NewApiToken:
    made = NewApiToken(id=new_id(), owner=user_ref(owner), label="CI", expires_at=LATER)
    return replace(made, **given)


async def create(act: Acting, owner: User | UserRef, **given: Any) -> TokenCreated:
    return await act.services.tokens.create(new(owner, **given))


async def revoke(act: Acting, token: ApiToken, reason: str | None = None) -> ApiToken:
    return await act.services.tokens.revoke(ApiTokenToRevoke(token_id=token.id, reason=reason))


async def stored(db: Database) -> list[ApiToken]:
    return list(await acting(db).services.tokens.every())


# ---- made ----


async def test_a_new_token_is_stored_without_its_secret(db: Database, owner: User) -> None:
    given = new(owner)
    made = await acting(db).services.tokens.create(given)
    assert made.token == ApiToken(
        id=given.id,
        owner_id=owner.id,
        label="CI",
        created_at=NOW,
        expires_at=LATER,
        last_used_at=None,
        revoked_at=None,
    )
    assert made.token.state(NOW) is ApiTokenState.ACTIVE
    assert await stored(db) == [made.token]
    assert is_secret(made.secret)
    async with db.read() as reader:
        kept = (await reader.execute(text("SELECT digest FROM api_tokens"))).scalar_one()
    assert bytes(kept) == digest(made.secret)


async def test_each_token_has_a_secret_of_its_own(db: Database, owner: User) -> None:
    secrets = {(await create(acting(db), owner)).secret for _ in range(5)}
    assert len(secrets) == 5
    assert len(await stored(db)) == 5


@pytest.mark.parametrize(
    ("key", "value"),
    [(UserKey.EMAIL, "ada@example.org"), (UserKey.USERNAME, "ada"), (UserKey.EXTERNAL_ID, "hr-1")],
)
async def test_an_owner_is_named_in_four_ways(db: Database, key: UserKey, value: str) -> None:
    user = await make.user(db, email="ada@example.org", username="ada", external_id="hr-1")
    for ref in (UserRef(key=key, value=value), user_ref(user)):
        assert (await create(acting(db), ref)).token.owner_id == user.id


@pytest.mark.parametrize("status", [UserStatus.PENDING, ACTIVE, SUSPENDED])
async def test_whoever_is_live_may_have_one(db: Database, status: UserStatus) -> None:
    user = await make.user(db, status=status)
    assert (await create(acting(db), user)).token.owner_id == user.id


@pytest.mark.parametrize("status", [ARCHIVED, UserStatus.ERASED])
async def test_whoever_is_gone_may_have_none(db: Database, status: UserStatus) -> None:
    blank = {"email": None, "first_name": None, "last_name": None} if status is UserStatus.ERASED else {}
    user = await make.user(db, status=status, **blank)
    error = await one_refusal(create(acting(db), user))
    assert error == InvalidInputError(
        message=error.message, path=("owner",), reason=InvalidReason.NOT_ALLOWED
    )
    assert await stored(db) == []


async def test_nobody_has_no_token(db: Database) -> None:
    for ref in (user_ref(make.a_user()), UserRef(key=UserKey.USERNAME, value="no.one")):
        error = await one_refusal(create(acting(db), ref))
        assert error == NotFoundError(message=error.message, path=("owner",))


async def test_it_does_not_touch_its_owner(db: Database, owner: User) -> None:
    """So that nobody who has seen the latest version of a user is told otherwise."""
    made = await create(acting(db), owner)
    await revoke(acting(db), made.token)
    assert (await acting(db).services.users.by_ids([owner.id]))[owner.id] == owner


# ---- how many ----


async def test_a_user_has_at_most_a_hundred_that_can_be_used(db: Database, owner: User) -> None:
    for number in range(99):
        await make.token(db, owner, label=str(number))
    await make.token(db, owner, expires_at=NOW)
    await make.token(db, owner, revoked_at=NOW)
    last = (await create(acting(db), owner)).token
    error = await one_refusal(create(acting(db), owner))
    assert error == LimitExceededError(message=error.message, path=("owner",), limit=100)
    other = await make.user(db)
    await create(acting(db), other)
    # One that is revoked makes room, and so does one that expires.
    await revoke(acting(db), last)
    await create(acting(db), owner, expires_at=NOW + HOUR)
    assert await refusal(create(acting(db), owner))
    await create(acting(db, NOW + HOUR), owner, expires_at=LATER + HOUR)


async def test_the_last_free_place_goes_to_one(db: Database, owner: User) -> None:
    for _ in range(98):
        await make.token(db, owner)
    works: list[Work[object]] = [partial(create, acting(db), owner) for _ in range(5)]
    ends = await race(db, user_gate(owner), *works)
    assert [end.won for end in ends].count(True) == 2
    for end in ends:
        if not end.won:
            assert end.error == LimitExceededError(message=end.error.message, path=("owner",), limit=100)
    assert len(await stored(db)) == 100


async def test_who_is_archived_meanwhile_gets_none(db: Database, owner: User) -> None:
    act = acting(db)
    archive: Work[object] = partial(act.set_status, ARCHIVED, owner)
    archived, made = await race(db, user_gate(owner), archive, partial(create, act, owner))
    assert archived.won
    assert made.error == InvalidInputError(
        message=made.error.message, path=("owner",), reason=InvalidReason.NOT_ALLOWED
    )


async def test_what_is_made_before_its_owner_is_archived_is_revoked_with_it(
    db: Database, owner: User
) -> None:
    act = acting(db)
    archive: Work[object] = partial(act.set_status, ARCHIVED, owner)
    made, archived = await race(db, user_gate(owner), partial(create, act, owner), archive)
    assert (made.won, archived.won) == (True, True)
    assert [token.revoked_at for token in await stored(db)] == [NOW]


async def test_an_address_names_who_has_it_when_it_counts(db: Database) -> None:
    user = await make.user(db, email="ada@example.org")
    act = acting(db)
    moved, made = await race(
        db,
        user_gate(user),
        partial(act.update, user, email="other@example.org"),
        partial(create, act, UserRef(key=UserKey.EMAIL, value="ada@example.org")),
    )
    assert moved.won
    assert made.error == NotFoundError(message=made.error.message, path=("owner",))


async def test_a_write_that_begins_again_makes_one_token(db: Database, owner: User) -> None:
    """Its address was another's in between, and is its own again."""
    other = await make.user(db, email="other@example.org")
    act, ref = acting(db), UserRef(key=UserKey.EMAIL, value=str(owner.email))
    given = new(ref)
    async with db.engine.begin() as keeper:
        await keeper.execute(user_gate(owner))
        making = asyncio.create_task(act.services.tokens.create(given))
        await asyncio.sleep(0.2)
        await keeper.execute(
            text("UPDATE users SET email = 'gone@example.org' WHERE id = :id"), {"id": owner.id}
        )
        await keeper.execute(
            text("UPDATE users SET email = :email WHERE id = :id"), {"id": other.id, "email": owner.email}
        )
    made = await making
    assert (made.token.owner_id, made.token.id) == (other.id, given.id)
    assert await stored(db) == [made.token]
    assert len(await recorded(db)) == 1


# ---- revoked ----


async def test_a_revoked_token_stays_so(db: Database, owner: User) -> None:
    token = (await create(acting(db), owner)).token
    after = await revoke(acting(db, NOW + HOUR), token, "Lost")
    assert after == replace(token, revoked_at=NOW + HOUR)
    assert after.state(NOW + HOUR) is ApiTokenState.REVOKED
    assert await revoke(acting(db, NOW + 2 * HOUR), token, "Again") == after
    assert await stored(db) == [after]
    assert [event.type for event in await recorded(db)] == [
        EventType.TOKEN_CREATED,
        EventType.TOKEN_REVOKED,
    ]


async def test_an_expired_token_is_not_revoked(db: Database, owner: User) -> None:
    token = await make.token(db, owner, expires_at=NOW)
    assert await revoke(acting(db), token) == token
    assert token.state(NOW) is ApiTokenState.EXPIRED
    assert await recorded(db) == []


async def test_several_who_revoke_one_do_so_once(db: Database, owner: User) -> None:
    token = await make.token(db, owner)
    ends = await race(db, user_gate(owner), *[partial(revoke, acting(db), token)] * 4)
    assert {end.value for end in ends} == {replace(token, revoked_at=NOW)}
    assert [event.type for event in await recorded(db)] == [EventType.TOKEN_REVOKED]


async def test_what_is_no_token_is_not_revoked(db: Database) -> None:
    error = await one_refusal(
        revoke(acting(db), replace(await make.token(db, await make.user(db)), id=new_id()))
    )
    assert error == NotFoundError(message=error.message, path=("token",))


async def test_the_tokens_of_one_who_is_archived_are_revoked_and_stay_so(db: Database, owner: User) -> None:
    live = await make.token(db, owner)
    others = [
        await make.token(db, owner, expires_at=NOW),
        await make.token(db, owner, revoked_at=NOW - HOUR),
        await make.token(db, await make.user(db)),
    ]
    act = acting(db)
    await act.set_status(SUSPENDED, owner)
    # They wait for their owner to be back.
    assert (await stored(db))[0] == live
    await act.set_status(ARCHIVED, owner)
    revoked = replace(live, revoked_at=NOW)
    assert await stored(db) == [revoked, *others]
    await act.set_status(SUSPENDED, owner)
    await act.set_status(ACTIVE, owner)
    assert await stored(db) == [revoked, *others]


async def test_a_token_of_a_clock_that_is_ahead_keeps_nobody(db: Database, owner: User) -> None:
    """Made by a server whose clock is ahead, it can be revoked, and its owner archived, by one whose is right."""
    first, second = [await make.token(db, owner, created_at=NOW + HOUR, expires_at=LATER) for _ in range(2)]
    await revoke(acting(db), first)
    await acting(db).set_status(ARCHIVED, owner)
    assert {token.revoked_at for token in await stored(db)} == {NOW + HOUR}
    told = await recorded(db)
    assert [(event.type, event.at) for event in told] == [
        (EventType.TOKEN_REVOKED, NOW + HOUR),
        (EventType.USER_STATUS_CHANGED, NOW),
        (EventType.TOKEN_REVOKED, NOW + HOUR),
    ]
    assert told[1] == status_changed(owner, ACTIVE, ARCHIVED)
    assert second.revoked_at is None


async def test_erasing_takes_what_the_owner_called_them(db: Database, owner: User) -> None:
    other = await make.token(db, await make.user(db))
    act = acting(db)
    made = (await create(act, owner, label="Ada's laptop")).token
    await act.set_status(ARCHIVED, owner)
    await act.erase(owner, str(owner.email))
    assert await stored(db) == sorted(
        [replace(made, label="Erased", revoked_at=NOW), other], key=lambda token: token.created_at
    )
    page = await act.services.events.page(None, EVERYTHING)
    labels = [
        (change.before, change.after)
        for edge in page.edges
        for change in edge.node.changes
        if change.field == "label"
    ]
    assert labels == [(None, None)]


# ---- by whom ----


async def test_a_token_of_one_s_own_needs_no_right_to_read_users(db: Database) -> None:
    caller = await make.caller(db, {TOKENS_WRITE}, username="ci")
    assert caller.user
    act = acting(db, caller=caller)
    for ref in (user_ref(caller.user), UserRef(key=UserKey.USERNAME, value="ci")):
        made = await create(act, ref)
        assert made.token.owner_id == caller.user.id
        await revoke(act, made.token)


async def test_a_token_for_another_does(db: Database, owner: User) -> None:
    caller = await make.caller(db, {TOKENS_WRITE})
    with pytest.raises(ForbiddenError, match="This needs roster:users:read"):
        await create(acting(db, caller=caller), owner)
    reader = await make.caller(db, {TOKENS_WRITE, USERS_READ})
    assert (await create(acting(db, caller=reader), owner)).token.owner_id == owner.id


async def test_an_address_that_became_another_s_is_not_one_s_own(db: Database) -> None:
    """The caller was named by it when they showed their token; whose it is now they may not know."""
    caller = await make.caller(db, {TOKENS_WRITE}, email="ada@example.org")
    assert caller.user
    await acting(db).update(caller.user, email="a@example.org")
    other = await make.user(db, email="ada@example.org")
    ref = UserRef(key=UserKey.EMAIL, value="ada@example.org")
    with pytest.raises(ForbiddenError):
        await create(acting(db, caller=caller), ref)
    assert other.id not in {token.owner_id for token in await stored(db)}


async def test_without_the_right_to_tokens_there_is_nothing_to_do(db: Database, owner: User) -> None:
    token = await make.token(db, owner)
    act = acting(db, caller=await make.caller(db, EVERY_PERMISSION - {TOKENS_WRITE}))
    works: list[Awaitable[object]] = [
        create(act, owner),
        revoke(act, token),
        act.services.tokens.by_ids([token.id]),
        act.services.tokens.every(),
    ]
    for work in works:
        with pytest.raises(ForbiddenError, match="This needs roster:tokens:write"):
            await work
    with pytest.raises(UnauthenticatedError):
        await revoke(acting(db, caller=nobody(frozenset({USERS_READ}))), token)
    assert await stored(db) == [token]


async def test_nobody_calls_as_one_who_may_more(db: Database) -> None:
    """Whoever could make a token for an administrator would be one."""
    held = {TOKENS_WRITE, USERS_READ, Permission.ROLES_READ}
    helper = await make.caller(db, held)
    admin = await make.caller(db)
    assert admin.user
    token = await make.token(db, admin.user)
    for work, path in (
        (create(acting(db, caller=helper), admin.user), ("owner",)),
        (revoke(acting(db, caller=helper), token), ("token",)),
    ):
        error = await one_refusal(work)
        lacking = tuple(sorted(EVERY_PERMISSION - held))
        assert error == EscalationError(message=error.message, path=path, missing_permissions=lacking)
    assert await stored(db) == [token]
    # Whoever may everything may.
    await create(acting(db, caller=admin), admin.user)


# ---- found ----


async def test_tokens_are_found_by_their_ids(db: Database, owner: User) -> None:
    tokens = [await make.token(db, owner), await make.token(db, owner, revoked_at=NOW)]
    found = await acting(db).services.tokens.by_ids([*(token.id for token in tokens), new_id()])
    assert found == {token.id: token for token in tokens}
    async with db.read() as reader:
        assert await token_data.by_ids(reader, []) == {}
