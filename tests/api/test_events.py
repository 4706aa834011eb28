"""Events as a client reads them: filtered, page by page, with their user and role, and as the feed that it polls."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import make
from acting import LATER, NOW, acting
from applications import guarded_api
from client import Client
from roster.data.db import Database
from roster.domain.callers import Caller
from roster.domain.events import EventType
from roster.domain.roles import Role
from roster.domain.tokens import new_secret
from roster.domain.users import User, UserStatus

Json = dict[str, Any]
HOUR = timedelta(hours=1)
NODES = """nodes {
  id type at reason requestId userId roleId roleKey user { id } role { id }
  actor { kind label user { id } } changes { field before after }
}"""
EVENTS = f"query ($filter: EventFilter) {{ events(filter: $filter, first: 200) {{ {NODES} }} }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Ada is archived in the end, so that only her id finds her; Bob and the caller are not."""

    caller: Caller
    ada: User
    bob: User
    editor: Role
    events: list[Json]

    @property
    def by(self) -> str:
        assert self.caller.user
        return make.user_id(self.caller.user.id)


@pytest.fixture
async def world(api: Client) -> World:
    db = api.db
    caller = await make.caller(db, username="boss", display_name="The Boss")
    ada = await acting(db).create(email="ada@example.org", external_id="hr-1")
    bob = await acting(db, NOW + HOUR, caller).create(email="bob@example.org", username="bob")
    act = acting(db, NOW + 2 * HOUR, caller)
    editor = await act.add_role("EDITOR", permissions=("docs:write",))
    await act.assign([ada, bob], [editor], expires_at=LATER, reason="Joined")
    await acting(db, NOW + 3 * HOUR).update(bob, attributes={"n": [1, True, None, {"ü": 1.5}]})
    await acting(db, NOW + 4 * HOUR).set_status(UserStatus.ARCHIVED, ada, reason="Left us")
    events = (await api(EVENTS))["nodes"]
    return World(caller=caller, ada=ada, bob=bob, editor=editor, events=events)


async def found(api: Client, filter_: Json | None) -> list[Json]:
    nodes: list[Json] = (await api(EVENTS, filter=filter_))["nodes"]
    return nodes


# ---- one event ----


async def test_an_event_tells_who_did_what_to_whom(world: World) -> None:
    assert [event["type"] for event in world.events] == [
        *("USER_CREATED", "USER_CREATED", "ROLE_CREATED", "ROLE_ASSIGNED", "ROLE_ASSIGNED"),
        *("USER_UPDATED", "USER_STATUS_CHANGED", "ROLE_REVOKED"),
    ]
    event = dict(world.events[3])
    assert event.pop("id").startswith("evt_")
    assert event == {
        "type": "ROLE_ASSIGNED",
        "at": "2026-06-30T14:00:00.000Z",
        "reason": "Joined",
        "requestId": "the-request",
        "userId": make.user_id(world.ada.id),
        "roleId": make.role_id(world.editor.id),
        "roleKey": "EDITOR",
        "user": {"id": make.user_id(world.ada.id)},
        "role": {"id": make.role_id(world.editor.id)},
        "actor": {"kind": "USER", "label": "The Boss", "user": {"id": world.by}},
        "changes": [{"field": "expiresAt", "before": None, "after": "2026-07-01T12:00:00.000Z"}],
    }


async def test_fields_are_called_as_the_schema_calls_them(world: World) -> None:
    changes = {change["field"]: change["after"] for change in world.events[0]["changes"]}
    assert changes == {
        "kind": "PERSON",
        "email": "ada@example.org",
        "displayName": "ada",
        "externalId": "hr-1",
        "status": "ACTIVE",
    }


async def test_values_are_as_json_has_them(world: World) -> None:
    (change,) = world.events[5]["changes"]
    assert change == {"field": "attributes", "before": None, "after": {"n": [1, True, None, {"ü": 1.5}]}}
    assert change["after"]["n"][1] is True


async def test_the_operator_and_roster_itself_are_no_users(api: Client, world: World) -> None:
    assert world.events[0]["actor"] == {"kind": "CLI", "label": "Local operator", "user": None}
    admin = await make.admin_role(api.db)
    await acting(api.db).assign([world.bob], [admin])
    (event,) = await found(api, {"type": ["ROLE_UPDATED"]})
    assert event["actor"] == {"kind": "SYSTEM", "label": "Roster", "user": None}
    assert (event["userId"], event["user"], event["roleKey"]) == (None, None, "ADMIN")


async def test_every_event_is_found_by_its_id(api: Client, world: World) -> None:
    query = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Event {{ {NODES[7:-1]} }} }} }}"
    ids = [event["id"] for event in world.events]
    assert await api(query, ids=ids) == world.events


# ---- filters ----

