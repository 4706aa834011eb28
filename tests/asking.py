"""Filters asked for one by one: the least operation for each noun, and all that its filter can have in it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from graphql import GraphQLInputObjectType, build_schema, get_named_type, get_nullable_type, is_list_type

from population import World

Json = dict[str, Any]

SCHEMA = build_schema((Path(__file__).parents[1] / "schema.graphql").read_text())
ASK = {
    "users": "query ($filter: UserFilter) { users(filter: $filter) { totalCount } }",
    "roles": "query ($filter: RoleFilter) { roles(filter: $filter) { totalCount } }",
    "assignments": "query ($filter: RoleAssignmentFilter) { assignments(filter: $filter) { totalCount } }",
}
ROOTS = {"users": "UserFilter", "roles": "RoleFilter", "assignments": "RoleAssignmentFilter"}


async def answer(world: World, query: str, **variables: Any) -> Json:
    """JSON as any client may escape it, lone surrogates and all."""
    body = json.dumps({"query": query, "variables": variables})
    headers = {"content-type": "application/json"}
    found: Json = (await world.api.http.post("/graphql", content=body, headers=headers)).json()
    return found


async def assert_answered(world: World, noun: str, filter_: Json | None) -> None:
    found = await answer(world, ASK[noun], filter=filter_)
    assert "errors" not in found, found["errors"]
    directory, given = world.directory, filter_ or {}
    rows: Sequence[object] = (
        directory.assignments_where(given, {})
        if noun == "assignments"
        else directory.users_where(given, include_archived=False)
        if noun == "users"
        else directory.roles_where(given, include_archived=False)
    )
    assert found["data"][noun]["totalCount"] == len(rows)


async def assert_refused(world: World, noun: str, filter_: Any, code: str, path: Sequence[str]) -> None:
    found = await answer(world, ASK[noun], filter=filter_)
    (error,) = found["errors"]
    assert error["extensions"] == {"code": code, "path": ["filter", *path]}
    assert error["path"] == [noun]
    assert found["data"] is None


def at(path: Sequence[str], value: Any) -> Any:
    """A filter with the value at the path; a number in it is a place in a list."""
    if not path:
        return value
    inner = at(path[1:], value)
    return [inner] if path[0].isdecimal() else {path[0]: inner}


def _members() -> Iterator[tuple[str, tuple[str, ...], str, bool]]:
    """Every member of every object of a filter: the noun and a short path to it there, its type, whether it is a list.

    What is named by a reference is checked by GraphQL itself, which wants exactly one and no null.
    """
    seen = {"UserRef", *ROOTS.values()}
    for noun, root in ROOTS.items():
        ways: list[tuple[tuple[str, ...], str]] = [((), root)]
        for path, name in ways:
            type_ = SCHEMA.type_map[name]
            assert isinstance(type_, GraphQLInputObjectType)
            for member, field in type_.fields.items():
                inner = get_named_type(field.type)
                yield noun, (*path, member), inner.name, is_list_type(get_nullable_type(field.type))
                if isinstance(inner, GraphQLInputObjectType) and inner.name not in seen:
                    seen.add(inner.name)
                    ways.append(((*path, member), inner.name))


ALL_MEMBERS = tuple(_members())
