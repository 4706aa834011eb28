"""Second chapter: the users, and all the ways to find them."""

from typing import Any

from story.teller import Story

_USER = """
id kind email emailVerifiedAt username firstName lastName displayName phone locale timezone avatarUrl externalId
attributes status version createdAt updatedAt roles { key } permissions assignments { totalCount }
"""
_BLANK: dict[str, Any] = dict.fromkeys(
    [
        "email",
        "emailVerifiedAt",
        "username",
        "firstName",
        "lastName",
        "phone",
        "locale",
        "timezone",
        "avatarUrl",
        "externalId",
    ]
) | {
    "kind": "PERSON",
    "attributes": {},
    "status": "ACTIVE",
    "version": 1,
    "roles": [],
    "permissions": [],
    "assignments": {"totalCount": 0},
}


async def _create(story: Story, name: str, given: dict[str, Any], expected: dict[str, Any]) -> None:
    user = (await story.do("createUser", f"user {{ {_USER} }}", **given))["user"]
    story.ids[name] = user.pop("id")
    assert user.pop("createdAt") == user.pop("updatedAt")
    assert user == _BLANK | given | expected


async def ada_is_created_with_everything_and_the_default_role(story: Story) -> None:
    await _create(
        story,
        "Ada",
        {
            "email": " Ada@Example.ORG ",
            "username": "Ada",
            "firstName": "Ada",
            "lastName": "  Lovelace",
            "phone": "+44 20 7946 0958",
            "locale": "en-gb",
            "timezone": "Europe/London",
            "avatarUrl": "https://example.org/ada.png",
            "externalId": "HR-1",
            "attributes": {"team": "engines", "level": 3},
            "emailVerifiedAt": "2026-06-30T14:00:00.1239+02:00",
        },
        {
            "email": "ada@example.org",
            "username": "ada",
            "lastName": "Lovelace",
            "displayName": "Ada Lovelace",
            "phone": "+442079460958",
            "locale": "en-GB",
            "emailVerifiedAt": "2026-06-30T12:00:00.123Z",
            "roles": [{"key": "VIEWER"}],
            "permissions": ["docs:read"],
            "assignments": {"totalCount": 1},
        },
    )


async def others_are_created_with_roles_of_their_own_or_none(story: Story) -> None:
    auditing = {"role": {"key": "auditor"}, "expiresAt": "2030-01-01T00:00:00Z"}
    await _create(
        story,
        "Grace",
        {
            "email": "grace@example.org",
            "firstName": "Grace",
            "lastName": "Hopper",
            "roles": [{"role": story.ref("EDITOR")}, auditing],
        },
        {
            "displayName": "Grace Hopper",
            "roles": [{"key": "AUDITOR"}, {"key": "EDITOR"}],
            "permissions": ["docs:publish", "docs:read", "docs:write", "logs:read"],
            "assignments": {"totalCount": 2},
        },
    )
    await _create(
        story,
        "Zoë",
        {
            "email": "zoe@bücher.example",
            "firstName": "Zoë",
            "lastName": "Ångström",
            "externalId": "hr-1",
            "roles": [],
        },
        {"email": "zoe@xn--bcher-kva.example", "displayName": "Zoë Ångström"},
    )
    await _create(
        story, "bot", {"kind": "SERVICE", "username": "build-bot", "roles": []}, {"displayName": "build-bot"}
    )
    # Known, and not let in yet: the default role permits nothing so far.
    await _create(
        story,
        "Margaret",
        {"email": "margaret@example.org", "status": "PENDING"},
        {"displayName": "margaret", "roles": [{"key": "VIEWER"}], "assignments": {"totalCount": 1}},
    )


async def a_user_needs_identifiers_of_its_own_and_sound_values(story: Story) -> None:
    ada = story.ids["Ada"]
    taken = await story.refused("createUser", email="ADA@example.org", username="ADA", externalId="HR-1")
    assert taken == [
        {"code": "TAKEN", "path": ["email"], "field": "EMAIL", "existingId": ada},
        {"code": "TAKEN", "path": ["username"], "field": "USERNAME", "existingId": ada},
        {"code": "TAKEN", "path": ["externalId"], "field": "EXTERNAL_ID", "existingId": ada},
    ]
    assert await story.refused(
        "createUser", email="new@example.org", roles=[{"role": {"key": "WRITER"}}]
    ) == [{"code": "NOT_FOUND", "path": ["roles", "0", "role"]}]
    required = {"code": "INVALID_INPUT", "reason": "REQUIRED", "limit": None}
    assert await story.refused("createUser") == [required | {"path": ["email"]}]
    assert await story.refused("createUser", kind="SERVICE") == [required | {"path": ["username"]}]
    problems = await story.refused("createUser", email="new@", firstName="x" * 101, status="ARCHIVED")
    assert sorted((error["path"], error["reason"], error["limit"]) for error in problems) == [
        (["email"], "BAD_FORMAT", None),
        (["firstName"], "TOO_LONG", 100),
        (["status"], "NOT_ALLOWED", None),
    ]


