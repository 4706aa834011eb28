"""Reading back what a mutation stored, by a request of its own."""

from collections.abc import Mapping
from typing import Any

from client import Client
from validation.cells import World

Payload = Mapping[str, Any]

_USER = """query($id: ID!) { node(id: $id) { ... on User {
  kind email username firstName lastName displayName phone locale timezone avatarUrl externalId attributes
  emailVerifiedAt status roles { key }
} } }"""
_ROLE = """query($id: ID!) { node(id: $id) { ... on Role {
  key name description permissions isDefault minHolders archivedAt
} } }"""
_ASSIGNMENTS = """query($id: ID!) { node(id: $id) { ... on User {
  assignments(states: [ACTIVE, EXPIRED, REVOKED]) { nodes { role { key } state expiresAt reason revokeReason } }
} } }"""


_API_TOKEN = "query($id: ID!) { node(id: $id) { ... on ApiToken { label expiresAt owner { id } } } }"  # noqa: S105 -- no secret
_EVENTS = """query($id: ID!) { node(id: $id) {
  ... on User { events(last: 1) { nodes { reason } } } ... on Role { events(last: 1) { nodes { reason } } }
} }"""


async def at_user(api: Client, _world: World, payload: Payload, field: str) -> Any:
    """The field of the one user that the mutation answers with."""
    (user,) = payload.get("users") or [payload["user"]]
    found = await api(_USER, id=user["id"])
    return [role["key"] for role in found["roles"]] if field == "roles" else found[field]


async def at_status(api: Client, world: World, payload: Payload, _field: str) -> Any:
    return await at_user(api, world, payload, "status")


async def at_role(api: Client, _world: World, payload: Payload, field: str) -> Any:
    """The field of the role that the mutation answers with."""
    return (await api(_ROLE, id=payload["role"]["id"]))[field]


async def is_archived(api: Client, world: World, payload: Payload, _field: str) -> Any:
    return await at_role(api, world, payload, "archivedAt") is not None


async def found_user(_api: Client, _world: World, payload: Payload, _field: str) -> Any:
    return payload["user"]["id"]


async def found_users(_api: Client, _world: World, payload: Payload, _field: str) -> Any:
    return [user["id"] for user in payload["users"]]


async def found_role(_api: Client, _world: World, payload: Payload, _field: str) -> Any:
    return payload["role"]["id"]


async def held_keys(api: Client, world: World, _payload: Payload, _field: str) -> Any:
    """The roles that the user of the world holds."""
    return [role["key"] for role in (await api(_USER, id=world.user))["roles"]]


async def at_editor(api: Client, world: World, _payload: Payload, field: str) -> Any:
    """The field of the assignment of EDITOR to the user of the world."""
    return (await _assignment(api, world, "EDITOR"))[field]


async def revoke_reason(api: Client, world: World, _payload: Payload, _field: str) -> Any:
    """Why the user of the world holds HELD no more."""
    held = await _assignment(api, world, "HELD")
    assert held["state"] == "REVOKED"
    return held["revokeReason"]


async def at_token(api: Client, _world: World, payload: Payload, field: str) -> Any:
    """The field of the token that the mutation answers with."""
    found = await api(_API_TOKEN, id=payload["token"]["id"])
    return found["owner"]["id"] if field == "owner" else found[field]


async def found_token(_api: Client, _world: World, payload: Payload, _field: str) -> Any:
    return payload["token"]["id"]


async def user_reason(api: Client, _world: World, payload: Payload, _field: str) -> Any:
    """Why it was done, by what was recorded of the user that the mutation answers with."""
    return await _recorded_reason(api, payload["user"]["id"])


async def role_reason(api: Client, _world: World, payload: Payload, _field: str) -> Any:
    return await _recorded_reason(api, payload["role"]["id"])


async def owner_reason(api: Client, world: World, _payload: Payload, _field: str) -> Any:
    """The same of the user of the world."""
    return await _recorded_reason(api, world.user)


async def _recorded_reason(api: Client, id_: str) -> Any:
    (event,) = (await api(_EVENTS, id=id_))["events"]["nodes"]
    return event["reason"]


async def _assignment(api: Client, world: World, key: str) -> dict[str, Any]:
    nodes = (await api(_ASSIGNMENTS, id=world.user))["assignments"]["nodes"]
    found: dict[str, Any]
    (found,) = (node for node in nodes if node["role"]["key"] == key)
    return found
