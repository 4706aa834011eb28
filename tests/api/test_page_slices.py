"""Any slice of a list, from any cursor to any other, is what lies between them, in any order.

A cursor is a place in an order: it serves every list of that order, also one that its row is not in. So the lists of
every role and of every user are sliced along with the whole, by the same cursors and in the same statement.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import make
from operands import scopes
from paging import DIRECTIONS, EDGES, ROLE_FIELDS, USER_FIELDS, assert_edges, uuid_of
from population import DIRECTORY, World, populated
from reference_pages import in_order, page
from roster.data.db import Database

Json = dict[str, Any]

MANY = settings(max_examples=settings().max_examples // 4)
FEW = settings(max_examples=settings().max_examples // 10)

OLDEST_FIRST = [{"field": "ASSIGNED_AT"}]
PAGING = "first: $first, after: $after, last: $last, before: $before"
PAGING_TYPES = "$first: Int, $after: String, $last: Int, $before: String"
USERS = f"""
query ($orderBy: [UserOrder!], $includeArchived: Boolean!, {PAGING_TYPES}) {{
  users(orderBy: $orderBy, includeArchived: $includeArchived, {PAGING}) {EDGES}
  roles(includeArchived: true) {{
    nodes {{ id users(orderBy: $orderBy, includeArchived: $includeArchived, {PAGING}) {EDGES} }}
  }}
}}"""
ROLES = f"""
query ($orderBy: [RoleOrder!], $includeArchived: Boolean!, {PAGING_TYPES}) {{
  roles(orderBy: $orderBy, includeArchived: $includeArchived, {PAGING}) {EDGES}
}}"""
ASSIGNMENTS = f"""
query ($states: [AssignmentState!]! = [ACTIVE], $activeAt: DateTime, {PAGING_TYPES}) {{
  assignments(states: $states, activeAt: $activeAt, {PAGING}) {EDGES}
  users(includeArchived: true, first: 200) {{
    nodes {{ id assignments(states: $states, activeAt: $activeAt, {PAGING}) {EDGES} }}
  }}
  roles(includeArchived: true) {{
    nodes {{ id assignments(states: $states, activeAt: $activeAt, {PAGING}) {EDGES} }}
  }}
}}"""
CURSORS = "{ edges { cursor } }"
CURSORS_OF = {
    "users": f"query ($o: [UserOrder!]) {{ users(orderBy: $o, includeArchived: true, first: 200) {CURSORS} }}",
    "roles": f"query ($o: [RoleOrder!]) {{ roles(orderBy: $o, includeArchived: true, first: 200) {CURSORS} }}",
    "assignments": f"{{ assignments(states: [ACTIVE, EXPIRED, REVOKED], first: 200) {CURSORS} }}",
}


@pytest.fixture(scope="module")
async def world(shared_db: Database) -> AsyncIterator[World]:
    async with populated(shared_db) as made:
        yield made


@st.composite
def orders(draw: st.DrawFn, fields: Sequence[str]) -> list[Json]:
    """One field or two."""
    keys = draw(st.lists(st.sampled_from(fields), min_size=1, max_size=2, unique=True))
    return [{"field": field, "direction": draw(st.sampled_from(DIRECTIONS))} for field in keys]


@st.composite
def slices(draw: st.DrawFn, rows: int) -> Json:
    """Up to two cursors, as positions in the list of everything, and a size that may not be given."""
    positions = st.none() | st.integers(0, rows - 1)
    size = draw(st.sampled_from((1, 2, 5, 20, 60, 200, 0, None)))
    return {
        "after": draw(positions),
        "before": draw(positions),
        "size": draw(st.sampled_from(("first", "last"))),
        "of": size,
    }


async def sliced(
    world: World, query: str, ordered: Sequence[UUID], slice_: Json, **variables: Any
) -> tuple[Json, Any]:
    """The answer, and the arguments of the page for plain Python: rows for cursors."""
    list_ = "users" if query is USERS else "roles" if query is ROLES else "assignments"
    every = await world.api(
        CURSORS_OF[list_], **({"o": variables["orderBy"]} if "orderBy" in variables else {})
    )
    places = {name: slice_[name] for name in ("after", "before")}
    cursors = {
        name: None if place is None else every["edges"][place]["cursor"] for name, place in places.items()
    }
    size = {slice_["size"]: slice_["of"]}
    answer = await world.api.answer(query, **variables, **cursors, **size)
    assert "errors" not in answer, answer["errors"]
    rows = {name: None if place is None else ordered[place] for name, place in places.items()}
    return answer["data"], {**rows, **size}


@MANY
@given(order=orders(USER_FIELDS), slice_=slices(len(DIRECTORY.users)), include_archived=st.booleans())
async def test_any_slice_of_users_is_what_lies_between_the_cursors(
    world: World, order: list[Json], slice_: Json, include_archived: bool
) -> None:
    ordered = [user.id for user in in_order(world.directory, world.directory.users, order)]
    data, arguments = await sliced(
        world, USERS, ordered, slice_, orderBy=order, includeArchived=include_archived
    )
    listed = world.directory.users_where({}, include_archived=include_archived)
    assert_edges(data["users"], page(ordered, {user.id for user in listed}, **arguments))
    found = {node["id"]: node["users"] for node in data["roles"]["nodes"]}
    for role in world.directory.roles:
        holders = {user.id for user in listed if world.directory.holds(user, role)}
        assert_edges(found[make.role_id(role.id)], page(ordered, holders, **arguments))


@MANY
@given(order=orders(ROLE_FIELDS), slice_=slices(len(DIRECTORY.roles) + 1), include_archived=st.booleans())
async def test_any_slice_of_roles_is_what_lies_between_the_cursors(
    world: World, order: list[Json], slice_: Json, include_archived: bool
) -> None:
    ordered = [role.id for role in in_order(world.directory, world.directory.roles, order)]
    data, arguments = await sliced(
        world, ROLES, ordered, slice_, orderBy=order, includeArchived=include_archived
    )
    listed = world.directory.roles_where({}, include_archived=include_archived)
    assert_edges(data["roles"], page(ordered, {role.id for role in listed}, **arguments))


@FEW
@given(slice_=slices(len(DIRECTORY.assignments)), scope=scopes())
async def test_any_slice_of_assignments_is_what_lies_between_the_cursors(
    world: World, slice_: Json, scope: Json
) -> None:
    ordered = [held.id for held in in_order(world.directory, world.directory.assignments, OLDEST_FIRST)]
    data, arguments = await sliced(world, ASSIGNMENTS, ordered, slice_, **scope)
    listed = world.directory.assignments_where({}, scope)
    assert_edges(data["assignments"], page(ordered, {held.id for held in listed}, **arguments))
    for node in (*data["users"]["nodes"], *data["roles"]["nodes"]):
        own = {held.id for held in listed if uuid_of(node) in {held.user_id, held.role_id}}
        assert_edges(node["assignments"], page(ordered, own, **arguments))
