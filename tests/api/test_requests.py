"""Requests that mean harm or mishap: every one is answered with a code, in GraphQL's words, and does nothing."""

import json
import logging
import socket
from typing import Any

import pytest

import make
from applications import open_api
from client import Client
from roster.services.roles import Roles
from roster.services.users import Users
from validation.cells import UNSTORABLE
from validation.running import send
from validation.world import snapshot

JSON = {"content-type": "application/json"}
CREATE = """mutation($input: CreateUserInput!) { createUser(input: $input) {
  errors { path ... on InvalidInputError { reason limit } } } }"""
ADD_ROLE = 'mutation %s { addRole(input: {key: "%s"}) { role { key } errors { code } } }'


async def post(api: Client, body: str | bytes, status: int = 200) -> dict[str, Any]:
    response = await api.http.post("/graphql", content=body, headers=JSON)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/json")
    answer: dict[str, Any] = response.json()
    return answer


def body_with(query: str, variables: str = "{}") -> str:
    """A body whose variables are written by hand."""
    return f'{{"query": {json.dumps(query)}, "variables": {variables}}}'


DEEP = 100_000


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "{'query': '{ __typename }'}",
        '{"query": "{ __typename }"',
        '{"query": "{ __typename }"} {}',
        body_with("{ __typename }", '{"a": NaN}'),
        body_with("{ __typename }", '{"a": -Infinity}'),
        body_with("{ __typename }", '{"a": ' + "[" * DEEP + "]" * DEEP + "}"),
        body_with("{ __typename }", '{"a":' * DEEP + "1" + "}" * DEEP),
        body_with("{ __typename }", '{"a": ' + "1" * 5000 + "}"),
        '{"query": "{ __typename }\n"}',
        '{"query": "\u00e4"}'.encode("latin-1"),
    ],
    ids=range(12),
)
async def test_what_is_no_json_is_a_bad_request(api: Client, body: str | bytes) -> None:
    told = {"message": "The body is not JSON.", "extensions": {"code": "BAD_REQUEST"}}
    assert await post(api, body, status=400) == {"errors": [told]}


@pytest.mark.parametrize("body", ["[]", "null", "1", '"{ __typename }"', '[{"query": "{ __typename }"}]'])
async def test_what_is_no_object_is_a_bad_request(api: Client, body: str) -> None:
    told = {"message": "The body must be a JSON object.", "extensions": {"code": "BAD_REQUEST"}}
    assert await post(api, body, status=400) == {"errors": [told]}


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/graphql",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
    ],
)
async def test_what_a_form_of_another_site_can_send_is_a_bad_request(api: Client, content_type: str) -> None:
    body = json.dumps({"query": ADD_ROLE % ("", "AUDITOR")})
    before = await snapshot(api.db)
    response = await api.http.post("/graphql", content=body, headers={"content-type": content_type})
    told = {"message": "The body must be application/json.", "extensions": {"code": "BAD_REQUEST"}}
    assert (response.status_code, response.json()) == (400, {"errors": [told]})
    assert await snapshot(api.db) == before


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_may_be_named_in_full(api: Client, content_type: str) -> None:
    body = json.dumps({"query": "{ __typename }", "variables": None, "operationName": None})
    response = await api.http.post("/graphql", content=body, headers={"content-type": content_type})
    assert (response.status_code, response.json()) == (200, {"data": {"__typename": "Query"}})


SEVERAL = " ".join(ADD_ROLE % (name, f"AUDITOR_{name}") for name in "AB") + " query C { __typename }"


@pytest.mark.parametrize("name", [None, "", "D"])
async def test_several_operations_and_no_word_which_do_nothing(api: Client, name: str | None) -> None:
    before = await snapshot(api.db)
    body = json.dumps({"query": SEVERAL, "operationName": name})
    response = await api.http.post("/graphql", content=body, headers=JSON)
    assert [error["extensions"] for error in response.json()["errors"]] == [{"code": "BAD_REQUEST"}]
    assert "data" not in response.json()
    assert await snapshot(api.db) == before


async def test_of_several_operations_the_one_named_is_done(api: Client) -> None:
    answer = await post(api, json.dumps({"query": SEVERAL, "operationName": "B"}))
    assert answer == {"data": {"addRole": {"role": {"key": "AUDITOR_B"}, "errors": []}}}
    roles = await api("{ roles { nodes { key } } }")
    assert [role["key"] for role in roles["nodes"]] == ["ADMIN", "AUDITOR_B"]


