"""A chapter: leaving for a while, for good, and without a trace; and the end of a role."""

from story.teller import Story

_STATUS = "matched changed users { status version roles { key } permissions }"
_EDITING = ["docs:publish", "docs:read", "docs:write"]


async def a_suspended_user_keeps_roles_that_permit_nothing(story: Story) -> None:
    both = story.named("Grace", "bot")
    roles = [[{"key": "AUDITOR"}, {"key": "EDITOR"}], [{"key": "EDITOR"}]]
    done = await story.do("setUserStatus", _STATUS, users=both, status="SUSPENDED", reason="On leave")
    grace, bot = (
        {"status": "SUSPENDED", "version": version, "roles": held, "permissions": []}
        for version, held in zip((4, 6), roles, strict=True)
    )
    assert done == {"matched": 2, "changed": 2, "users": [grace, bot]}
    again = await story.do("setUserStatus", _STATUS, users=both, status="SUSPENDED")
    assert again == {"matched": 2, "changed": 0, "users": [grace, bot]}
    back = await story.do("setUserStatus", _STATUS, users=story.named("bot"), status="ACTIVE")
    bot |= {"status": "ACTIVE", "version": 7, "permissions": _EDITING}
    assert back == {"matched": 1, "changed": 1, "users": [bot]}


async def the_lifecycle_has_no_other_steps(story: Story) -> None:
    for name, status, present, allowed in (
        ("Margaret", "SUSPENDED", "PENDING", ["ACTIVE", "ARCHIVED"]),
        ("Ada", "PENDING", "ACTIVE", ["SUSPENDED", "ARCHIVED"]),
        ("Grace", "ERASED", "SUSPENDED", ["ACTIVE", "ARCHIVED"]),
    ):
        step = {"from": present, "requested": status, "allowed": allowed}
        errors = await story.refused("setUserStatus", users=story.named("bot", name), status=status)
        assert errors[-1] == {"code": "INVALID_TRANSITION", "path": ["users", "refs", "1"]} | step


async def an_archived_user_is_gone_and_frees_its_identifiers(story: Story) -> None:
    done = await story.do(
        "setUserStatus", _STATUS, users=story.named("Grace"), status="ARCHIVED", reason="Retired"
    )
    grace = {"status": "ARCHIVED", "version": 5, "roles": [], "permissions": []}
    assert done == {"matched": 1, "changed": 1, "users": [grace]}
    history = await story.ask(
        "query($id: ID!) { user(by: {id: $id}) {"
        " assignments(states: [REVOKED]) { nodes { role { key } revokeReason } } } }",
        id=story.ids["Grace"],
    )
    ended = sorted((node["role"]["key"], node["revokeReason"]) for node in history["assignments"]["nodes"])
    assert ended == [("AUDITOR", "Retired"), ("EDITOR", "Retired"), ("ON_CALL", "Launched")]
    assert await story.ask('{ user(by: {email: "grace@example.org"}) { id } }') is None
    assert (await story.ask("{ users { totalCount } }"))["totalCount"] == 4
    found = await story.ask("{ users(includeArchived: true, filter: {status: [ARCHIVED]}) { nodes { id } } }")
    assert found["nodes"] == [story.ref("Grace")]
    assert await story.refused("assignRoles", users=story.named("Grace"), roles=[{"key": "VIEWER"}]) == [
        {"code": "INVALID_INPUT", "path": ["users", "refs", "0"], "reason": "NOT_ALLOWED", "limit": None}
    ]
    # Another may have the address now.
    heir = await story.do("createUser", "user { id email }", email="grace@example.org")
    assert heir["user"]["email"] == "grace@example.org"
    story.ids["heir"] = heir["user"]["id"]


async def an_archived_user_is_restored_once_its_identifiers_are_its_own(story: Story) -> None:
    grace = story.named("Grace")
    assert await story.refused("setUserStatus", users=grace, status="SUSPENDED") == [
        {"code": "TAKEN", "path": ["users", "refs", "0"], "field": "EMAIL", "existingId": story.ids["heir"]}
    ]
    await story.do("updateUser", "user { id }", user=story.ref("Grace"), email="hopper@example.org")
    done = await story.do("setUserStatus", _STATUS, users=grace, status="SUSPENDED")
    restored = {"status": "SUSPENDED", "version": 7, "roles": [], "permissions": []}
    assert done == {"matched": 1, "changed": 1, "users": [restored]}
    step = {"from": "SUSPENDED", "requested": "ERASED", "allowed": ["ACTIVE", "ARCHIVED"]}
    assert await story.refused(
        "eraseUser", user=story.ref("Grace"), confirm="hopper@example.org", reason="Asked"
    ) == [{"code": "INVALID_TRANSITION", "path": ["user"]} | step]
    await story.do("setUserStatus", _STATUS, users=grace, status="ARCHIVED")


