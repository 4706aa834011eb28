"""Runs migrations: one server at a time, each migration in its own transaction, and none waiting long for a lock.

A migration that cannot get its lock at once fails instead of stopping every query behind it; run it again.
"""

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, pool, text

from roster import settings
from roster.data.models import UserRow

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"
# Any number that PostgreSQL reserves for nobody else: it stands for "the migrations of Roster".
ADVISORY_LOCK = 7_263_780


def migrate(connection: Connection) -> None:
    """On a connection in autocommit: a session's settings and its advisory lock must outlive a rollback."""
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": ADVISORY_LOCK})
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.commit()
    try:
        context.configure(
            connection=connection,
            target_metadata=UserRow.metadata,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": ADVISORY_LOCK})
        connection.commit()


def database_url() -> str:
    """As `roster` hands it over; from an author's `alembic` command it is the setting."""
    if url := context.config.attributes.get("url"):
        return str(url)
    setting = settings.load().database_url
    if setting is None:
        raise CommandError("DATABASE_URL is not set.")
    return setting.get_secret_value()


engine = create_engine(database_url(), poolclass=pool.NullPool)
with engine.connect() as connection:
    migrate(connection)
engine.dispose()
