"""Clients that write all the time, and know what must be found of it afterwards.

Each user belongs to one writer, which awaits the answer to one write before the next. A write that was answered must be
found. One that was not, because somebody was killed meanwhile, may be found or not: whole or not at all, and once. The
same holds for its events, which have the id of its request.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

import httpx

from following import Told

EARLY, LATE = ("EARLY_A", "EARLY_B", "EARLY_C"), ("LATE_A", "LATE_B")

_CREATE = """mutation($email: Email!, $roles: [RoleAssignmentInput!]!) {
  createUser(input: {email: $email, displayName: "Made under fire", roles: $roles}) { user { id } errors { code message } }
}"""
_SET = """mutation($email: Email!, $roles: [RoleAssignmentInput!]!) {
  setUserRoles(input: {user: {email: $email}, roles: $roles}) { user { id } errors { code message } }
}"""
_ADD = """mutation($key: String!) { addRole(input: {key: $key}) { role { key } errors { code } } }"""
# The roles are made before, and the local administrator comes with the first start.
_OF_THE_START = ("ROLE_CREATED", "ROLE_UPDATED", "USER_CREATED", "ROLE_ASSIGNED", "TOKEN_CREATED")
_ALL = """query($after: String) {
  users(first: 200, after: $after) {
    nodes { email version roles { key } }
    pageInfo { hasNextPage endCursor }
  }
}"""

# What happens in a creation, and in a change of roles.
_EVENTS_OF = {
    _CREATE: Counter(USER_CREATED=1, ROLE_ASSIGNED=len(EARLY)),
    _SET: Counter(ROLE_REVOKED=len(EARLY), ROLE_ASSIGNED=len(LATE)),
}

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
    expected: dict[str, Counter[str]] = field(default_factory=dict)  # The events of a write, by its request.
    unanswered: set[str] = field(default_factory=set)  # The requests that may have none.

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

    def check(self, events: Iterable[Told]) -> None:
        """That all events there are, are those of the writes: each has all of its own once, or none without an answer."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for event in events:
            if event["requestId"] in self.expected:
                found[event["requestId"]][event["type"]] += 1
            else:
                assert event["type"] in _OF_THE_START, event
        for request, expected in self.expected.items():
            assert found[request] == expected or (not found[request] and request in self.unanswered), request


async def ask(
    http: httpx.AsyncClient, query: str, *, request: str | None = None, **variables: Any
) -> dict[str, Any]:
    """The payload; Unavailable, httpx.HTTPError: no answer. Any other error is a failure of the test."""
    headers = {"x-request-id": request} if request else {}
    body = {"query": query, "variables": variables}
    answer = (await http.post("/graphql", json=body, headers=headers)).json()
    if "errors" in answer:
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAVAILABLE"}, answer[
            "errors"
        ]
        raise Unavailable
    (payload,) = answer["data"].values()
    assert not payload.get("errors"), payload
    return dict(payload)


async def add_roles(http: httpx.AsyncClient, *keys: str) -> None:
    for key in keys or (*EARLY, *LATE):
        await ask(http, _ADD, key=key)


async def find_all(http: httpx.AsyncClient) -> dict[str, Found]:
    found: dict[str, Found] = {}
    after = None
    while True:
        page = await ask(http, _ALL, after=after)
        for user in page["nodes"]:
            if user["email"] is None:  # the local administrator
                continue
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
    request = uuid4().hex
    ledger.expected[request] = _EVENTS_OF[query]
    ledger.unanswered.add(request)
    roles = [{"role": {"key": key}} for key in sorted(after[1])]
    await ask(http, query, request=request, email=email, roles=roles)
    ledger.unanswered.remove(request)
    ledger.allowed[email] = (after,)
    ledger.acknowledged += 1
    await asyncio.sleep(0)
