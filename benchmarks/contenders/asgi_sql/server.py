"""A bound from below: one statement a request, whose JSON PostgreSQL makes, and nothing between it and HTTP.

It answers {"operation": …, "variables": {…}}.
"""

import json
import os
from asyncio import LifoQueue
from collections.abc import Awaitable, Callable
from typing import Any

from psycopg import AsyncConnection

from benchmarks.contenders.asgi_sql.statements import STATEMENTS

_Message = dict[str, Any]
_Pool = LifoQueue[AsyncConnection]
# One plan for whatever is looked for takes longer than planning anew.
_UNPREPARED = {"filtered"}


async def _open() -> _Pool:
    pool: _Pool = LifoQueue()
    for _ in range(int(os.environ.get("POOL_SIZE", "10"))):
        # The address is in the variables of libpq.
        pool.put_nowait(await AsyncConnection.connect(autocommit=True))
    return pool


class _Server:
    """Opens its pool on the loop that it is called on."""

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self._pool = await _open()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        answer = await self._answer(json.loads(body))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, asked: _Message) -> bytes:
        connection = await self._pool.get()
        try:
            operation = asked["operation"]
            prepare = False if operation in _UNPREPARED else None
            found = await connection.execute(STATEMENTS[operation], asked["variables"], prepare=prepare)
            row = await found.fetchone()
        finally:
            self._pool.put_nowait(connection)
        return row[0].encode() if row else b""


app = _Server()
