"""The text of a statement, made once for each shape, and its values and rows as SQLAlchemy would write and read them."""

from collections import namedtuple
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from psycopg.pq.abc import PGresult
from sqlalchemy import BindParameter, Executable, Insert, Uuid, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import LRUCache

from roster.data.libpq.adapters import Ids
from roster.data.statements import as_fixed

Values = Mapping[str, Any]
Make = Callable[[Sequence[Any]], Any]

_DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_MAX_SHAPES = 1000


class Compiled:
    """`is_fixed` tells that PostgreSQL may prepare it."""

    def __init__(self, compiled: SQLCompiler, *, is_fixed: bool) -> None:
        if compiled.literal_execute_params or compiled.post_compile_params:
            raise TypeError(f"The text would change with the values: {compiled.string}")
        self.text = compiled.string
        self.encoded = compiled.string.encode()
        self.is_fixed = is_fixed
        # Not the compiled statement itself: with what it refers to it is many times as large.
        self._places = _places(compiled)
        # If none of them stands in the statement, there is nothing to choose.
        self._all_given = all(place.required for place in self._places)
        self._types = [column.type for column in compiled._result_columns]  # noqa: SLF001 -- as SQLAlchemy reads values
        self._make: Make | None = None

    def values(self, given: Values, extracted: Sequence[BindParameter[Any]] | None) -> list[Any]:
        """In the order of the parameters."""
        if self._all_given:
            return [
                place.process(given[place.key]) if place.process else given[place.key]
                for place in self._places
            ]
        return [place.value(given, extracted) for place in self._places]

    def make(self, result: PGresult) -> Make:
        """What makes a row of its values."""
        if self._make is None:
            self._make = _row_maker(self._types, result)
        return self._make


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the value of a parameter comes from: given by its key, else from one that stands in the statement."""

    key: str
    required: bool
    own: Any
    extracted_at: int | None
    process: Callable[[Any], Any] | None

    def value(self, given: Values, extracted: Sequence[BindParameter[Any]] | None) -> Any:  # noqa: ANN401 -- of any type
        if self.key in given:
            value = given[self.key]
        elif self.required:
            raise TypeError(f"No value is given for {self.key}")
        elif extracted is None or self.extracted_at is None:
            value = self.own
        else:
            value = extracted[self.extracted_at].value
        return self.process(value) if self.process else value


def _places(compiled: SQLCompiler) -> list[_Place]:
    """In the order of the parameters."""
    key, match = compiled.cache_key, compiled._cache_key_bind_match  # noqa: SLF001 -- as SQLAlchemy finds the values of a shape
    extracted = (
        {bind: n for n, b in enumerate(key.bindparams) for bind in match[0][b]} if key and match else {}
    )
    processors: Mapping[str, Any] = compiled._bind_processors  # noqa: SLF001 -- as SQLAlchemy writes values
    return [
        _Place(
            key=bind.key,
            required=bind.required,
            own=bind.value,
            extracted_at=extracted.get(bind),
            process=_ids_or_none if _is_of_ids(bind.type) else processors.get(name),
        )
        for name in compiled.positiontup or ()
        for bind in (compiled.binds[name],)
    ]


def _processor(type_: TypeEngine[Any], oid: int) -> Callable[[Any], Any] | None:
    processor: Callable[[Any], Any] | None = type_._cached_result_processor(_DIALECT, oid)  # noqa: SLF001 -- as SQLAlchemy reads values
    if isinstance(type_, ARRAY) and _processor(type_.item_type, oid) is None:
        # SQLAlchemy looks at every element, and finds nothing to do.
        return _tuple_or_none if type_.as_tuple else None
    return processor


def _tuple_or_none(value: list[Any] | None) -> tuple[Any, ...] | None:
    return None if value is None else tuple(value)


def _ids_or_none(value: Sequence[UUID] | None) -> Ids | None:
    return None if value is None else Ids(value)


def _is_of_ids(type_: TypeEngine[Any]) -> bool:
    return isinstance(type_, ARRAY) and isinstance(type_.item_type, Uuid)


def _row_maker(types: Sequence[TypeEngine[Any]], result: PGresult) -> Make:
    names = [(result.fname(n) or b"").decode() for n in range(result.nfields)]
    # A tuple of theirs has its values by name, as SQLAlchemy's rows have.
    row = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 -- told at run time
    make = cast("Make", partial(tuple.__new__, row))
    read = [_processor(type_, result.ftype(n)) for n, type_ in enumerate(types)]
    if not any(read):
        return make
    source = ", ".join(f"read[{n}](v[{n}])" if process else f"v[{n}]" for n, process in enumerate(read))
    return cast("Make", eval(f"lambda v: make(({source},))", {"make": make, "read": read}))  # noqa: S307 -- of numbers alone


# Of those that somebody has.
_fixed: WeakKeyDictionary[Executable, Compiled] = WeakKeyDictionary()
_shapes: LRUCache[Any, Compiled] = LRUCache(_MAX_SHAPES)


def compiled(
    statement: Executable, written: Collection[str]
) -> tuple[Compiled, Sequence[BindParameter[Any]] | None]:
    """The statement compiled, and the values that stand in it. `written` are the names of those given beside it."""
    if (found := _fixed.get(statement)) is not None:
        return found, None
    if (how := as_fixed(statement)) is not None:
        found = _fixed[statement] = Compiled(_compile(statement, how.writes), is_fixed=how.may_prepare)
        return found, None
    # The shape of the statement, by which SQLAlchemy's engine caches too.
    shape = cast("Any", statement)._generate_cache_key()  # noqa: SLF001
    if shape is None:
        return Compiled(_compile(statement, written), is_fixed=False), None
    key = (shape.key, *written)
    if (known := _shapes.get(key)) is None:
        known = _shapes[key] = Compiled(_compile(statement, written, cache_key=shape), is_fixed=False)
    return known, shape.bindparams


@lru_cache(maxsize=_MAX_SHAPES)
def compiled_for_rows(statement: Insert, count: int) -> Compiled:
    """A fixed INSERT of so many rows at once. Their values are named for their columns and places: `id_0`, `id_1`."""
    columns = statement.table.c
    how = as_fixed(statement)
    rows = [
        {name: bindparam(f"{name}_{place}", type_=columns[name].type) for name in (how.writes if how else ())}
        for place in range(count)
    ]
    return Compiled(_compile(statement.values(rows), ()), is_fixed=True)


def _compile(statement: Executable, written: Collection[str], **how: Any) -> SQLCompiler:  # noqa: ANN401 -- SQLAlchemy's
    made = cast("Any", statement).compile(dialect=_DIALECT, column_keys=list(written) or None, **how)
    return cast("SQLCompiler", made)
