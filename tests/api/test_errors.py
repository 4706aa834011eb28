"""What a caller is told when something is wrong: with the request, a code and where; with a value, a typed error."""

import logging
from typing import Any

import pytest
from sqlalchemy import make_url, text

import make
from applications import guarded_api, open_api
from client import Client
from roster.data.db import Database
from roster.domain.errors import RequestError
from roster.domain.tokens import new_secret

NOBODY = f"usr_{'0' * 32}"
_SIX_DEEP = "{not: {not: {not: {not: {not: {}}}}}}"
_201_IDS = ", ".join([f'"{NOBODY}"'] * 201)
_51_CONDITIONS = "{and: [" + "{isDefault: true} " * 25 + "]}"

# The query, the code, the path to what failed in the answer, the path to what is wrong in the arguments.
REFUSED: list[tuple[str, str, list[str | int] | None, list[str] | None]] = [
    ("{", "GRAPHQL_PARSE_FAILED", None, None),
    ("{ nobody }", "GRAPHQL_VALIDATION_FAILED", None, None),
    ("{ user { id } }", "GRAPHQL_VALIDATION_FAILED", None, None),
    ("{ user(by: {}) { id } }", "GRAPHQL_VALIDATION_FAILED", None, None),
    ('{ user(by: {id: "x", email: "x"}) { id } }', "GRAPHQL_VALIDATION_FAILED", None, None),
    ("{ users(filter: {createdAt: {gt: 5}}) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED", None, None),
    ("subscription { events }", "GRAPHQL_VALIDATION_FAILED", None, None),
    ("query A { __typename } query B { __typename }", "BAD_REQUEST", None, None),
    ('{ node(id: "x") { id } }', "BAD_ID", ["node"], None),
    (f'{{ nodes(ids: ["{NOBODY}", "x"]) {{ id }} }}', "BAD_ID", ["nodes", 1], None),
    (f"{{ nodes(ids: [{_201_IDS}]) {{ id }} }}", "BAD_USER_INPUT", ["nodes"], ["ids"]),
    (f'{{ role(by: {{id: "{NOBODY}"}}) {{ id }} }}', "BAD_ID", ["role"], ["by", "id"]),
    ('{ it: user(by: {externalId: "\\u0000"}) { id } }', "BAD_USER_INPUT", ["it"], ["by", "externalId"]),
    ("{ users(first: 201) { nodes { id } } }", "BAD_USER_INPUT", ["users"], ["first"]),
    ("{ roles(last: -1) { nodes { id } } }", "BAD_USER_INPUT", ["roles"], ["last"]),
    ("{ assignments(first: 1, last: 1) { nodes { id } } }", "BAD_USER_INPUT", ["assignments"], ["last"]),
    ("{ roles { totalCount(cap: -1) } }", "BAD_USER_INPUT", ["roles", "totalCount"], ["cap"]),
    (
        "{ roles { edges { node { users(first: 201) { nodes { id } } } } } }",
        "BAD_USER_INPUT",
        ["roles", "edges", 0, "node", "users"],
        ["first"],
    ),
    ('{ users(after: "x") { nodes { id } } }', "BAD_CURSOR", ["users"], ["after"]),
    (
        "{ users(filter: {firstName: {startsWith: null}}) { nodes { id } } }",
        "BAD_USER_INPUT",
        ["users"],
        ["filter", "firstName", "startsWith"],
    ),
    (
        '{ users(filter: {and: [{}, {roles: {activeAt: "x"}}]}) { nodes { id } } }',
        "BAD_USER_INPUT",
        ["users"],
        ["filter", "and", "1", "roles", "activeAt"],
    ),
    (
        '{ assignments(filter: {assignedBy: {id: "x"}}) { nodes { id } } }',
        "BAD_ID",
        ["assignments"],
        ["filter", "assignedBy", "id"],
    ),
    (
        f"{{ users(filter: {_SIX_DEEP}) {{ nodes {{ id }} }} }}",
        "FILTER_TOO_COMPLEX",
        ["users"],
        ["filter", *["not"] * 5],
    ),
    (
        f"{{ roles(filter: {_51_CONDITIONS}) {{ nodes {{ id }} }} }}",
        "FILTER_TOO_COMPLEX",
        ["roles"],
        ["filter", "and", "24"],
    ),
    (
        f"{{ users(filter: {{id: [{_201_IDS}]}}) {{ nodes {{ id }} }} }}",
        "FILTER_TOO_COMPLEX",
        ["users"],
        ["filter", "id"],
    ),
    (
        'mutation { updateUser(input: {user: {id: "x"}}) { errors { code } } }',
        "BAD_ID",
        ["updateUser"],
        ["user", "id"],
    ),
    (
        'mutation { assignRoles(input: {users: {refs: [{email: "a@b"}, {id: "x"}]}, roles: []}) { matched } }',
        "BAD_ID",
        ["assignRoles"],
        ["users", "refs", "1", "id"],
    ),
]


