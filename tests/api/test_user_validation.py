"""Every problem of one mutation of users is answered at once, and nothing written; what depends on more than one field."""

from typing import Any

import pytest

import make
from client import Client
from roster.domain.user_values import canonical_json
from roster.domain.users import UserKind
from validation.cells import Refused, invalid
from validation.running import document, refusals, send
from validation.values import not_found
from validation.world import make_world

WRONG_FIELDS: dict[str, Any] = {
    "email": "nobody",
    "username": "Ann Lee",
    "firstName": "  ",
    "lastName": "x" * 101,
    "displayName": "\u202e",
    "phone": "123",
    "locale": "deutsch-",
    "timezone": "Mars/Olympus",
    "avatarUrl": "http://example.org",
    "externalId": "",
    "attributes": {"a": 2**53},
    "emailVerifiedAt": "yesterday",
}
PROBLEMS = {
    "email": invalid("BAD_FORMAT", path=("email",)),
    "username": invalid("BAD_FORMAT", path=("username",)),
    "firstName": invalid("BLANK", path=("firstName",)),
    "lastName": invalid("TOO_LONG", 100, path=("lastName",)),
    "displayName": invalid("NOT_ALLOWED", path=("displayName",)),
    "phone": invalid("BAD_FORMAT", path=("phone",)),
    "locale": invalid("BAD_FORMAT", path=("locale",)),
    "timezone": invalid("NOT_ALLOWED", path=("timezone",)),
    "avatarUrl": invalid("BAD_FORMAT", path=("avatarUrl",)),
    "externalId": invalid("BLANK", path=("externalId",)),
    "attributes": invalid("OUT_OF_RANGE", path=("attributes",)),
    "emailVerifiedAt": invalid("BAD_FORMAT", path=("emailVerifiedAt",)),
}


def by_path(errors: list[Refused]) -> list[Refused]:
    return sorted(errors, key=lambda error: error.path or ())


async def test_create_user_answers_every_problem_at_once(api: Client) -> None:
    roles = [
        {"role": {"key": "NOBODY"}, "expiresAt": "2000-01-01T00:00:00Z"},
        {"role": {"key": "ADMIN"}, "expiresAt": "3000-01-01T00:00:00Z"},
    ]
    found = await refusals(api, "createUser", **WRONG_FIELDS, status="ERASED", roles=roles)
    assert by_path(found) == by_path(
        [
            *PROBLEMS.values(),
            invalid("NOT_ALLOWED", path=("status",)),
            invalid("IN_THE_PAST", path=("roles", "0", "expiresAt")),
            invalid("OUT_OF_RANGE", 10, path=("roles", "1", "expiresAt")),
        ]
    )


async def test_update_user_answers_every_problem_at_once(api: Client) -> None:
    user = await make.user(api.db)
    named = {"id": make.user_id(user.id)}
    found = await refusals(api, "updateUser", user=named, expectedVersion=7, **WRONG_FIELDS, reason="x" * 501)
    assert by_path(found) == by_path([*PROBLEMS.values(), invalid("TOO_LONG", 500, path=("reason",))])


async def test_set_user_status_answers_every_problem_at_once(api: Client) -> None:
    users = {"refs": [{"username": "ann"}] * 201}
    assert await refusals(api, "setUserStatus", users=users, status="ACTIVE", reason=" ") == [
        Refused("LimitExceededError", "LIMIT_EXCEEDED", limit=200, path=("users", "refs")),
        invalid("BLANK", path=("reason",)),
    ]


async def test_erase_user_answers_every_problem_at_once(api: Client) -> None:
    found = await refusals(api, "eraseUser", user={"username": "ann"}, confirm=" ", reason="\x00")
    assert by_path(found) == [
        invalid("BLANK", path=("confirm",)),
        invalid("NOT_ALLOWED", path=("reason",)),
    ]


TAKEN = [
    Refused("TakenError", "TAKEN", path=("email",)),
    Refused("TakenError", "TAKEN", path=("externalId",)),
    Refused("TakenError", "TAKEN", path=("username",)),
]


async def test_create_user_answers_everything_taken_and_not_found_at_once(api: Client) -> None:
    await make_world(api.db)
    roles = [{"role": {"key": key}} for key in ("NOBODY", "EDITOR", "HELD", "editor")]
    found = await refusals(
        api, "createUser", email="ANN@example.org", username="Ann", externalId="hr-1", roles=roles
    )
    assert by_path(found) == [
        *TAKEN[:2],
        not_found("roles", "0", "role"),
        invalid("NOT_ALLOWED", path=("roles", "3", "role")),
        *TAKEN[2:],
    ]


async def test_update_user_answers_everything_taken_at_once(api: Client) -> None:
    await make_world(api.db)
    user = {"id": make.user_id((await make.user(api.db)).id)}
    found = await refusals(
        api, "updateUser", user=user, email="ANN@example.org", username="Ann", externalId="hr-1"
    )
    assert by_path(found) == TAKEN


