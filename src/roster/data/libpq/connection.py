"""One connection, in libpq's pipeline mode: statements that are sent together are answered in one round trip."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
from psycopg import AsyncConnection, pq
from psycopg import errors as pg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult

from roster.data.connections import Rows
from roster.data.libpq.adapters import ADAPTERS
from roster.data.libpq.compiled import Compiled

_MAX_PREPARED = 500
# For the server to end what is cancelled before the connection is closed anyway; and to take notice, at first, and at last
# before another connection may take the place. In seconds.
_CANCEL_WITHIN, _FIRST_NOTICE, _LAST_NOTICE = 5, 0.002, 0.1
_BINARY = pq.Format.BINARY
# What was prepared does not fit the tables any more, or is gone: a migration, DEALLOCATE ALL.
_OUTDATED = (pg.FeatureNotSupported, pg.InvalidSqlStatementName)
_FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE, pq.ExecStatus.NONFATAL_ERROR)


# What PostgreSQL prepares under one name: a statement, and the types of its parameters.
_Preparation = tuple[Compiled, tuple[int, ...] | None]


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement and the values of its parameters."""

    compiled: Compiled
    values: Sequence[Any]


class Connection:
    """Opened by psycopg, with all that it knows of TLS, passwords and hosts; what follows is sent to its libpq.

    `lost` is called once when the connection is of no more use, whoever has it.
    """

    def __init__(self, opened: AsyncConnection[Any], lost: Callable[["Connection"], None]) -> None:
        self._opened, self._pgconn, self._lost = opened, opened.pgconn, lost
        self._loop = asyncio.get_running_loop()
        self._transformer = Transformer(opened)
        self._prepared: dict[_Preparation, bytes] = {}
        self._numbers = count()
        self._results: list[PGresult] = []
        self._answered: asyncio.Future[None] | None = None
        self.ending: asyncio.Task[None] | None = None
        self._has_place = True
        self._is_waiting_to_write = False
        self.is_usable = True
        self._is_outdated = False
        self._pgconn.nonblocking = 1
        self._pgconn.enter_pipeline_mode()
        self._socket = self._pgconn.socket  # libpq forgets it when the server closes it
        self._loop.add_reader(self._socket, self._readable)

    @classmethod
    async def open(cls, conninfo: str, lost: Callable[["Connection"], None]) -> "Connection":
        opened = await AsyncConnection.connect(conninfo, autocommit=True, context=ADAPTERS)
        return cls(opened, lost)

    @property
    def in_transaction(self) -> bool:
        return self.is_usable and self._pgconn.transaction_status != pq.TransactionStatus.IDLE

    @property
    def is_worn(self) -> bool:
        """Whether the server keeps more for it than it is worth, or what is of no use any more."""
        return len(self._prepared) > _MAX_PREPARED or self._is_outdated

    async def run(self, batch: Sequence[Bound]) -> list[Rows]:
        """What each statement answers. Raises the psycopg.Error of the first that fails: those after it did not run.

        Outside of a transaction the batch is one. A task that is cancelled meanwhile takes the connection with it.
        """
        if not self.is_usable or self._answered is not None:
            raise psycopg.OperationalError("the connection is closed or in use")
        sent = self._send(batch)
        answered = self._answered = self._loop.create_future()
        try:
            self._flush()
            await answered
        finally:
            self._answered = None
            results, self._results = self._results, []
            if answered.cancelled() or not answered.done():
                self._abandon()
        return self._read(sent, results)

    def _send(self, batch: Sequence[Bound]) -> list[Compiled | _Preparation]:
        """What each command was, in the order of the results."""
        written = [self._written(bound) for bound in batch]
        sent: list[Compiled | _Preparation] = []
        try:
            for compiled, values, types, formats in written:
                if not compiled.is_fixed:
                    self._pgconn.send_query_params(compiled.encoded, values, types, formats, _BINARY)
                    sent.append(compiled)
                    continue
                preparation = (compiled, types)
                if (name := self._prepared.get(preparation)) is None:
                    # Counted, never used twice: what failed halfway is in nobody's way.
                    name = self._prepared[preparation] = b"s%d" % next(self._numbers)
                    self._pgconn.send_prepare(name, compiled.encoded, types)
                    sent.append(preparation)
                self._pgconn.send_query_prepared(name, values, formats, _BINARY)
                sent.append(compiled)
            self._pgconn.pipeline_sync()
        except psycopg.Error as error:
            self._lose(error)
            raise
        return sent

    def _written(self, bound: Bound) -> tuple[Compiled, Any, Any, Any]:
        transformer = self._transformer
        if not bound.values:
            return bound.compiled, None, None, None
        try:
            values = transformer.dump_sequence(bound.values, [PyFormat.AUTO] * len(bound.values))
        except psycopg.Error as error:
            error.add_note(bound.compiled.text)
            raise
        return bound.compiled, values, transformer.types, transformer.formats

    def _flush(self) -> None:
        """Goes on when the socket takes more, if it does not take all of it now."""
        try:
            unsent = self._pgconn.flush()
        except psycopg.Error as error:
            self._lose(error)
            return
        if unsent:
            self._loop.add_writer(self._socket, self._flush)
        elif self._is_waiting_to_write:
            self._loop.remove_writer(self._socket)
            self._listen_on()
        self._is_waiting_to_write = bool(unsent)

    def _readable(self) -> None:
        pgconn = self._pgconn
        try:
            pgconn.consume_input()
            while self._answered is not None and not pgconn.is_busy():
                result = pgconn.get_result()
                if result is None:  # after each statement's own
                    if pgconn.status == pq.ConnStatus.BAD:  # and there is no socket that would ever tell
                        raise psycopg.OperationalError(pgconn.get_error_message())
                    continue
                if result.status == pq.ExecStatus.PIPELINE_SYNC:
                    if not self._answered.done():
                        self._answered.set_result(None)
                    return
                self._results.append(result)
            self._listen_on()
        except psycopg.Error as error:
            self._lose(error)

    def _listen_on(self) -> None:
        """There is more to come: uvloop tells but once of a socket that has failed, though not all of it was read."""
        self._loop.remove_reader(self._socket)
        self._loop.add_reader(self._socket, self._readable)

    def _read(self, sent: Sequence[Compiled | _Preparation], results: Sequence[PGresult]) -> list[Rows]:
        answers: list[Rows] = []
        for place, (command, result) in enumerate(zip(sent, results, strict=True)):
            if result.status in _FAILED:
                for not_run in sent[place:]:
                    if not isinstance(not_run, Compiled):
                        del self._prepared[not_run]
                raise self._failure(command, result)
            if isinstance(command, Compiled):
                answers.append(self._rows(command, result))
        return answers

    def _rows(self, command: Compiled, result: PGresult) -> Rows:
        if not result.ntuples:
            return Rows()
        self._transformer.set_pgresult(result)
        try:
            return Rows(self._transformer.load_rows(0, result.ntuples, command.make(result)))
        except psycopg.Error as error:
            error.add_note(command.text)
            raise

    def _failure(self, command: Compiled | _Preparation, result: PGresult) -> psycopg.Error:
        error = error_from_result(result)
        self._is_outdated |= isinstance(error, _OUTDATED)
        error.add_note((command if isinstance(command, Compiled) else command[0]).text)
        return error

    def _abandon(self) -> None:
        """Whatever it still does is of no interest to anybody, and yet it takes a place until it is told so."""
        if self.is_usable:
            self._stop()
            self.ending = self._loop.create_task(self._cancel())

    async def _cancel(self) -> None:
        try:
            with suppress(psycopg.Error, TimeoutError):
                async with asyncio.timeout(_CANCEL_WITHIN):
                    await self._cancel_until_ended()
        finally:
            self._pgconn.finish()
            self._leave_place()

    async def _cancel_until_ended(self) -> None:
        """A cancellation may come before the statement that it is meant for, and is nothing then: so it is sent again.

        Who closes the connection is no reason for the server to stop. What it was not sent whole it never begins.
        """
        notice = _FIRST_NOTICE
        while True:
            await self._opened.cancel_safe(timeout=_CANCEL_WITHIN)
            await asyncio.sleep(notice)
            if self._pgconn.flush() or self._has_ended():
                return
            notice *= 2
            if notice > _LAST_NOTICE:  # it is not the statement that takes its time, but the process
                self._leave_place()

    def _leave_place(self) -> None:
        if self._has_place:
            self._has_place = False
            self._lost(self)

    def _has_ended(self) -> bool:
        self._pgconn.consume_input()
        was_none = False
        while not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            # After each statement's own there is one None: after that of all of them, if it was read already, there are two.
            if (result is None and was_none) or (result and result.status == pq.ExecStatus.PIPELINE_SYNC):
                return True
            was_none = result is None
        return False

    def close(self) -> None:
        self._lose(psycopg.OperationalError("the connection was closed"))

    def _lose(self, error: psycopg.Error) -> None:
        if not self.is_usable:
            return
        self._stop()
        self._pgconn.finish()
        if self._answered is not None and not self._answered.done():
            failures = (error_from_result(result) for result in self._results if result.status in _FAILED)
            # What has no state is of libpq, which could make nothing of what it was told.
            told = next((failure for failure in failures if failure.sqlstate), error)
            self._answered.set_exception(told)
        self._leave_place()

    def _stop(self) -> None:
        self.is_usable = False
        # libpq may have closed it: asyncio then finds nothing to change, and forgets both.
        with suppress(OSError):
            self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
