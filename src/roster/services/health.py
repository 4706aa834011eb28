"""Whether requests can be answered: the database answers, and is migrated as this version needs it."""

import asyncio
from enum import StrEnum

from roster.data import migrations
from roster.data.db import Database
from roster.domain.errors import UnavailableError

PATIENCE_SECONDS = 3.0


class Readiness(StrEnum):
    READY = "READY"
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    MIGRATIONS_BEHIND = "MIGRATIONS_BEHIND"
    MIGRATIONS_UNKNOWN = "MIGRATIONS_UNKNOWN"


# For operators.
REASONS = {
    Readiness.DATABASE_UNAVAILABLE: "The database does not answer. See that it runs, and that DATABASE_URL names it.",
    Readiness.MIGRATIONS_BEHIND: "The database is older than this version of Roster: run `roster migrate`.",
    Readiness.MIGRATIONS_UNKNOWN: (
        "The database was migrated by a newer version of Roster: run that version, or one after it."
    ),
}


async def readiness(db: Database) -> Readiness:
    """Answers in time, whatever the database does, and asks it as a request would: for a connection of the pool."""
    look = asyncio.create_task(_look(db))
    try:
        done, _ = await asyncio.wait({look}, timeout=PATIENCE_SECONDS)
    finally:
        look.cancel()  # and not awaited: on a server that hangs, giving up takes long too
    return look.result() if done else Readiness.DATABASE_UNAVAILABLE


async def _look(db: Database) -> Readiness:
    try:
        async with db.read() as reader:
            applied = await migrations.applied(reader)
    except UnavailableError:
        return Readiness.DATABASE_UNAVAILABLE
    ours = migrations.revisions()
    if applied == {ours[0]}:
        return Readiness.READY
    return Readiness.MIGRATIONS_BEHIND if applied <= set(ours) else Readiness.MIGRATIONS_UNKNOWN
