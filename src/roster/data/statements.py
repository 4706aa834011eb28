"""Statements of SQLAlchemy Core: short names for their types, those that never change, and how many are sent."""

import logging
from collections.abc import Callable, Collection
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import CompoundSelect, Executable, Row, Select, SQLColumnExpression

Column: TypeAlias = SQLColumnExpression[Any]
# The columns are told by the record that a row makes.
AnyRow: TypeAlias = Row[*tuple[Any, ...]]
AnySelect: TypeAlias = Select[*tuple[Any, ...]]
AnyCompound: TypeAlias = CompoundSelect[*tuple[Any, ...]]
S = TypeVar("S", bound=Executable)

logger = logging.getLogger("roster.statements")


@dataclass(frozen=True, slots=True)
class Fixed:
    """`writes` are the columns that it writes, told by the names of its parameters."""

    writes: tuple[str, ...]
    may_prepare: bool


_fixed: WeakKeyDictionary[Executable, Fixed] = WeakKeyDictionary()


def fixed(statement: S, writes: Collection[str] = (), *, may_prepare: bool = True) -> S:
    """The statement, marked: it is built once, with a bindparam for whatever differs from call to call.

    It need not be compiled again, and PostgreSQL may prepare it, unless it takes the values of a filter: it is better
    planned with them. `writes` are the columns that an INSERT or UPDATE takes from parameters of their names.
    """
    _fixed[statement] = Fixed(tuple(writes), may_prepare)
    return statement


def as_fixed(statement: Executable) -> Fixed | None:
    """None for a statement that is not fixed."""
    return _fixed.get(statement)


@dataclass(slots=True)
class _Sent:
    statements: int = 0


# What is sent on no request's behalf is counted on the default, where nobody looks.
_sent: ContextVar[_Sent] = ContextVar("statements", default=_Sent())  # noqa: B039


def count_statements() -> Callable[[], int]:
    """Begins to count those of this task and of every task that it begins; what is returned tells how many there were."""
    sent = _Sent()
    _sent.set(sent)
    return lambda: sent.statements


def note_statement(statement: str) -> None:
    """For each that is sent, but for those that begin and end a transaction. The text of it has no values."""
    _sent.get().statements += 1
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("statement", extra={"sql": statement})
