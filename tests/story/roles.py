"""First chapter: the roles that there are to be."""

from typing import Any

from story.teller import Story

_ROLE = """
id key name description permissions isDefault minHolders archivedAt version createdAt updatedAt holderCount
users { nodes { id } totalCount } assignments { nodes { id } totalCount }
"""


async def nothing_is_there_but_the_administrators_role(story: Story) -> None:
    assert await story.ask("{ users(includeArchived: true) { nodes { id } totalCount } }") == {
        "nodes": [],
        "totalCount": 0,
    }
    (admin,) = (await story.ask(f"{{ roles(includeArchived: true) {{ nodes {{ {_ROLE} }} }} }}"))["nodes"]
    story.ids["ADMIN"] = admin.pop("id")
    assert admin.pop("createdAt") <= admin.pop("updatedAt")
    assert admin == {
        "key": "ADMIN",
        "name": "Administrator",
        "description": "May do everything.",
        "permissions": [
            "roster:events:read",
            "roster:roles:assign",
            "roster:roles:read",
            "roster:roles:write",
            "roster:tokens:write",
            "roster:users:erase",
            "roster:users:read",
            "roster:users:write",
        ],
        "isDefault": False,
        "minHolders": 0,
        "archivedAt": None,
        # The log came after the role, and its permissions with it.
        "version": 2,
        "holderCount": 0,
        "users": {"nodes": [], "totalCount": 0},
        "assignments": {"nodes": [], "totalCount": 0},
    }


async def roles_are_added(story: Story) -> None:
    await _add(
        story,
        {
            "key": "EDITOR",
            "name": "  Éditor of   texts ",
            "description": "Writes.",
            "permissions": ["docs:write", "docs:read", "docs:write"],
        },
        {"name": "Éditor of texts", "description": "Writes.", "permissions": ["docs:read", "docs:write"]},
    )
    await _add(
        story,
        {"key": "VIEWER", "permissions": ["docs:read"], "isDefault": True},
        {"name": "Viewer", "permissions": ["docs:read"], "isDefault": True},
    )
    await _add(
        story,
        {"key": "AUDITOR", "permissions": ["logs:read"]},
        {"name": "Auditor", "permissions": ["logs:read"]},
    )
    # The key is upper-cased, and makes the name.
    await _add(story, {"key": "on_call", "name": None}, {"key": "ON_CALL", "name": "On call"})


async def _add(story: Story, given: dict[str, Any], expected: dict[str, Any]) -> None:
    role = (await story.do("addRole", f"role {{ {_ROLE} }}", **given))["role"]
    key = expected.get("key", given["key"])
    story.ids[key] = role.pop("id")
    assert role.pop("createdAt") == role.pop("updatedAt")
    nobody = {"nodes": [], "totalCount": 0}
    assert role == {
        "key": key,
        "description": None,
        "permissions": [],
        "isDefault": False,
        "minHolders": 0,
        "archivedAt": None,
        "version": 1,
        "holderCount": 0,
        "users": nobody,
        "assignments": nobody,
        **expected,
    }


async def a_role_needs_a_key_of_its_own_and_sound_values(story: Story) -> None:
    assert await story.refused("addRole", key="editor") == [
        {"code": "TAKEN", "path": ["key"], "field": "ROLE_KEY", "existingId": story.ids["EDITOR"]}
    ]
    problems = await story.refused(
        "addRole", key="9 lives", name=" ", permissions=["docs:read", "roster:everything"], minHolders=1001
    )
    assert sorted(problems, key=lambda error: error["path"]) == [
        {"code": "INVALID_INPUT", "path": ["key"], "reason": "BAD_FORMAT", "limit": None},
        {"code": "INVALID_INPUT", "path": ["minHolders"], "reason": "OUT_OF_RANGE", "limit": 1000},
        {"code": "INVALID_INPUT", "path": ["name"], "reason": "BLANK", "limit": None},
        {"code": "INVALID_INPUT", "path": ["permissions", "1"], "reason": "NOT_ALLOWED", "limit": None},
    ]


async def a_role_is_changed_by_who_has_seen_its_latest_version(story: Story) -> None:
    selection = "role { key name description permissions version }"
    changed = await story.do(
        "updateRole",
        selection,
        role={"key": "editor"},
        expectedVersion=1,
        name="Editor",
        description=None,
        permissions=["docs:write", "docs:read", "docs:publish"],
        reason="Editors publish",
    )
    editor = {
        "key": "EDITOR",
        "name": "Editor",
        "description": None,
        "permissions": ["docs:publish", "docs:read", "docs:write"],
        "version": 2,
    }
    assert changed == {"role": editor}
    assert await story.refused("updateRole", role={"key": "EDITOR"}, expectedVersion=1, name="Writer") == [
        {
            "code": "STALE_VERSION",
            "path": ["expectedVersion"],
            "expectedVersion": 1,
            "currentVersion": 2,
            "current": {"id": story.ids["EDITOR"]},
        }
    ]
    # The same again is no change.
    again = await story.do(
        "updateRole", selection, role=story.ref("EDITOR"), expectedVersion=2, name="Editor"
    )
    assert again == {"role": editor}
    assert await story.refused("updateRole", role={"key": "WRITER"}, name="Writer") == [
        {"code": "NOT_FOUND", "path": ["role"]}
    ]
    assert await story.refused("updateRole", role={"key": "EDITOR"}, name=None) == [
        {"code": "INVALID_INPUT", "path": ["name"], "reason": "REQUIRED", "limit": None}
    ]


