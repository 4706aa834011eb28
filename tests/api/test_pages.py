"""Any walk of pages through any list, in any order, shows every row once and in its place.

Forward and backward, in pages smaller than the list, as large and larger. What each page is, its pageInfo included,
is worked out in plain Python by tests/reference_pages.py.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import settings

import make
from paging import DIRECTIONS, ROLE_FIELDS, USER_FIELDS, Walk, walk_all
from population import World, populated
from reference_pages import in_order
from roster.data.db import Database

Json = dict[str, Any]

OLDEST_FIRST = [{"field": "ASSIGNED_AT"}]
# There are 60 users, 13 roles and 168 assignments: pages of less, of just as many, and of more.
USER_SIZES = (31, 60, 29, 20, 200, 59)
ROLE_SIZES = (4, 13, 5, 12, 200)


@pytest.fixture(scope="module")
async def world(shared_db: Database) -> AsyncIterator[World]:
    async with populated(shared_db) as made:
        yield made


def orders_by(field: str, direction: str, fields: Sequence[str]) -> Iterator[list[Json]]:
    """All that begin with the field in that direction: alone, and before each of the others."""
    first = {"field": field, "direction": direction}
    yield [first]
    for other, way in product(fields, DIRECTIONS):
        if other != field:
            yield [first, {"field": other, "direction": way}]


def ways(order: Sequence[Json]) -> Sequence[bool]:
    """Forward and backward.

    But for the thorough run two fields are walked one way: backward an order is read as its opposite is forward, so
    that one way suffices for every reading of the two.
    """
    if len(order) == 1 or settings.get_current_profile_name() == "thorough":
        return (False, True)
    return (order[0]["direction"] != order[1]["direction"],)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("field", USER_FIELDS)
async def test_every_order_of_users_is_walked_both_ways(world: World, field: str, direction: str) -> None:
    walks: list[Walk] = []
    for order in orders_by(field, direction, USER_FIELDS):
        ordered = [user.id for user in in_order(world.directory, world.directory.users, order)]
        for backward in ways(order):
            size = USER_SIZES[len(walks) % len(USER_SIZES)]
            walks.append(Walk(list_="users", order=order, ordered=ordered, size=size, backward=backward))
    await walk_all(world.api, walks)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("field", ROLE_FIELDS)
async def test_every_order_of_roles_is_walked_both_ways(world: World, field: str, direction: str) -> None:
    walks: list[Walk] = []
    for order in orders_by(field, direction, ROLE_FIELDS):
        ordered = [role.id for role in in_order(world.directory, world.directory.roles, order)]
        for backward in ways(order):
            size = ROLE_SIZES[len(walks) % len(ROLE_SIZES)] if len(order) > 1 else 1
            walks.append(Walk(list_="roles", order=order, ordered=ordered, size=size, backward=backward))
    await walk_all(world.api, walks)


@pytest.mark.parametrize(
    "order",
    [
        [{"field": "CREATED_AT", "direction": "ASC"}],
        [{"field": "EMAIL", "direction": "DESC"}],
        [{"field": "LAST_NAME", "direction": "ASC"}, {"field": "STATUS", "direction": "DESC"}],
    ],
)
async def test_the_users_of_every_role_are_walked_both_ways(world: World, order: list[Json]) -> None:
    ordered = in_order(world.directory, world.directory.users, order)
    walks = [
        Walk(
            list_="users",
            order=order,
            ordered=[user.id for user in ordered if world.directory.holds(user, role)],
            size=3,
            backward=backward,
            parent=f'role(by: {{id: "{make.role_id(role.id)}"}})',
        )
        for role in world.directory.roles
        for backward in (False, True)
    ]
    await walk_all(world.api, walks)


@pytest.mark.parametrize("size", [7, 56, 168, 200])
async def test_assignments_are_walked_both_ways(world: World, size: int) -> None:
    ordered = [held.id for held in in_order(world.directory, world.directory.assignments, OLDEST_FIRST)]
    assert len(ordered) == 168
    await walk_all(
        world.api,
        [
            Walk(list_="assignments", ordered=ordered, size=size, backward=backward)
            for backward in (False, True)
        ],
    )


@pytest.mark.parametrize(("parent", "size"), [("user", 2), ("role", 5)])
async def test_the_assignments_of_each_user_and_role_are_walked_both_ways(
    world: World, parent: str, size: int
) -> None:
    ordered = in_order(world.directory, world.directory.assignments, OLDEST_FIRST)
    prefix = {"user": "usr", "role": "rol"}[parent]
    walks = [
        Walk(
            list_="assignments",
            ordered=[held.id for held in ordered if getattr(held, f"{parent}_id") == id_],
            size=size,
            backward=backward,
            parent=f'{parent}(by: {{id: "{prefix}_{id_.hex}"}})',
        )
        for id_ in dict.fromkeys(getattr(held, f"{parent}_id") for held in ordered)
        for backward in (False, True)
    ]
    await walk_all(world.api, walks)