async def test_a_document_with_a_mistake_does_none_of_it(api: Client) -> None:
    before = await snapshot(api.db)
    answer = await api.answer('mutation { a: addRole(input: {key: "A"}) { role { key } } b: addRoles }')
    assert [error["extensions"] for error in answer["errors"]] == [{"code": "GRAPHQL_VALIDATION_FAILED"}]
    assert "data" not in answer
    assert await snapshot(api.db) == before


DIGITS = "1" * 5000


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("{ __typename", ["GRAPHQL_PARSE_FAILED"]),
        ("{ \x00 }", ["GRAPHQL_PARSE_FAILED"]),
        ("{ \ud800 }", ["GRAPHQL_PARSE_FAILED"]),
        ('{ user(by: {email: "\ud800"}) { id } }', ["GRAPHQL_PARSE_FAILED"]),
        ('{ user(by: {email: "\\uD800"}) { id } }', ["GRAPHQL_PARSE_FAILED"]),
        ("{ a " * DEEP + "}" * DEEP, ["GRAPHQL_PARSE_FAILED"]),
        ("{ nodes(ids: " + "[" * DEEP + "]" * DEEP + ") { id } }", ["GRAPHQL_PARSE_FAILED"]),
        ("query($a: [Int] = " + "[" * DEEP + ") { a }", ["GRAPHQL_PARSE_FAILED"]),
        ("query($a: " + "[" * DEEP + ") { a }", ["GRAPHQL_PARSE_FAILED"]),
        (f"{{ users(first: {DIGITS}) {{ nodes {{ id }} }} }}", ["GRAPHQL_VALIDATION_FAILED"]),
        (
            f"query($n: Int = {DIGITS}) {{ users(first: $n) {{ nodes {{ id }} }} }}",
            ["GRAPHQL_VALIDATION_FAILED"],
        ),
        ("{ users(first: 2147483648) { nodes { id } } }", ["GRAPHQL_VALIDATION_FAILED"]),
        ("{ users(first: 1e400) { nodes { id } } }", ["GRAPHQL_VALIDATION_FAILED"]),
        ("query($a: Nobody) { user(by: $a) { id } }", ["GRAPHQL_VALIDATION_FAILED"]),
        ("query($a: User) { user(by: $a) { id } }", ["GRAPHQL_VALIDATION_FAILED"] * 2),
        ("{ ...A } fragment A on Query { ...A }", ["GRAPHQL_VALIDATION_FAILED"]),
        ("{ user }", ["GRAPHQL_VALIDATION_FAILED"] * 2),
    ],
    ids=range(17),
)
async def test_a_document_that_cannot_be_is_refused(api: Client, query: str, codes: list[str]) -> None:
    answer = await send(api, query)
    assert [error["extensions"] for error in answer["errors"]] == [{"code": code} for code in codes]
    assert "data" not in answer


async def test_a_number_of_thousands_of_digits_in_attributes_is_out_of_range(api: Client) -> None:
    answer = await api.answer(
        f'mutation {{ createUser(input: {{email: "a@example.org", attributes: {{a: {DIGITS}}}}})'
        " { errors { path ... on InvalidInputError { reason } } } }"
    )
    assert answer["data"]["createUser"]["errors"] == [{"path": ["attributes"], "reason": "OUT_OF_RANGE"}]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Int", "2147483648"),
        ("Int", "-2147483649"),
        ("Int", "1e400"),
        ("Int", "1.5"),
        ("Int", '"1"'),
        ("Int", "true"),
        ("Int", '"\\ud800"'),
        ("Int", "[" * 500 + "]" * 500),
    ],
)
async def test_a_variable_out_of_range_is_bad_input(api: Client, kind: str, value: str) -> None:
    query = f"query($n: {kind}) {{ users(first: $n) {{ nodes {{ id }} }} }}"
    answer = await post(api, body_with(query, f'{{"n": {value}}}'))
    assert [error["extensions"] for error in answer["errors"]] == [{"code": "BAD_USER_INPUT"}]
    assert "data" not in answer


async def test_attributes_nested_beyond_reason_are_too_long(api: Client) -> None:
    attributes = '{"a":' * 500 + "1" + "}" * 500
    answer = await post(
        api, body_with(CREATE, f'{{"input": {{"email": "a@b.co", "attributes": {attributes}}}}}')
    )
    (error,) = answer["data"]["createUser"]["errors"]
    assert error == {"path": ["attributes"], "reason": "TOO_LONG", "limit": 5}


