"""The same database with a setting of the server's at another value."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from roster.data.db import Database
from roster.settings import Settings


@asynccontextmanager
async def tuned(db: Database, setting: str, value: str) -> AsyncIterator[Database]:
    """Opened anew; what is open already stays as it is."""
    name = db.engine.url.database
    async with db.engine.begin() as connection:
        await connection.execute(text(f"ALTER DATABASE {name} SET {setting} = '{value}'"))
    opened = Database(
        db.engine.url.render_as_string(hide_password=False), pool_size=1, driver=Settings().database_driver
    )
    try:
        yield opened
    finally:
        await opened.close()
        async with db.engine.begin() as connection:
            await connection.execute(text(f"ALTER DATABASE {name} RESET {setting}"))
