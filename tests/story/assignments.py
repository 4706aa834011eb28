"""Third chapter: who holds which role, since when, until when, by whom and why."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from story.teller import Story

_ASSIGN = "matched assigned changed unchanged users { id version roles { key } }"
_REVOKE = "matched revoked unchanged users { id version roles { key } }"


async def the_first_administrator_makes_the_role_protected(story: Story) -> None:
    assert await _role(story, "ADMIN") == {"minHolders": 0, "version": 2, "holderCount": 0}
    given = await story.do("assignRoles", _ASSIGN, users=story.named("Ada"), roles=[{"key": "admin"}])
    assert given == {
        "matched": 1,
        "assigned": 1,
        "changed": 0,
        "unchanged": 0,
        "users": [{"id": story.ids["Ada"], "version": 3, "roles": [{"key": "ADMIN"}, {"key": "VIEWER"}]}],
    }
    assert await _role(story, "ADMIN") == {"minHolders": 1, "version": 3, "holderCount": 1}


async def _role(story: Story, key: str) -> Any:
    query = "query($key: String!) { role(by: {key: $key}) { minHolders version holderCount } }"
    return await story.ask(query, key=key)


async def the_last_administrator_stays(story: Story) -> None:
    """However it is tried."""
    ada, admin = story.named("Ada"), {"roles": [{"key": "ADMIN"}]}
    few = {"code": "TOO_FEW_HOLDERS", "role": {"key": "ADMIN"}, "minHolders": 1, "holders": 0}
    refs = [few | {"path": ["users", "refs", "0"]}]
    roles = [few | {"path": ["roles", "0"]}]
    assert await story.refused("revokeRoles", users=ada, **admin) == roles
    assert await story.refused("assignRoles", users=ada, **admin, expiresAt="2030-01-01T00:00:00Z") == roles
    assert await story.refused("setUserStatus", users=ada, status="SUSPENDED") == refs
    assert await story.refused("setUserStatus", users=ada, status="ARCHIVED") == refs
    assert await story.refused("setUserRoles", user=story.ref("Ada"), roles=[]) == [few | {"path": ["roles"]}]
    assert await story.refused("updateRole", role={"key": "ADMIN"}, minHolders=2) == [
        few | {"path": ["minHolders"], "minHolders": 2, "holders": 1}
    ]


async def roles_are_assigned_to_many_at_once(story: Story) -> None:
    await story.remember("before the launch")
    launch = {
        "users": {
            "refs": [
                {"email": "countess@example.org"},
                story.ref("Grace"),
                {"externalId": "hr-1"},
                {"username": "build-bot"},
                {"username": "ADA"},  # Again.
            ]
        },
        "roles": [{"key": "ON_CALL"}, story.ref("EDITOR")],
        "reason": "  The   launch ",
    }
    held = {
        "Ada": ["ADMIN", "EDITOR", "ON_CALL", "VIEWER"],
        "Grace": ["AUDITOR", "EDITOR", "ON_CALL"],
        "Zoë": ["EDITOR", "ON_CALL"],
        "bot": ["EDITOR", "ON_CALL"],
    }
    versions = {"Ada": 4, "Grace": 2, "Zoë": 2, "bot": 2}
    users = [
        {"id": story.ids[name], "version": versions[name], "roles": [{"key": key} for key in keys]}
        for name, keys in held.items()
    ]
    given = await story.do("assignRoles", _ASSIGN, **launch)
    # Grace is an editor already.
    assert given == {"matched": 4, "assigned": 7, "changed": 0, "unchanged": 1, "users": users}
    given = await story.do("assignRoles", _ASSIGN, **launch)
    assert given == {"matched": 4, "assigned": 0, "changed": 0, "unchanged": 8, "users": users}
    await story.remember("at the launch")


async def it_is_all_of_it_or_nothing(story: Story) -> None:
    nobody = {"id": "usr_" + "0" * 32}
    missing = await story.refused(
        "assignRoles",
        users={"refs": [story.ref("Margaret"), nobody]},
        roles=[{"key": "ON_CALL"}, {"key": "WRITER"}],
    )
    assert missing == [
        {"code": "NOT_FOUND", "path": ["users", "refs", "1"]},
        {"code": "NOT_FOUND", "path": ["roles", "1"]},
    ]
    many = {"refs": [story.ref("Margaret")] * 201}
    assert await story.refused("revokeRoles", users=many, roles=[{"key": "VIEWER"}]) == [
        {"code": "LIMIT_EXCEEDED", "path": ["users", "refs"], "atMost": 200}
    ]
    past = {"expiresAt": "2026-01-01T00:00:00Z"}
    assert await story.refused("assignRoles", users=many | {"refs": []}, roles=[], **past) == [
        {"code": "INVALID_INPUT", "path": ["expiresAt"], "reason": "IN_THE_PAST", "limit": None}
    ]


async def an_assignment_expires_by_itself(story: Story) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    zoe, on_call = story.named("Zoë"), {"roles": [{"key": "ON_CALL"}]}
    given = await story.do("assignRoles", _ASSIGN, users=zoe, **on_call, expiresAt=soon.isoformat())
    both = [{"key": "EDITOR"}, {"key": "ON_CALL"}]
    user = {"id": story.ids["Zoë"], "version": 3, "roles": both}
    assert given == {"matched": 1, "assigned": 0, "changed": 1, "unchanged": 0, "users": [user]}
    assert (await _role(story, "ON_CALL"))["holderCount"] == 4
    await asyncio.sleep((soon - datetime.now(UTC)).total_seconds() + 0.005)
    assert await story.keys("Zoë") == ["EDITOR"]
    assert (await _role(story, "ON_CALL"))["holderCount"] == 3
    await story.remember("between")
    # What has expired is not there to be revoked, and the version has not grown.
    gone = await story.do("revokeRoles", _REVOKE, users=zoe, **on_call)
    user["roles"] = both[:1]
    assert gone == {"matched": 1, "revoked": 0, "unchanged": 1, "users": [user]}
    given = await story.do("assignRoles", _ASSIGN, users=zoe, **on_call, reason="Once more")
    user |= {"version": 4, "roles": both}
    assert given == {"matched": 1, "assigned": 1, "changed": 0, "unchanged": 0, "users": [user]}
    assert await _history(story, "Zoë", "ON_CALL") == [("EXPIRED", "The launch"), ("ACTIVE", "Once more")]


async def _history(story: Story, name: str, key: str) -> list[tuple[str, str | None]]:
    found = await story.ask(
        """
        query($id: ID!) {
          user(by: {id: $id}) {
            assignments(states: [ACTIVE, EXPIRED, REVOKED]) { nodes { role { key } state reason } }
          }
        }
        """,
        id=story.ids[name],
    )
    nodes = found["assignments"]["nodes"]
    return [(node["state"], node["reason"]) for node in nodes if node["role"]["key"] == key]


async def roles_are_revoked_and_the_record_stays(story: Story) -> None:
    gone = await story.do(
        "revokeRoles",
        _REVOKE,
        users=story.named("Grace", "bot", "Margaret"),
        roles=[{"key": "ON_CALL"}],
        reason="Launched",
    )
    assert (gone["matched"], gone["revoked"], gone["unchanged"]) == (3, 2, 1)
    assert [user["version"] for user in gone["users"]] == [3, 3, 1]
    assert await story.keys("Grace") == ["AUDITOR", "EDITOR"]
    revoked = await story.ask(
        """
        { assignments(states: [REVOKED]) { totalCount nodes {
          user { displayName } role { key } state reason assignedAt assignedBy { kind label user { id } }
          expiresAt revokedAt revokedBy { kind label user { id } } revokeReason
        } } }
        """
    )
    operator = {"kind": "CLI", "label": "Local operator", "user": None}
    assert revoked["totalCount"] == 2
    for node, name in zip(revoked["nodes"], ["Grace Hopper", "build-bot"], strict=True):
        assert story.moments["before the launch"] < node.pop("assignedAt") < story.moments["at the launch"]
        assert story.moments["between"] < node.pop("revokedAt")
        assert node == {
            "user": {"displayName": name},
            "role": {"key": "ON_CALL"},
            "state": "REVOKED",
            "reason": "The launch",
            "assignedBy": operator,
            "expiresAt": None,
            "revokedBy": operator,
            "revokeReason": "Launched",
        }


async def the_roles_of_a_user_are_made_exactly_these(story: Story) -> None:
    selection = "user { version roles { key } } "
    selection += " ".join(
        f"{name} {{ id role {{ key }} expiresAt state }}" for name in ("assigned", "changed", "revoked")
    )
    wanted = [
        {"role": {"key": "EDITOR"}, "expiresAt": "2030-01-01T01:00:00+01:00"},
        {"role": {"key": "viewer"}},
    ]
    zoe = {"user": story.ref("Zoë")}
    done = await story.do(
        "setUserRoles", selection, **zoe, roles=wanted, expectedVersion=4, reason="A new task"
    )
    for name, key, expires_at, state in (
        ("assigned", "VIEWER", None, "ACTIVE"),
        ("changed", "EDITOR", "2030-01-01T00:00:00.000Z", "ACTIVE"),
        ("revoked", "ON_CALL", None, "REVOKED"),
    ):
        (assignment,) = done[name]
        story.ids[f"Zoë {key}"] = assignment.pop("id")
        assert assignment == {"role": {"key": key}, "expiresAt": expires_at, "state": state}
    assert done["user"] == {"version": 5, "roles": [{"key": "EDITOR"}, {"key": "VIEWER"}]}
    again = await story.do("setUserRoles", selection, **zoe, roles=wanted, expectedVersion=5)
    assert again == {"user": done["user"], "assigned": [], "changed": [], "revoked": []}
    stale = {"expectedVersion": 4, "currentVersion": 5, "current": {"id": story.ids["Zoë"]}}
    assert await story.refused("setUserRoles", **zoe, roles=[], expectedVersion=4) == [
        {"code": "STALE_VERSION", "path": ["expectedVersion"]} | stale
    ]
    assert await story.refused("setUserRoles", **zoe, roles=[wanted[1], {"role": story.ref("VIEWER")}]) == [
        {"code": "INVALID_INPUT", "path": ["roles", "1", "role"], "reason": "NOT_ALLOWED", "limit": None}
    ]


async def a_role_knows_its_holders_as_users_know_their_roles(story: Story) -> None:
    query = """
    query($key: String!) { role(by: {key: $key}) {
      holderCount
      users(orderBy: [{field: DISPLAY_NAME}], first: 2) { nodes { id } totalCount pageInfo { hasNextPage endCursor } }
      people: users(filter: {kind: PERSON}, includeArchived: true) { totalCount }
      assignments(first: 1) { nodes { user { id } } totalCount pageInfo { hasNextPage } }
      ended: assignments(states: [EXPIRED, REVOKED], filter: {user: {kind: PERSON}}) { nodes { user { id } state } }
    } }
    """
    editor = await story.ask(query, key="EDITOR")
    # "Augusta Ada Lovelace" comes before "build-bot", "Grace Hopper" and "Zoë Ångström".
    assert editor["users"].pop("pageInfo").pop("hasNextPage")
    assert editor == {
        "holderCount": 4,
        "users": {"nodes": [story.ref("Ada"), story.ref("bot")], "totalCount": 4},
        "people": {"totalCount": 3},
        # Grace was an editor before the launch.
        "assignments": {
            "nodes": [{"user": story.ref("Grace")}],
            "totalCount": 4,
            "pageInfo": {"hasNextPage": True},
        },
        "ended": {"nodes": []},
    }
    on_call = await story.ask(query, key="ON_CALL")
    assert (
        on_call["holderCount"] == on_call["users"]["totalCount"] == on_call["assignments"]["totalCount"] == 1
    )
    ended = sorted((node["user"]["id"], node["state"]) for node in on_call["ended"]["nodes"])
    zoe, grace = story.ids["Zoë"], story.ids["Grace"]
    assert ended == sorted([(zoe, "EXPIRED"), (grace, "REVOKED"), (zoe, "REVOKED")])


async def the_past_is_known(story: Story) -> None:
    before, launch, between = (
        story.moments[name] for name in ("before the launch", "at the launch", "between")
    )
    assert await story.keys("Zoë", before) == []
    assert await story.keys("Zoë", launch) == ["EDITOR", "ON_CALL"]
    assert await story.keys("Zoë", between) == ["EDITOR"]
    assert await story.keys("Zoë") == ["EDITOR", "VIEWER"]
    query = """
    query($at: DateTime!) {
      users(filter: {roles: {activeAt: $at, anyOf: ["ON_CALL"]}}) { nodes { id } }
      role(by: {key: "ON_CALL"}) { assignments(activeAt: $at) { nodes { user { id } } totalCount } }
      assignments(activeAt: $at, filter: {role: {key: {eq: "ON_CALL"}}}) { totalCount }
    }
    """
    for moment, expected in (
        (before, []),
        (launch, ["Ada", "Grace", "Zoë", "bot"]),
        (between, ["Ada", "Grace", "bot"]),
    ):
        then = (await story.api.answer(query, at=moment))["data"]
        ids = [story.ids[name] for name in expected]
        assert [user["id"] for user in then["users"]["nodes"]] == ids
        held = then["role"]["assignments"]
        assert sorted(node["user"]["id"] for node in held["nodes"]) == sorted(ids)
        assert held["totalCount"] == then["assignments"]["totalCount"] == len(ids)


async def assignments_are_read_page_by_page(story: Story) -> None:
    page = """
    query($first: Int, $after: String, $last: Int, $before: String, $filter: RoleAssignmentFilter) {
      assignments(states: [ACTIVE, EXPIRED, REVOKED], filter: $filter,
                  first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { id } } totalCount pageInfo { hasNextPage hasPreviousPage }
      }
    }
    """
    everything = await story.ask(page, first=200)
    ids = [edge["node"]["id"] for edge in everything["edges"]]
    # Ada 4, Grace 3, Margaret 1, the service 2, Zoë 4.
    assert (len(ids), everything["totalCount"]) == (14, 14)
    middle = everything["edges"][6]["cursor"]
    rest = await story.ask(page, first=100, after=middle)
    assert [edge["node"]["id"] for edge in rest["edges"]] == ids[7:]
    assert rest["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True}
    start = await story.ask(page, last=3, before=middle)
    assert [edge["node"]["id"] for edge in start["edges"]] == ids[3:6]
    assert start["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": True}
    for filter_, number in (
        ({"role": {"key": {"eq": "ON_CALL"}}}, 5),
        ({"not": {"role": {"key": {"eq": "ON_CALL"}}}}, 9),
        ({"user": {"kind": "SERVICE"}}, 2),
        ({"expiresAt": {"isNull": False}}, 3),
        ({"assignedAt": {"gt": story.moments["between"]}}, 2),
        ({"or": [{"user": {"status": ["PENDING"]}}, {"role": {"isDefault": True}}]}, 3),
        ({"assignedBy": story.ref("Ada")}, 0),
    ):
        assert (await story.ask(page, filter=filter_))["totalCount"] == number, filter_


async def two_mutations_in_one_request_see_each_other(story: Story) -> None:
    answer = await story.api.answer(
        """
        mutation($bot: [UserRef!]!) {
          first: assignRoles(input: {users: {refs: $bot}, roles: [{key: "AUDITOR"}]}) {
            users { version roles { key holderCount } permissions }
          }
          second: updateRole(input: {role: {key: "AUDITOR"}, name: "Inspector", permissions: ["logs:all"]}) {
            role { name holderCount users { nodes { displayName roles { name } permissions } } }
          }
          third: revokeRoles(input: {users: {refs: $bot}, roles: [{key: "AUDITOR"}]}) {
            users { version roles { key holderCount } permissions }
          }
        }
        """,
        bot=[story.ref("bot")],
    )
    assert set(answer) == {"data"}
    editing = ["docs:publish", "docs:read", "docs:write"]
    auditor, editor = {"key": "AUDITOR", "holderCount": 2}, {"key": "EDITOR", "holderCount": 4}
    grace = {
        "displayName": "Grace Hopper",
        "roles": [{"name": "Inspector"}, {"name": "Editor"}],
        "permissions": [*editing, "logs:all"],
    }
    assert answer["data"] == {
        "first": {
            "users": [{"version": 4, "roles": [auditor, editor], "permissions": [*editing, "logs:read"]}]
        },
        "second": {
            "role": {
                "name": "Inspector",
                "holderCount": 2,
                "users": {"nodes": [grace, grace | {"displayName": "build-bot"}]},
            }
        },
        "third": {"users": [{"version": 5, "roles": [editor], "permissions": editing}]},
    }


async def everything_is_found_by_its_id(story: Story) -> None:
    kinds = "__typename id ... on User { username } ... on Role { key } ... on RoleAssignment { state role { key } }"
    zoe = {
        "__typename": "RoleAssignment",
        "id": story.ids["Zoë ON_CALL"],
        "state": "REVOKED",
        "role": {"key": "ON_CALL"},
    }
    nodes = [
        {"__typename": "Role", "id": story.ids["VIEWER"], "key": "VIEWER"},
        None,
        {"__typename": "User", "id": story.ids["bot"], "username": "build-bot"},
        zoe,
        {"__typename": "User", "id": story.ids["bot"], "username": "build-bot"},
    ]
    ids = [node["id"] if node else "rol_" + "0" * 32 for node in nodes]
    found = await story.ask(f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ {kinds} }} }}", ids=ids)
    assert found == nodes
    for id_, node in zip(ids, nodes, strict=True):
        assert await story.ask(f"query($id: ID!) {{ node(id: $id) {{ {kinds} }} }}", id=id_) == node
