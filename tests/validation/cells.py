"""The validation tables: for every input field, what each column gives and what the API then does.

A table is one GraphQL input type, a row (`Field`) one of its fields, a cell what is given there and what follows: the
value that is stored, a typed error with its path, or a request error. The columns are those of `Column`. For a number,
a moment and a boolean, shortest and longest are least and greatest. A cell that cannot be says why.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, TypeAlias

from client import Client
from roster.data.db import Database


class Column(StrEnum):
    ABSENT = "absent"
    NULL = "null"
    BLANK = "blank"
    SHORTEST = "shortest"
    LONGEST = "longest"
    TOO_LONG = "too_long"
    WRONG = "wrong"


# What PostgreSQL cannot hold. It stands beside the columns: every text meets both.
UNSTORABLE = ("a\x00b", "a\ud800b")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What there is before each case: ids as the API writes them."""

    user: str
    archived: str
    role: str
    held: str
    token: str


class Choice(str):
    """The name of an enum value: a text in variables, a bare word in a document."""

    __slots__ = ()


# A value, or how to make it in the world of the case.
Value: TypeAlias = Any | Callable[[World], Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """Done, and this is what is then read back."""

    value: Value


@dataclass(frozen=True, slots=True)
class Done:
    """Done; nothing keeps the value."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One error as data; nothing written. `path` leads on from where the part stands: the field itself if not given."""

    type: str
    code: str
    reason: str | None = None
    limit: int | None = None
    path: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """One request error; nothing executed or written. `path` is that of its extensions."""

    code: str
    path: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class NotApplicable:
    why: str


Outcome: TypeAlias = Stored | Done | Refused | RequestRefused


@dataclass(frozen=True, slots=True)
class Cell:
    given: Value
    outcome: Outcome
    before: Callable[[Database], Awaitable[object]] | None = None


Cells: TypeAlias = Cell | tuple[Cell, ...] | NotApplicable


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What is given to every field of one rule, and what follows."""

    blank: Cells
    shortest: Cells
    longest: Cells
    too_long: Cells
    wrong: Cells
    unstorable: Outcome | NotApplicable


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()
Look: TypeAlias = Callable[[Client, World, Mapping[str, Any], str], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    name: str
    absent: Outcome | NotApplicable
    null: Outcome
    values: Values
    look: Look | None = None

    def cells(self, column: Column) -> tuple[Cell, ...]:
        if column is Column.ABSENT:
            return () if isinstance(self.absent, NotApplicable) else (Cell(ABSENT, self.absent),)
        if column is Column.NULL:
            return (Cell(None, self.null),)
        cells: Cells = getattr(self.values, column.value)
        if isinstance(cells, NotApplicable):
            return ()
        return (cells,) if isinstance(cells, Cell) else cells

    def not_applicable(self) -> dict[Column, str]:
        found = {field.name: getattr(self.values, field.name) for field in fields(self.values)}
        found[Column.ABSENT.value] = self.absent
        return {
            column: found[column.value].why
            for column in Column
            if isinstance(found.get(column.value), NotApplicable)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`part` is a valid object of the input type, which stands at `at` in what `whole` makes the mutation's input.

    `look` reads back what a field was stored as, where the row has no other.
    """

    input: str
    mutation: str
    at: tuple[str, ...]
    part: Callable[[World], Mapping[str, Any]]
    whole: Callable[[World, Mapping[str, Any]], Mapping[str, Any]]
    look: Look
    rows: tuple[Field, ...]

    def input_with(self, world: World, field: str, value: object) -> Mapping[str, Any]:
        """The mutation's input with this value in the field, or without the field."""
        part = {name: inner for name, inner in self.part(world).items() if name != field}
        return self.whole(world, part if value is ABSENT else {**part, field: value})


def at_top(_world: World, part: Mapping[str, Any]) -> Mapping[str, Any]:
    """For an input that is the mutation's own."""
    return part


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    table: Table
    field: Field
    column: str
    cell: Cell

    @property
    def name(self) -> str:
        return f"{self.table.input}.{self.field.name}-{self.column}"


def cases(table: Table) -> Iterator[Case]:
    for row in table.rows:
        for column in Column:
            for cell in row.cells(column):
                yield Case(table=table, field=row, column=column.value, cell=cell)
        if not isinstance(row.values.unstorable, NotApplicable):
            for text in UNSTORABLE:
                cell = Cell(text, row.values.unstorable)
                yield Case(table=table, field=row, column="unstorable", cell=cell)


def in_world(value: Value, world: World) -> Any:
    return value(world) if callable(value) else value


def invalid(reason: str, limit: int | None = None, path: tuple[str, ...] | None = None) -> Refused:
    return Refused("InvalidInputError", "INVALID_INPUT", reason, limit, path)
