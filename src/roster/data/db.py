"""Connections and transactions: `read()` for queries, `write(work)` for everything that changes a row.

A Reader sees each statement's own snapshot and cannot be passed where a Writer is wanted. `write` commits when the
work is done and rolls back whatever it raises. It begins again when the work met a race that a second look settles: a
unique value taken meanwhile, a lock that turned out too weak, a deadlock. Work must therefore make its ids before.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Literal, TypeVar

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import make_conninfo
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from roster.data.connections import Driver, PoolTimeoutError, Reader, Writer
from roster.data.constraints import ERRORS
from roster.data.engine import EngineConnection, EngineDriver
from roster.data.holders import KnownRoles
from roster.data.libpq.driver import LibpqDriver
from roster.domain.errors import Rejected, UnavailableError

T = TypeVar("T")
W = TypeVar("W")
DriverName = Literal["libpq", "sqlalchemy"]

logger = logging.getLogger("roster.database")

ATTEMPTS = 5
_POOL_TIMEOUT = 10
_OPTIONS = "-c timezone=UTC -c application_name=roster"
_FAILURES = (psycopg.Error, PoolTimeoutError)
_SETTLED_BY_A_SECOND_LOOK = (pg.UniqueViolation, pg.DeadlockDetected, pg.SerializationFailure)


class BeginAgain(Exception):
    """Raised by work that saw, before it wrote anything, that what it locked is not what it looked at."""


class UnexpectedValueError(Exception):
    """PostgreSQL refused a value that no check of ours did. Its own words show the value or the whole row; these do not."""


class Database:
    """`driver` is what runs the statements: libpq, or SQLAlchemy's own engine. They do the same."""

    def __init__(self, url: str, *, pool_size: int = 10, driver: DriverName = "libpq") -> None:
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_POOL_TIMEOUT,
            pool_pre_ping=True,  # libpq's own pool hears of a connection that is lost while nobody has it
            hide_parameters=True,  # what people are called does not belong in a log
            connect_args={"options": _OPTIONS},
        )
        self.known_roles = KnownRoles()
        self._bulk = EngineDriver(self.engine)
        self.driver: Driver = self._bulk
        if driver == "libpq":
            _, named = self.engine.dialect.create_connect_args(self.engine.url)
            del named["context"]  # the types that SQLAlchemy knows: ours are in libpq/adapters.py
            conninfo = make_conninfo(**{**named, "options": _OPTIONS})
            self.driver = LibpqDriver(conninfo, pool_size=pool_size, pool_timeout=_POOL_TIMEOUT)

    def read(self) -> "_Reading":
        """Hold it for statements only, never while waiting for another: one connection then suffices for any query."""
        return _Reading(self.driver.reading())

    async def write(self, work: Callable[[Writer], Awaitable[T]]) -> T:
        """What the work returns, committed. Raises what the work raises, and Rejected for a constraint that fired."""
        return await _written(self.driver.writing, work)

    async def fill(self, work: Callable[[EngineConnection], Awaitable[T]]) -> T:
        """The same for work that needs SQLAlchemy's own connection."""
        return await _written(self._bulk.writing, work)

    async def close(self) -> None:
        await self.driver.close()
        await self.engine.dispose()


class _Reading:
    """What a driver reads with, and its failures told."""

    __slots__ = ("_reading",)

    def __init__(self, reading: AbstractAsyncContextManager[Reader]) -> None:
        self._reading = reading

    async def __aenter__(self) -> Reader:
        try:
            return await self._reading.__aenter__()
        except _FAILURES as error:
            raise _told(error).with_traceback(error.__traceback__) from None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            await self._reading.__aexit__(kind, error, where)
        except _FAILURES as failure:
            error = failure
        if isinstance(error, _FAILURES):
            raise _told(error).with_traceback(error.__traceback__) from None


async def _written(
    writing: Callable[[], AbstractAsyncContextManager[W]], work: Callable[[W], Awaitable[T]]
) -> T:
    attempt = 1
    while True:
        try:
            async with writing() as writer:
                return await work(writer)
        except BeginAgain as error:
            if attempt == ATTEMPTS:
                raise UnavailableError("Too many others change the same: try again.") from error
        except _FAILURES as error:
            if attempt == ATTEMPTS or not isinstance(error, _SETTLED_BY_A_SECOND_LOOK):
                raise _told(error).with_traceback(error.__traceback__) from None
        attempt += 1


def _told(error: psycopg.Error | PoolTimeoutError) -> Exception:
    """The domain's word for a failure of the database; a failure that has none stays what it is."""
    if isinstance(error, PoolTimeoutError):
        logger.warning("no connection is free")
        return UnavailableError("The server is busy: try again.")
    if isinstance(error, pg.IntegrityError) and (told := ERRORS.get(error.diag.constraint_name or "")):
        return Rejected(told)
    if unavailable := _unavailable(error):
        return unavailable
    if isinstance(error, (pg.IntegrityError, pg.DataError)):
        where = error.diag.constraint_name or error.diag.column_name or "a value"
        return UnexpectedValueError(f"{type(error).__name__} of {where}: {' '.join(error.__notes__)}")
    return error


def _unavailable(error: psycopg.Error) -> UnavailableError | None:
    """For what may go otherwise another time."""
    if isinstance(error, pg.DiskFull):
        logger.error("the disk of the database is full")
        return UnavailableError("The database has no room for more: try again later.")
    if isinstance(error, pg.ReadOnlySqlTransaction):
        logger.warning("the database can only be read")
        return UnavailableError("The database can only be read: try again later.")
    if isinstance(error, pg.QueryCanceled):
        logger.warning("a statement took too long")
        return UnavailableError("The database takes too long to answer this: ask for less, or try again.")
    if isinstance(error, (pg.OperationalError, pg.InterfaceError)):
        # The first line of it: those after may show rows.
        logger.warning("the database cannot be reached", extra={"reason": str(error).partition("\n")[0]})
        return UnavailableError("The database cannot be reached: try again.")
    return None
