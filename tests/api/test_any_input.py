"""Whatever a mutation is given, it is answered by its law: the object or errors, or a request error, and never by chance."""

import json
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from client import Client
from roster.api.schema import schema
from validation.running import document
from validation.world import make_world

# A lead to what there is: it becomes the id.
USER, ARCHIVED, ROLE, HELD, TOKEN = "@user", "@archived", "@role", "@held", "@token"
ANY_TEXT = st.text(st.characters(), max_size=12)
TEXTS: dict[str, st.SearchStrategy[Any]] = {
    "ID": st.sampled_from([USER, ARCHIVED, ROLE, HELD, TOKEN, f"usr_{'0' * 32}", f"rol_{'0' * 32}", "x"]),
    "Email": st.sampled_from(["ann@example.org", "gone@example.org", "new@B\u00fccher.example", "x", ""]),
    "DateTime": st.sampled_from(["2027-01-01T00:00:00Z", "2000-01-01T00:00:00+01:00", "9000-01-01", ""]),
    "String": st.sampled_from(
        ["ann", "gone", "EDITOR", "held", "ADMIN", "hr-1", "docs:read", "roster:users:read", "de-CH", " "]
    ),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


def scalars(name: str) -> st.SearchStrategy[Any]:
    if name in TEXTS:
        # Mostly what means something, sometimes what means nothing.
        return st.integers(0, 9).flatmap(lambda chance: ANY_TEXT if chance == 0 else TEXTS[name])
    others = {
        "Int": st.sampled_from([0, 1, 2, 1000, -1]) | st.integers(),
        "Boolean": st.booleans(),
        "JSON": st.dictionaries(ANY_TEXT, JSON, max_size=3),
    }
    return others[name]


def values(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, GraphQLNonNull):
        return values(kind.of_type)
    if isinstance(kind, GraphQLList):
        return st.lists(values(kind.of_type), max_size=3)
    if isinstance(kind, GraphQLEnumType):
        return st.sampled_from(list(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        return objects(kind)
    return scalars(kind.name)


def objects(kind: GraphQLInputObjectType) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: values(field.type) for name, field in kind.fields.items()}
    if kind.extensions["strawberry-definition"].is_one_of:
        return st.sampled_from(sorted(fields)).flatmap(
            lambda name: st.fixed_dictionaries({name: fields[name]})
        )
    required = {name for name, field in kind.fields.items() if isinstance(field.type, GraphQLNonNull)}
    return st.fixed_dictionaries(
        {name: fields[name] for name in required},
        optional={name: fields[name] | st.none() for name in fields if name not in required},
    )


def _mutations() -> dict[str, st.SearchStrategy[dict[str, Any]]]:
    mutation = schema()._schema.mutation_type  # noqa: SLF001 -- Strawberry has no public name for it
    assert mutation
    return {name: values(get_named_type(field.args["input"].type)) for name, field in mutation.fields.items()}


MUTATIONS = _mutations()


CALLS = st.sampled_from(sorted(MUTATIONS)).flatmap(lambda name: st.tuples(st.just(name), MUTATIONS[name]))


@given(call=CALLS)
# One world for all examples: each finds what those before it left.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_any_input_is_answered_by_the_law(
    world_api: tuple[Client, dict[str, str]], call: tuple[str, dict[str, Any]]
) -> None:
    (api, leads), (mutation, input_) = world_api, call
    body = json.dumps({"query": document(mutation), "variables": {"input": input_}})
    for lead, id_ in leads.items():
        body = body.replace(f'"{lead}"', f'"{id_}"')
    response = await api.http.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert response.status_code in {200, 400}
    answer = response.json()
    if "errors" in answer:
        # One, but for what is wrong of its kind: that is told of every variable and member at once.
        code, *others = [error["extensions"]["code"] for error in answer["errors"]]
        assert code in {"BAD_REQUEST", "BAD_USER_INPUT", "BAD_ID"}
        assert set(others) <= {"BAD_USER_INPUT"} & {code}
        return
    payload = answer["data"][mutation]
    objects_ = [payload[name] for name in ("user", "role", "token", "secret") if name in payload]
    assert [thing is None for thing in objects_] == [bool(payload["errors"])] * len(objects_)
    for told in payload["errors"]:
        assert told["message"]
        assert "This value is not allowed" not in told["message"]


@pytest.fixture
async def world_api(api: Client) -> tuple[Client, dict[str, str]]:
    world = await make_world(api.db)
    return api, {
        USER: world.user,
        ARCHIVED: world.archived,
        ROLE: world.role,
        HELD: world.held,
        TOKEN: world.token,
    }
