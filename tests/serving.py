"""The `roster` command as its users run it: a process of its own, with access control."""

import os
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, TextIO

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


def run(
    *arguments: str | Path, database_url: str | None = None, data_dir: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself, well or not."""
    given = dict(environment(database_url)) | ({"ROSTER_DATA_DIR": str(data_dir)} if data_dir else {})
    return subprocess.run(  # noqa: S603 -- ourselves
        [ROSTER, *arguments], env=given, capture_output=True, text=True, check=False, timeout=120
    )


def make_administrator(database_url: str) -> str:
    """The token of the first one, on a server of one's own."""
    ran = run("admin", "create", "--username", "first-admin", database_url=database_url)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    url: str
    process: subprocess.Popen[str]
    log: TextIO  # A file: a pipe that nobody reads would stop the server once it is full.
    token: str | None  # An administrator's, which every request here shows.

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=30)

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of the answer; fails if there are errors."""
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.url}/graphql", json=body, headers=self.headers, timeout=60).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def logged(self) -> str:
        return _read(self.log)

    def is_ready(self) -> bool:
        return _is_ready(self.url)

    def end(self) -> None:
        """However it ends, and if it has not ended yet."""
        self.process.terminate()
        self.process.communicate(timeout=_STOP_SECONDS)

    def stop(self, asked: signal.Signals = signal.SIGTERM) -> str:
        """What it wrote on stdout. It must end well."""
        self.process.send_signal(asked)
        out, _ = self.process.communicate(timeout=_STOP_SECONDS)
        assert self.process.returncode == 0, self.logged()
        return out


@contextmanager
def serve(
    *arguments: str | Path, database_url: str | None = None, token: str | None = None
) -> Iterator[Served]:
    """A server that answers, on a port of its own; asked to end in the end, if it has not ended by then.

    The token is the local administrator's, unless one is given.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile("w+") as log:
        process = start("serve", "--port", str(port), *arguments, database_url=database_url, log=log)
        served = Served(url=url, process=process, log=log, token=token)
        try:
            _wait_until_ready(url, process, log)
            yield replace(served, token=token or _local_token(arguments))
        finally:
            served.end()


def _local_token(arguments: Sequence[str | Path]) -> str | None:
    """What the data directory keeps, where the database is embedded."""
    if "--data-dir" not in arguments:
        return None
    file = Path(arguments[arguments.index("--data-dir") + 1]) / "admin.token"
    return file.read_text().strip() if file.is_file() else None


def _read(log: TextIO) -> str:
    log.seek(0)
    return log.read()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=30).status_code == HTTPStatus.OK
    except httpx.TransportError:
        return False


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_until_ready(url: str, process: subprocess.Popen[str], log: TextIO) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _is_ready(url):
        assert process.poll() is None, _read(log)
        assert time.monotonic() < deadline, "it is not ready"
        time.sleep(0.02)
