"""The `roster` command as its users run it: a process of its own."""

import os
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TextIO

import httpx

ROSTER = Path(sysconfig.get_path("scripts")) / "roster"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


def environment(database_url: str | None) -> Mapping[str, str]:
    """Ours, but for DATABASE_URL."""
    inherited = {name: value for name, value in os.environ.items() if name.upper() != "DATABASE_URL"}
    return inherited if database_url is None else inherited | {"DATABASE_URL": database_url}


def start(
    *arguments: str | Path, database_url: str | None = None, log: int | TextIO = subprocess.PIPE
) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 -- ourselves
        [ROSTER, *arguments],
        env=environment(database_url),
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    url: str
    process: subprocess.Popen[str]
    log: TextIO  # A file: a pipe that nobody reads would stop the server once it is full.

    def logged(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=30).status_code == HTTPStatus.OK
        except httpx.TransportError:
            return False

    def stop(self, asked: signal.Signals = signal.SIGTERM) -> str:
        """What it wrote on stdout. It must end well."""
        self.process.send_signal(asked)
        out, _ = self.process.communicate(timeout=_STOP_SECONDS)
        assert self.process.returncode == 0, self.logged()
        return out


@contextmanager
def serve(*arguments: str | Path, database_url: str | None = None) -> Iterator[Served]:
    """A server that answers, on a port of its own; asked to end in the end, if it has not ended by then."""
    port = free_port()
    with tempfile.TemporaryFile("w+") as log:
        process = start("serve", "--port", str(port), *arguments, database_url=database_url, log=log)
        served = Served(url=f"http://127.0.0.1:{port}", process=process, log=log)
        try:
            _wait_until_ready(served)
            yield served
        finally:
            process.terminate()
            process.communicate(timeout=_STOP_SECONDS)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_until_ready(served: Served) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not served.is_ready():
        assert served.process.poll() is None, served.logged()
        assert time.monotonic() < deadline, "it is not ready"
        time.sleep(0.02)
