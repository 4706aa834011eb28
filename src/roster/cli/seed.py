"""`roster seed`: filling an empty directory with users, roles and who holds which."""

import asyncio
import gc
import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from roster.cli import databases
from roster.cli.console import fail, read_settings, tell
from roster.cli.options import AsJson, DataDir
from roster.data.db import Database
from roster.domain.errors import UnavailableError
from roster.domain.instants import now
from roster.services import seeding
from roster.services.seeding import NotEmptyError, Seeded

DEMO_USERS = 1000


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:,.0f} a second")


app = typer.Typer(add_completion=False)


@app.command()
def seed(
    users: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many.")] = DEMO_USERS,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Fill an empty directory with believable users, roles and assignments. Run twice on one day, it makes the same ones."""
    with databases.opened(read_settings(data_dir=data_dir)) as url:
        databases.upgrade(url)
        try:
            seeded = fill(url, users)
        except (NotEmptyError, UnavailableError) as error:
            fail(str(error))
    if as_json:
        typer.echo(json.dumps(asdict(seeded)))
    else:
        typer.echo(
            f"There are {seeded.users:,} users, {seeded.roles:,} roles and {seeded.assignments:,} assignments now."
        )


def fill_if_empty(url: str) -> None:
    """What `roster serve --demo` does."""
    try:
        fill(url, DEMO_USERS)
    except NotEmptyError:
        tell("The directory is not empty: no sample users were added")
    except UnavailableError as error:
        fail(f"No sample users were added. {error}")
    else:
        tell(f"Added {DEMO_USERS:,} sample users")


def fill(url: str, users: int) -> Seeded:
    """Fills the migrated database and shows how it goes on stderr, if that is a terminal.

    Raises NotEmptyError, and UnavailableError; then, and when it is interrupted, nothing was written.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=not on_terminal) as bars:
        shown = {}

        def show(what: str, done: int, of: int) -> None:
            if what not in shown:
                shown[what] = bars.add_task(what, total=of)
            bars.update(shown[what], completed=done)

        # Millions of records that live for a moment, in no cycle: to look for cycles would take a tenth of the time.
        gc.disable()
        try:
            return asyncio.run(_fill(url, users, show))
        finally:
            gc.enable()


async def _fill(url: str, users: int, progress: seeding.Progress) -> Seeded:
    db = Database(url, pool_size=1)
    try:
        return await seeding.seed(db, users, now(), progress)
    except UnavailableError:
        # Ctrl-C cancels us, and to the driver that may look like a lost connection.
        task = asyncio.current_task()
        if task and task.cancelling():
            raise asyncio.CancelledError from None
        raise
    finally:
        await db.close()
