"""Lists stay flat: what a page reads is bounded, whatever a million users are ordered and filtered by.

docs/SCALE.md has the bound of every filter; it is read here, so that both say the same.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, build_schema, get_named_type
from sqlalchemy import text

from explained import Explained
from million import BIG, PAGE, USERS, Json, Million, a_million
from roster.api.cursors import cursor_writer
from roster.domain.pages import OrderDirection, OrderKey, UserOrderField
from roster.domain.users import LIVE_STATUSES

pytestmark = pytest.mark.scale

TOP = Path(__file__).parents[2]
SCHEMA = build_schema((TOP / "schema.graphql").read_text())
FILTERS = {"users": "UserFilter", "assignments": "RoleAssignmentFilter", "events": "EventFilter"}
# How many rows a page looks at, at most, in the order of an index: its own, one more, and one of each part of the list.
IN_ORDER = PAGE + 1 + 5
# How many hold a role at most for it to be rare.
FEW = 400
# For the roles of a page of users: at most 7 of each, in an index and the table, and all roles for the state they are in.
ROLES_OF_PAGE = (PAGE + 1) * 7 * 2 + 50
COLUMNS = {
    UserOrderField.CREATED_AT: "created_at",
    UserOrderField.UPDATED_AT: "updated_at",
    UserOrderField.EMAIL: "email",
    UserOrderField.USERNAME: "username",
    UserOrderField.DISPLAY_NAME: "display_name_fold",
    UserOrderField.FIRST_NAME: "first_name_fold",
    UserOrderField.LAST_NAME: "last_name_fold",
    UserOrderField.STATUS: "status",
}
_ROW = re.compile(
    r"^\| (users|assignments|events) \| `(\{.*\})` \| .* \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$",
    re.MULTILINE,
)
BOUNDS = [
    (name, json.loads(given), *(int(number.replace(",", "")) for number in numbers))
    for name, given, *numbers in _ROW.findall((TOP / "docs/SCALE.md").read_text())
]
USERS_QUERY = """query ($orderBy: [UserOrder!], $gone: Boolean!, $first: Int, $after: String, $last: Int, $before: String) {
    users(orderBy: $orderBy, includeArchived: $gone, first: $first, after: $after, last: $last, before: $before) {
        nodes { %s } } }"""


@pytest.fixture(scope="module")
async def million(place: Path) -> AsyncIterator[Million]:
    async with a_million(place) as made:
        yield made


def assert_bounded(plan: Explained, *, read: float, sorted_: float) -> None:
    assert not BIG & set(plan.scanned()), plan.root
    assert plan.read() <= read, plan.root
    assert plan.sorted() <= sorted_, plan.root


# ---- filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "read", "sorted_", "counted"), BOUNDS, ids=[f"{row[0]} {row[1]}" for row in BOUNDS]
)
async def test_a_filter_reads_no_more_than_is_documented(
    million: Million, name: str, given: Json, read: int, sorted_: int, counted: int
) -> None:
    told = await million.ask_list(name, given)
    for plan in told.pages():
        assert_bounded(plan, read=read, sorted_=sorted_)
    for plan in told.counts():
        assert plan.read() <= counted, plan.root


@pytest.mark.parametrize(
    ("given", "read", "sorted_"),
    [row[1:4] for row in BOUNDS if row[0] == "users"],
    ids=str,
)
async def test_roles_that_come_with_a_page_change_nothing_in_how_it_is_found(
    million: Million, given: Json, read: int, sorted_: int
) -> None:
    for plan in (await million.ask_list("users with roles", given)).pages():
        assert_bounded(plan, read=read + ROLES_OF_PAGE, sorted_=sorted_)


def _operators(kind: str, within: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every condition that there is, as the members that lead to it; a filter within another is one condition."""
    input_ = SCHEMA.type_map[kind]
    assert isinstance(input_, GraphQLInputObjectType)
    for member, field in input_.fields.items():
        inner = get_named_type(field.type)
        if inner.name in {"TextFilter", "KeyFilter", "DateTimeFilter", "LabelsFilter", "UserRolesFilter"}:
            yield from _operators(inner.name, (*within, member))
        elif inner.name == "UserAssignmentFilter" and member == "some":
            yield from ((*within, member, each) for each in _members(inner.name))
        else:
            yield (*within, member)


