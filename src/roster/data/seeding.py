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
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex

from roster.data import assignments as assignment_data
from roster.data import events as event_data
from roster.data import users as user_data
from roster.data.engine import EngineConnection
from roster.data.models import EventRow, RoleRow, UserRow
from roster.domain.assignments import RoleAssignment
from roster.domain.events import Event
from roster.domain.roles import ADMIN
from roster.domain.users import User

_USERS = UserRow.metadata.tables["users"]
_ASSIGNMENTS = UserRow.metadata.tables["role_assignments"]
_EVENTS = UserRow.metadata.tables["events"]
_TOKENS = UserRow.metadata.tables["api_tokens"]
# All that refer to users, which could not be emptied otherwise.
_FOREIGN_KEYS = sorted(
    _ASSIGNMENTS.foreign_key_constraints | _EVENTS.foreign_key_constraints | _TOKENS.foreign_key_constraints,
    key=lambda constraint: str(constraint.name),
)
_INDEXES = sorted(_USERS.indexes | _ASSIGNMENTS.indexes | _EVENTS.indexes, key=lambda index: str(index.name))
# Emptied in the same transaction, so what is copied into them needs no VACUUM after.
_EMPTIED = (_USERS, _ASSIGNMENTS)
_LATEST = (EventRow.epoch.desc(), EventRow.transaction.desc())


async def is_empty(writer: EngineConnection) -> bool:
    """Whether there is no user, and no role but ADMIN."""
    users, roles = exists(select(UserRow.id)), exists(select(RoleRow.id).where(RoleRow.key != ADMIN))
    return bool((await writer.execute(select(not_(users) & not_(roles)))).scalar_one())


async def lock(writer: EngineConnection) -> None:
    """Nobody else reads or writes anything until the transaction ends."""
    await writer.execute(text("LOCK TABLE roles, users, role_assignments, events, api_tokens"))


async def prepare(writer: EngineConnection) -> None:
    """The tables must be empty: they are emptied, and lose their indexes and foreign keys until `finish`."""
    for constraint in _FOREIGN_KEYS:
        await writer.execute(DropConstraint(constraint))
    await writer.execute(text("TRUNCATE users, role_assignments"))
    for index in _INDEXES:
        await writer.execute(DropIndex(index))


async def add_users(writer: EngineConnection, users: Iterable[User]) -> None:
    await _copy(writer, _USERS, map(user_data.values, users))


async def add_assignments(writer: EngineConnection, assignments: Iterable[RoleAssignment]) -> None:
    await _copy(writer, _ASSIGNMENTS, map(assignment_data.values, assignments))


async def add_events(writer: EngineConnection, events: Iterable[Event], place: Mapping[str, int]) -> None:
    """At the `place` in the log that this transaction has."""
    await _copy(writer, _EVENTS, ({**event_data.values(event), **place} for event in events))


async def place_of_this(writer: EngineConnection) -> Mapping[str, int]:
    """The place that an event of this transaction was given."""
    row = (
        await writer.execute(select(EventRow.epoch, EventRow.transaction).order_by(*_LATEST).limit(1))
    ).one()
    return {"epoch": row.epoch, "transaction": row.transaction}


async def _copy(writer: EngineConnection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    connection: Any = (await writer.raw.get_raw_connection()).driver_connection
    columns = [column for column in table.columns if column.identity is None]
    row_of = itemgetter(*(column.name for column in columns))
    named = ", ".join(column.name for column in columns)
    freeze = "FREEZE, " if table in _EMPTIED else ""
    statement = f"COPY {table.name} ({named}) FROM STDIN WITH ({freeze}FORMAT BINARY)"
    try:
        async with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([_type_of(column, writer.raw.dialect) for column in columns])
            for row in rows:
                await copy.write_row(row_of(row))
    except psycopg.Error as error:
        error.add_note(statement)
        raise


def _type_of(column: Column[Any], dialect: Dialect) -> str:
    """As PostgreSQL calls it, without precision and collation."""
    return re.sub(r"\(\d+\)| COLLATE .*", "", column.type.compile(dialect)).lower()


async def finish(writer: EngineConnection, progress: Callable[[int, int], None]) -> None:
    """Makes the indexes and foreign keys anew and tells the planner what is there. Progress is (done, of)."""
    steps: list[Executable] = [
        *map(CreateIndex, _INDEXES),
        *(AddConstraint(constraint, isolate_from_table=False) for constraint in _FOREIGN_KEYS),
        text("ANALYZE users, roles, role_assignments, events"),
    ]
    for done, step in enumerate(steps):
        progress(done, len(steps))
        await writer.execute(step)
    progress(len(steps), len(steps))