async def a_role_is_found_by_its_key_or_its_id(story: Story) -> None:
    for by, key in (
        ({"key": "on_call"}, "ON_CALL"),
        (story.ref("ON_CALL"), "ON_CALL"),
        ({"key": "WRITER"}, None),
    ):
        found = await story.ask("query($by: RoleRef!) { role(by: $by) { key } }", by=by)
        assert found == (key and {"key": key})


async def roles_are_filtered_and_ordered(story: Story) -> None:
    everything = ["ADMIN", "AUDITOR", "EDITOR", "ON_CALL", "VIEWER"]
    for given, expected in (
        ({}, everything),
        ({"filter": {"search": "DÎT"}}, ["AUDITOR", "EDITOR"]),
        ({"filter": {"permissions": {"hasAny": ["docs:read"]}}}, ["EDITOR", "VIEWER"]),
        ({"filter": {"permissions": {"hasAll": ["docs:read", "docs:write"]}}}, ["EDITOR"]),
        ({"filter": {"permissions": {"isEmpty": True}}}, ["ON_CALL"]),
        ({"filter": {"isDefault": True}}, ["VIEWER"]),
        ({"filter": {"not": {"isDefault": True}}}, ["ADMIN", "AUDITOR", "EDITOR", "ON_CALL"]),
        ({"filter": {"key": {"startsWith": "a"}}}, ["ADMIN", "AUDITOR"]),
        (
            {"filter": {"or": [{"key": {"in": ["viewer"]}}, {"name": {"eq": "on CALL"}}]}},
            ["ON_CALL", "VIEWER"],
        ),
        ({"filter": {"description": {"isNull": False}}}, ["ADMIN"]),
        ({"filter": {"holderCount": {"gt": 0}}}, []),
        ({"filter": {"id": [story.ids["EDITOR"], story.ids["ADMIN"]]}}, ["ADMIN", "EDITOR"]),
        (
            {"orderBy": [{"field": "NAME", "direction": "DESC"}]},
            ["VIEWER", "ON_CALL", "EDITOR", "AUDITOR", "ADMIN"],
        ),
        ({"orderBy": [{"field": "CREATED_AT"}]}, ["ADMIN", "EDITOR", "VIEWER", "AUDITOR", "ON_CALL"]),
        (
            {"orderBy": [{"field": "UPDATED_AT", "direction": "DESC"}]},
            ["EDITOR", "ON_CALL", "AUDITOR", "VIEWER", "ADMIN"],
        ),
    ):
        found = await story.ask(
            "query($filter: RoleFilter, $orderBy: [RoleOrder!]) {"
            " roles(filter: $filter, orderBy: $orderBy) { nodes { key } totalCount } }",
            **given,
        )
        assert [role["key"] for role in found["nodes"]] == expected, given
        assert found["totalCount"] == len(expected)


async def roles_are_read_page_by_page(story: Story) -> None:
    """Forward by two from the start, and backward by two from the end."""
    page = "query($first: Int, $after: String, $last: Int, $before: String) {"
    page += " roles(first: $first, after: $after, last: $last, before: $before) {"
    page += " edges { cursor node { key } }"
    page += " pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount(cap: 3) } }"
    forward, backward = [], []
    after = before = None
    for _ in range(3):
        found = await story.ask(page, first=2, after=after)
        forward.append([edge["node"]["key"] for edge in found["edges"]])
        assert found["totalCount"] == 4  # More than the cap.
        assert found["pageInfo"]["hasPreviousPage"] == (after is not None)
        after = found["pageInfo"]["endCursor"]
        assert after == found["edges"][-1]["cursor"]
        found = await story.ask(page, last=2, before=before)
        backward.append([edge["node"]["key"] for edge in found["edges"]])
        assert found["pageInfo"]["hasNextPage"] == (before is not None)
        before = found["pageInfo"]["startCursor"]
    assert forward == [["ADMIN", "AUDITOR"], ["EDITOR", "ON_CALL"], ["VIEWER"]]
    assert backward == [["ON_CALL", "VIEWER"], ["AUDITOR", "EDITOR"], ["ADMIN"]]