async def a_user_is_changed_by_who_has_seen_its_latest_version(story: Story) -> None:
    selection = "user { email emailVerifiedAt firstName displayName phone locale attributes version }"
    changed = await story.do(
        "updateUser",
        selection,
        user={"username": "ada"},
        expectedVersion=1,
        email="countess@example.org",
        firstName="Augusta Ada",
        phone=None,
        attributes={"team": "engines"},
        reason="Her own wish",
    )
    ada = {
        "email": "countess@example.org",
        "emailVerifiedAt": None,  # The new address was not.
        "firstName": "Augusta Ada",
        "displayName": "Augusta Ada Lovelace",  # Derived, as none was given.
        "phone": None,
        "locale": "en-GB",  # Absent, so kept.
        "attributes": {"team": "engines"},
        "version": 2,
    }
    assert changed == {"user": ada}
    stale = {"expectedVersion": 1, "currentVersion": 2, "current": {"id": story.ids["Ada"]}}
    assert await story.refused("updateUser", user=story.ref("Ada"), expectedVersion=1, lastName="King") == [
        {"code": "STALE_VERSION", "path": ["expectedVersion"]} | stale
    ]
    # The same again is no change.
    again = await story.do("updateUser", selection, user={"externalId": "HR-1"}, phone=None, locale="EN-GB")
    assert again == {"user": ada}
    assert await story.refused("updateUser", user={"email": "ada@example.org"}, lastName="King") == [
        {"code": "NOT_FOUND", "path": ["user"]}
    ]
    assert await story.refused("updateUser", user=story.ref("Grace"), username="Build-Bot") == [
        {"code": "TAKEN", "path": ["username"], "field": "USERNAME", "existingId": story.ids["bot"]}
    ]
    assert await story.refused("updateUser", user=story.ref("Grace"), email=None) == [
        {"code": "INVALID_INPUT", "path": ["email"], "reason": "REQUIRED", "limit": None}
    ]


async def a_user_is_found_in_four_ways(story: Story) -> None:
    for by, name in (
        (story.ref("Ada"), "Ada"),
        ({"email": " COUNTESS@example.org"}, "Ada"),
        ({"username": "Build-Bot"}, "bot"),
        ({"externalId": "HR-1"}, "Ada"),
        ({"externalId": "hr-1"}, "Zoë"),
        ({"email": "zoe@Bücher.example"}, "Zoë"),
        ({"email": "ada@example.org"}, None),
        ({"id": "usr_" + "0" * 32}, None),
    ):
        found = await story.ask("query($by: UserRef!) { user(by: $by) { id } }", by=by)
        assert found == (name and {"id": story.ids[name]}), by


