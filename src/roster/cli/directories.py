"""What commands do in the directory: each a connection of its own, for as long as it takes.

What was wrongly asked is told before a database is started for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from roster.cli.console import WRONGLY_ASKED, fail
from roster.data.db import Database
from roster.domain.errors import Rejected, UnavailableError

T = TypeVar("T")
# What is typed without its name.
_ARGUMENTS = frozenset({"token"})


def check(work: Callable[[], T]) -> T:
    """What the check answers; ends the command with every problem that it finds."""
    try:
        return work()
    except Rejected as rejected:
        fail(_told(rejected), WRONGLY_ASKED)


def run(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """What the work answers; ends the command with every reason if it is refused."""
    try:
        return asyncio.run(_run(url, work))
    except Rejected as rejected:
        fail(_told(rejected))
    except UnavailableError as error:
        fail(error.message)


async def _run(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    db = Database(url, pool_size=1)
    try:
        return await work(db)
    finally:
        await db.close()


def _told(rejected: Rejected) -> str:
    """A reason a line, by the name of the option or argument where the path leads to one."""
    return "\n".join(
        f"{_name(error.path[0])}: {error.message}" if error.path else error.message
        for error in rejected.errors
    )


def _name(field: str) -> str:
    return field if field in _ARGUMENTS else f"--{field.replace('_', '-')}"
