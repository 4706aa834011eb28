"""Everybody may read themselves, and through themselves nothing of others."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

import make
from guarded import Door, caller_with, guarded
from roster.data.db import Database
from roster.domain.actors import Actor, ActorKind
from roster.domain.permissions import Permission
from roster.domain.users import User
from snapshots import rows
from strangers import MARK, strangers


@pytest.fixture
async def door(db: Database) -> AsyncIterator[Door]:
    async with guarded(db) as opened:
        yield opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Somebody who may nothing, and holds a role that another, who is not to be seen, gave them."""

    user: User
    secret: str
    named: dict[str, Any]


@pytest.fixture
async def me(db: Database) -> Me:
    user, secret = await caller_with(db, email="me@example.org", username="me", external_id="of-me")
    giver, role = (
        make.a_user(display_name=f"Giver {MARK}"),
        make.a_role(key="MINE", name="Role mine", permissions=("my:own",)),
    )
    by = Actor(kind=ActorKind.USER, user_id=giver.id)
    held = make.an_assignment(user, role, assigned_by=by, reason="Welcome")
    await make.store(db, giver, role, held, make.an_assignment(giver, role))
    named = {
        "me": make.user_id(user.id),
        "role": make.role_id(role.id),
        "held": make.assignment_id(held.id),
        "giver": make.user_id(giver.id),
    }
    return Me(user=user, secret=secret, named=named)


ALL_OF_ME = """{ viewer { permissions actor { kind label user {
    id email permissions roles { key name permissions }
    assignments { totalCount nodes { reason state user { email } role { key } assignedBy { kind label user { id } } } }
} } } }"""


async def test_whoever_may_nothing_sees_all_of_themselves(door: Door, me: Me) -> None:
    answer = await door.ask(me.secret, ALL_OF_ME)
    viewer = answer.data()
    assert viewer["permissions"] == ["my:own"]
    user = viewer["actor"].pop("user")
    assert viewer["actor"] == {"kind": "USER", "label": me.user.display_name}
    assert (user["id"], user["permissions"]) == (me.named["me"], ["my:own"])
    assert {"key": "MINE", "name": "Role mine", "permissions": ["my:own"]} in user["roles"]
    (given,) = [one for one in user["assignments"]["nodes"] if one["reason"]]
    assert given == {
        "reason": "Welcome",
        "state": "ACTIVE",
        "user": {"email": "me@example.org"},
        "role": {"key": "MINE"},
        "assignedBy": {"kind": "USER", "label": "A user", "user": None},
    }
    assert MARK not in answer.text


async def test_whoever_reads_users_sees_who_gave_a_role(db: Database, door: Door, me: Me) -> None:
    await make.assignment(db, me.user, await make.role(db, permissions=(Permission.USERS_READ,)))
    document = "{ viewer { actor { user { assignments { nodes { assignedBy { label user { id } } } } } } } }"
    nodes = (await door.ask(me.secret, document)).data()["actor"]["user"]["assignments"]["nodes"]
    by = {"label": f"Giver {MARK}", "user": {"id": me.named["giver"]}}
    assert {"assignedBy": by} in nodes


@pytest.mark.parametrize(
    "way",
    [
        'user(by: {email: "me@example.org"})',
        'user(by: {email: " ME@example.org "})',
        'user(by: {username: "me"})',
        'user(by: {externalId: "of-me"})',
        "user(by: {id: $me})",
        "node(id: $me)",
    ],
)
async def test_everybody_finds_themselves_by_whatever_names_them(door: Door, me: Me, way: str) -> None:
    answer = await door.ask(me.secret, f"{{ found: {filled(way, me)} {{ id }} }}")
    assert answer.body == {"data": {"found": {"id": me.named["me"]}}}


def filled(selection: str, me: Me) -> str:
    """With what is named in place of the variables."""
    return re.sub(r"\$(\w+)", lambda found: f'"{me.named[found[1]]}"', selection)


BEYOND = {
    "my events": "user(by: {id: $me}) { events { nodes { id } } }",
    "my role by id": "node(id: $role) { id }",
    "my assignment by id": "node(id: $held) { id }",
    "how many hold my role": "user(by: {id: $me}) { roles { holderCount } }",
    "who holds my role": "user(by: {id: $me}) { roles { users { nodes { id } } } }",
    "how many are listed for my role": "user(by: {id: $me}) { roles { users(first: 0) { totalCount } } }",
    "how my role is held": "user(by: {id: $me}) { roles { assignments { nodes { id } } } }",
    "how often my role was held": "user(by: {id: $me}) { roles { assignments(first: 0) { totalCount } } }",
    "what happened to my role": "user(by: {id: $me}) { roles { events { nodes { id } } } }",
    "the same of a role of an assignment": """
        user(by: {id: $me}) { assignments { nodes { role { users { nodes { id } } } } } }""",
}


@pytest.mark.parametrize("name", BEYOND)
async def test_nobody_sees_others_through_what_is_their_own(door: Door, me: Me, name: str) -> None:
    answer = await door.ask(me.secret, f"{{ {filled(BEYOND[name], me)} }}")
    assert set(answer.codes) == {"FORBIDDEN"}
    assert answer.body["data"] is None or set(answer.body["data"].values()) == {None}
    assert MARK not in answer.text