FILTERS: list[tuple[Callable[[World], Json], list[int]]] = [
    (lambda _: {}, [0, 1, 2, 3, 4, 5, 6, 7]),
    (lambda _: {"type": []}, []),
    (lambda _: {"type": ["TOKEN_CREATED"]}, []),
    (lambda _: {"type": ["USER_CREATED"]}, [0, 1]),
    (lambda _: {"type": ["ROLE_REVOKED", "ROLE_CREATED", "ROLE_CREATED"]}, [2, 7]),
    (lambda world: {"user": {"id": make.user_id(world.ada.id)}}, [0, 3, 6, 7]),
    (lambda _: {"user": {"email": "BOB@example.org"}}, [1, 4, 5]),
    (lambda _: {"user": {"username": "bob"}}, [1, 4, 5]),
    # Only an id finds who is archived.
    (lambda _: {"user": {"email": "ada@example.org"}}, []),
    (lambda _: {"user": {"externalId": "hr-1"}}, []),
    (lambda _: {"user": {"id": f"usr_{'0' * 32}"}}, []),
    (lambda world: {"role": {"id": make.role_id(world.editor.id)}}, [2, 3, 4, 7]),
    (lambda _: {"role": {"key": "editor"}}, [2, 3, 4, 7]),
    (lambda _: {"role": {"key": "ADMIN"}}, []),
    (lambda world: {"actor": {"id": world.by}}, [1, 2, 3, 4]),
    (lambda _: {"actor": {"username": "boss"}}, [1, 2, 3, 4]),
    (lambda _: {"actor": {"username": "bob"}}, []),
    (lambda _: {"at": {"gte": "2026-06-30T13:00:00Z", "lt": "2026-06-30T15:00:00Z"}}, [1, 2, 3, 4]),
    (lambda _: {"at": {"gt": "2026-06-30T15:00:00+00:00"}}, [6, 7]),
    (lambda _: {"at": {"isNull": True}}, []),
    (lambda _: {"at": {}}, [0, 1, 2, 3, 4, 5, 6, 7]),
    (
        lambda world: {
            "type": ["ROLE_ASSIGNED", "ROLE_REVOKED"],
            "user": {"id": make.user_id(world.ada.id)},
            "role": {"key": "EDITOR"},
            "actor": {"id": world.by},
            "at": {"lte": "2026-06-30T14:00:00Z"},
        },
        [3],
    ),
]


@pytest.mark.parametrize(("filter_", "places"), FILTERS, ids=range(len(FILTERS)))
async def test_a_filter_finds_the_events_that_match_all_of_it(
    api: Client, world: World, filter_: Callable[[World], Json], places: list[int]
) -> None:
    assert await found(api, filter_(world)) == [world.events[place] for place in places]


@pytest.mark.parametrize(
    ("filter_", "code", "path"),
    [
        ({"type": None}, "BAD_USER_INPUT", ["type"]),
        ({"user": None}, "BAD_USER_INPUT", ["user"]),
        ({"at": None}, "BAD_USER_INPUT", ["at"]),
        ({"at": {"gt": "yesterday"}}, "BAD_USER_INPUT", ["at", "gt"]),
        ({"user": {"id": "x"}}, "BAD_ID", ["user", "id"]),
        ({"user": {"id": f"rol_{'0' * 32}"}}, "BAD_ID", ["user", "id"]),
        ({"role": {"id": f"usr_{'0' * 32}"}}, "BAD_ID", ["role", "id"]),
        ({"actor": {"externalId": "\x00"}}, "BAD_USER_INPUT", ["actor", "externalId"]),
        ({"type": ["USER_CREATED"] * 201}, "FILTER_TOO_COMPLEX", ["type"]),
    ],
)
async def test_a_filter_that_means_nothing_is_refused(
    api: Client, filter_: Json, code: str, path: list[str]
) -> None:
    error = await api.error(EVENTS, filter=filter_)
    assert error["extensions"] == {"code": code, "path": ["filter", *path]}


# ---- pages ----

