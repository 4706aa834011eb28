"""Empties every table of the directory, the log too."""

from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncConnection

from roster.data.models import ApiTokenRow, EventRow, RoleAssignmentRow, RoleRow, UserRow


async def empty(connection: AsyncConnection) -> None:
    """Until its transaction ends no trigger fires, and no foreign key is looked at: they keep events from being deleted."""
    await connection.execute(text("SET LOCAL session_replication_role = replica"))
    for table in (EventRow, ApiTokenRow, RoleAssignmentRow, UserRow, RoleRow):
        await connection.execute(delete(table))
