"""What the statements run on: a Reader, or a Writer within a transaction. Two drivers have their own of each."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import Any, Protocol

from sqlalchemy import Executable
from sqlalchemy.exc import MultipleResultsFound, NoResultFound

Values = Mapping[str, Any]
# The same statement once for each, in their order.
Parameters = Values | Sequence[Values]
# A statement, and what its parameters are.
Asked = tuple[Executable, Values]
NOTHING: Values = MappingProxyType({})


class Rows(list[Any]):
    """What a statement answers: rows, which have their values by place and by name."""

    def one_or_none(self) -> Any:  # noqa: ANN401 -- a row
        if len(self) > 1:
            raise MultipleResultsFound("Multiple rows were found when one or none was required")
        return self[0] if self else None

    def one(self) -> Any:  # noqa: ANN401 -- a row
        if (row := self.one_or_none()) is None:
            raise NoResultFound("No row was found when one was required")
        return row

    def scalar_one(self) -> Any:  # noqa: ANN401 -- a value
        return self.one()[0]

    def scalars(self) -> list[Any]:
        """The first value of each row."""
        return [row[0] for row in self]


class PoolTimeoutError(Exception):
    """No connection became free in time."""


class Reader(Protocol):
    """Sees each statement's own snapshot."""

    async def execute(self, statement: Executable, parameters: Parameters = NOTHING) -> Rows:
        """What is answered. Raises psycopg.Error, which has the statement as a note."""

    async def execute_all(self, asked: Sequence[Asked]) -> Sequence[Rows]:
        """One after the other, and yet in one round trip; what a statement answers stands in its place."""


class Writer(Reader, Protocol):
    """In a transaction."""

    async def send(self, statement: Executable, parameters: Parameters = NOTHING) -> None:
        """For what answers nothing: it goes with the next that does, or with the COMMIT, and is refused there."""


class Driver(Protocol):
    """Its connections raise PoolTimeoutError if none is free in time, and psycopg.Error if none can be opened."""

    @property
    def lent(self) -> int:
        """How many connections are in use."""

    def reading(self) -> AbstractAsyncContextManager[Reader]: ...

    def writing(self) -> AbstractAsyncContextManager[Writer]:
        """Commits what was done, or rolls it back if anything is raised."""

    async def close(self) -> None: ...
