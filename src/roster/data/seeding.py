"""Filling empty tables by COPY.

Rows come from the same mappings as ordinary writes. Indexes and foreign keys are dropped before and made anew after,
from the models: at once they take a fraction of what they take row by row. All of it is the caller's one transaction,
so nobody ever sees a table without them, and whoever looks meanwhile waits.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any

import psycopg
from sqlalchemy import Column, Dialect, Executable, Table, exists, not_, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex

from roster.data import assignments as assignment_data
from roster.data import users as user_data
from roster.data.db import Writer
from roster.data.models import Base, RoleRow, UserRow
from roster.domain.assignments import RoleAssignment
from roster.domain.roles import ADMIN
from roster.domain.users import User

_USERS = Base.metadata.tables["users"]
_ASSIGNMENTS = Base.metadata.tables["role_assignments"]
_FOREIGN_KEYS = sorted(_ASSIGNMENTS.foreign_key_constraints, key=lambda constraint: str(constraint.name))
_INDEXES = sorted(_USERS.indexes | _ASSIGNMENTS.indexes, key=lambda index: str(index.name))


async def is_empty(writer: Writer) -> bool:
    """Whether there is no user, and no role but ADMIN."""
    users, roles = exists(select(UserRow.id)), exists(select(RoleRow.id).where(RoleRow.key != ADMIN))
    return bool((await writer.execute(select(not_(users) & not_(roles)))).scalar_one())


async def lock(writer: Writer) -> None:
    """Nobody else reads or writes users, roles or assignments until the transaction ends."""
    await writer.execute(text("LOCK TABLE roles, users, role_assignments"))


async def prepare(writer: Writer) -> None:
    """The tables must be empty: they are emptied, and lose their indexes and foreign keys until `finish`."""
    # What is copied into a table emptied in the same transaction needs no VACUUM after.
    await writer.execute(text("TRUNCATE users, role_assignments"))
    for constraint in _FOREIGN_KEYS:
        await writer.execute(DropConstraint(constraint))
    for index in _INDEXES:
        await writer.execute(DropIndex(index))


async def add_users(writer: Writer, users: Iterable[User]) -> None:
    await _copy(writer, _USERS, map(user_data.values, users))


async def add_assignments(writer: Writer, assignments: Iterable[RoleAssignment]) -> None:
    await _copy(writer, _ASSIGNMENTS, map(assignment_data.values, assignments))


async def _copy(writer: Writer, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    connection: Any = (await writer.get_raw_connection()).driver_connection
    names = [column.name for column in table.columns]
    row_of = itemgetter(*names)
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN WITH (FREEZE, FORMAT BINARY)"
    try:
        async with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([_type_of(column, writer.dialect) for column in table.columns])
            for row in rows:
                await copy.write_row(row_of(row))
    except psycopg.Error as error:
        # As SQLAlchemy does with every other statement, so that it is told like theirs.
        raise DBAPIError(statement, None, error) from error


def _type_of(column: Column[Any], dialect: Dialect) -> str:
    """As PostgreSQL calls it, without precision and collation."""
    return re.sub(r"\(\d+\)| COLLATE .*", "", column.type.compile(dialect)).lower()


async def finish(writer: Writer, progress: Callable[[int, int], None]) -> None:
    """Makes the indexes and foreign keys anew and tells the planner what is there. Progress is (done, of)."""
    steps: list[Executable] = [
        *map(CreateIndex, _INDEXES),
        *(AddConstraint(constraint, isolate_from_table=False) for constraint in _FOREIGN_KEYS),
        text("ANALYZE users, roles, role_assignments"),
    ]
    for done, step in enumerate(steps):
        progress(done, len(steps))
        await writer.execute(step)
    progress(len(steps), len(steps))
