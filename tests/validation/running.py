"""Carries out one case of a validation table over HTTP, in a world of its own, and sees what came of it."""

import json
from collections.abc import Mapping
from typing import Any

from client import Client
from validation.cells import (
    ABSENT,
    Case,
    Choice,
    Done,
    Refused,
    RequestRefused,
    Stored,
    World,
    in_world,
)
from validation.world import Snapshot, make_world, restore, snapshot

_PAYLOADS = {
    "createUser": "user { id }",
    "updateUser": "user { id }",
    "setUserStatus": "users { id } matched changed",
    "eraseUser": "user { id }",
    "addRole": "role { id }",
    "updateRole": "role { id }",
    "archiveRole": "role { id } revoked",
    "assignRoles": "users { id } matched assigned changed unchanged",
    "revokeRoles": "users { id } matched revoked unchanged",
    "setUserRoles": "user { id } assigned { id } changed { id } revoked { id }",
    "createApiToken": "token { id } secret",
    "revokeApiToken": "token { id }",
}
_ERRORS = """errors { __typename code message path
  ... on InvalidInputError { reason limit } ... on LimitExceededError { most: limit } }"""


def document(mutation: str) -> str:
    kind = mutation[0].upper() + mutation[1:] + "Input"
    return f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {_PAYLOADS[mutation]} {_ERRORS} }} }}"


def document_with(mutation: str, given: Mapping[str, Any]) -> str:
    """The same with the input written out in it."""
    return f"mutation {{ {mutation}(input: {literal(given)}) {{ {_PAYLOADS[mutation]} {_ERRORS} }} }}"


def literal(value: object) -> str:
    """As it is written in a document."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {literal(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return value if isinstance(value, Choice) else json.dumps(value)


def told(error: Mapping[str, Any]) -> Refused:
    """An error as data, as the tables write it."""
    assert error["message"]
    limit = error.get("limit", error.get("most"))
    return Refused(error["__typename"], error["code"], error.get("reason"), limit, tuple(error["path"]))


async def send(api: Client, query: str, **variables: Any) -> dict[str, Any]:
    """The whole answer. The body is escaped to ASCII: this is how a lone surrogate can be sent."""
    body = json.dumps({"query": query, "variables": variables})
    response = await api.http.post("/graphql", content=body, headers={"content-type": "application/json"})
    answer: dict[str, Any] = response.json()
    return answer


async def refusals(api: Client, mutation: str, **given: Any) -> list[Refused]:
    """The errors that this input is refused with, in their order; nothing was written."""
    before = await snapshot(api.db)
    answer = await send(api, document(mutation), input=given)
    assert "errors" not in answer, answer["errors"]
    payload = answer["data"][mutation]
    assert [name for name, value in payload.items() if value and name != "errors"] == []
    assert await snapshot(api.db) == before
    return [told(error) for error in payload["errors"]]


class Stage:
    """Where cases are played, all in the same world: as it was made at first, before each."""

    def __init__(self, api: Client, world: World, first: Snapshot) -> None:
        self.api, self.world, self._first = api, world, first
        self._as_made = True

    @classmethod
    async def prepare(cls, api: Client) -> "Stage":
        return cls(api, await make_world(api.db), await snapshot(api.db))

    async def clear(self) -> None:
        if not self._as_made:
            await restore(self.api.db, self._first)
        self._as_made = True

    async def check(self, case: Case) -> None:
        await self.clear()
        self._as_made = False
        cell = case.cell
        if cell.before:
            await cell.before(self.api.db)
        value = cell.given if cell.given is ABSENT else in_world(cell.given, self.world)
        given = case.table.input_with(self.world, case.field.name, value)
        answer = await send(self.api, document(case.table.mutation), input=given)
        if isinstance(cell.outcome, Stored | Done):
            await _check_done(self.api, case, self.world, answer)
            return
        if isinstance(cell.outcome, RequestRefused):
            check_request_refused(answer, cell.outcome)
        else:
            check_refused(case, answer, cell.outcome)
        await self.check_nothing_written()

    async def check_nothing_written(self) -> None:
        self._as_made = False
        assert await snapshot(self.api.db) == self._first
        self._as_made = True


def check_request_refused(answer: Mapping[str, Any], expected: RequestRefused) -> None:
    (error,) = answer["errors"]
    path = error["extensions"].get("path")
    assert (error["extensions"]["code"], path and tuple(path)) == (expected.code, expected.path)
    assert answer.get("data") is None


def check_refused(case: Case, answer: Mapping[str, Any], expected: Refused) -> None:
    assert "errors" not in answer, answer["errors"]
    payload = answer["data"][case.table.mutation]
    path = (*case.table.at, case.field.name) if expected.path is None else expected.path
    (error,) = payload["errors"]
    assert told(error) == Refused(expected.type, expected.code, expected.reason, expected.limit, path)
    assert [name for name, value in payload.items() if value and name != "errors"] == []


async def _check_done(api: Client, case: Case, world: World, answer: Mapping[str, Any]) -> None:
    assert "errors" not in answer, answer["errors"]
    payload = answer["data"][case.table.mutation]
    assert payload["errors"] == []
    if isinstance(case.cell.outcome, Stored):
        look = case.field.look or case.table.look
        assert await look(api, world, payload, case.field.name) == in_world(case.cell.outcome.value, world)
