"""The processes of a `roster serve`, seen from outside. Only those that a test started are ever looked for, or killed."""

import os
import signal
from pathlib import Path

from postgres import postmaster, running, wait_until


def of(data_dir: Path) -> set[int]:
    """Every process that was started for the directory, or works in its cluster."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            at_work = (entry / "cwd").readlink() == data_dir / "cluster"
            started_for = os.fsencode(data_dir) in (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if (at_work or started_for) and running(int(entry.name)):
            found.add(int(entry.name))
    return found


def workers(owner: int, data_dir: Path) -> list[int]:
    """The children of the owner that answer requests."""
    children = Path(f"/proc/{owner}/task/{owner}/children").read_text().split()
    return [int(child) for child in children if int(child) != postmaster(data_dir) and running(int(child))]


postgresql = postmaster


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def wait_until_all_are_gone(data_dir: Path) -> None:
    wait_until(lambda: not of(data_dir))
