"""API tokens over HTTP: made, shown once, used, and revoked, from the next request on."""

from datetime import timedelta
from typing import Any

import pytest

import make
from applications import guarded_api
from client import Client
from roster.data.db import Database
from roster.domain.instants import format_instant, now
from roster.domain.permissions import EVERY_PERMISSION
from roster.domain.tokens import is_secret, new_secret
from roster.domain.users import User

SHOWN = "id label state createdAt expiresAt lastUsedAt revokedAt owner { id }"
CREATE = f"""mutation ($input: CreateApiTokenInput!) {{
  createApiToken(input: $input) {{ token {{ {SHOWN} }} secret errors {{ code path }} }}
}}"""
REVOKE = f"""mutation ($input: RevokeApiTokenInput!) {{
  revokeApiToken(input: $input) {{ token {{ {SHOWN} }} errors {{ code path }} }}
}}"""
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on ApiToken {{ {SHOWN} }} }} }}"
VIEWER = "{ viewer { actor { user { id } } permissions } }"


@pytest.fixture
async def user(db: Database) -> User:
    return await make.user(db, username="ci")


def for_ci(**given: Any) -> dict[str, Any]:
    until = format_instant(now() + timedelta(days=30))
    return {"owner": {"username": "ci"}, "label": "CI", "expiresAt": until} | given


async def test_a_token_opens_the_door_until_it_is_revoked(api: Client, user: User) -> None:
    role = await make.role(api.db, permissions=("roster:users:read",))
    await make.assignment(api.db, user, role)
    made = await api(CREATE, input=for_ci())
    assert made["errors"] == []
    token = made["token"]
    async with guarded_api(api.db, made["secret"]) as guarded:
        viewer = {"actor": {"user": {"id": make.user_id(user.id)}}, "permissions": ["roster:users:read"]}
        assert await guarded(VIEWER) == viewer
        used = await api(NODE, id=token["id"])
        assert used["lastUsedAt"] >= token["createdAt"]
        revoked = await api(REVOKE, input={"token": token["id"], "reason": "Lost"})
        assert revoked["errors"] == []
        assert revoked["token"] == used | {"state": "REVOKED", "revokedAt": revoked["token"]["revokedAt"]}
        response = await guarded.http.post("/graphql", json={"query": VIEWER})
        assert response.status_code == 401
    assert await api(NODE, id=token["id"]) == revoked["token"]


async def test_the_secret_is_shown_once(api: Client, user: User) -> None:
    made = await api(CREATE, input=for_ci())
    assert is_secret(made["secret"])
    assert made["token"] == {
        "id": made["token"]["id"],
        "label": "CI",
        "state": "ACTIVE",
        "createdAt": made["token"]["createdAt"],
        "expiresAt": made["token"]["expiresAt"],
        "lastUsedAt": None,
        "revokedAt": None,
        "owner": {"id": make.user_id(user.id)},
    }
    assert await api(NODE, id=made["token"]["id"]) == made["token"]
    fields = await api('{ __type(name: "ApiToken") { fields { name } } }')
    assert {field["name"] for field in fields["fields"]} == {
        *("id", "label", "state", "createdAt", "expiresAt", "lastUsedAt", "revokedAt", "owner")
    }


async def test_there_is_no_secret_where_there_are_errors(api: Client, user: User) -> None:
    assert user.username == "ci"
    made = await api(CREATE, input=for_ci(label=" "))
    assert made == {
        "token": None,
        "secret": None,
        "errors": [{"code": "INVALID_INPUT", "path": ["label"]}],
    }
    made = await api(CREATE, input=for_ci(owner={"username": "no.one"}))
    assert made == {"token": None, "secret": None, "errors": [{"code": "NOT_FOUND", "path": ["owner"]}]}


async def test_an_expired_token_is_told_as_that(api: Client, user: User) -> None:
    token = await make.token(api.db, user, expires_at=make.LONG_AGO + timedelta(days=1))
    found = await api(NODE, id=make.token_id(token.id))
    assert (found["state"], found["revokedAt"]) == ("EXPIRED", None)
    answer = await api(REVOKE, input={"token": make.token_id(token.id)})
    assert answer == {"token": found, "errors": []}


async def test_who_is_suspended_in_the_middle_does_nothing_more(db: Database) -> None:
    """The token of a request that has begun opens nothing for a mutation after."""
    caller, secret = await make.caller(db, EVERY_PERMISSION), new_secret()
    assert caller.user
    await make.token(db, caller.user, secret=secret)
    mutation = """mutation ($me: [UserRef!]!) {
      away: setUserStatus(input: {users: {refs: $me}, status: SUSPENDED}) { errors { code } }
      more: addRole(input: {key: "MORE"}) { errors { code } }
    }"""
    async with guarded_api(db, secret) as api:
        answer = await api.answer(mutation, me=[{"id": make.user_id(caller.user.id)}])
    (error,) = answer["errors"]
    assert (error["path"], error["extensions"]) == (["more"], {"code": "FORBIDDEN"})