async def an_erased_user_is_a_tombstone(story: Story) -> None:
    grace = story.ref("Grace")
    assert await story.refused("eraseUser", user=grace, confirm="grace@example.org", reason="Asked") == [
        {"code": "INVALID_INPUT", "path": ["confirm"], "reason": "NOT_ALLOWED", "limit": None}
    ]
    selection = "user { kind email username firstName lastName displayName attributes status version }"
    done = await story.do("eraseUser", selection, user=grace, confirm="hopper@example.org", reason="Asked")
    blank = dict.fromkeys(["email", "username", "firstName", "lastName"])
    tombstone = {
        "kind": "PERSON",
        "displayName": "Erased user",
        "attributes": {},
        "status": "ERASED",
        "version": 9,
    }
    assert done == {"user": blank | tombstone}
    # What it held is known, and by whom no more.
    held = await story.ask(
        "query($filter: RoleAssignmentFilter) { assignments(states: [REVOKED], filter: $filter) {"
        " nodes { role { key } user { displayName } } } }",
        filter={"user": {"id": [story.ids["Grace"]]}},
    )
    assert sorted((node["role"]["key"], node["user"]["displayName"]) for node in held["nodes"]) == [
        ("AUDITOR", "Erased user"),
        ("EDITOR", "Erased user"),
        ("ON_CALL", "Erased user"),
    ]
    nothing_more = {"from": "ERASED", "requested": "SUSPENDED", "allowed": []}
    assert await story.refused("setUserStatus", users=story.named("Grace"), status="SUSPENDED") == [
        {"code": "INVALID_TRANSITION", "path": ["users", "refs", "0"]} | nothing_more
    ]
    assert await story.refused("updateUser", user=grace, firstName="Grace") == [
        {"code": "INVALID_INPUT", "path": ["user"], "reason": "NOT_ALLOWED", "limit": None}
    ]


_ARCHIVE = "role { key archivedAt version holderCount } revoked"


async def a_role_that_nobody_holds_is_archived_at_once(story: Story) -> None:
    done = await story.do(
        "archiveRole", _ARCHIVE, role={"key": "AUDITOR"}, expectedVersion=2, reason="Not needed"
    )
    assert done["role"].pop("archivedAt")
    assert done == {"role": {"key": "AUDITOR", "version": 3, "holderCount": 0}, "revoked": 0}
    again = await story.do("archiveRole", "role { version } revoked", role=story.ref("AUDITOR"))
    assert again == {"role": {"version": 3}, "revoked": 0}
    for mutation, given in (
        ("updateRole", {"role": story.ref("AUDITOR"), "name": "Auditor"}),
        ("archiveRole", {"role": {"key": "ADMIN"}, "revokeAssignments": True}),
    ):
        assert await story.refused(mutation, **given) == [
            {"code": "INVALID_INPUT", "path": ["role"], "reason": "NOT_ALLOWED", "limit": None}
        ]


async def a_role_in_use_is_archived_with_its_assignments(story: Story) -> None:
    editor = {"role": {"key": "EDITOR"}}
    in_use = {"code": "ROLE_IN_USE", "path": ["revokeAssignments"]} | editor
    assert await story.refused("archiveRole", **editor) == [in_use | {"holderCount": 3}]
    done = await story.do("archiveRole", _ARCHIVE, **editor, revokeAssignments=True, reason="Split in two")
    assert done["role"].pop("archivedAt")
    assert done == {"role": {"key": "EDITOR", "version": 3, "holderCount": 0}, "revoked": 3}
    assert await story.keys("Zoë") == ["VIEWER"]
    assert await story.keys("Zoë", story.moments["at the launch"]) == ["EDITOR", "ON_CALL"]
    assert await story.ask('{ role(by: {key: "EDITOR"}) { id } }') is None
    assert await story.refused("assignRoles", users=story.named("Zoë"), roles=[story.ref("EDITOR")]) == [
        {"code": "INVALID_INPUT", "path": ["roles", "0"], "reason": "NOT_ALLOWED", "limit": None}
    ]


async def its_key_is_free_and_its_history_stays(story: Story) -> None:
    new = await story.do("addRole", "role { id key version }", key="EDITOR", name="Editor of books")
    new_id = new["role"].pop("id")
    assert new == {"role": {"key": "EDITOR", "version": 1}}
    assert new_id != story.ids["EDITOR"]
    listed = 'roles(filter: {key: {eq: "EDITOR"}}, includeArchived: %s) { nodes { id archivedAt } }'
    live = await story.ask("{ " + listed % "false" + " }")
    assert live["nodes"] == [{"id": new_id, "archivedAt": None}]
    every = await story.ask("{ " + listed % "true" + " }")
    assert {role["id"] for role in every["nodes"]} == {new_id, story.ids["EDITOR"]}
    # Who ever was an editor, of either kind.
    were = await story.ask(
        """
        { users(includeArchived: true, filter: {roles: {states: [REVOKED], anyOf: ["EDITOR"]}}) { nodes { id } } }
        """
    )
    assert were["nodes"] == [story.ref(name) for name in ("Ada", "Grace", "Zoë", "bot")]