PAGE = """query ($first: Int, $after: String, $last: Int, $before: String, $filter: EventFilter) {
  events(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    edges { cursor node { id } } nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


@pytest.mark.parametrize("size", [1, 2, 3, 8])
async def test_the_log_is_read_page_by_page_either_way(api: Client, world: World, size: int) -> None:
    ids = [event["id"] for event in world.events]
    seen: list[str] = []
    page = await api(PAGE, first=size)
    while True:
        seen += [node["id"] for node in page["nodes"]]
        assert page["pageInfo"]["hasNextPage"] is (len(seen) < len(ids))
        if not page["pageInfo"]["hasNextPage"]:
            break
        page = await api(PAGE, first=size, after=page["pageInfo"]["endCursor"])
    assert seen == ids
    back: list[str] = []
    page = await api(PAGE, last=size)
    while page["nodes"]:
        back = [*(node["id"] for node in page["nodes"]), *back]
        page = await api(PAGE, last=size, before=page["pageInfo"]["startCursor"])
    assert back == ids


async def test_pages_of_a_filter_are_of_what_matches(api: Client, world: World) -> None:
    given = {"filter": {"type": ["USER_CREATED", "ROLE_REVOKED"]}, "first": 2}
    page = await api(PAGE, **given)
    assert [node["id"] for node in page["nodes"]] == [world.events[place]["id"] for place in (0, 1)]
    rest = await api(PAGE, **given, after=page["pageInfo"]["endCursor"])
    assert [node["id"] for node in rest["nodes"]] == [world.events[7]["id"]]


async def test_who_polls_from_the_last_cursor_gets_what_is_new(api: Client, world: World) -> None:
    last = (await api(PAGE, last=1))["pageInfo"]["endCursor"]
    nothing = await api(PAGE, first=10, after=last)
    assert (nothing["nodes"], nothing["pageInfo"]["hasNextPage"]) == ([], False)
    await acting(api.db, NOW + 9 * HOUR).update(world.bob, first_name="Bob")
    new = await api(PAGE, first=10, after=last)
    assert len(new["nodes"]) == 1
    assert new["nodes"][0]["id"] not in [event["id"] for event in world.events]


async def test_a_cursor_serves_events_alone(api: Client, world: World) -> None:
    assert world.events
    cursor = (await api(PAGE, first=1))["edges"][0]["cursor"]
    error = await api.error("query ($after: String) { users(after: $after) { nodes { id } } }", after=cursor)
    assert error["extensions"] == {"code": "BAD_CURSOR", "path": ["after"]}
    users = await api("{ users(first: 1) { edges { cursor } } }")
    error = await api.error(PAGE, after=users["edges"][0]["cursor"])
    assert error["extensions"] == {"code": "BAD_CURSOR", "path": ["after"]}
    # But all of its lists.
    of_user = (
        "query ($id: ID!, $after: String) { user(by: {id: $id}) { events(after: $after) { nodes { id } } } }"
    )
    page = await api(of_user, id=make.user_id(world.ada.id), after=cursor)
    assert [node["id"] for node in page["events"]["nodes"]] == [
        world.events[place]["id"] for place in (3, 6, 7)
    ]


def encoded(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


NO_NUMBER: tuple[object, ...] = ("1", 1.5, True, None, [], {}, -1, 2**63)
NO_ID: tuple[object, ...] = (None, 1, "", "x", "0" * 31)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *((place, value) for place in (1, 2, 3) for value in NO_NUMBER),
        (1, 2**31),
        *((4, value) for value in NO_ID),
    ],
)
async def test_a_cursor_that_was_made_up_is_refused(
    api: Client, world: World, place: int, value: object
) -> None:
    cursor = (await api(PAGE, first=1))["edges"][0]["cursor"]
    content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    assert world.events[0]["id"] == f"evt_{content[4]}"
    content[place] = value
    error = await api.error(PAGE, after=encoded(content))
    assert error["extensions"] == {"code": "BAD_CURSOR", "path": ["after"]}


async def test_a_cursor_of_the_greatest_numbers_is_after_everything(api: Client, world: World) -> None:
    assert len(world.events) == 8
    cursor = (await api(PAGE, first=1))["edges"][0]["cursor"]
    name = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))[0]
    last = encoded([name, 2**31 - 1, 2**63 - 1, 2**63 - 1, "f" * 32])
    assert (await api(PAGE, first=10, after=last))["nodes"] == []
    assert len((await api(PAGE, last=10, before=last))["nodes"]) == 8
    first = encoded([name, 0, 0, 0, "0" * 32])
    assert len((await api(PAGE, first=10, after=first))["nodes"]) == 8


# ---- of a user, and of a role ----


async def test_users_and_roles_know_what_happened_to_them(api: Client, world: World) -> None:
    query = f"""query ($ada: ID!, $last: Int) {{
      user(by: {{id: $ada}}) {{ events(last: $last) {{ {NODES} pageInfo {{ hasPreviousPage }} }} }}
      role(by: {{key: "EDITOR"}}) {{ events(last: $last) {{ {NODES} pageInfo {{ hasPreviousPage }} }} }}
    }}"""
    for last, more in ((200, False), (2, True)):
        answer = await api.answer(query, ada=make.user_id(world.ada.id), last=last)
        of_ada, of_editor = answer["data"]["user"]["events"], answer["data"]["role"]["events"]
        assert of_ada["nodes"] == [world.events[place] for place in (0, 3, 6, 7)][-last:]
        assert of_editor["nodes"] == [world.events[place] for place in (2, 3, 4, 7)][-last:]
        assert of_ada["pageInfo"]["hasPreviousPage"] is more


# ---- by whom ----


async def test_each_request_leaves_its_id(db: Database) -> None:
    caller, secret = await make.caller(db), new_secret()
    assert caller.user
    await make.token(db, caller.user, secret=secret)
    async with guarded_api(db, secret) as api:
        api.http.headers["x-request-id"] = "r-1"
        await api('mutation { addRole(input: {key: "EDITOR"}) { errors { code } } }')
        (event,) = await found(api, {"role": {"key": "EDITOR"}})
    assert (event["requestId"], event["type"]) == ("r-1", EventType.ROLE_CREATED)
    assert event["actor"]["user"] == {"id": make.user_id(caller.user.id)}
