"""Last chapter: others are let in, with tokens; what they may do, and what the log has to say of everything."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from story.teller import Story

_HELPS = ["roster:events:read", "roster:roles:assign", "roster:roles:read", "roster:users:read"]
_TOKEN = "token { id label state owner { id } lastUsedAt revokedAt } secret"  # noqa: S105 -- no secret


async def a_colleague_is_given_a_token(story: Story) -> None:
    await story.do("addRole", "role { id }", key="HELPDESK", permissions=_HELPS)
    await story.do("assignRoles", "assigned", users=story.named("Zoë"), roles=[{"key": "HELPDESK"}])
    until = (datetime.now(UTC) + timedelta(days=90)).isoformat(timespec="milliseconds")
    given = {"owner": story.ref("Zoë"), "label": "Zoë's laptop", "expiresAt": until}
    assert await story.refused("createApiToken", **given | {"owner": story.ref("Grace")}) == [
        {"code": "INVALID_INPUT", "path": ["owner"], "reason": "NOT_ALLOWED", "limit": None}
    ]
    done = await story.do("createApiToken", _TOKEN, **given)
    story.ids["the token"] = done["token"].pop("id")
    secret = done.pop("secret")
    assert done == {
        "token": {
            "label": "Zoë's laptop",
            "state": "ACTIVE",
            "owner": story.ref("Zoë"),
            "lastUsedAt": None,
            "revokedAt": None,
        }
    }
    story.gate.http.headers["authorization"] = f"Bearer {secret}"


async def who_shows_it_may_what_its_owner_may(story: Story) -> None:
    zoe = story.at_the_gate()
    viewer = await zoe.ask("{ viewer { actor { kind user { id } } permissions } }")
    assert viewer == {
        "actor": {"kind": "USER", "user": story.ref("Zoë")},
        "permissions": viewer["permissions"],
    }
    assert set(viewer["permissions"]) >= set(_HELPS)
    assert (await zoe.ask("{ users { totalCount } }"))["totalCount"] == 5
    error = await zoe.api.error('mutation { addRole(input: {key: "MINE"}) { role { id } } }')
    assert (error["message"], error["extensions"]) == (
        "This needs roster:roles:write.",
        {"code": "FORBIDDEN"},
    )


async def nobody_hands_out_what_they_do_not_have(story: Story) -> None:
    zoe = story.at_the_gate()
    (error,) = await zoe.refused("assignRoles", users=story.named("bot"), roles=[{"key": "ADMIN"}])
    lacking = error.pop("missingPermissions")
    assert error == {"code": "ESCALATION", "path": ["roles", "0"]}
    assert lacking == [
        f"roster:{which}" for which in ("roles:write", "tokens:write", "users:erase", "users:write")
    ]
    await zoe.do("assignRoles", "assigned", users=story.named("bot"), roles=[{"key": "HELPDESK"}])
    held = await story.ask(
        "query($filter: RoleAssignmentFilter) { assignments(filter: $filter) {"
        " nodes { role { key } user { id } } } }",
        filter={"assignedBy": story.ref("Zoë")},
    )
    assert held["nodes"] == [{"role": {"key": "HELPDESK"}, "user": story.ref("bot")}]


async def a_token_that_is_revoked_opens_nothing(story: Story) -> None:
    used = await story.ask(
        "query($id: ID!) { node(id: $id) { ... on ApiToken { lastUsedAt } } }", id=story.ids["the token"]
    )
    assert used["lastUsedAt"]
    done = await story.do(
        "revokeApiToken", "token { id state revokedAt }", token=story.ids["the token"], reason="Lost"
    )
    assert done["token"].pop("revokedAt")
    assert done == {"token": {"id": story.ids["the token"], "state": "REVOKED"}}
    response = await story.gate.http.post("/graphql", json={"query": "{ __typename }"})
    assert response.status_code == 401
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}


async def the_log_has_all_of_it(story: Story) -> None:
    events = await _log(story)
    kinds = await story.ask('{ __type(name: "EventType") { enumValues { name } } }')
    assert {event["type"] for event in events} == {value["name"] for value in kinds["enumValues"]}
    created = [event["user"]["id"] for event in events if event["type"] == "USER_CREATED"]
    assert created == [user["id"] for user in await _every_user(story)]
    by_zoe = [
        (event["type"], event["roleKey"]) for event in events if event["actor"]["user"] == story.ref("Zoë")
    ]
    assert by_zoe == [("ROLE_ASSIGNED", "HELPDESK")]
    last = events[-1]
    assert (last["type"], last["reason"], last["user"]) == ("TOKEN_REVOKED", "Lost", story.ref("Zoë"))
    of_zoe = await story.ask(
        "query($id: ID!) { user(by: {id: $id}) { events(last: 1) { nodes { id } } } }", id=story.ids["Zoë"]
    )
    assert of_zoe["events"]["nodes"] == [{"id": last["id"]}]


async def the_log_has_no_name_of_who_was_erased(story: Story) -> None:
    events = [event for event in await _log(story) if event["user"] == story.ref("Grace")]
    assert [event["type"] for event in events][-1] == "USER_ERASED"
    changes = [change for event in events for change in event["changes"]]
    assert {change["field"] for change in changes} >= {"firstName", "email", "status"}
    assert "Grace" not in json.dumps(changes)
    assert "example.org" not in json.dumps(changes)


async def _every_user(story: Story) -> list[dict[str, str]]:
    found = await story.ask("{ users(includeArchived: true, first: 200) { nodes { id } } }")
    users: list[dict[str, str]] = found["nodes"]
    return users


async def _log(story: Story) -> list[dict[str, Any]]:
    """As who follows the feed reads it, page by page, to its end."""
    query = """query($after: String) { events(first: 10, after: $after) {
      nodes { id type reason roleKey user { id } actor { user { id } } changes { field before after } }
      pageInfo { endCursor hasNextPage }
    } }"""
    events: list[dict[str, Any]] = []
    after, more = None, True
    while more:
        page = await story.ask(query, after=after)
        events += page["nodes"]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    return events


async def every_kind_of_error_was_met(story: Story) -> None:
    codes = await story.ask('{ __type(name: "ErrorCode") { enumValues { name } } }')
    assert story.met == {value["name"] for value in codes["enumValues"]}
