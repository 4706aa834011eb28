"""Whoever showed a token a moment ago is asked about beside the first statement: exactly as one looked up anew."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import text

import make
from acting import NOW, Acting, acting
from roster.data import users as user_data
from roster.data.connections import Writer
from roster.data.db import Database
from roster.domain.callers import Caller
from roster.domain.errors import BadRequestError, UnauthenticatedError
from roster.domain.roles import Role
from roster.domain.tokens import ApiToken, ApiTokenToRevoke, new_secret
from roster.domain.users import User, UserStatus
from roster.services.callers import Callers
from roster.services.expiries import record_expiries
from sent import sent_statements

SECRET = new_secret()
HEADERS = [f"Bearer {SECRET}"]
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
async def role(db: Database) -> Role:
    return await make.role(db, permissions=("a", "roster:users:read"))


@pytest.fixture
async def user(db: Database, role: Role) -> User:
    made = await make.user(db)
    await make.assignment(db, made, role, expires_at=NOW + timedelta(seconds=20))
    return made


@pytest.fixture
async def token(db: Database, user: User) -> ApiToken:
    return await make.token(db, user, secret=SECRET, last_used_at=NOW)


@pytest.fixture
async def callers(db: Database, token: ApiToken) -> Callers:
    """Who has just been looked up."""
    made = Callers(db=db, anonymous=frozenset(), issuer=None, match_email=False)
    with sent_statements() as sent:
        await made.answer(HEADERS, NOW, _permissions)
    assert len(sent) == 1
    assert "permissions" in sent[0]
    assert token.last_used_at == NOW
    return made


async def _permissions(caller: Caller) -> frozenset[str]:
    return caller.permissions


async def _read(db: Database, seen: list[Caller], caller: Caller) -> list[User]:
    """Two statements, after which nothing more is asked about the caller."""
    seen.append(caller)
    async with db.read() as reader:
        return [
            *(await user_data.by_ids(reader, [])).values(),
            *(await user_data.by_ids(reader, [])).values(),
        ]


async def test_what_must_hold_goes_with_the_first_statement(
    db: Database, callers: Callers, user: User
) -> None:
    seen: list[Caller] = []
    with sent_statements() as sent:
        await callers.answer(HEADERS, NOW, partial(_read, db, seen))
    # Noted when it joins the first, or before that, by the driver.
    assert ["api_tokens.revoked_at IS NULL" in one for one in sent[:2]].count(True) == 1
    assert len(sent) == 3
    assert [one.user for one in seen] == [user]


async def test_where_nothing_is_read_it_is_asked_in_the_end(callers: Callers, role: Role) -> None:
    with sent_statements() as sent:
        assert await callers.answer(HEADERS, NOW, _permissions) == set(role.permissions)
    assert len(sent) == 1


ENDS: Mapping[str, Callable[[Acting, User, ApiToken], Awaitable[object]]] = {
    "revoked": lambda act, _, token: act.services.tokens.revoke(revocation(token)),
    "suspended": lambda act, user, _: act.set_status(UserStatus.SUSPENDED, user),
    "archived": lambda act, user, _: act.set_status(UserStatus.ARCHIVED, user),
}


def revocation(token: ApiToken) -> ApiTokenToRevoke:
    return ApiTokenToRevoke(token_id=token.id, reason=None)


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("end", ENDS)
async def test_who_may_not_be_let_in_any_more_is_not(
    db: Database,
    callers: Callers,
    user: User,
    token: ApiToken,
    end: str,
    writes: bool,
) -> None:
    await ENDS[end](acting(db), user, token)
    made = make.a_user()

    async def write(writer: Writer) -> None:
        await user_data.add(writer, made)

    async def work(_: Caller) -> None:
        await (db.write(write) if writes else _read(db, [], _))

    for _ in range(2):
        with pytest.raises(UnauthenticatedError, match=r"^The token is not valid\.$"):
            await callers.answer(HEADERS, NOW, work)
        with pytest.raises(UnauthenticatedError, match=r"^The token is not valid\.$"):
            await callers.answer(HEADERS, NOW, _permissions)
    async with db.read() as reader:
        assert await user_data.by_ids(reader, [made.id]) == {}


async def gain(act: Acting, user: User, _: Role) -> None:
    await act.assign([user], [await act.add_role("MORE", permissions=("b",))])


# And what one may then.
CHANGES: Mapping[str, tuple[Callable[[Acting, User, Role], Awaitable[object]], set[str]]] = {
    "a role lost": (lambda act, user, role: act.revoke([user], [role]), set()),
    "a role gained": (gain, {"a", "roster:users:read", "b"}),
    "a role changed": (lambda act, _, role: act.update_role(role, permissions=("c",)), {"c"}),
    "a role archived": (lambda act, _, role: act.archive_role(role, revoke_assignments=True), set()),
}


@pytest.mark.parametrize("way", CHANGES)
async def test_one_may_what_one_may_by_now(
    db: Database,
    callers: Callers,
    user: User,
    role: Role,
    way: str,
) -> None:
    change, permitted = CHANGES[way]
    await change(acting(db), user, role)
    seen: list[Caller] = []
    await callers.answer(HEADERS, NOW, partial(_read, db, seen))
    assert [one.permissions for one in seen] == [set(role.permissions), permitted]
    await callers.answer(HEADERS, NOW, partial(_read, db, seen))
    assert [one.permissions for one in seen[2:]] == [permitted]


async def test_what_another_server_has_closed_is_lost_whatever_else_has_changed(db: Database) -> None:
    """By a clock that is ahead; the versions of what is left have the same sum as before."""
    user, secret = await make.user(db), new_secret()
    closed, changed = [await make.role(db, permissions=(label,)) for label in ("a", "b")]
    await make.assignment(db, user, closed, expires_at=NOW + timedelta(seconds=20))
    await make.assignment(db, user, changed)
    await make.token(db, user, secret=secret, last_used_at=NOW)
    made = Callers(db=db, anonymous=frozenset(), issuer=None, match_email=False)
    assert await made.answer([f"Bearer {secret}"], NOW, _permissions) == {"a", "b"}
    assert await record_expiries(db, NOW + timedelta(minutes=1)) == 1
    await acting(db).update_role(changed, permissions=("c",))
    assert await made.answer([f"Bearer {secret}"], NOW, _permissions) == {"c"}


async def test_all_who_are_under_way_when_it_does_not_hold_any_more_are_told(
    db: Database, callers: Callers, token: ApiToken
) -> None:
    begun = asyncio.Barrier(3)

    async def work(_: Caller) -> None:
        await begun.wait()

    tasks = [asyncio.create_task(callers.answer(HEADERS, NOW, work)) for _ in range(2)]
    await acting(db).services.tokens.revoke(revocation(token))
    await begun.wait()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [UnauthenticatedError] * 2


async def test_nothing_that_relies_on_it_runs_once_it_does_not_hold(
    db: Database, callers: Callers, user: User
) -> None:
    """As of two mutations in one document: the second is not to be done by whom the first was refused to."""
    await acting(db).update(user, first_name="New")
    users, begun = [make.a_user(), make.a_user()], 0

    async def work(caller: Caller) -> None:
        nonlocal begun
        begun += 1
        for one in users:
            try:
                await db.write(partial(_add, one))
            except UnauthenticatedError:
                assert caller.user == user

    await callers.answer(HEADERS, NOW, work)
    assert begun == 2
    async with db.read() as reader:
        assert len(await user_data.by_ids(reader, [one.id for one in users])) == 2


async def _add(user: User, writer: Writer) -> None:
    await user_data.add(writer, user)


async def test_a_refusal_is_told_only_by_who_is_known_still(
    db: Database, callers: Callers, token: ApiToken
) -> None:
    async def refuse(_: Caller) -> None:
        raise BadRequestError("Why not.")

    with pytest.raises(BadRequestError):
        await callers.answer(HEADERS, NOW, refuse)
    await acting(db).services.tokens.revoke(revocation(token))
    with pytest.raises(UnauthenticatedError):
        await callers.answer(HEADERS, NOW, refuse)


@pytest.mark.parametrize(
    ("later", "permitted"),
    [(timedelta(seconds=20) - MOMENT, {"a", "roster:users:read"}), (timedelta(seconds=20), set())],
)
async def test_nobody_is_remembered_beyond_an_expiry(
    callers: Callers, later: timedelta, permitted: set[str]
) -> None:
    assert await callers.answer(HEADERS, NOW + later, _permissions) == permitted


async def test_the_use_of_a_token_is_noted_all_the_same(db: Database, callers: Callers) -> None:
    minute, last = timedelta(minutes=1), text("SELECT last_used_at FROM api_tokens")
    noted = []
    for later in (minute - MOMENT, minute, minute + MOMENT):
        await callers.answer(HEADERS, NOW + later, _permissions)
        async with db.read() as reader:
            noted.append((await reader.execute(last)).scalar_one() - NOW)
    assert noted == [timedelta(0), minute, minute]


async def test_a_database_that_does_not_answer_leaves_it_to_be_asked(
    db: Database, callers: Callers, token: ApiToken
) -> None:
    """By the next statement, or in the end."""

    async def work(_: Caller) -> None:
        async with db.read() as reader:
            with pytest.raises(Exception, match="nothing"):
                await reader.execute(text("SELECT nothing"))

    await acting(db).services.tokens.revoke(revocation(token))
    with pytest.raises(UnauthenticatedError):
        await callers.answer(HEADERS, NOW, work)
