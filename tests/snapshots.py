"""Everything that a database holds, to see that a refusal left no trace."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from roster.data.db import Database

_TABLES = ("users", "roles", "role_assignments", "api_tokens", "events")


async def rows(db: Database) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """All rows of every table, but for when a token was last used."""
    async with db.read() as reader:
        return {
            table: (
                await reader.execute(
                    text(f"SELECT to_jsonb(one) - 'last_used_at' FROM {table} AS one ORDER BY id")  # noqa: S608 -- ours
                )
            ).scalars()
            for table in _TABLES
        }
