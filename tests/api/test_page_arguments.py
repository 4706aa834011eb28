"""What can be asked of a list's pages, and what is refused: sizes, orders and caps, each with its code and place."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from asking import answer
from paged_lists import EVERY_LIST, ROLE_USERS, ROLES, USERS, assert_refused, by
from paging import uuid_of
from population import World, populated
from reference_pages import in_order
from roster.data.db import Database

Json = dict[str, Any]


@pytest.fixture(scope="module")
async def world(shared_db: Database) -> AsyncIterator[World]:
    async with populated(shared_db) as made:
        yield made


@pytest.mark.parametrize("query", EVERY_LIST.values(), ids=EVERY_LIST)
@pytest.mark.parametrize(
    ("sizes", "path"),
    [
        ({"first": 1, "last": 1}, "last"),
        ({"first": 0, "last": 0}, "last"),
        ({"first": -1}, "first"),
        ({"last": -1}, "last"),
        ({"first": 201}, "first"),
        ({"last": 201}, "last"),
        ({"first": 2**31 - 1}, "first"),
    ],
)
async def test_a_page_has_0_to_200_items_from_one_end(
    world: World, query: str, sizes: Json, path: str
) -> None:
    await assert_refused(world, query, "BAD_USER_INPUT", [path], **sizes)


@pytest.mark.parametrize("query", EVERY_LIST.values(), ids=EVERY_LIST)
@pytest.mark.parametrize("size", [{"first": 0}, {"first": 200}, {"last": 0}, {"last": 200}])
async def test_0_and_200_are_sizes(world: World, query: str, size: Json) -> None:
    assert "errors" not in await answer(world, query, **size)


async def test_a_page_has_25_items_if_nobody_says_otherwise(world: World) -> None:
    for size in ({}, {"first": None, "last": None}):
        found = (await answer(world, USERS, **size))["data"]["users"]
        assert (len(found["nodes"]), len(found["edges"]), found["totalCount"]) == (25, 25, 42)


async def test_an_empty_page_has_no_cursors(world: World) -> None:
    found = (await answer(world, USERS, first=0))["data"]["users"]
    assert found == {
        "edges": [],
        "nodes": [],
        "pageInfo": {"hasNextPage": True, "startCursor": None},
        "totalCount": 42,
    }


@pytest.mark.parametrize(
    ("query", "order"),
    [
        (USERS, by("EMAIL", "STATUS", "CREATED_AT")),
        (USERS, by("EMAIL", "EMAIL")),
        (USERS, [*by("EMAIL"), *by("EMAIL", direction="DESC")]),
        (ROLES, by("KEY", "NAME", "CREATED_AT")),
        (ROLES, by("HOLDER_COUNT", "HOLDER_COUNT")),
        (ROLE_USERS, by("EMAIL", "STATUS", "CREATED_AT")),
        (ROLE_USERS, by("EMAIL", "EMAIL")),
    ],
)
async def test_an_order_has_at_most_two_different_fields(world: World, query: str, order: list[Json]) -> None:
    await assert_refused(world, query, "BAD_USER_INPUT", ["orderBy"], orderBy=order)


@pytest.mark.parametrize(
    ("query", "list_", "usual"), [(USERS, "users", "CREATED_AT"), (ROLES, "roles", "KEY")]
)
@pytest.mark.parametrize("given", [{}, {"orderBy": None}, {"orderBy": []}])
async def test_a_list_has_a_usual_order(
    world: World, query: str, list_: str, usual: str, given: Json
) -> None:
    live: Sequence[Any] = (
        world.directory.users_where({}, include_archived=False)
        if list_ == "users"
        else world.directory.roles_where({}, include_archived=False)
    )
    found = (await answer(world, query, **given, first=200))["data"][list_]
    expected = in_order(world.directory, live, by(usual))
    assert [uuid_of(node) for node in found["nodes"]] == [record.id for record in expected]


async def test_ascending_is_the_usual_direction(world: World) -> None:
    silent = await answer(world, USERS, orderBy=[{"field": "LAST_NAME"}])
    assert silent == await answer(world, USERS, orderBy=by("LAST_NAME"))


async def test_a_count_goes_no_further_than_one_more_than_the_cap(world: World) -> None:
    query = 'query ($cap: Int!) { users { totalCount(cap: $cap) } role(by: {key: "VIEWER"}) { users { totalCount(cap: $cap) } } }'
    viewer = next(role for role in world.directory.roles if role.key == "VIEWER")
    held_by = sum(
        world.directory.holds(user, viewer)
        for user in world.directory.users_where({}, include_archived=False)
    )
    for cap in (0, 1, held_by - 1, held_by, 41, 42, 43):
        data = (await answer(world, query, cap=cap))["data"]
        assert data["users"]["totalCount"] == min(42, cap + 1)
        assert data["role"]["users"]["totalCount"] == min(held_by, cap + 1)
    await assert_refused(world, "{ users { totalCount(cap: -1) } }", "BAD_USER_INPUT", ["cap"])
