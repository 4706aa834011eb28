"""The `roster` command as its users run it: a process of its own."""

import os
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROSTER = Path(sysconfig.get_path("scripts")) / "roster"
_START_SECONDS = 60.0


def environment(database_url: str | None) -> Mapping[str, str]:
    """Ours, but for DATABASE_URL."""
    inherited = {name: value for name, value in os.environ.items() if name.upper() != "DATABASE_URL"}
    return inherited if database_url is None else inherited | {"DATABASE_URL": database_url}


def start(*arguments: str | Path, database_url: str | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 -- ourselves
        [ROSTER, *arguments],
        env=environment(database_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    url: str
    process: subprocess.Popen[str]


@contextmanager
def serve(*arguments: str | Path, database_url: str | None = None) -> Iterator[Served]:
    """A server that answers, on a port of its own; killed in the end if it has not ended by then."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with start("serve", "--port", str(port), *arguments, database_url=database_url) as process:
        try:
            _wait_until_it_listens(process, port)
            yield Served(url=f"http://127.0.0.1:{port}", process=process)
        finally:
            process.kill()


def _wait_until_it_listens(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "it does not listen"
            time.sleep(0.02)
        else:
            return
