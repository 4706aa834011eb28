"""Every list that has pages, and what is refused of their arguments."""

from typing import Any

from asking import answer
from population import World

Json = dict[str, Any]

PAGING_TYPES = "$first: Int, $after: String, $last: Int, $before: String"
PAGING = "first: $first, after: $after, last: $last, before: $before"
CONNECTION = "{ edges { cursor } nodes { id } pageInfo { hasNextPage startCursor } totalCount }"
USERS = (
    f"query ($orderBy: [UserOrder!], {PAGING_TYPES}) {{ users(orderBy: $orderBy, {PAGING}) {CONNECTION} }}"
)
ROLES = (
    f"query ($orderBy: [RoleOrder!], {PAGING_TYPES}) {{ roles(orderBy: $orderBy, {PAGING}) {CONNECTION} }}"
)
ASSIGNMENTS = f"query ({PAGING_TYPES}) {{ assignments({PAGING}) {CONNECTION} }}"
ROLE_USERS = (
    f"query ($orderBy: [UserOrder!], {PAGING_TYPES})"
    f' {{ role(by: {{key: "EDITOR"}}) {{ users(orderBy: $orderBy, {PAGING}) {CONNECTION} }} }}'
)
ROLE_ASSIGNMENTS = (
    f'query ({PAGING_TYPES}) {{ role(by: {{key: "EDITOR"}}) {{ assignments({PAGING}) {CONNECTION} }} }}'
)
# A feed has no total: it is never at its end.
FEED = "{ edges { cursor } nodes { id } pageInfo { hasNextPage startCursor } }"
EVENTS = f"query ({PAGING_TYPES}) {{ events({PAGING}) {FEED} }}"
ROLE_EVENTS = f'query ({PAGING_TYPES}) {{ role(by: {{key: "EDITOR"}}) {{ events({PAGING}) {FEED} }} }}'
EVERY_LIST = {
    "users": USERS,
    "roles": ROLES,
    "assignments": ASSIGNMENTS,
    "users of a role": ROLE_USERS,
    "assignments of a role": ROLE_ASSIGNMENTS,
    "events": EVENTS,
    "events of a role": ROLE_EVENTS,
}


async def assert_refused(world: World, query: str, code: str, path: list[str], **variables: Any) -> None:
    (error,) = (await answer(world, query, **variables))["errors"]
    assert error["extensions"] == {"code": code, "path": path}


def by(*fields: str, direction: str = "ASC") -> list[Json]:
    return [{"field": field, "direction": direction} for field in fields]
