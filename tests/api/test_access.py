"""Who may what over HTTP, as a table: whoever may not is told nothing, changes nothing, and costs no statement."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import pytest
from graphql import GraphQLObjectType, build_schema, get_named_type, is_leaf_type

import make
from access_rows import MUTATIONS, ROWS
from guarded import Answer, Door, caller_with, guarded, secret_of, stored_secret
from roster.api.schema import sdl
from roster.data.db import Database
from roster.domain.instants import now
from roster.domain.permissions import EVERY_PERMISSION, Permission
from roster.domain.tokens import new_secret
from roster.domain.users import UserStatus
from snapshots import rows
from strangers import MARK, nobodies, strangers

NOUNS = ("User", "Role", "RoleAssignment", "Event", "ApiToken")
# These lead nowhere, but tell of roles all the same.
TELLING = {"User.permissions", "Role.holderCount"}


@pytest.fixture
async def door(db: Database) -> AsyncIterator[Door]:
    async with guarded(db) as opened:
        yield opened


def fields(name: str) -> Iterator[tuple[str, bool]]:
    """Every field of the type, and whether it leads anywhere."""
    type_ = build_schema(sdl()).type_map[name]
    assert isinstance(type_, GraphQLObjectType)
    for field, defined in type_.fields.items():
        yield f"{name}.{field}", not is_leaf_type(get_named_type(defined.type)) or bool(defined.args)


def test_every_field_that_leads_anywhere_is_in_the_table() -> None:
    roots = {field for name in ("Query", "Mutation") for field, _ in fields(name)} - {"Query.viewer"}
    leading = {field for noun in NOUNS for field, leads in fields(noun) if leads}
    assert {name.partition(" ")[0] for name in ROWS} == roots | leading | TELLING


# ---- whoever may not ----


def assert_refused(answer: Answer, code: str, named: dict[str, Any], name: str) -> None:
    assert answer.status == 200, name
    assert set(answer.codes) == {code}, name
    assert not list(leaves(answer.body["data"])), name
    assert MARK not in answer.text.lower(), name
    assert not [value for value in named.values() if value in answer.text], name


def leaves(value: Any) -> Iterator[Any]:
    """All that was told."""
    if isinstance(value, (list, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)
    elif value is not None:
        yield value


# Nothing, each permission alone, and all but one.
INSUFFICIENT: Sequence[frozenset[str]] = (
    frozenset(),
    *(frozenset({one}) for one in Permission),
    *(EVERY_PERMISSION - {one} for one in Permission),
)


@pytest.mark.parametrize("held", INSUFFICIENT, ids=lambda held: " ".join(sorted(held)))
async def test_whoever_lacks_a_permission_is_refused(db: Database, door: Door, held: frozenset[str]) -> None:
    named, (_, secret) = await strangers(db), await caller_with(db, *held)
    before = await rows(db)
    for name, row in ROWS.items():
        if row.needs <= held:
            continue
        answer = await door.ask(secret, row.document, named)
        assert_refused(answer, "FORBIDDEN", named, name)
        reached = row.parents if row.reach <= held else 0
        assert len(answer.statements) == 1 + reached, name
        # Whoever may read what leads there is told whether that is there.
        assert reached or answer.text == (await door.ask(secret, row.document, nobodies(named))).text, name
    assert await rows(db) == before


READINGS = (Permission.USERS_READ, Permission.ROLES_READ)


@pytest.mark.parametrize("anonymous", [(), READINGS[:1], READINGS[1:], READINGS])
async def test_nobody_may_read_more_than_was_switched_on_and_change_nothing(
    db: Database, anonymous: tuple[str, ...]
) -> None:
    named = await strangers(db)
    before = await rows(db)
    async with guarded(db, anonymous) as door:
        for name, row in ROWS.items():
            answer = await door.ask(None, row.document, named)
            if row.needs <= set(anonymous):
                assert list(leaves(answer.data())), name
                continue
            assert_refused(answer, "UNAUTHENTICATED", named, name)
            reached = row.parents if row.reach <= set(anonymous) else 0
            assert len(answer.statements) == reached, name
            assert reached or answer.text == (await door.ask(None, row.document, nobodies(named))).text, name
    assert await rows(db) == before


# ---- bad tokens ----

OTHER_THAN_ACTIVE = (UserStatus.PENDING, UserStatus.SUSPENDED, UserStatus.ARCHIVED, UserStatus.ERASED)
STATEMENTS = {
    "malformed": 0,
    "cut off": 0,
    "of a wrong checksum": 0,
    "unknown": 1,
    "expired": 1,
    "revoked": 1,
    **{f"of one who is {status}": 1 for status in OTHER_THAN_ACTIVE},
}


async def bad_token(db: Database, kind: str) -> str:
    """But for that, it would let in somebody who may everything."""
    if kind in {"malformed", "unknown"}:
        return MARK if kind == "malformed" else new_secret()
    status = next((one for one in OTHER_THAN_ACTIVE if kind.endswith(one)), UserStatus.ACTIVE)
    nameless: Mapping[str, Any] = dict.fromkeys(("email", "first_name", "last_name"))
    erased = nameless if status is UserStatus.ERASED else {}
    owner = (await make.caller(db, status=status, **erased)).user
    assert owner
    given = {"expired": {"expires_at": now()}, "revoked": {"revoked_at": now()}}.get(kind, {})
    secret = await stored_secret(db, owner, **given)
    return {
        "cut off": secret[:-1],
        "of a wrong checksum": secret[:-1] + ("1" if secret[-1] == "0" else "0"),
    }.get(kind, secret)


@pytest.mark.parametrize("kind", STATEMENTS)
async def test_a_bad_token_is_answered_alike_whatever_is_asked(db: Database, door: Door, kind: str) -> None:
    named, secret = await strangers(db), await bad_token(db, kind)
    before = await rows(db)
    for name, row in ROWS.items():
        answer = await door.ask(secret, row.document, named)
        assert answer.status == 401, name
        assert answer.challenge == 'Bearer realm="Roster", error="invalid_token"'
        assert answer.text == (
            '{"errors":[{"message":"The token is not valid.","extensions":{"code":"UNAUTHENTICATED"}}]}'
        )
        assert len(answer.statements) == STATEMENTS[kind]
    assert await rows(db) == before


async def test_a_good_token_of_the_same_kind_lets_in(db: Database, door: Door) -> None:
    """So that the bad ones are refused for what is wrong with them alone."""
    caller = await make.caller(db)
    assert caller.user
    secret = await stored_secret(db, caller.user)
    answer = await door.ask(secret, "{ viewer { permissions } }")
    assert answer.data() == {"permissions": sorted(EVERY_PERMISSION)}


# ---- whoever may ----


async def assert_allowed(db: Database, door: Door, name: str, secret: str, named: dict[str, Any]) -> None:
    before = await rows(db)
    told = (await door.ask(secret, ROWS[name].document, named)).data()
    after = await rows(db)
    if name in MUTATIONS:
        assert told.pop("errors") == []
        assert len(after["events"]) > len(before["events"])
    else:
        assert after == before
    assert list(leaves(told))


@pytest.mark.parametrize("name", ROWS)
async def test_whoever_has_what_it_needs_is_answered(db: Database, door: Door, name: str) -> None:
    named, (_, secret) = await strangers(db), await caller_with(db, *ROWS[name].needs)
    await assert_allowed(db, door, name, secret, named)


@pytest.mark.parametrize("name", ROWS)
async def test_an_administrator_is_answered(db: Database, door: Door, name: str) -> None:
    named, admin = await strangers(db), await make.user(db)
    await make.assignment(db, admin, await make.admin_role(db))
    await assert_allowed(db, door, name, await secret_of(db, admin), named)
