"""The database in force: the server that DATABASE_URL names, or else an embedded one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from roster.cli.console import fail, tell
from roster.data import migrations
from roster.embedded import EmbeddedPostgres, EmbeddedPostgresError, running_url
from roster.settings import Settings, masked, origin


@contextmanager
def opened(settings: Settings) -> Iterator[str]:
    """The same as `found`, but ends the command if there is none."""
    try:
        with found(settings) as url:
            yield url
    except (EmbeddedPostgresError, PermissionError) as error:
        fail(str(error))


@contextmanager
def found(settings: Settings) -> Iterator[str]:
    """Its URL. An embedded server is started for as long as this lasts, unless a Roster runs on its directory."""
    if url := external(settings):
        yield url
        return
    server = embedded(settings)
    if url := running_url(settings.data_dir):
        yield url
        return
    tell(f"Starting PostgreSQL in {settings.data_dir}")
    with server as url:
        yield url


def external(settings: Settings) -> str | None:
    """The URL that is set. Says which, as DATABASE_URL may stand there for another program."""
    if settings.database_url is None:
        return None
    tell(f"Using the database {masked(settings)['database_url']} ({origin('database_url')})")
    return settings.database_url.get_secret_value()


def embedded(settings: Settings) -> EmbeddedPostgres:
    # libpq's variables name another server, and what it wants.
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    connections = settings.workers * settings.pool_size
    return EmbeddedPostgres(settings.data_dir, connections=connections, tell=tell)


def upgrade(url: str) -> None:
    """Bring it up to date, or end the command."""
    try:
        migrations.upgrade(url)
    except migrations.MigrationError as error:
        fail(str(error))
