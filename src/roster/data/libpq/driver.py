"""The statements on libpq."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import psycopg
from psycopg.errors import InFailedSqlTransaction
from sqlalchemy import Executable, Insert, text

from roster.data.assumptions import answered, to_be_asked
from roster.data.connections import NOTHING, Asked, Parameters, Reader, Rows, Values, Writer
from roster.data.libpq.compiled import compiled, compiled_for_rows
from roster.data.libpq.connection import Bound, Connection
from roster.data.libpq.pool import Pool
from roster.data.statements import fixed, note_statement

# PostgreSQL prepares the constraints of a table anew for each INSERT, which takes longer than to check a row.
_ROWS_AT_ONCE = 8


def _command(command: str) -> Bound:
    return Bound(compiled(fixed(text(command)), ())[0], ())


_BEGIN, _COMMIT, _ROLLBACK = _command("BEGIN"), _command("COMMIT"), _command("ROLLBACK")


class _Reader:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, statement: Executable, parameters: Parameters = NOTHING) -> Rows:
        answers = await self._run(_bound(statement, parameters))
        return answers[0] if len(answers) == 1 else Rows(row for rows in answers for row in rows)

    async def execute_all(self, asked: Sequence[Asked]) -> Sequence[Rows]:
        return await self._run([bound for one in asked for bound in _bound(*one)]) if asked else ()

    async def _run(self, batch: Sequence[Bound]) -> Sequence[Rows]:
        if (assumption := to_be_asked()) is None:
            return await self._connection.run(batch)
        return await answered(assumption, lambda asked: self._connection.run([*_bound(*asked), *batch]))


class _Writer(_Reader):
    """BEGIN goes with the first statement, and what answers nothing with whatever comes next.

    Once something failed, nothing more is done: PostgreSQL would not either, but take COMMIT for ROLLBACK in silence.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._unsent = [_BEGIN]
        self._has_begun = False
        self._has_failed = False

    async def send(self, statement: Executable, parameters: Parameters = NOTHING) -> None:
        self._unsent += _bound(statement, parameters)

    async def _run(self, batch: Sequence[Bound]) -> Sequence[Rows]:
        if self._has_failed:
            raise InFailedSqlTransaction("a statement of the transaction failed before")
        self._has_begun = True
        unsent, self._unsent = self._unsent, []
        try:
            answers = await super()._run([*unsent, *batch])
        except BaseException:
            self._has_failed = True
            raise
        return answers[len(unsent) :]

    async def commit(self) -> None:
        if not self._has_begun and len(self._unsent) > 1:
            # Not with COMMIT: what is assumed may turn out not to hold.
            await self._run([])
        if self._has_begun:
            await self._run([_COMMIT])

    async def roll_back(self) -> None:
        if self._connection.in_transaction:
            await self._connection.run([_ROLLBACK])


class _Reading:
    """Every request does so several times: as a generator it took a fifth of a short statement's time."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> Reader:
        self._connection = await self._pool.take()
        return _Reader(self._connection)

    async def __aexit__(self, *_: object) -> None:
        self._pool.give_back(self._connection)


class LibpqDriver:
    def __init__(self, conninfo: str, *, pool_size: int, pool_timeout: float) -> None:
        self.pool = Pool(conninfo, size=pool_size, timeout=pool_timeout)

    @property
    def lent(self) -> int:
        return self.pool.lent

    def reading(self) -> "_Reading":
        return _Reading(self.pool)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writer]:
        connection = await self.pool.take()
        try:
            writer = _Writer(connection)
            try:
                yield writer
                await writer.commit()
            except Exception:
                # What cannot be rolled back is by the end of its connection.
                with suppress(psycopg.Error):
                    await writer.roll_back()
                raise
        finally:
            self.pool.give_back(connection)

    async def close(self) -> None:
        await self.pool.close()


def _bound(statement: Executable, parameters: Parameters) -> list[Bound]:
    """Once for each set of parameters, which makes it no more statements; but rows are inserted several at a time."""
    every = parameters if isinstance(parameters, Sequence) else (parameters,)
    made, extracted = compiled(statement, every[0])
    note_statement(made.text)
    if len(every) > 1 and isinstance(statement, Insert):
        firsts = range(0, len(every), _ROWS_AT_ONCE)
        return [_bound_rows(statement, every[first : first + _ROWS_AT_ONCE]) for first in firsts]
    return [Bound(made, made.values(values, extracted)) for values in every]


def _bound_rows(statement: Insert, rows: Sequence[Values]) -> Bound:
    made = compiled_for_rows(statement, len(rows))
    values = {f"{name}_{place}": value for place, row in enumerate(rows) for name, value in row.items()}
    return Bound(made, made.values(values, None))