# Where a query takes a text that is not a name of a user or role.
TEXTS = {
    "users(filter: {search: $text}) { totalCount }": "BAD_USER_INPUT",
    "users(filter: {displayName: {contains: $text}}) { totalCount }": "BAD_USER_INPUT",
    "users(filter: {email: {in: [$text]}}) { totalCount }": "BAD_USER_INPUT",
    "users(filter: {externalId: {startsWith: $text}}) { totalCount }": "BAD_USER_INPUT",
    "users(filter: {permissions: {hasAny: [$text]}}) { totalCount }": "BAD_USER_INPUT",
    "users(filter: {roles: {anyOf: [$text]}}) { totalCount }": "BAD_USER_INPUT",
    "users(filter: {attributes: {a: $text}}) { totalCount }": "BAD_USER_INPUT",
    "roles(filter: {description: {eq: $text}}) { totalCount }": "BAD_USER_INPUT",
    "assignments(filter: {role: {key: {endsWith: $text}}}) { totalCount }": "BAD_USER_INPUT",
    "assignments(filter: {assignedBy: {username: $text}}) { totalCount }": "BAD_USER_INPUT",
    "users(after: $text) { totalCount }": "BAD_CURSOR",
    "roles(before: $text, last: 1) { totalCount }": "BAD_CURSOR",
}


@pytest.mark.parametrize("text", UNSTORABLE, ids=ascii)
@pytest.mark.parametrize("field", TEXTS)
async def test_a_text_that_no_database_can_hold_is_bad_input_in_queries_too(
    api: Client, field: str, text: str
) -> None:
    answer = await send(api, f"query($text: String!) {{ {field} }}", text=text)
    assert [error["extensions"]["code"] for error in answer["errors"]] == [TEXTS[field]]
    assert answer["data"] is None


CAUSE = "SELECT secret FROM users"
FAILING = [
    (Users, "by_ref", '{ user(by: {username: "ann"}) { id } }'),
    (Roles, "add", ADD_ROLE % ("", "AUDITOR")),
]


@pytest.mark.parametrize(("service", "method", "query"), FAILING, ids=["query", "mutation"])
async def test_a_mistake_of_our_own_is_told_by_a_reference_to_the_log(
    api: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    service: type,
    method: str,
    query: str,
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise LookupError(CAUSE)

    monkeypatch.setattr(service, method, fail)
    before = await snapshot(api.db)
    response = await api.http.post("/graphql", json={"query": query})
    (error,) = response.json()["errors"]
    reference = error["extensions"]["reference"]
    assert error["extensions"] == {"code": "INTERNAL", "reference": reference}
    assert error["message"] == f"Something went wrong here. The log has it under {reference}."
    for told in (CAUSE, "LookupError", "Traceback", ".py"):
        assert told not in response.text
    (record,) = [record for record in caplog.records if record.name == "roster"]
    assert (record.levelno, vars(record)["reference"]) == (logging.ERROR, reference)
    assert record.exc_info
    assert str(record.exc_info[1]) == CAUSE
    assert await snapshot(api.db) == before


async def test_every_mistake_has_a_reference_of_its_own(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise LookupError(CAUSE)

    monkeypatch.setattr(Users, "by_ref", fail)
    query = '{ a: user(by: {username: "a"}) { id } b: user(by: {username: "b"}) { id } c: __typename }'
    answer = await api.answer(query)
    assert answer["data"] == {"a": None, "b": None, "c": "Query"}
    assert len({error["extensions"]["reference"] for error in answer["errors"]}) == 2


@pytest.mark.parametrize(
    "query",
    [
        '{ user(by: {username: "ann"}) { id } }',
        "{ users { nodes { id } totalCount } }",
        f'{{ node(id: "{make.user_id(make.a_user().id)}") {{ id }} }}',
        ADD_ROLE % ("", "AUDITOR"),
    ],
    ids=range(4),
)
async def test_a_database_that_is_gone_is_unavailable_and_stays_unnamed(query: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with open_api(f"postgresql+psycopg://keeper:hush@127.0.0.1:{port}/vault", pool_size=1) as api:
        response = await api.http.post("/graphql", json={"query": query})
    assert response.status_code == 200
    assert [error["extensions"] for error in response.json()["errors"]] == [{"code": "UNAVAILABLE"}]
    for told in ("keeper", "hush", "127.0.0.1", str(port), "vault", "SELECT", "psycopg", "connection"):
        assert told not in response.text
