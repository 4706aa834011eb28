"""The statements on SQLAlchemy's own engine: what they are checked against, and the way back from libpq."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from sqlalchemy import Executable, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as EngineTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from roster.data.assumptions import answered, to_be_asked
from roster.data.connections import NOTHING, Asked, Parameters, PoolTimeoutError, Reader, Rows
from roster.data.statements import note_statement


class EngineConnection:
    """`raw` is SQLAlchemy's, for what only filling tables in bulk does: COPY, and making indexes."""

    def __init__(self, raw: AsyncConnection) -> None:
        self.raw = raw

    async def execute(self, statement: Executable, parameters: Parameters = NOTHING) -> Rows:
        if (assumption := to_be_asked()) is None:
            return await self._execute(statement, parameters)

        async def run(asked: Asked) -> Sequence[Rows]:
            return [await self._execute(*asked), await self._execute(statement, parameters)]

        return (await answered(assumption, run))[0]

    async def execute_all(self, asked: Sequence[Asked]) -> Sequence[Rows]:
        return [await self.execute(*one) for one in asked]

    async def _execute(self, statement: Executable, parameters: Parameters) -> Rows:
        with _psycopg_errors():
            result = await self.raw.execute(statement, parameters)
            return Rows(result.all() if result.returns_rows else ())

    async def send(self, statement: Executable, parameters: Parameters = NOTHING) -> None:
        await self.execute(statement, parameters)


class EngineDriver:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        event.listen(engine.sync_engine, "before_cursor_execute", _note)

    @property
    def lent(self) -> int:
        pool: Any = self._engine.pool
        return int(pool.checkedout())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        with _psycopg_errors():
            async with self._reading.connect() as connection:
                yield EngineConnection(connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[EngineConnection]:
        with _psycopg_errors():
            async with self._engine.begin() as connection:
                yield EngineConnection(connection)

    async def close(self) -> None:
        await self._engine.dispose()


def _note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
    note_statement(statement)


@contextmanager
def _psycopg_errors() -> Iterator[None]:
    """Rather than SQLAlchemy's around them."""
    try:
        yield
    except EngineTimeoutError:
        raise PoolTimeoutError from None
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        error.orig.add_note(error.statement or "while connecting")
        raise error.orig.with_traceback(error.__traceback__) from None
