"""Every filter means what it says: any tree of conditions finds exactly the rows that plain Python finds.

The trees go through the API as a client's variables do. The rows expected are those of tests/reference.py, which
knows neither SQL nor the product's reading of filters.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import make
import strategies as of
from operands import STATES, scopes
from population import World, populated
from reference import MAX_CONDITIONS, MAX_DEPTH, conditions
from roster.data.db import Database

Json = dict[str, Any]

# A tally is of all examples of a test, and so made once for them.
MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
FEW = settings(max_examples=settings().max_examples // 10)

SCOPE = "$states: [AssignmentState!]! = [ACTIVE], $activeAt: DateTime"
IN_SCOPE = "states: $states, activeAt: $activeAt"
LISTED = "{ nodes { id } totalCount }"
USERS = f"""
query ($filter: UserFilter, $includeArchived: Boolean!) {{
  users(filter: $filter, includeArchived: $includeArchived, first: 200) {LISTED}
}}"""
ROLES = f"""
query ($filter: RoleFilter, $includeArchived: Boolean!) {{
  roles(filter: $filter, includeArchived: $includeArchived, first: 200) {LISTED}
}}"""
ASSIGNMENTS = f"""
query ($filter: RoleAssignmentFilter, {SCOPE}) {{
  assignments(filter: $filter, {IN_SCOPE}, first: 200) {LISTED}
}}"""
OF_ROLES = f"""
query ($users: UserFilter, $assignments: RoleAssignmentFilter, $includeArchived: Boolean!, {SCOPE}) {{
  roles(includeArchived: true, first: 200) {{
    nodes {{
      id
      users(filter: $users, includeArchived: $includeArchived, first: 200) {LISTED}
      assignments(filter: $assignments, {IN_SCOPE}, first: 200) {LISTED}
    }}
  }}
}}"""
COMPLEMENTS = f"""
query (
  $users: UserFilter, $notUsers: UserFilter, $roles: RoleFilter, $notRoles: RoleFilter,
  $assignments: RoleAssignmentFilter, $notAssignments: RoleAssignmentFilter, $includeArchived: Boolean!, {SCOPE}
) {{
  users: users(filter: $users, includeArchived: $includeArchived) {{ totalCount }}
  notUsers: users(filter: $notUsers, includeArchived: $includeArchived) {{ totalCount }}
  allUsers: users(includeArchived: $includeArchived) {{ totalCount }}
  roles: roles(filter: $roles, includeArchived: $includeArchived) {{ totalCount }}
  notRoles: roles(filter: $notRoles, includeArchived: $includeArchived) {{ totalCount }}
  allRoles: roles(includeArchived: $includeArchived) {{ totalCount }}
  assignments: assignments(filter: $assignments, {IN_SCOPE}) {{ totalCount }}
  notAssignments: assignments(filter: $notAssignments, {IN_SCOPE}) {{ totalCount }}
  allAssignments: assignments({IN_SCOPE}) {{ totalCount }}
}}"""


@pytest.fixture(scope="module")
async def world(shared_db: Database) -> AsyncIterator[World]:
    async with populated(shared_db) as made:
        yield made


@dataclass
class Tally:
    """How many examples there were, and how many of them matched some rows but not all."""

    examples: int = 0
    telling: int = 0

    def count(self, matched: int, of_all: int) -> None:
        self.examples += 1
        self.telling += 0 < matched < of_all


@pytest.fixture
def tally() -> Iterator[Tally]:
    """Sees to it that the examples put something to the test: more than half of them tell some rows from others."""
    made = Tally()
    yield made
    assert made.telling * 2 > made.examples, made


async def answered(world: World, query: str, filters: Sequence[Json], **variables: Any) -> Json | None:
    """The data; None for a filter that is too large, which must then be refused."""
    answer = await world.api.answer(query, **variables)
    if max(map(conditions, filters)) <= MAX_CONDITIONS:
        assert "errors" not in answer, answer["errors"]
        return dict(answer["data"])
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"FILTER_TOO_COMPLEX"}
    return None


def assert_lists(connection: Json, ids: Iterable[str]) -> None:
    """The same rows, whatever their order, and counted."""
    expected = sorted(ids)
    assert sorted(node["id"] for node in connection["nodes"]) == expected
    assert connection["totalCount"] == len(expected)


async def check_users(world: World, tally: Tally, filter_: Json, *, include_archived: bool) -> None:
    data = await answered(world, USERS, [filter_], filter=filter_, includeArchived=include_archived)
    if data:
        found = world.directory.users_where(filter_, include_archived=include_archived)
        assert_lists(data["users"], (make.user_id(user.id) for user in found))
        tally.count(len(found), len(world.directory.users_where({}, include_archived=include_archived)))


async def check_roles(world: World, tally: Tally, filter_: Json, *, include_archived: bool) -> None:
    data = await answered(world, ROLES, [filter_], filter=filter_, includeArchived=include_archived)
    if data:
        found = world.directory.roles_where(filter_, include_archived=include_archived)
        assert_lists(data["roles"], (make.role_id(role.id) for role in found))
        tally.count(len(found), len(world.directory.roles_where({}, include_archived=include_archived)))


async def check_assignments(world: World, tally: Tally, filter_: Json, scope: Json) -> None:
    data = await answered(world, ASSIGNMENTS, [filter_], filter=filter_, **scope)
    if data:
        found = world.directory.assignments_where(filter_, scope)
        assert_lists(data["assignments"], (make.assignment_id(held.id) for held in found))
        tally.count(len(found), len(world.directory.assignments_where({}, scope)))


@MANY
@given(filter_=of.user_filters(), include_archived=st.booleans())
async def test_any_filter_of_users_finds_whom_plain_python_finds(
    world: World, tally: Tally, filter_: Json, include_archived: bool
) -> None:
    await check_users(world, tally, filter_, include_archived=include_archived)


@MANY
@given(filter_=of.role_filters(), include_archived=st.booleans())
async def test_any_filter_of_roles_finds_what_plain_python_finds(
    world: World, tally: Tally, filter_: Json, include_archived: bool
) -> None:
    await check_roles(world, tally, filter_, include_archived=include_archived)


@MANY
@given(filter_=of.assignment_filters(), scope=scopes())
async def test_any_filter_of_assignments_finds_what_plain_python_finds(
    world: World, tally: Tally, filter_: Json, scope: Json
) -> None:
    await check_assignments(world, tally, filter_, scope)


@FEW
@given(leaves=st.fixed_dictionaries(dict(of.user_leaves(2))))
async def test_each_member_of_a_user_filter_alone_finds_whom_plain_python_finds(
    world: World, leaves: Json
) -> None:
    for member, wanted in leaves.items():
        await check_users(world, Tally(), {member: wanted}, include_archived=True)


@FEW
@given(leaves=st.fixed_dictionaries(dict(of.role_leaves())))
async def test_each_member_of_a_role_filter_alone_finds_what_plain_python_finds(
    world: World, leaves: Json
) -> None:
    for member, wanted in leaves.items():
        await check_roles(world, Tally(), {member: wanted}, include_archived=True)


@FEW
@given(leaves=st.fixed_dictionaries(dict(of.assignment_leaves(2))))
async def test_each_member_of_an_assignment_filter_alone_finds_what_plain_python_finds(
    world: World, leaves: Json
) -> None:
    for member, wanted in leaves.items():
        await check_assignments(world, Tally(), {member: wanted}, {"states": list(STATES)})


@FEW
@given(users=of.user_filters(), held=of.assignment_filters(), include_archived=st.booleans(), scope=scopes())
async def test_any_filter_of_what_a_role_has_finds_what_plain_python_finds(
    world: World, users: Json, held: Json, include_archived: bool, scope: Json
) -> None:
    variables = {"users": users, "assignments": held, "includeArchived": include_archived, **scope}
    data = await answered(world, OF_ROLES, [users, held], **variables)
    listed = world.directory.users_where(users, include_archived=include_archived)
    assigned = world.directory.assignments_where(held, scope)
    nodes = {node["id"]: node for node in data["roles"]["nodes"]} if data else {}
    for role in world.directory.roles if data else ():
        node = nodes[make.role_id(role.id)]
        holders = [user for user in listed if world.directory.holds(user, role)]
        assert_lists(node["users"], (make.user_id(user.id) for user in holders))
        given_to = [one for one in assigned if one.role_id == role.id]
        assert_lists(node["assignments"], (make.assignment_id(one.id) for one in given_to))


@FEW
@given(
    users=of.user_filters(MAX_DEPTH - 1),
    roles=of.role_filters(MAX_DEPTH - 1),
    held=of.assignment_filters(MAX_DEPTH - 1),
    include_archived=st.booleans(),
    scope=scopes(),
)
async def test_what_a_filter_finds_and_what_its_negation_finds_are_all_there_is(
    world: World, users: Json, roles: Json, held: Json, include_archived: bool, scope: Json
) -> None:
    filters = {"users": users, "roles": roles, "assignments": held}
    negations = {f"not{noun.title()}": {"not": filter_} for noun, filter_ in filters.items()}
    variables = {**filters, **negations, "includeArchived": include_archived, **scope}
    data = await answered(world, COMPLEMENTS, list(negations.values()), **variables)
    counts = {name: connection["totalCount"] for name, connection in data.items()} if data else {}
    there: dict[str, Sequence[object]] = {
        "users": world.directory.users_where({}, include_archived=include_archived),
        "roles": world.directory.roles_where({}, include_archived=include_archived),
        "assignments": world.directory.assignments_where({}, scope),
    }
    for noun, records in there.items() if data else ():
        assert counts[f"all{noun.title()}"] == len(records)
        assert counts[noun] + counts[f"not{noun.title()}"] == len(records)
