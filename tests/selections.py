"""Values for the arguments of Roster's queries: good ones, and some that are refused."""

import json
from typing import Any

import make
from operations import Pool
from population import World
from roster.domain.events import Event
from roster.domain.tokens import ApiToken


class _Name(str):
    """A value of an enum."""

    __slots__ = ()


async def pools(world: World, event: Event, token: ApiToken) -> dict[str, Pool]:
    """Of the directory in this world."""
    directory = world.directory
    users = [make.user_id(user.id) for user in directory.users[:12]]
    roles = [make.role_id(role.id) for role in directory.roles[:4]]
    held = [make.assignment_id(one.id) for one in directory.assignments[:4]]
    others = [make.event_id(event.id), make.token_id(token.id)]
    page = await world.api("{ users(first: 5) { edges { cursor } } }")
    cursors = [edge["cursor"] for edge in page["edges"]]
    return {
        "first": _pool(0, 1, 2, 3, 5, 5, 200, 1000, None),
        "last": _pool(1, 2, None, None),
        "after": _pool(*cursors, None, "nonsense"),
        "before": _pool(cursors[-1], None, None),
        "cap": _pool(0, 1, 10_000, -1),
        "activeAt": _pool("2025-03-05T00:00:00Z", "2025-03-20T00:00:00Z", None, "1066-10-14T00:00:00Z"),
        "includeArchived": _pool(True, False),
        "states": _pool([_Name("ACTIVE")], [_Name("REVOKED"), _Name("EXPIRED")], []),
        "id": _pool(*users, *roles, *held, *others, "nonsense"),
        "ids": _pool(users[:3], [*users, *roles, *held, *others], [held[0], *users, "nonsense"], []),
        "UserRef": _pool(
            {"id": users[0]}, {"email": directory.users[0].email}, {"username": "none"}, {"id": roles[0]}
        ),
        "RoleRef": _pool({"key": "EDITOR"}, {"key": "NONE"}, {"id": roles[1]}),
        "UserFilter": _pool(
            {}, {"kind": _Name("PERSON")}, {"roles": {"anyOf": ["EDITOR"]}}, {"search": "a"}, None
        ),
        "RoleFilter": _pool({}, {"isDefault": True}, {"key": {"eq": "EDITOR"}}, None),
        "RoleAssignmentFilter": _pool({}, {"not": {}}, {"user": {"kind": _Name("SERVICE")}}, None),
        "EventFilter": _pool({}, {"type": [_Name("ROLE_ASSIGNED")]}, None),
        "UserOrder": _pool([{"field": _Name("EMAIL")}], [{"field": _Name("STATUS")}] * 2, None),
        "RoleOrder": _pool([{"field": _Name("HOLDER_COUNT"), "direction": _Name("DESC")}], None),
    }


def _pool(*values: Any) -> Pool:
    return [(_literal(value), value) for value in values]


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_literal(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return value if isinstance(value, _Name) else json.dumps(value)
