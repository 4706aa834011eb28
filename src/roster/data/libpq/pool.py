"""A bounded number of connections, opened when they are needed and replaced when they are lost."""

import asyncio
from collections import deque

from roster.data.connections import PoolTimeoutError
from roster.data.libpq.connection import Connection

# A connection that was given back, or None for the place of one that was lost: leave to open another.
_Turn = asyncio.Future[Connection | None]


class Pool:
    """`size` connections at most. Whoever finds none free waits in line, for `timeout` seconds."""

    def __init__(self, conninfo: str, *, size: int, timeout: float) -> None:
        self._conninfo, self._size, self.timeout = conninfo, size, timeout
        self._free: list[Connection] = []
        self._waiting: deque[_Turn] = deque()
        self._open = 0
        self.lent = 0
        self._ending: set[asyncio.Task[None]] = set()

    async def take(self) -> Connection:
        """To be given back. Raises PoolTimeoutError, and psycopg.Error if it cannot be opened."""
        taken = self._free.pop() if self._free else await self._take()
        self.lent += 1
        return taken

    def give_back(self, connection: Connection) -> None:
        self.lent -= 1
        self._give_back(connection)

    async def _take(self) -> Connection:
        if not self._size:
            raise PoolTimeoutError  # None will ever be free.
        if self._open < self._size:
            self._open += 1
            return await self._connect()
        return await self._wait() or await self._connect()

    async def _connect(self) -> Connection:
        """In a place that is counted already."""
        try:
            return await Connection.open(self._conninfo, self._lose)
        except BaseException:
            self._pass_on(None)
            raise

    async def _wait(self) -> Connection | None:
        loop = asyncio.get_running_loop()
        turn: _Turn = loop.create_future()
        self._waiting.append(turn)
        expiry = loop.call_later(self.timeout, _expire, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and not turn.exception():  # at the moment of its turn
                self._give_back(turn.result())
            raise
        finally:
            expiry.cancel()

    def _pass_on(self, what: Connection | None) -> None:
        """To the first in line, so that nobody who comes now is before them; if nobody waits, it is free."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(what)
                return
        if what is None:
            self._open -= 1
        else:
            self._free.append(what)

    def _give_back(self, connection: Connection | None) -> None:
        if connection is None:
            self._pass_on(None)
            return
        if connection.ending is not None:
            self._ending.add(connection.ending)
            connection.ending.add_done_callback(self._ending.discard)
        if not connection.is_usable:
            return  # and counted no more
        if connection.in_transaction or connection.is_worn or self._open > self._size:
            connection.close()
        else:
            self._pass_on(connection)

    def _lose(self, connection: Connection) -> None:
        if connection in self._free:
            self._free.remove(connection)
        self._pass_on(None)

    async def close(self) -> None:
        """Those that are lent are closed when they are given back. Whoever waits for one waits in vain, and is told."""
        self._size = 0
        while self._waiting:
            _expire(self._waiting.popleft())
        for connection in list(self._free):
            connection.close()
        await asyncio.gather(*self._ending)


def _expire(turn: _Turn) -> None:
    if not turn.done():
        turn.set_exception(PoolTimeoutError())
