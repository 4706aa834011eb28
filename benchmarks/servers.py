"""Starting contenders and ending them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.contenders import POOL_SIZE, ROSTER_COMMAND, Contender
from benchmarks.database import Database

_ADMINISTRATOR = "administrator@example.net"
_READY_SECONDS = 60
_ANSWER_SECONDS = 120
_STOP_SECONDS = 20
_NPM = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")


class ContenderError(Exception):
    """A contender does not start, or answers with an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A contender that runs. `token` is shown by whoever asks it, if there is one."""

    contender: Contender
    url: str
    pid: int
    token: str | None
    client: httpx.Client

    def ask(self, body: str) -> object:
        """Its answer. Raise ContenderError if it is an error."""
        answer = self.client.post(self.url, content=body)
        try:
            parsed: dict[str, object] = answer.json()
        except ValueError:
            parsed = {}
        if answer.status_code != httpx.codes.OK or "data" not in parsed or parsed.get("errors"):
            raise ContenderError(f"{self.contender.name} answers {answer.status_code}: {answer.text[:500]}")
        return parsed["data"]


def install(contender: Contender) -> None:
    """What its package.json names, unless the same was installed before."""
    wanted = json.loads((contender.directory / "package.json").read_text("utf-8"))["dependencies"]
    modules = contender.directory / "node_modules"
    installed = {
        name: json.loads(file.read_text("utf-8"))["version"]
        for name in wanted
        if (file := modules / name / "package.json").exists()
    }
    if installed != wanted:
        shutil.rmtree(modules, ignore_errors=True)
        subprocess.run(_NPM, cwd=contender.directory, check=True)


@contextmanager
def running(contender: Contender, database: Database, logs: Path, token: str | None) -> Iterator[Server]:
    """The contender on the database; what it logs goes to a file in `logs`. Raise ContenderError."""
    if contender.npm:
        install(contender)
    port = _free_port()
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ROSTER_", "PG"))},
        **database.variables,
        **dict(contender.variables),
        "DATABASE_URL": database.url,
        "PORT": str(port),
        "POOL_SIZE": str(POOL_SIZE),
    }
    command = [part.format(port=port) for part in contender.command]
    with (logs / f"{contender.name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=contender.directory,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(process, port, Path(log.name))
        with httpx.Client(headers=_headers(token), timeout=_ANSWER_SECONDS) as client:
            url = f"http://127.0.0.1:{port}{contender.path}"
            yield Server(contender=contender, url=url, pid=process.pid, token=token, client=client)
    finally:
        _end(process)


def _headers(token: str | None) -> dict[str, str]:
    shown = {"Authorization": f"Bearer {token}"} if token else {}
    return {"Content-Type": "application/json", **shown}


def new_token(database: Database) -> str:
    """Of an administrator, who is made if there is none."""
    with database.connect() as connection:
        found = connection.execute("select from users where email = %s", [_ADMINISTRATOR]).fetchone()
    label = ("--owner", _ADMINISTRATOR, "--label", "Benchmark", "--days", "1")
    command = ("admin", "create", "--email", _ADMINISTRATOR) if found is None else ("token", "create", *label)
    made = subprocess.run(
        [ROSTER_COMMAND, *command],
        env={**os.environ, "DATABASE_URL": database.url},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return made.stdout.strip()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise ContenderError(f"{process.args!r} does not listen. The end of {log}:\n{end}") from None
            time.sleep(0.05)
        else:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