@pytest.mark.parametrize(("query", "code", "path", "where"), REFUSED)
async def test_a_request_that_is_wrong_is_told_why_and_where(
    api: Client, query: str, code: str, path: list[str | int] | None, where: list[str] | None
) -> None:
    error = await api.error(query)
    assert (error["extensions"]["code"], error.get("path"), error["extensions"].get("path")) == (
        code,
        path,
        where,
    )
    assert error["message"]
    assert set(error["extensions"]) <= {"code", "path"}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Int!", "x"),
        ("Int!", 2**31),
        ("Int!", None),
        ("DateTime!", 5),
        ("Email!", ["x"]),
        ("JSON!", [1]),
        ("UserRef!", {"id": NOBODY, "email": "x"}),
        ("UserRef!", {"email": None}),
        ("UserStatus!", "GONE"),
    ],
)
async def test_a_variable_of_the_wrong_kind_is_refused(api: Client, kind: str, value: Any) -> None:
    """Each is used where it may stand."""
    uses = {
        "Int!": "roles(first: $given) { nodes { id } }",
        "DateTime!": "assignments(activeAt: $given) { nodes { id } }",
        "Email!": "user(by: {email: $given}) { id }",
        "JSON!": "users(filter: {attributes: $given}) { nodes { id } }",
        "UserRef!": "user(by: $given) { id }",
        "UserStatus!": "users(filter: {status: [$given]}) { nodes { id } }",
    }
    error = await api.error(f"query($given: {kind}) {{ {uses[kind]} }}", given=value)
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"content": "{}"}, "The body must be application/json."),
        ({"data": {"query": "{ __typename }"}}, "The body must be application/json."),
        ({"content": "x", "headers": {"content-type": "application/json"}}, "The body is not JSON."),
        ({"content": b"\xff", "headers": {"content-type": "application/json"}}, "The body is not JSON."),
        ({"json": []}, "The body must be a JSON object."),
        ({"json": {}}, "There is no query."),
        ({"json": {"query": ""}}, "There is no query."),
        ({"json": {"query": 5}}, "query must be a text."),
        ({"json": {"query": "{ __typename }", "variables": []}}, "variables must be an object."),
        ({"json": {"query": "{ __typename }", "operationName": 5}}, "operationName must be a text."),
        ({"json": {"query": "{ __typename }", "extensions": "x"}}, "extensions must be an object."),
        (
            {"json": {"query": "query A { __typename }", "operationName": "B"}},
            "The document has no operation of that name.",
        ),
    ],
)
async def test_what_is_no_graphql_request_is_a_bad_request(
    api: Client, request_: dict[str, Any], message: str
) -> None:
    response = await api.http.post("/graphql", **request_)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}]}


async def test_what_is_right_is_answered_beside_what_is_wrong(api: Client) -> None:
    answer = await api.answer('{ wrong: node(id: "x") { id } right: role(by: {key: "ADMIN"}) { key } }')
    assert answer["data"] == {"wrong": None, "right": {"key": "ADMIN"}}
    assert [error["path"] for error in answer["errors"]] == [["wrong"]]
    answer = await api.answer("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x", NOBODY, "y"])
    assert answer["data"] == {"nodes": [None, None, None]}
    assert [error["path"] for error in answer["errors"]] == [["nodes", 0], ["nodes", 2]]


@pytest.mark.parametrize(
    ("mutation", "paths"),
    [
        (
            """createUser(input: {
                firstName: " ", lastName: " ", emailVerifiedAt: "x", avatarUrl: "x", externalId: "",
                roles: [{role: {key: "ADMIN"}, expiresAt: "x"}]
            })""",
            [
                ["email"],
                ["firstName"],
                ["lastName"],
                ["roles", "0", "expiresAt"],
                ["avatarUrl"],
                ["externalId"],
                ["emailVerifiedAt"],
            ],
        ),
        (
            'updateRole(input: {role: {key: "ADMIN"}, minHolders: 1001, isDefault: null})',
            [["isDefault"], ["minHolders"]],
        ),
        ('updateRole(input: {role: {key: "ADMIN"}, expectedVersion: 9})', [["expectedVersion"]]),
        (
            'assignRoles(input: {users: {refs: [{username: "no.one"}]}, roles: [{key: "ADMIN"}, {key: "NONE"}]})',
            [["users", "refs", "0"], ["roles", "1"]],
        ),
        (
            'setUserRoles(input: {user: {username: "no.one"}, roles: [{role: {key: "NONE"}}]})',
            [["user"], ["roles", "0", "role"]],
        ),
    ],
)
async def test_every_problem_of_an_input_has_its_path_in_the_callers_words(
    api: Client, mutation: str, paths: list[list[str]]
) -> None:
    payload = await api(f"mutation {{ {mutation} {{ errors {{ path message }} }} }}")
    assert sorted(error["path"] for error in payload["errors"]) == sorted(paths)
    assert all(error["message"] for error in payload["errors"])


