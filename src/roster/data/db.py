"""Connections and transactions: `read()` for queries, `write(work)` for everything that changes a row.

A Reader sees each statement's own snapshot and cannot be passed where a Writer is wanted. `write` commits when the
work is done and rolls back whatever it raises. It begins again when the work met a race that a second look settles: a
unique value taken meanwhile, a lock that turned out too weak, a deadlock. Work must therefore make its ids before.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NewType, TypeVar

from psycopg import errors as pg
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from roster.data.constraints import ERRORS
from roster.domain.errors import Rejected, UnavailableError

Reader = NewType("Reader", AsyncConnection)
Writer = NewType("Writer", AsyncConnection)
T = TypeVar("T")

logger = logging.getLogger("roster.database")

ATTEMPTS = 5
_SETTLED_BY_A_SECOND_LOOK = (pg.UniqueViolation, pg.DeadlockDetected, pg.SerializationFailure)


@dataclass(slots=True)
class _Statements:
    sent: int = 0


# What is sent on no request's behalf is counted on the default, where nobody looks.
_statements: ContextVar[_Statements] = ContextVar("statements", default=_Statements())  # noqa: B039


def count_statements() -> Callable[[], int]:
    """Begins to count those of this task and of every task that it begins; what is returned tells how many there were."""
    statements = _Statements()
    _statements.set(statements)
    return lambda: statements.sent


def _count(*_: object) -> None:
    _statements.get().sent += 1


class BeginAgain(Exception):
    """Raised by work that saw, before it wrote anything, that what it locked is not what it looked at."""


class UnexpectedValueError(Exception):
    """PostgreSQL refused a value that no check of ours did. Its own words show the value or the whole row; these do not."""


class Database:
    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            hide_parameters=True,  # what people are called does not belong in a log
            connect_args={"options": "-c timezone=UTC -c application_name=roster"},
        )
        event.listen(self.engine.sync_engine, "before_cursor_execute", _count)
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """Hold it for statements only, never while waiting for another: one connection then suffices for any query."""
        with _failures_told():
            async with self._reading.connect() as connection:
                yield Reader(connection)

    async def write(self, work: Callable[[Writer], Awaitable[T]]) -> T:
        """What the work returns, committed. Raises what the work raises, and Rejected for a constraint that fired."""
        attempt = 1
        while True:
            try:
                return await self._transaction(work)
            except BeginAgain as error:
                if attempt == ATTEMPTS:
                    raise UnavailableError("Too many others change the same: try again.") from error
            except (DBAPIError, PoolTimeoutError) as error:
                if attempt == ATTEMPTS or not isinstance(_cause(error), _SETTLED_BY_A_SECOND_LOOK):
                    raise _told(error).with_traceback(error.__traceback__) from None
            attempt += 1

    async def _transaction(self, work: Callable[[Writer], Awaitable[T]]) -> T:
        async with self.engine.begin() as connection:
            return await work(Writer(connection))

    async def close(self) -> None:
        await self.engine.dispose()


@contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as error:
        raise _told(error).with_traceback(error.__traceback__) from None


def _cause(error: DBAPIError | PoolTimeoutError) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else None


def _told(error: DBAPIError | PoolTimeoutError) -> Exception:
    """The domain's word for a failure of the database; a failure that has none stays what it is."""
    cause = _cause(error)
    if isinstance(cause, pg.IntegrityError) and (told := ERRORS.get(cause.diag.constraint_name or "")):
        return Rejected(told)
    if unavailable := _unavailable(error, cause):
        return unavailable
    if isinstance(error, DBAPIError) and isinstance(cause, (pg.IntegrityError, pg.DataError)):
        where = cause.diag.constraint_name or cause.diag.column_name or "a value"
        return UnexpectedValueError(f"{type(cause).__name__} of {where}: {error.statement}")
    return error


def _unavailable(
    error: DBAPIError | PoolTimeoutError, cause: BaseException | None
) -> UnavailableError | None:
    """For what may go otherwise another time."""
    if isinstance(error, PoolTimeoutError):
        logger.warning("no connection is free")
        return UnavailableError("The server is busy: try again.")
    if isinstance(cause, pg.DiskFull):
        logger.error("the disk of the database is full")
        return UnavailableError("The database has no room for more: try again later.")
    if isinstance(cause, pg.ReadOnlySqlTransaction):
        logger.warning("the database can only be read")
        return UnavailableError("The database can only be read: try again later.")
    if isinstance(cause, pg.QueryCanceled):
        logger.warning("a statement took too long")
        return UnavailableError("The database takes too long to answer this: ask for less, or try again.")
    if isinstance(cause, (pg.OperationalError, pg.InterfaceError)):
        # The first line of it: those after may show rows.
        logger.warning("the database cannot be reached", extra={"reason": str(cause).partition("\n")[0]})
        return UnavailableError("The database cannot be reached: try again.")
    return None
