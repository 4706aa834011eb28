"""`roster seed` on a terminal, off it, and interrupted."""

import asyncio
import os
import pty
import signal
import subprocess
import sys

import pytest
from sqlalchemy import func, select

from roster.cli.seed import fill
from roster.data.db import Database
from roster.data.models import UserRow

_FILL = "import sys; from roster.cli.seed import fill; print(fill(sys.argv[1], int(sys.argv[2])).users)"


def url_of(db: Database) -> str:
    return db.engine.url.render_as_string(hide_password=False)


def start(db: Database, users: int) -> tuple["subprocess.Popen[str]", int]:
    """With a terminal as its stderr, and where to read what it writes there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 -- ourselves
        [sys.executable, "-c", _FILL, url_of(db), str(users)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    return process, ours


def shown_on(terminal: int, until: str | None = None) -> str:
    """What was written, up to some text or to the end."""
    shown = b""
    try:
        while until is None or until.encode() not in shown:
            shown += os.read(terminal, 4096)
    except OSError:  # How Linux tells the end of a terminal.
        pass
    return shown.decode()


async def users_in(db: Database) -> int:
    async with db.read() as reader:
        return int((await reader.execute(select(func.count()).select_from(UserRow))).scalar_one())


async def test_a_terminal_shows_how_it_goes(db: Database) -> None:
    process, terminal = start(db, 300)
    shown = shown_on(terminal)
    os.close(terminal)
    assert process.communicate()[0] == "300\n"
    assert "300/300" in shown
    assert "a second" in shown
    assert "Indexes" in shown
    assert await users_in(db) == 300


async def test_off_a_terminal_nothing_is_shown(db: Database, capfd: pytest.CaptureFixture[str]) -> None:
    assert (await asyncio.to_thread(fill, url_of(db), 20)).users == 20
    assert capfd.readouterr() == ("", "")


async def test_ctrl_c_leaves_nothing(db: Database) -> None:
    process, terminal = start(db, 1_000_000)
    shown_on(terminal, until="000/1000000")
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in shown_on(terminal)
    os.close(terminal)
    assert process.communicate()[0] == ""
    assert await users_in(db) == 0
