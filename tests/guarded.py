"""The whole application with access control, asked over HTTP by whoever shows a token, or none."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import make
from acting import acting, user_ref
from applications import api_of
from client import Client
from roster.data import tokens as token_data
from roster.data.connections import Writer
from roster.data.db import Database
from roster.domain.callers import Caller
from roster.domain.ids import new_id
from roster.domain.instants import format_instant, now
from roster.domain.tokens import ApiToken, check_new_token, digest, new_secret
from roster.domain.users import User
from roster.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`statements` are those that the request sent."""

    status: int
    challenge: str | None
    text: str
    statements: Sequence[str]

    @property
    def body(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.text)
        return read

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body.get("errors", ())]

    def data(self) -> Any:
        """Of the only root field; fails if there are errors."""
        assert "errors" not in self.body, self.text
        (value,) = self.body["data"].values()
        return value


class Door:
    """Where callers knock."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def ask(self, secret: str | None, document: str, given: Mapping[str, Any] | None = None) -> Answer:
        headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
        body = {"query": document, "variables": given or {}}
        with self._client.statements() as sent:
            response = await self._client.http.post("/graphql", json=body, headers=headers)
        challenge = response.headers.get("www-authenticate")
        return Answer(status=response.status_code, challenge=challenge, text=response.text, statements=sent)


@asynccontextmanager
async def guarded(db: Database, anonymous: Sequence[str] = ()) -> AsyncIterator[Door]:
    settings = Settings(access_control=True, anonymous_permissions=tuple(anonymous), pool_size=5)
    async with api_of(db.engine.url.render_as_string(hide_password=False), settings) as client:
        yield Door(client)


async def secret_of(db: Database, owner: User) -> str:
    """A token as the services make it, used already: that it is used is noted once a minute."""
    moment = now()
    until = format_instant(moment + timedelta(days=1))
    given = check_new_token(owner=user_ref(owner), label="For a test", expires_at=until, now=moment)
    created = await acting(db, moment).services.tokens.create(given)

    async def use(writer: Writer) -> None:
        await token_data.note_use(writer, created.token.id, moment, unless_after=moment)

    await db.write(use)
    return created.secret


async def stored_secret(db: Database, owner: User, **given: Any) -> str:
    """A token that the services would not make."""
    moment, secret = now(), new_secret()
    made = ApiToken(
        id=new_id(),
        owner_id=owner.id,
        label="For a test",
        created_at=moment - timedelta(days=2),
        expires_at=moment + timedelta(days=1),
        last_used_at=moment,
        revoked_at=None,
    )

    async def work(writer: Writer) -> None:
        await token_data.add(writer, replace(made, **given), digest(secret))

    await db.write(work)
    return secret


async def caller_with(db: Database, *permissions: str, **given: Any) -> tuple[User, str]:
    """Somebody who may this and no more, and the secret of a token of theirs."""
    caller: Caller = await make.caller(db, permissions, **given)
    assert caller.user
    return caller.user, await secret_of(db, caller.user)