async def test_set_user_status_answers_everyone_not_found_at_once(api: Client) -> None:
    world = await make_world(api.db)
    refs = [{"username": "bob"}, {"id": world.user}, {"email": "ann"}, {"externalId": "HR-1"}]
    found = await refusals(api, "setUserStatus", users={"refs": refs}, status="SUSPENDED")
    assert found == [not_found("users", "refs", at) for at in ("0", "2", "3")]


async def test_a_service_needs_a_username_and_keeps_it(api: Client) -> None:
    assert await refusals(api, "createUser", kind="SERVICE", email="bot@example.org") == [
        invalid("REQUIRED", path=("username",))
    ]
    service = await make.user(api.db, kind=UserKind.SERVICE, username="bot", email=None)
    user = {"id": make.user_id(service.id)}
    assert await refusals(api, "updateUser", user=user, username=None) == [
        invalid("REQUIRED", path=("username",))
    ]


async def test_what_a_user_must_keep_is_told_with_every_other_problem(api: Client) -> None:
    user = {"id": make.user_id((await make.user(api.db)).id)}
    found = await refusals(api, "updateUser", user=user, email=None, phone="123", reason=" ")
    assert by_path(found) == [
        invalid("REQUIRED", path=("email",)),
        invalid("BAD_FORMAT", path=("phone",)),
        invalid("BLANK", path=("reason",)),
    ]


async def test_a_service_needs_no_address(api: Client) -> None:
    answer = await send(api, document("createUser"), input={"kind": "SERVICE", "username": "bot"})
    assert answer["data"]["createUser"]["errors"] == []


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"a\x00": 1}, "NOT_ALLOWED"),
        ({"a\ud800": 1}, "NOT_ALLOWED"),
        ({"a": "\x00"}, "NOT_ALLOWED"),
        ({"a": [{"b": "\udfff"}]}, "NOT_ALLOWED"),
        ({"a": [1, -(2**53)]}, "OUT_OF_RANGE"),
        ({"a": 2.0**53}, "OUT_OF_RANGE"),
    ],
)
async def test_attributes_are_looked_through_to_the_last_value(
    api: Client, attributes: dict[str, Any], reason: str
) -> None:
    assert await refusals(api, "createUser", email="new@example.org", attributes=attributes) == [
        invalid(reason, path=("attributes",))
    ]


async def test_a_number_beyond_all_numbers_is_out_of_range(api: Client) -> None:
    body = '{"query": "%s", "variables": {"input": {"email": "a@example.org", "attributes": {"a": 1e400}}}}'
    query = document("createUser").replace("\n", " ")
    response = await api.http.post(
        "/graphql", content=body % query, headers={"content-type": "application/json"}
    )
    (error,) = response.json()["data"]["createUser"]["errors"]
    assert (error["path"], error["reason"]) == (["attributes"], "OUT_OF_RANGE")


@pytest.mark.parametrize(
    ("before", "after", "version"),
    [({"a": True}, {"a": 1}, 2), ({"a": 0}, {"a": False}, 2), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, 1)],
)
async def test_a_change_of_attributes_is_seen_where_python_sees_none(
    api: Client, before: dict[str, Any], after: dict[str, Any], version: int
) -> None:
    user = await make.user(api.db, attributes=before)
    changed = await api(
        "mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { version attributes } } }",
        input={"user": {"id": make.user_id(user.id)}, "attributes": after},
    )
    assert changed["user"] == {"version": version, "attributes": after}
    assert [type(value) for value in changed["user"]["attributes"].values()] == [
        type(after[key]) for key in changed["user"]["attributes"]
    ]


async def test_attributes_come_back_as_they_were_given(api: Client) -> None:
    given = {
        "numbers": [0, -1, 0.1, 1e-7, 5e-324, 1.0, 2**53 - 1, -(2**53) + 1],
        "texts": ["", "\x01\x7f\u202e", "\ufffe\U0001f600", "\\u0000", "A\u0308\u00c4"],
        "A\u0308": {"\u00c4": [True, False, None, [], {}]},
    }
    created = await api(
        "mutation($input: CreateUserInput!) { createUser(input: $input) { user { id attributes } } }",
        input={"email": "new@example.org", "attributes": given},
    )
    found = await api(
        "query($id: ID!) { node(id: $id) { ... on User { attributes } } }", id=created["user"]["id"]
    )
    assert canonical_json(created["user"]["attributes"]) == canonical_json(given)
    assert canonical_json(found["attributes"]) == canonical_json(given)


async def test_a_derived_display_name_may_be_longer_than_a_given_one(api: Client) -> None:
    names = {"firstName": "f" * 100, "lastName": "l" * 100}
    created = await api(
        "mutation($input: CreateUserInput!) { createUser(input: $input) { user { displayName } } }",
        input={"email": "new@example.org", **names},
    )
    assert created["user"]["displayName"] == f"{'f' * 100} {'l' * 100}"
