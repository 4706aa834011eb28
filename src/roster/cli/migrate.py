"""`roster migrate`."""

from roster.cli import databases
from roster.cli.console import WRONGLY_ASKED, fail, read_settings


def migrate() -> None:
    """Bring the database that DATABASE_URL names up to date. Safe to run again, and from several servers at once."""
    url = read_settings().database_url
    if url is None:
        fail(
            "DATABASE_URL is not set. An embedded PostgreSQL is brought up to date by `roster serve`.",
            WRONGLY_ASKED,
        )
    databases.upgrade(url.get_secret_value())