async def users_are_filtered_by_what_they_are(story: Story) -> None:
    persons = ["Ada", "Grace", "Zoë", "Margaret"]
    await _filtered(story, {}, ["Ada", "Grace", "Zoë", "bot", "Margaret"])
    await _filtered(story, {"search": "ZOE angstrom"}, ["Zoë"])
    await _filtered(story, {"search": "example gust"}, ["Ada"])
    await _filtered(story, {"kind": "SERVICE"}, ["bot"])
    await _filtered(story, {"status": ["PENDING", "SUSPENDED"]}, ["Margaret"])
    await _filtered(story, {"email": {"endsWith": ".EXAMPLE"}}, ["Zoë"])
    await _filtered(story, {"email": {"isNull": False}}, persons)
    await _filtered(story, {"username": {"startsWith": "BUILD-"}}, ["bot"])
    await _filtered(story, {"firstName": {"contains": "sta a"}}, ["Ada"])
    await _filtered(story, {"lastName": {"in": ["angstrom", "HOPPER"]}}, ["Grace", "Zoë"])
    await _filtered(story, {"displayName": {"eq": "MARGARET"}}, ["Margaret"])
    await _filtered(story, {"phone": {"isNull": True}, "kind": "PERSON"}, persons)
    await _filtered(story, {"externalId": {"in": ["HR-1", "HR-2"]}}, ["Ada"])
    await _filtered(story, {"locale": {"eq": "EN-gb"}}, ["Ada"])
    await _filtered(story, {"timezone": {"startsWith": "europe/"}}, ["Ada"])
    await _filtered(story, {"emailVerifiedAt": {"isNull": False}}, [])
    await _filtered(story, {"createdAt": {"lt": "2026-01-01T00:00:00Z"}}, [])
    await _filtered(story, {"attributes": {"team": "engines"}}, ["Ada"])
    await _filtered(story, {"id": [story.ids["bot"], story.ids["Ada"]]}, ["Ada", "bot"])
    await _filtered(story, {"not": {"lastName": {"contains": "love"}}}, ["Grace", "Zoë", "bot", "Margaret"])
    await _filtered(story, {"or": [{"kind": "SERVICE"}, {"status": ["PENDING"]}]}, ["bot", "Margaret"])
    await _filtered(story, {"and": [{"kind": "PERSON"}, {"username": {"isNull": True}}, {}]}, persons[1:])
    await _filtered(story, {"or": []}, [])


async def users_are_filtered_by_what_they_hold(story: Story) -> None:
    await _filtered(story, {"permissions": {"hasAny": ["docs:write", "no:such"]}}, ["Grace"])
    await _filtered(story, {"permissions": {"hasAll": ["docs:read"]}}, ["Ada", "Grace"])
    await _filtered(story, {"permissions": {"isEmpty": True}}, ["Zoë", "bot", "Margaret"])
    await _filtered(story, {"roles": {"anyOf": ["viewer", "EDITOR"]}}, ["Ada", "Grace", "Margaret"])
    await _filtered(story, {"roles": {"allOf": ["AUDITOR", "EDITOR"]}}, ["Grace"])
    await _filtered(story, {"roles": {"noneOf": ["VIEWER"]}}, ["Grace", "Zoë", "bot"])
    await _filtered(story, {"roles": {"isEmpty": True}}, ["Zoë", "bot"])
    await _filtered(story, {"roles": {"some": {"expiresAt": {"isNull": False}}}}, ["Grace"])
    viewing = {"role": {"key": {"eq": "viewer"}}}
    await _filtered(story, {"roles": {"every": viewing}}, ["Ada", "Zoë", "bot", "Margaret"])
    await _filtered(story, {"roles": {"none": viewing}}, ["Grace", "Zoë", "bot"])
    await _filtered(story, {"roles": {"states": ["EXPIRED", "REVOKED"], "isEmpty": False}}, [])


async def _filtered(story: Story, filter_: dict[str, Any], expected: list[str]) -> None:
    """The oldest first."""
    found = await story.ask(
        "query($filter: UserFilter) { users(filter: $filter) { nodes { id } totalCount } }", filter=filter_
    )
    assert [user["id"] for user in found["nodes"]] == [story.ids[name] for name in expected], filter_
    assert found["totalCount"] == len(expected)


async def users_are_read_page_by_page(story: Story) -> None:
    """By last name from the end of the alphabet, missing ones first; those alike by address, a missing one last."""
    page = """
    query($first: Int, $after: String, $last: Int, $before: String) {
      users(
        orderBy: [{field: LAST_NAME, direction: DESC}, {field: EMAIL}]
        first: $first, after: $after, last: $last, before: $before
      ) { nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
    }
    """
    names = {id_: name for name, id_ in story.ids.items()}
    forward, backward = [], []
    after = before = None
    for number in range(3):
        found = await story.ask(page, first=2, after=after)
        forward.append([names[user["id"]] for user in found["nodes"]])
        assert found["pageInfo"]["hasNextPage"] == (number < 2)
        after = found["pageInfo"]["endCursor"]
        found = await story.ask(page, last=2, before=before)
        backward.append([names[user["id"]] for user in found["nodes"]])
        assert found["pageInfo"]["hasPreviousPage"] == (number < 2)
        before = found["pageInfo"]["startCursor"]
    assert forward == [["Margaret", "bot"], ["Ada", "Grace"], ["Zoë"]]
    assert backward == [["Grace", "Zoë"], ["bot", "Ada"], ["Margaret"]]
