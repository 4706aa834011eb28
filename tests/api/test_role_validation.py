"""Every problem of one mutation of roles is answered at once, and nothing written."""

import make
from client import Client
from validation.cells import invalid
from validation.running import document, refusals, send
from validation.world import make_world

PERMISSIONS = ["docs:read", "Docs", "", "p" * 129, "roster:everything", "docs:read"]
OF_PERMISSIONS = [
    invalid("BAD_FORMAT", path=("permissions", "1")),
    invalid("BLANK", path=("permissions", "2")),
    invalid("TOO_LONG", 128, path=("permissions", "3")),
    invalid("NOT_ALLOWED", path=("permissions", "4")),
]


async def test_add_role_answers_every_problem_at_once(api: Client) -> None:
    found = await refusals(
        api,
        "addRole",
        key="1ST",
        name=" ",
        description="\u202e",
        permissions=PERMISSIONS,
        minHolders=1001,
    )
    assert found == [
        invalid("BAD_FORMAT", path=("key",)),
        invalid("BLANK", path=("name",)),
        invalid("NOT_ALLOWED", path=("description",)),
        *OF_PERMISSIONS,
        invalid("OUT_OF_RANGE", 1000, path=("minHolders",)),
    ]


async def test_update_role_answers_every_problem_at_once(api: Client) -> None:
    world = await make_world(api.db)
    found = await refusals(
        api,
        "updateRole",
        role={"id": world.role},
        expectedVersion=7,
        name=None,
        description="x" * 1001,
        permissions=PERMISSIONS,
        isDefault=None,
        minHolders=-1,
        reason=" ",
    )
    assert sorted(found, key=lambda error: error.path or ()) == [
        invalid("TOO_LONG", 1000, path=("description",)),
        invalid("REQUIRED", path=("isDefault",)),
        invalid("OUT_OF_RANGE", 0, path=("minHolders",)),
        invalid("REQUIRED", path=("name",)),
        *OF_PERMISSIONS,
        invalid("BLANK", path=("reason",)),
    ]


async def test_permissions_are_stored_sorted_and_once(api: Client) -> None:
    given = {"key": "reader", "permissions": ["roster:users:read", "b.c", "a_b", "b.c", "a-b:c1"]}
    answer = await send(api, document("addRole"), input=given)
    id_ = answer["data"]["addRole"]["role"]["id"]
    role = await api("query($id: ID!) { node(id: $id) { ... on Role { permissions } } }", id=id_)
    assert role["permissions"] == ["a-b:c1", "a_b", "b.c", "roster:users:read"]


async def test_the_same_permissions_in_another_order_are_no_change(api: Client) -> None:
    role = await make.role(api.db, permissions=("a", "b"))
    updated = await api(
        "mutation($input: UpdateRoleInput!) { updateRole(input: $input) { role { version } } }",
        input={"role": {"id": make.role_id(role.id)}, "permissions": ["b", "a", "b"]},
    )
    assert updated["role"]["version"] == 1
