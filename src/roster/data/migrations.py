"""Running the migrations, which lie beside this package in a wheel and at the top of a checkout."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import ArgumentError, DBAPIError

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parents[1]


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
    except DBAPIError as error:
        raise MigrationError(f"The database could not be brought up to date: {error.orig}") from error
