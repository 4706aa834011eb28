"""The text of a statement, made once for each shape, and its values and rows as SQLAlchemy would write and read them."""

from collections import namedtuple
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, cast
from uuid import UUID

from psycopg.pq.abc import PGresult
from sqlalchemy import BindParameter, Executable, Insert, Uuid, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import LRUCache

from roster.data.libpq.adapters import Ids
from roster.data.statements import written_by_fixed

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
        self._compiled = compiled
        processors: Mapping[str, Any] = compiled._bind_processors  # noqa: SLF001 -- as SQLAlchemy writes values
        self._names = [
            (name, _ids_or_none if _is_of_ids(compiled.binds[name].type) else processors.get(name))
            for name in compiled.positiontup or ()
        ]
        # None of them stands in the statement: there is nothing to put together.
        self._are_all_given = all(
            bind.required and bind.key == name and not bind.callable
            for name, bind in ((name, compiled.binds[name]) for name in compiled.positiontup or ())
        )
        self._make: Make | None = None

    def values(self, given: Values, extracted: Sequence[BindParameter[Any]] | None) -> list[Any]:
        """In the order of the parameters."""
        values = given if self._are_all_given else self._compiled.construct_params(given, extracted)
        return [process(values[name]) if process else values[name] for name, process in self._names]

    def make(self, result: PGresult) -> Make:
        """What makes a row of its values."""
        if self._make is None:
            self._make = _row_maker(self._compiled, result)
        return self._make


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


def _row_maker(compiled: SQLCompiler, result: PGresult) -> Make:
    names = [(result.fname(n) or b"").decode() for n in range(result.nfields)]
    # A tuple of theirs has its values by name, as SQLAlchemy's rows have.
    row = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 -- told at run time
    make = cast("Make", partial(tuple.__new__, row))
    columns = compiled._result_columns  # noqa: SLF001 -- as SQLAlchemy reads values
    read = [_processor(column.type, result.ftype(n)) for n, column in enumerate(columns)]
    if not any(read):
        return make
    source = ", ".join(f"read[{n}](v[{n}])" if process else f"v[{n}]" for n, process in enumerate(read))
    return cast("Make", eval(f"lambda v: make(({source},))", {"make": make, "read": read}))  # noqa: S307 -- of numbers alone


# Bounded too: what is compiled refers to its statement, so that no weak reference to one would ever end.
_fixed: LRUCache[Executable, Compiled] = LRUCache(_MAX_SHAPES)
_shapes: LRUCache[Any, Compiled] = LRUCache(_MAX_SHAPES)


def compiled(
    statement: Executable, written: Collection[str]
) -> tuple[Compiled, Sequence[BindParameter[Any]] | None]:
    """The statement compiled, and the values that stand in it. `written` are the names of those given beside it."""
    if (found := _fixed.get(statement)) is not None:
        return found, None
    if (writes := written_by_fixed(statement)) is not None:
        found = _fixed[statement] = Compiled(_compile(statement, writes), is_fixed=True)
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
    names = written_by_fixed(statement) or ()
    rows = [
        {name: bindparam(f"{name}_{place}", type_=columns[name].type) for name in names}
        for place in range(count)
    ]
    return Compiled(_compile(statement.values(rows), ()), is_fixed=True)


def _compile(statement: Executable, written: Collection[str], **how: Any) -> SQLCompiler:  # noqa: ANN401 -- SQLAlchemy's
    made = cast("Any", statement).compile(dialect=_DIALECT, column_keys=list(written) or None, **how)
    return cast("SQLCompiler", made)
