"""Who calls, by the Authorization headers of a request: whatever is wrong is told alike, and costs at most one look."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

import make
from acting import NOW, acting
from logged import logged
from replay import count
from roster.data.db import Database
from roster.domain.callers import Caller, nobody
from roster.domain.errors import ForbiddenError, UnauthenticatedError
from roster.domain.permissions import EVERY_PERMISSION
from roster.domain.tokens import ApiToken, new_secret
from roster.domain.users import User, UserStatus
from roster.services.callers import Callers
from sent import sent_statements
from tuned import tuned

SECRET = new_secret()
MINUTE, BARELY = timedelta(minutes=1), timedelta(milliseconds=1)
ANYBODY = frozenset({"roster:roles:read"})


def callers(db: Database) -> Callers:
    return Callers(db=db, anonymous=ANYBODY, issuer=None, match_email=False)


async def of_headers(db: Database, *headers: str, now: datetime = NOW) -> Caller:
    return await callers(db).of_headers(headers, now)


async def of_secret(db: Database, secret: str = SECRET, now: datetime = NOW) -> Caller:
    return await of_headers(db, f"Bearer {secret}", now=now)


@pytest.fixture
async def user(db: Database) -> User:
    return await make.user(db)


@pytest.fixture
async def token(db: Database, user: User) -> ApiToken:
    return await make.token(db, user, secret=SECRET)


async def refused(db: Database, *headers: str, looks: int, now: datetime = NOW) -> None:
    """In the same words whatever is wrong, and with so many statements."""
    with sent_statements() as sent, pytest.raises(UnauthenticatedError) as raised:
        await of_headers(db, *headers, now=now)
    assert (raised.value.message, raised.value.code) == ("The token is not valid.", "UNAUTHENTICATED")
    assert (raised.value.path, raised.value.__cause__) == ((), None)
    assert len(sent) == looks


# ---- what is shown ----


async def test_whoever_shows_nothing_is_nobody_who_may_what_anybody_may(db: Database) -> None:
    with sent_statements() as sent:
        assert await of_headers(db) == nobody(ANYBODY)
    assert sent == []


async def test_whoever_shows_a_token_is_its_owner(db: Database, token: ApiToken, user: User) -> None:
    assert token.owner_id == user.id
    role = await make.role(db, permissions=("a:b", "roster:users:read"))
    await make.assignment(db, user, role)
    caller = await of_secret(db)
    assert caller.user == user
    assert caller.permissions == {"a:b", "roster:users:read"}
    assert caller.role_ids == {role.id}
    assert caller.actor.user_id == user.id
    # What anybody may is for whoever shows nothing.
    assert not caller.permissions & ANYBODY


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
@pytest.mark.parametrize("blanks", [1, 2, 9])
@pytest.mark.usefixtures("token")
async def test_the_scheme_is_written_in_any_case(db: Database, user: User, scheme: str, blanks: int) -> None:
    assert (await of_headers(db, f"{scheme}{' ' * blanks}{SECRET}")).user == user


MALFORMED = {
    "nothing": [""],
    "blanks": ["  "],
    "the scheme alone": ["Bearer"],
    "the scheme and blanks": ["Bearer  "],
    "no scheme": [SECRET],
    "no blank": [f"Bearer{SECRET}"],
    "another blank": [f"Bearer\t{SECRET}"],
    "a blank that is none in ASCII": [f"Bearer\u00a0{SECRET}"],
    "a blank before": [f" Bearer {SECRET}"],
    "a blank after": [f"Bearer {SECRET} "],
    "an end of line": [f"Bearer {SECRET}\n"],
    "something after": [f"Bearer {SECRET} x"],
    "a comma": [f"Bearer {SECRET},"],
    "two tokens": [f"Bearer {SECRET} {SECRET}"],
    "two in one": [f"Bearer {SECRET}, Bearer {SECRET}"],
    "quotes": [f'Bearer "{SECRET}"'],
    "a parameter": [f"Bearer token={SECRET}"],
    "basic": ["Basic YWRhOmh1c2g="],
    "digest": ['Digest username="ada"'],
    "another scheme": [f"Token {SECRET}"],
    "a scheme that begins alike": [f"BearerX {SECRET}"],
    "a letter that is none in ASCII": [f"\u0062earer\u0130 {SECRET}"],
    "a zero byte": [f"Bearer {SECRET}\x00"],
    "other digits": ["Bearer rst_" + "\uff10" * 72],
    "two headers": [f"Bearer {SECRET}", f"Bearer {SECRET}"],
    "two headers of two schemes": [f"Bearer {SECRET}", "Basic YWRhOmh1c2g="],
    "a header and an empty one": [f"Bearer {SECRET}", ""],
    "too few digits": [f"Bearer {SECRET[:-1]}"],
    "too many digits": [f"Bearer {SECRET}0"],
    "another prefix": [f"Bearer ghp_{SECRET[4:]}"],
    "upper case": [f"Bearer {SECRET.upper()}"],
    "a wrong checksum": [f"Bearer {SECRET[:-1]}{'0' if SECRET[-1] != '0' else '1'}"],
    "a JWT where there is no issuer": ["Bearer eyJhbGciOiJub25lIn0.e30."],
    "very long": [f"Bearer {'a' * 100_000}"],
}


@pytest.mark.parametrize("way", MALFORMED)
@pytest.mark.usefixtures("token")
async def test_what_is_no_token_is_refused_without_a_look(db: Database, way: str) -> None:
    await refused(db, *MALFORMED[way], looks=0)


# ---- whose it is ----


@pytest.mark.usefixtures("token")
async def test_a_token_that_nobody_has_is_refused_after_one_look(db: Database) -> None:
    await refused(db, f"Bearer {new_secret()}", looks=1)


ENDED: dict[str, dict[str, Any]] = {
    "expired": {"expires_at": NOW},
    "revoked": {"revoked_at": NOW},
    "revoked by a clock that is ahead": {"revoked_at": NOW + MINUTE},
}


@pytest.mark.parametrize("way", ENDED)
async def test_a_token_that_has_ended_is_refused_after_one_look(db: Database, user: User, way: str) -> None:
    await make.token(db, user, secret=SECRET, **ENDED[way])
    await refused(db, f"Bearer {SECRET}", looks=1)


async def test_a_token_lets_in_until_it_expires(db: Database, user: User) -> None:
    await make.token(db, user, secret=SECRET, expires_at=NOW + MINUTE)
    assert (await of_secret(db, now=NOW + MINUTE - BARELY)).user == user
    await refused(db, f"Bearer {SECRET}", looks=1, now=NOW + MINUTE)


@pytest.mark.parametrize("status", [status for status in UserStatus if status is not UserStatus.ACTIVE])
async def test_who_is_not_active_is_refused_after_one_look(db: Database, status: UserStatus) -> None:
    blank = {"email": None, "first_name": None, "last_name": None} if status is UserStatus.ERASED else {}
    user = await make.user(db, status=status, **blank)
    await make.token(db, user, secret=SECRET)
    await refused(db, f"Bearer {SECRET}", looks=1)


@pytest.mark.usefixtures("token")
async def test_a_suspended_user_is_let_in_again_once_active(db: Database, user: User) -> None:
    act = acting(db)
    await act.set_status(UserStatus.SUSPENDED, user)
    await refused(db, f"Bearer {SECRET}", looks=1)
    await act.set_status(UserStatus.ACTIVE, user)
    assert (await of_secret(db)).user


@pytest.mark.usefixtures("token")
async def test_an_archived_user_is_not_let_in_again(db: Database, user: User) -> None:
    act = acting(db)
    for status in (UserStatus.ARCHIVED, UserStatus.SUSPENDED, UserStatus.ACTIVE):
        await act.set_status(status, user)
    await refused(db, f"Bearer {SECRET}", looks=1)


# ---- what they may, and until when ----


@pytest.mark.usefixtures("token")
async def test_one_may_what_one_may_at_that_moment(db: Database, user: User) -> None:
    role = await make.role(db, permissions=tuple(sorted(EVERY_PERMISSION)))
    await make.assignment(db, user, role, expires_at=NOW + MINUTE)
    assert (await of_secret(db)).permissions == EVERY_PERMISSION
    assert (await of_secret(db, now=NOW + MINUTE)).permissions == frozenset()
    await acting(db).assign([user], [role])
    await acting(db).update_role(role, permissions=("roster:users:read",))
    assert (await of_secret(db)).permissions == {"roster:users:read"}
    await acting(db).archive_role(role, revoke_assignments=True)
    assert (await of_secret(db)).permissions == frozenset()


@pytest.mark.usefixtures("token")
async def test_what_one_may_is_decided_again_when_it_counts(db: Database, user: User) -> None:
    """A request that began before its caller lost what it needs does nothing after."""
    role = await make.role(db, permissions=tuple(sorted(EVERY_PERMISSION)))
    await make.assignment(db, user, role)
    caller = await of_secret(db)
    await acting(db).revoke([user], [role])
    before = await count(db)
    with pytest.raises(ForbiddenError):
        await acting(db, caller=caller).add_role("EDITOR")
    assert await count(db) == before


# ---- the last use ----


async def last_use(db: Database) -> datetime | None:
    (token,) = await acting(db).services.tokens.every()
    return token.last_used_at


@pytest.mark.usefixtures("token")
async def test_the_use_of_a_token_is_noted_once_a_minute(db: Database) -> None:
    noted: list[tuple[datetime | None, int]] = []
    ago = (timedelta(0), BARELY, MINUTE - BARELY, MINUTE, MINUTE + BARELY, 2 * MINUTE - BARELY, 2 * MINUTE)
    for later in ago:
        with sent_statements() as sent:
            await of_secret(db, now=NOW + later)
        noted.append((await last_use(db), len(sent)))
    second, third = NOW + MINUTE, NOW + 2 * MINUTE
    assert noted == [(NOW, 2), (NOW, 1), (NOW, 1), (second, 2), (second, 1), (second, 1), (third, 2)]


async def test_to_be_used_changes_nothing_else(db: Database, token: ApiToken, user: User) -> None:
    await of_secret(db)
    act = acting(db)
    assert await act.services.tokens.every() == [replace(token, last_used_at=NOW)]
    assert await act.services.users.by_ids([user.id]) == {user.id: user}
    assert await count(db) == 0


@pytest.mark.usefixtures("token")
async def test_a_use_by_a_clock_that_is_behind_is_not_noted(db: Database) -> None:
    await of_secret(db)
    await of_secret(db, now=NOW - timedelta(hours=1))
    assert await last_use(db) == NOW


@pytest.mark.parametrize(("given", "looks"), [({"expires_at": NOW}, 1), ({"revoked_at": NOW}, 1)])
async def test_what_lets_nobody_in_is_not_used(
    db: Database, user: User, given: dict[str, Any], looks: int
) -> None:
    await make.token(db, user, secret=SECRET, **given)
    await refused(db, f"Bearer {SECRET}", looks=looks)
    assert await last_use(db) is None


NOT_NOTED = ("the use of a token could not be noted", "WARNING")


@pytest.mark.usefixtures("token")
async def test_where_nothing_can_be_written_whoever_reads_is_let_in(db: Database, user: User) -> None:
    """As on a standby."""
    async with tuned(db, "default_transaction_read_only", "on") as standby:
        with logged() as lines:
            assert (await of_secret(standby)).user == user
    assert [(line["event"], line["level"]) for line in lines] == [
        ("the database can only be read", "WARNING"),
        NOT_NOTED,
    ]
    assert await last_use(db) is None


@pytest.mark.usefixtures("token")
async def test_whoever_cannot_note_it_is_let_in(db: Database, user: User) -> None:
    async with tuned(db, "lock_timeout", "50ms") as hasty, db.engine.begin() as other:
        await other.execute(text("SELECT FROM api_tokens FOR UPDATE"))
        with logged() as lines:
            assert (await of_secret(hasty)).user == user
    assert [(line["event"], line["level"]) for line in lines][1:] == [NOT_NOTED]


async def test_every_refusal_says_the_same(db: Database, user: User) -> None:
    """It would help who guesses to know which it was; so would a log that tells the secret."""
    await make.token(db, user, secret=SECRET, revoked_at=NOW)
    shown: Sequence[Sequence[str]] = [*MALFORMED.values(), [f"Bearer {SECRET}"], [f"Bearer {new_secret()}"]]
    told = set()
    with logged() as lines:
        for headers in shown:
            with pytest.raises(UnauthenticatedError) as raised:
                await of_headers(db, *headers)
            told.add((str(raised.value), raised.value.code, raised.value.path))
    assert told == {("The token is not valid.", "UNAUTHENTICATED", ())}
    assert lines == []
