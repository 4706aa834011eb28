"""The statements of API tokens: which of them each finds, and which it leaves alone."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

import make
from acting import NOW
from roster.data import tokens as token_data
from roster.data.connections import Writer
from roster.data.db import Database
from roster.domain.ids import new_id
from roster.domain.tokens import ApiToken, digest, new_secret
from roster.domain.users import User

HOUR = timedelta(hours=1)
Given = dict[str, Any]
USED_UP: dict[str, Given] = {
    "expired": {"expires_at": NOW},
    "revoked": {"revoked_at": NOW - HOUR},
    "both": {"expires_at": NOW - HOUR, "revoked_at": NOW - 2 * HOUR},
}


@pytest.fixture
async def owner(db: Database) -> User:
    return await make.user(db)


async def stored(db: Database) -> Sequence[ApiToken]:
    async with db.read() as reader:
        return await token_data.every(reader)


async def test_a_token_is_read_as_it_was_added(db: Database, owner: User) -> None:
    secret = new_secret()
    bare = await make.token(db, owner, secret=secret)
    full = await make.token(db, owner, label="Ł 🦉", last_used_at=NOW, revoked_at=NOW + HOUR)
    async with db.read() as reader:
        found = await token_data.by_ids(reader, [bare.id, full.id, new_id()])
        assert found == {bare.id: bare, full.id: full}
        rows = await reader.execute(text("SELECT * FROM api_tokens ORDER BY id"))
        kept = [row._asdict() for row in rows]
    assert bytes(kept[0]["digest"]) == digest(secret)
    # The secret is nowhere, in no form that shows it.
    assert secret not in str(kept)
    assert secret.removeprefix("rst_").encode() not in b"".join(bytes(row["digest"]) for row in kept)


async def test_every_token_is_listed_the_oldest_first(db: Database, owner: User) -> None:
    other = await make.user(db)
    made = [
        await make.token(db, owner, created_at=NOW),
        await make.token(db, other, created_at=NOW - HOUR, expires_at=NOW),
        await make.token(db, owner, created_at=NOW),
        await make.token(db, other, created_at=NOW - 2 * HOUR, revoked_at=NOW),
    ]
    assert list(await stored(db)) == [made[3], made[1], made[0], made[2]]


async def test_what_can_be_used_is_counted_and_nothing_else(db: Database, owner: User) -> None:
    other = await make.user(db)
    usable: list[Given] = [{}, {"expires_at": NOW + timedelta(milliseconds=1)}, {"last_used_at": NOW}]
    for given in (*usable, *USED_UP.values()):
        await make.token(db, owner, **given)
    await make.token(db, other)
    assert await db.write(partial(token_data.live_count, owner_id=owner.id, now=NOW)) == 3
    assert await db.write(partial(token_data.live_count, owner_id=new_id(), now=NOW)) == 0


async def test_what_is_revoked_stays_as_it_is(db: Database, owner: User) -> None:
    live, other = await make.token(db, owner), await make.token(db, owner)
    expired = await make.token(db, owner, expires_at=NOW)
    revoked = await make.token(db, owner, revoked_at=NOW - HOUR)
    after = [replace(live, revoked_at=NOW), replace(expired, revoked_at=NOW)]
    for asked, done in ((live.id, after[0]), (expired.id, after[1]), (revoked.id, None), (new_id(), None)):
        assert await db.write(partial(token_data.revoke, token_id=asked, at=NOW)) == done
    assert list(await stored(db)) == [after[0], other, after[1], revoked]


async def test_of_several_owners_all_that_can_be_used_is_revoked(db: Database, owner: User) -> None:
    second, third = await make.user(db), await make.user(db)
    live = [await make.token(db, one) for one in (owner, owner, second)]
    used_up = [await make.token(db, owner, **given) for given in USED_UP.values()]
    other = await make.token(db, third)
    done = await db.write(partial(token_data.revoke_all_of, owner_ids=[owner.id, second.id], at=NOW))
    after = [replace(token, revoked_at=NOW) for token in live]
    assert sorted(done, key=lambda token: token.id) == after
    assert list(await stored(db)) == [*after, *used_up, other]


REVOKE: list[Callable[[Writer, ApiToken], Awaitable[object]]] = [
    lambda writer, token: token_data.revoke(writer, token.id, NOW),
    lambda writer, token: token_data.revoke_all_of(writer, [token.owner_id], NOW),
]


@pytest.mark.parametrize("revoke", REVOKE)
async def test_nothing_is_revoked_before_it_was_made(
    db: Database, owner: User, revoke: Callable[[Writer, ApiToken], Awaitable[object]]
) -> None:
    """Whatever the clocks of other servers say."""
    token = await make.token(db, owner, created_at=NOW + HOUR)
    done = replace(token, revoked_at=NOW + HOUR)
    assert await db.write(lambda writer: revoke(writer, token)) in (done, [done])
    assert list(await stored(db)) == [done]


async def test_the_use_of_one_token_is_noted(db: Database, owner: User) -> None:
    used, other = await make.token(db, owner), await make.token(db, owner)
    await db.write(partial(token_data.note_use, token_id=used.id, at=NOW, unless_after=NOW))
    assert list(await stored(db)) == [replace(used, last_used_at=NOW), other]
    # Once for all who use it at the same time.
    at, before = NOW + timedelta(seconds=1), NOW - timedelta(seconds=59)
    await db.write(partial(token_data.note_use, token_id=used.id, at=at, unless_after=before))
    assert list(await stored(db)) == [replace(used, last_used_at=NOW), other]


async def test_what_the_erased_called_theirs_is_gone(db: Database, owner: User) -> None:
    other = await make.user(db)
    theirs = [await make.token(db, owner, **given) for given in ({}, *USED_UP.values())]
    kept = await make.token(db, other)
    await db.write(partial(token_data.erase, owner_id=owner.id))
    assert list(await stored(db)) == [*(replace(token, label="Erased") for token in theirs), kept]
