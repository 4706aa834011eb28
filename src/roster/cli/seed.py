"""`roster seed`: filling an empty directory with users, roles and who holds which."""

import asyncio
import sys

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

from roster.data.db import Database
from roster.domain.instants import now
from roster.services import seeding
from roster.services.seeding import Seeded


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:,.0f} a second")


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
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        shown = {}

        def show(what: str, done: int, of: int) -> None:
            if what not in shown:
                shown[what] = bars.add_task(what, total=of)
            bars.update(shown[what], completed=done)

        return asyncio.run(_fill(url, users, show))


async def _fill(url: str, users: int, progress: seeding.Progress) -> Seeded:
    db = Database(url, pool_size=1)
    try:
        return await seeding.seed(db, users, now(), progress)
    finally:
        await db.close()
