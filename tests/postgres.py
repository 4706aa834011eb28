"""Embedded servers in processes of their own, and what can be seen of them from outside."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from sqlalchemy import make_url

import roster

_OWNER = """
import sys, time
from pathlib import Path
from roster.embedded import EmbeddedPostgres, processes
if sys.argv[2:] == ["watched"]:  # As on a system where a child cannot ask for a signal.
    processes._prctl = None
print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True)
time.sleep(60)
"""


def connect(url: str, *, autocommit: bool = False) -> psycopg.Connection:
    where = make_url(url)
    host, port = where.query["host"], where.query["port"]
    address = f"host={host} port={port} user={where.username} dbname={where.database}"
    return psycopg.connect(address, autocommit=autocommit)


def ask(url: str, query: str) -> object:
    with connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "cluster/postmaster.pid").read_text().split()[0])


def running(pid: int) -> bool:
    """Whether the process lives; one that has ended and waits to be reaped does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def own(data_dir: Path, *how: str) -> subprocess.Popen[str]:
    """Another process that starts the server, writes its URL, and stays."""
    paths = {"PYTHONPATH": os.pathsep.join([str(Path(roster.__file__).parents[1]), *sys.path])}
    return subprocess.Popen(  # noqa: S603 -- ourselves
        [sys.executable, "-c", _OWNER, data_dir, *how],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | paths,
    )


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()
