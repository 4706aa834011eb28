"""The database in force: the server that DATABASE_URL names, or else an embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from roster.cli.console import fail, tell
from roster.data import migrations
from roster.embedded import EmbeddedPostgres, EmbeddedPostgresError, running_url
from roster.settings import Settings

DataDir = Annotated[
    Path | None, typer.Option(help="Where the embedded PostgreSQL keeps its data.", show_default=False)
]


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
    if settings.database_url:
        yield settings.database_url.get_secret_value()
    elif url := running_url(settings.data_dir):
        yield url
    else:
        with embedded(settings) as url:
            yield url


def embedded(settings: Settings) -> EmbeddedPostgres:
    tell(f"Starting PostgreSQL in {settings.data_dir}")
    connections = settings.workers * settings.pool_size
    return EmbeddedPostgres(settings.data_dir, connections=connections, tell=tell)


def upgrade(url: str) -> None:
    """Bring it up to date, or end the command."""
    try:
        migrations.upgrade(url)
    except migrations.MigrationError as error:
        fail(str(error))
