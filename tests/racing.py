"""Makes mutations overlap for certain, and says how each of them ended.

A race that may not have happened shows nothing. Here another transaction holds, at a gate, what every one of the
mutations has to lock or to write; only when the server itself says that all of them are waiting are they let go.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Executable, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from roster.data.db import Database
from roster.data.models import RoleRow, UserRow
from roster.domain.errors import MutationError, Rejected
from roster.domain.roles import Role
from roster.domain.users import User, UserKind, UserStatus

T = TypeVar("T")
Work = Callable[[], Awaitable[T]]
_PATIENCE = 20.0

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'roster'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one mutation of a race ended: with its value, or with why it was refused."""

    value: Any
    errors: tuple[MutationError, ...]

    @property
    def won(self) -> bool:
        return not self.errors

    @property
    def error(self) -> MutationError:
        (error,) = self.errors
        return error


def user_gate(*users: User) -> Executable:
    """What every mutation of one of these users waits at."""
    return select(UserRow.id).where(UserRow.id.in_([user.id for user in users])).with_for_update()


def role_gate(*roles: Role) -> Executable:
    """What every mutation that changes one of these roles, or who holds it, waits at."""
    return select(RoleRow.id).where(RoleRow.id.in_([role.id for role in roles])).with_for_update()


def user_insert_gate(*identifiers: dict[str, str]) -> Executable:
    """What every mutation that gives a live user one of these identifiers waits at: it may be taken, or not."""
    gate: dict[str, Any] = {
        "kind": UserKind.SERVICE,
        "status": UserStatus.ACTIVE,
        "display_name": "Gate",
        "display_name_fold": "gate",
        "display_name_given": True,
        "search_fold": "gate",
        "created_at": func.now(),
        "updated_at": func.now(),
    }
    unnamed = [gate | {"email": None, "username": f"gate{number}"} for number in range(len(identifiers))]
    return insert(UserRow).values([row | given for row, given in zip(unnamed, identifiers, strict=True)])


def role_insert_gate(key: str) -> Executable:
    """What every mutation that adds a role of this key waits at."""
    return insert(RoleRow).values(
        key=key,
        key_fold=key.lower(),
        name="Gate",
        name_fold="gate",
        created_at=func.now(),
        updated_at=func.now(),
    )


async def race(db: Database, gate: Executable, *works: Work[object]) -> list[Ended]:
    """Runs the works at once: each has begun, in the order given, and waits, before the first can end.

    Locks are given in the order in which they were asked for, so that the first to begin is the first to go on.
    """
    watching = db.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with db.engine.connect() as keeper, watching.connect() as watcher, asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[Ended]] = []
        try:
            await keeper.execute(gate)
            for work in works:
                tasks.append(group.create_task(_ended(work)))
                await _until_all_wait(watcher, tasks)
        finally:
            await keeper.rollback()
    return [task.result() for task in tasks]


async def _ended(work: Work[object]) -> Ended:
    """Only a refusal counts as an end of a mutation: anything else that it raises fails the test."""
    try:
        return Ended(value=await work(), errors=())
    except Rejected as rejected:
        return Ended(value=None, errors=rejected.errors)


async def _until_all_wait(watcher: AsyncConnection, tasks: Sequence[asyncio.Task[Ended]]) -> None:
    async with asyncio.timeout(_PATIENCE):
        while (await watcher.execute(_WAITING)).scalar_one() != len(tasks):
            for task in tasks:
                assert not task.done(), f"it did not wait, but ended: {task.result()}"
            await asyncio.sleep(0.005)


async def until_one_waits(db: Database) -> None:
    """For a lock, whoever it is: for what is held up by hand."""
    async with db.read() as watcher, asyncio.timeout(_PATIENCE):
        while not (await watcher.execute(_WAITING)).scalar_one():  # noqa: ASYNC110 -- the server tells nobody
            await asyncio.sleep(0.005)


async def deadlocks(db: Database) -> int:
    """How many deadlocks the server has ended in this database."""
    async with AsyncExitStack() as undo:
        # A server process tells what it counted at its leisure: each one of the pool is told to do so at once.
        pool: Any = db.engine.pool
        connections = [
            await undo.enter_async_context(db.engine.connect()) for _ in range(max(1, pool.checkedin()))
        ]
        for connection in connections:
            await connection.execute(text("SELECT pg_stat_force_next_flush()"))
            await connection.rollback()
        counter = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int((await connections[0].execute(counter)).scalar_one())
