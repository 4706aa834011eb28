"""`roster migrate`: bringing the database up to date."""

import typer

from roster.cli import databases
from roster.cli.console import read_settings
from roster.cli.options import DataDir

app = typer.Typer(add_completion=False)


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database up to date, as `roster serve` does when it starts. Safe to run again, and from several servers."""
    with databases.opened(read_settings(data_dir=data_dir)) as url:
        databases.upgrade(url)