EITHER = pytest.mark.parametrize(
    "operation",
    ["{ roles { nodes { key } } }", 'mutation { addRole(input: {key: "AUDITOR"}) { errors { code } } }'],
)


@EITHER
async def test_the_cause_of_an_unknown_error_is_in_the_log_alone(
    server_url: str, caplog: pytest.LogCaptureFixture, operation: str
) -> None:
    """In a database without the tables."""
    url = make_url(server_url).set(database="postgres").render_as_string(hide_password=False)
    async with open_api(url, pool_size=1) as api:
        error = await api.error(operation)
    reference = error["extensions"].pop("reference")
    assert error["extensions"] == {"code": "INTERNAL"}
    assert error["message"] == f"Something went wrong here. The log has it under {reference}."
    (record,) = [record for record in caplog.records if record.name == "roster"]
    assert record.levelno == logging.ERROR
    assert vars(record)["reference"] == reference
    assert record.exc_info
    assert 'relation "roles" does not exist' in str(record.exc_info[1])


@EITHER
async def test_a_database_that_is_not_there_is_unavailable(operation: str) -> None:
    async with open_api("postgresql+psycopg://roster@/roster?host=/nowhere", pool_size=1) as api:
        error = await api.error(operation)
    assert error["extensions"] == {"code": "UNAVAILABLE"}
    assert error["message"] == "The database cannot be reached: try again."


@EITHER
async def test_a_connection_that_is_lost_between_requests_costs_none(
    db: Database, narrow_api: Client, operation: str
) -> None:
    async with narrow_api.db.read() as reader:
        pid = (await reader.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    async with db.engine.connect() as other:
        await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    assert "errors" not in await narrow_api.answer(operation)


# ---- who calls ----

WRONG_TOKENS = ["x", "rst_", new_secret(), f"rst_{'0' * 72}"]


@pytest.mark.parametrize("token", WRONG_TOKENS, ids=range(len(WRONG_TOKENS)))
async def test_a_token_that_is_not_valid_is_refused_before_anything_is_read(db: Database, token: str) -> None:
    async with guarded_api(db, token) as api:
        response = await api.http.post("/graphql", content="{")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="Roster", error="invalid_token"'
    assert response.json() == {
        "errors": [{"message": "The token is not valid.", "extensions": {"code": "UNAUTHENTICATED"}}]
    }


EITHER_KIND = pytest.mark.parametrize(
    ("operation", "permission"),
    [
        ("{ it: roles { nodes { key } } }", "roster:roles:read"),
        ('mutation { it: addRole(input: {key: "AUDITOR"}) { errors { code } } }', "roster:roles:write"),
    ],
)


@EITHER_KIND
async def test_nobody_is_told_to_say_who_they_are(db: Database, operation: str, permission: str) -> None:
    assert permission
    async with guarded_api(db) as api:
        response = await api.http.post("/graphql", json={"query": operation})
    (error,) = response.json()["errors"]
    assert (response.status_code, error["path"]) == (200, ["it"])
    assert error["message"] == "Say who you are, with a token."
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}


@EITHER_KIND
async def test_who_may_not_is_told_what_it_needs(db: Database, operation: str, permission: str) -> None:
    caller, secret = await make.user(db), new_secret()
    await make.token(db, caller, secret=secret)
    async with guarded_api(db, secret) as api:
        error = await api.error(operation)
    assert error["path"] == ["it"]
    assert error["message"] == f"This needs {permission}."
    assert error["extensions"] == {"code": "FORBIDDEN"}


def test_every_code_of_a_request_error_is_met_here() -> None:
    met = {code for _, code, _, _ in REFUSED} | {"INTERNAL", "UNAVAILABLE", "UNAUTHENTICATED", "FORBIDDEN"}
    ours = {kind.code for kind in RequestError.__subclasses__()}
    assert met == ours | {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "INTERNAL"}
