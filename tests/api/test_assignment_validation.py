"""Every problem of one mutation of who holds what is answered at once, and nothing written."""

from typing import Any

import pytest

from client import Client
from validation.cells import Refused, invalid
from validation.running import refusals
from validation.values import not_found
from validation.world import make_world


def too_many(limit: int, *path: str) -> Refused:
    return Refused("LimitExceededError", "LIMIT_EXCEEDED", limit=limit, path=path)


EVERYONE = {"refs": [{"username": "ann"}] * 201}
REASON = invalid("TOO_LONG", 500, path=("reason",))


async def test_assign_roles_answers_every_problem_at_once(api: Client) -> None:
    given: dict[str, Any] = {"users": EVERYONE, "roles": [{"key": "EDITOR"}] * 101, "reason": "x" * 501}
    assert await refusals(api, "assignRoles", **given, expiresAt="2000-01-01T00:00:00Z") == [
        too_many(200, "users", "refs"),
        too_many(100, "roles"),
        invalid("IN_THE_PAST", path=("expiresAt",)),
        REASON,
    ]


async def test_revoke_roles_answers_every_problem_at_once(api: Client) -> None:
    given: dict[str, Any] = {"users": EVERYONE, "roles": [{"key": "EDITOR"}] * 2001, "reason": "x" * 501}
    assert await refusals(api, "revokeRoles", **given) == [
        too_many(200, "users", "refs"),
        too_many(2000, "roles"),
        REASON,
    ]


async def test_set_user_roles_answers_every_problem_at_once(api: Client) -> None:
    roles = [
        {"role": {"key": "EDITOR"}, "expiresAt": "soon"},
        {"role": {"key": "HELD"}},
        {"role": {"key": "HELD"}, "expiresAt": "9000-01-01T00:00:00Z"},
    ]
    assert await refusals(api, "setUserRoles", user={"username": "x"}, roles=roles, reason="x" * 501) == [
        invalid("BAD_FORMAT", path=("roles", "0", "expiresAt")),
        invalid("OUT_OF_RANGE", 10, path=("roles", "2", "expiresAt")),
        REASON,
    ]


@pytest.mark.parametrize("mutation", ["assignRoles", "revokeRoles"])
async def test_everything_not_found_is_answered_at_once(api: Client, mutation: str) -> None:
    await make_world(api.db)
    users = {"refs": [{"username": "bob"}, {"username": "ann"}, {"email": "gone@example.org"}]}
    found = await refusals(api, mutation, users=users, roles=[{"key": "EDITOR"}, {"key": "NOBODY"}])
    assert found == [
        not_found("users", "refs", "0"),
        not_found("users", "refs", "2"),
        not_found("roles", "1"),
    ]


async def test_set_user_roles_answers_everything_not_found_at_once(api: Client) -> None:
    await make_world(api.db)
    roles = [{"role": {"key": key}} for key in ("EDITOR", "NOBODY", "editor")]
    assert await refusals(api, "setUserRoles", user={"username": "bob"}, roles=roles) == [
        not_found("user"),
        not_found("roles", "1", "role"),
        invalid("NOT_ALLOWED", path=("roles", "2", "role")),
    ]


async def test_an_archived_user_is_told_to_be_restored_first(api: Client) -> None:
    world = await make_world(api.db)
    refs = [{"id": world.user}, {"id": world.archived}]
    found = await refusals(api, "assignRoles", users={"refs": refs}, roles=[{"key": "EDITOR"}])
    assert found == [invalid("NOT_ALLOWED", path=("users", "refs", "1"))]
