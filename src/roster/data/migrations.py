"""Running the migrations, which lie beside this package in a wheel and at the top of a checkout."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg.errors import ProgrammingError, UndefinedTable
from sqlalchemy import String, column, select, table
from sqlalchemy.exc import ArgumentError, DBAPIError

from roster.data.connections import Reader
from roster.domain.errors import UnavailableError

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parents[1]
# What Alembic keeps in the database: the revision that it is at.
_APPLIED = select(column("version_num", String)).select_from(table("alembic_version"))


def config(url: str) -> Config:
    home = _PACKAGE if (_PACKAGE / "migrations").is_dir() else _CHECKOUT
    made = Config(home / "alembic.ini")
    made.attributes["url"] = url
    return made


class MigrationError(Exception):
    """The database could not be brought up to date; the message is for the operator."""


def upgrade(url: str) -> None:
    """Brings the database up to the newest migration. Safe to run from several servers at once, and again."""
    try:
        command.upgrade(config(url), "head")
    except ArgumentError:
        raise MigrationError("DATABASE_URL is not the address of a PostgreSQL database.") from None
    except CommandError:
        raise MigrationError(
            "The database was migrated by a newer version of Roster: run that version, or one after it."
        ) from None
    except DBAPIError as error:
        raise MigrationError(f"The database could not be brought up to date: {error.orig}") from error


@cache
def revisions() -> tuple[str, ...]:
    """The migrations of this version, the newest first. They are files, and read once."""
    scripts = ScriptDirectory.from_config(config(""))
    return tuple(script.revision for script in scripts.walk_revisions())


async def applied(reader: Reader) -> frozenset[str]:
    """The newest migration that the database has; none if it was never migrated."""
    try:
        return frozenset((await reader.execute(_APPLIED)).scalars())
    except UndefinedTable:
        return frozenset()
    except ProgrammingError as error:
        raise UnavailableError("What was migrated cannot be read.") from error
