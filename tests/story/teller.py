"""How the story is told: over HTTP, to whoever only knows the schema."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from client import Client

Errors = list[dict[str, Any]]

# `limit` and `current` are of several types: a client that wants them all gives them names of its own.
_ERRORS = """
errors {
  code path message
  ... on InvalidInputError { reason limit }
  ... on TakenError { field existingId }
  ... on StaleVersionError { expectedVersion currentVersion current { id } }
  ... on InvalidTransitionError { from: current requested allowed }
  ... on TooFewHoldersError { role { key } minHolders holders }
  ... on RoleInUseError { role { key } holderCount }
  ... on LimitExceededError { atMost: limit }
  ... on EscalationError { missingPermissions }
}
"""
# What each mutation answers: null, or an empty list, if and only if there are errors.
_OBJECT = {
    "createUser": "user",
    "updateUser": "user",
    "setUserStatus": "users",
    "eraseUser": "user",
    "addRole": "role",
    "updateRole": "role",
    "archiveRole": "role",
    "assignRoles": "users",
    "revokeRoles": "users",
    "setUserRoles": "user",
    "createApiToken": "token",
    "revokeApiToken": "token",
}
_EVERYTHING = """
{
  users(includeArchived: true, first: 200) { nodes { id version status } }
  roles(includeArchived: true, first: 200) { nodes { id version archivedAt } }
  assignments(states: [ACTIVE, EXPIRED, REVOKED], first: 200) { nodes { id expiresAt revokedAt } }
}
"""


@dataclass(frozen=True, slots=True)
class Story:
    api: Client
    # The same directory, where whoever comes in must show a token.
    gate: Client
    # By first name or key.
    ids: dict[str, str] = field(default_factory=dict)
    # The codes of the errors met on the way.
    met: set[str] = field(default_factory=set)
    # Moments to come back to.
    moments: dict[str, str] = field(default_factory=dict)

    def at_the_gate(self) -> "Story":
        """The same story, told by whoever shows a token there."""
        return replace(self, api=self.gate)

    async def ask(self, query: str, **variables: Any) -> Any:
        """The answer of the only root field."""
        return await self.api(query, **variables)

    async def do(self, mutation: str, selection: str, **given: Any) -> Any:
        """The payload of a mutation that is to succeed."""
        payload = await self._mutate(mutation, selection, given)
        assert payload.pop("errors") == [], mutation
        return payload

    async def refused(self, mutation: str, **given: Any) -> Errors:
        """The errors of a mutation that is to fail, without their messages. It answers nothing and changes nothing."""
        before = await self.api.answer(_EVERYTHING)
        name = _OBJECT[mutation]
        payload = await self._mutate(mutation, f"{name} {{ id }}", given)
        assert payload[name] == ([] if name == "users" else None)
        assert await self.api.answer(_EVERYTHING) == before
        errors: Errors = payload["errors"]
        assert errors
        assert all(error.pop("message") for error in errors)
        self.met.update(error["code"] for error in errors)
        return errors

    async def _mutate(self, mutation: str, selection: str, given: dict[str, Any]) -> Any:
        input_type = f"{mutation[0].upper()}{mutation[1:]}Input!"
        return await self.api(
            f"mutation($input: {input_type}) {{ {mutation}(input: $input) {{ {selection} {_ERRORS} }} }}",
            input=given,
        )

    def named(self, *names: str) -> dict[str, Any]:
        """Several users, for a mutation."""
        return {"refs": [{"id": self.ids[name]} for name in names]}

    def ref(self, name: str) -> dict[str, str]:
        return {"id": self.ids[name]}

    async def remember(self, name: str) -> None:
        """This moment, with a millisecond to spare on either side."""
        await asyncio.sleep(0.002)
        self.moments[name] = datetime.now(UTC).isoformat(timespec="milliseconds")
        await asyncio.sleep(0.002)

    async def keys(self, name: str, active_at: str | None = None) -> list[str]:
        """The roles of a user, now or at a moment."""
        user = await self.ask(
            "query($id: ID!, $at: DateTime) { user(by: {id: $id}) { roles(activeAt: $at) { key } } }",
            id=self.ids[name],
            at=active_at,
        )
        return [role["key"] for role in user["roles"]]
