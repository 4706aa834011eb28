"""Clients that write all the time, and know what must be found of it afterwards.

Each user belongs to one writer, which awaits the answer to one write before the next. A write that was answered must be
found. One that was not, because somebody was killed meanwhile, may be found or not: whole or not at all, and once.
"""

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

EARLY, LATE = ("EARLY_A", "EARLY_B", "EARLY_C"), ("LATE_A", "LATE_B")

_CREATE = """mutation($email: Email!, $roles: [RoleAssignmentInput!]!) {
  createUser(input: {email: $email, displayName: "Made under fire", roles: $roles}) { user { id } errors { code message } }
}"""
_SET = """mutation($email: Email!, $roles: [RoleAssignmentInput!]!) {
  setUserRoles(input: {user: {email: $email}, roles: $roles}) { user { id } errors { code message } }
}"""
_ADD = """mutation($key: String!) { addRole(input: {key: $key}) { role { key } errors { code } } }"""
_ALL = """query($after: String) {
  users(first: 200, after: $after) {
    nodes { email version roles { key } }
    pageInfo { hasNextPage endCursor }
  }
}"""

Found = tuple[int, frozenset[str]] | None  # The version and the roles of a user, or that there is none.


class Unavailable(Exception):
    """The server said so."""


@dataclass
class Ledger:
    """What may be found of each user, by email: one state, or two while a write has no answer."""

    allowed: dict[str, tuple[Found, ...]] = field(default_factory=dict)
    emails: Any = field(default_factory=lambda: (f"under.fire{number}@example.org" for number in count(1)))
    acknowledged: int = 0
    landed_unacknowledged: int = 0
    lost_unacknowledged: int = 0

    def settle(self, found: dict[str, Found]) -> None:
        """Check everything, and take what was found for the truth from now on."""
        assert found.keys() <= self.allowed.keys()
        for email, allowed in self.allowed.items():
            state = found.get(email)
            assert state in allowed, (email, state, allowed)
            if len(allowed) > 1:
                self.landed_unacknowledged += state == allowed[-1]
                self.lost_unacknowledged += state == allowed[0]
            self.allowed[email] = (state,)


async def ask(http: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    """The payload; Unavailable, httpx.HTTPError: no answer. Any other error is a failure of the test."""
    answer = (await http.post("/graphql", json={"query": query, "variables": variables})).json()
    if "errors" in answer:
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAVAILABLE"], answer
        raise Unavailable
    (payload,) = answer["data"].values()
    assert not payload.get("errors"), payload
    return dict(payload)


async def add_roles(http: httpx.AsyncClient) -> None:
    for key in (*EARLY, *LATE):
        await ask(http, _ADD, key=key)


async def find_all(http: httpx.AsyncClient) -> dict[str, Found]:
    found: dict[str, Found] = {}
    after = None
    while True:
        page = await ask(http, _ALL, after=after)
        for user in page["nodes"]:
            found[user["email"]] = (user["version"], frozenset(role["key"] for role in user["roles"]))
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def write_until_cut_off(http: httpx.AsyncClient, ledger: Ledger) -> None:
    """Create users with three roles and then give them two others, until a write is not answered."""
    try:
        while True:
            email = next(ledger.emails)
            await _write(http, ledger, email, _CREATE, before=None, after=(1, frozenset(EARLY)))
            await _write(http, ledger, email, _SET, before=(1, frozenset(EARLY)), after=(2, frozenset(LATE)))
    except (httpx.HTTPError, Unavailable):
        return


async def _write(
    http: httpx.AsyncClient,
    ledger: Ledger,
    email: str,
    query: str,
    *,
    before: Found,
    after: tuple[int, frozenset[str]],
) -> None:
    ledger.allowed[email] = (before, after)
    await ask(http, query, email=email, roles=[{"role": {"key": key}} for key in sorted(after[1])])
    ledger.allowed[email] = (after,)
    ledger.acknowledged += 1
    await asyncio.sleep(0)