CHANGES = {
    "updateUser": 'updateUser(input: {user: {id: $me}, firstName: "Ada"}) { errors { code } }',
    "setUserStatus": "setUserStatus(input: {users: {refs: [{id: $me}]}, status: SUSPENDED}) { errors { code } }",
    "eraseUser": 'eraseUser(input: {user: {id: $me}, confirm: "me", reason: "Asked"}) { errors { code } }',
    "revokeRoles": "revokeRoles(input: {users: {refs: [{id: $me}]}, roles: []}) { errors { code } }",
    "setUserRoles": "setUserRoles(input: {user: {id: $me}, roles: []}) { errors { code } }",
    "createApiToken": """createApiToken(input: {owner: {id: $me}, label: "A", expiresAt: "2027-01-01T00:00:00Z"}) {
        secret errors { code } }""",
}


@pytest.mark.parametrize("name", CHANGES)
async def test_nobody_may_change_themselves_for_being_themselves(
    db: Database, door: Door, me: Me, name: str
) -> None:
    before = await rows(db)
    answer = await door.ask(me.secret, f"mutation ($me: ID!) {{ {CHANGES[name]} }}", me.named)
    assert (answer.codes, answer.body["data"]) == (["FORBIDDEN"], None)
    assert await rows(db) == before


# ---- what is mine beside what is not ----


async def test_what_is_mine_is_answered_beside_what_is_refused(door: Door, me: Me) -> None:
    ids = [me.named["me"], me.named["giver"], me.named["role"], me.named["me"]]
    answer = await door.ask(me.secret, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})
    mine = {"id": me.named["me"]}
    assert answer.body["data"] == {"nodes": [mine, None, None, mine]}
    assert [error["path"] for error in answer.body["errors"]] == [["nodes", 1], ["nodes", 2]]
    assert set(answer.codes) == {"FORBIDDEN"}


@pytest.mark.parametrize("field", ["roles { key }", "permissions", "assignments { nodes { role { key } } }"])
async def test_who_reads_users_sees_the_roles_of_nobody_but_themselves(
    db: Database, door: Door, me: Me, field: str
) -> None:
    await make.assignment(db, me.user, await make.role(db, permissions=(Permission.USERS_READ,)))
    both = " ".join(f"{name}: user(by: {{id: ${name}}}) {{ {field} }}" for name in ("me", "giver"))
    answer = await door.ask(me.secret, f"query ($me: ID!, $giver: ID!) {{ {both} }}", me.named)
    assert answer.body["data"]["me"]
    assert answer.body["data"]["giver"] is None
    assert [error["path"][0] for error in answer.body["errors"]] == ["giver"]
    listed = f"users(filter: {{id: [$giver]}}) {{ nodes {{ {field} }} }}"
    every = await door.ask(me.secret, f"query ($giver: ID!) {{ {listed} }}", me.named)
    assert (set(every.codes), every.body["data"]) == ({"FORBIDDEN"}, None)


async def test_nobody_has_no_viewer_whatever_nobody_may_read(db: Database) -> None:
    document = "{ viewer { permissions actor { label } } }"
    for anonymous in ([], [Permission.USERS_READ, Permission.ROLES_READ]):
        async with guarded(db, anonymous) as door:
            answer = await door.ask(None, document)
            assert (answer.status, answer.codes, answer.body["data"]) == (200, ["UNAUTHENTICATED"], None)


# ---- what a change answers ----


async def test_whoever_creates_a_user_sees_what_they_gave_and_no_more(db: Database, door: Door) -> None:
    _, secret = await caller_with(db, Permission.USERS_WRITE)
    create = "mutation ($email: Email!) {{ createUser(input: {{email: $email}}) {{ user {{ {} }} errors {{ code }} }} }}"
    seen = await door.ask(secret, create.format("email displayName status"), {"email": "a@example.org"})
    assert seen.data()["user"] == {"email": "a@example.org", "displayName": "a", "status": "ACTIVE"}
    for number, field in enumerate(
        ("roles { key }", "permissions", "assignments { totalCount }", "events { nodes { id } }")
    ):
        answer = await door.ask(secret, create.format(field), {"email": f"{number}@example.org"})
        assert set(answer.codes) == {"FORBIDDEN"}
        assert answer.body["data"] == {"createUser": {"user": None, "errors": []}}


async def test_whoever_revokes_a_token_does_not_see_whose_it_was(db: Database, door: Door) -> None:
    named, (_, secret) = await strangers(db), await caller_with(db, Permission.TOKENS_WRITE)
    revoke = "mutation ($token: ID!) { revokeApiToken(input: {token: $token}) { token { owner { id } } errors { code } } }"
    answer = await door.ask(secret, revoke, named)
    assert answer.codes == ["FORBIDDEN"]
    assert answer.body["data"] == {"revokeApiToken": {"token": None, "errors": []}}


async def test_a_token_for_oneself_shows_oneself(door: Door, db: Database) -> None:
    user, secret = await caller_with(db, Permission.TOKENS_WRITE)
    create = """mutation ($me: ID!, $until: DateTime!) {
        createApiToken(input: {owner: {id: $me}, label: "A", expiresAt: $until}) {
            token { owner { email roles { key } } } secret errors { code } } }"""
    given = {"me": make.user_id(user.id), "until": (await strangers(db))["until"]}
    told = (await door.ask(secret, create, given)).data()
    assert told["token"]["owner"]["email"] == user.email
    again = await door.ask(told["secret"], "{ viewer { actor { user { email } } } }")
    assert again.data() == {"actor": {"user": {"email": user.email}}}