def _members(kind: str) -> list[str]:
    input_ = SCHEMA.type_map[kind]
    assert isinstance(input_, GraphQLInputObjectType)
    return list(input_.fields)


def _told(given: Any, within: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(given, Mapping):
        for member, inner in given.items():
            yield (*within, member)
            yield from _told(inner, (*within, member))


@pytest.mark.parametrize(("name", "kind"), FILTERS.items())
def test_every_condition_has_a_bound(name: str, kind: str) -> None:
    told = {path for listed, given, *_ in BOUNDS if listed == name for path in _told(given)}
    assert set(_operators(kind)) - told == set()


# ---- orders ----------------------------------------------------------------------------------------------------------


async def far_cursor(million: Million, order: OrderKey[UserOrderField], *, gone: bool) -> str:
    """Of the user who comes after nine of ten."""
    column, way = COLUMNS[order.field], order.direction
    listed = (
        "" if gone else "WHERE status IN ({})".format(", ".join(f"'{status}'" for status in LIVE_STATUSES))
    )
    offset = USERS * 9 // 10 - (0 if gone else USERS // 10)
    query = (
        f"SELECT {column}, id FROM users {listed} ORDER BY {column} {way}, id {way} OFFSET {offset} LIMIT 1"  # noqa: S608 -- of our own words
    )
    async with million.client.db.read() as reader:
        value, id_ = (await reader.execute(text(query))).one()
    (cursor,) = cursor_writer((order,))([(value, id_)])
    return cursor


@pytest.mark.parametrize(("selected", "more"), [("id", 0), ("roles { key }", ROLES_OF_PAGE)])
@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("direction", OrderDirection)
@pytest.mark.parametrize("field", UserOrderField)
async def test_an_order_is_walked_in_an_index_from_wherever_it_begins(
    million: Million, field: UserOrderField, direction: OrderDirection, gone: bool, selected: str, more: int
) -> None:
    order = OrderKey(field=field, direction=direction)
    cursor = await far_cursor(million, order, gone=gone)
    for where in ({}, {"last": PAGE}, {"after": cursor}, {"before": cursor, "last": PAGE}):
        asked = {"orderBy": [{"field": field, "direction": direction}], "gone": gone, **where}
        told = await million.ask(USERS_QUERY % selected, **asked)
        assert len(told.nodes) == PAGE
        for plan in told.plans:
            assert_bounded(plan, read=IN_ORDER + more, sorted_=PAGE + 1)


@pytest.mark.parametrize("name", ["assignments", "events"])
async def test_lists_of_one_order_are_walked_from_both_ends_and_from_within(
    million: Million, name: str
) -> None:
    query = f"""query ($first: Int, $last: Int, $after: String, $before: String) {{
        {name}(first: $first, last: $last, after: $after, before: $before) {{
            nodes {{ id }} pageInfo {{ endCursor }} }} }}"""
    cursor = (await million.client(query, last=200))["pageInfo"]["endCursor"]
    for where in ({}, {"last": PAGE}, {"before": cursor, "last": PAGE}, {"after": cursor}):
        for plan in (await million.ask(query, **where)).plans:
            assert_bounded(plan, read=IN_ORDER, sorted_=PAGE + 1)


@pytest.mark.parametrize("key", ["EVERYONE", "TEAM_1", "RARE", "NOBODY"])
async def test_the_lists_of_a_role_are_bounded_however_many_hold_it(million: Million, key: str) -> None:
    query = """query ($key: String!) { role(by: {key: $key}) {
        users { nodes { id } } assignments { nodes { id } } events { nodes { id } } } }"""
    for plan in (await million.ask(query, key=key)).plans:
        assert_bounded(plan, read=20 * PAGE + 2 * (FEW + 1), sorted_=PAGE + 1)
