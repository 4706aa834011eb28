"""Filters at their limits are planned at once: the planner weighs every order of joins, so there must be few."""

import asyncio

import pytest

import make
from client import Client
from roster.data.db import Database

MANY = 200
# As one join a value these took the planner 8 to 17 seconds; as one set they take hundredths of one.
SECONDS = 5


@pytest.mark.parametrize(
    "condition",
    [
        {"permissions": {"hasAll": [f"a:b{number}" for number in range(MANY)]}},
        {"roles": {"allOf": [f"ROLE_{number}" for number in range(MANY)]}},
    ],
)
async def test_as_many_values_as_there_may_be_are_planned_at_once(
    api: Client, condition: dict[str, object]
) -> None:
    query = "query($filter: UserFilter!) { users(filter: $filter) { nodes { id } totalCount } }"
    async with asyncio.timeout(SECONDS):
        assert await api(query, filter=condition) == {"nodes": [], "totalCount": 0}


@pytest.mark.parametrize("count", [1, 4, 5, 100])
async def test_who_has_all_of_few_or_many_is_found(db: Database, api: Client, count: int) -> None:
    """Few values are joined, more are compared as a set: both find who has all of them, and nobody who lacks one."""
    roles = [make.a_role(permissions=(f"p:{number}",)) for number in range(count)]
    all_of_them, lacking = make.a_user(), make.a_user()
    held = [make.an_assignment(all_of_them, role) for role in roles]
    held += [make.an_assignment(lacking, role) for role in roles[1:]]
    await make.store(db, *roles, all_of_them, lacking, *held)
    query = "query($filter: UserFilter!) { users(filter: $filter) { nodes { id } } }"
    found = {"nodes": [{"id": make.user_id(all_of_them.id)}]}
    assert await api(query, filter={"roles": {"allOf": [role.key for role in roles]}}) == found
    assert await api(query, filter={"permissions": {"hasAll": [f"p:{n}" for n in range(count)]}}) == found
    complement = {"nodes": [{"id": make.user_id(lacking.id)}]}
    assert await api(query, filter={"not": {"roles": {"allOf": [role.key for role in roles]}}}) == complement
