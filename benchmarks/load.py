"""Asking for a while, by wrk or by pgbench, and seeing what that took."""

import json
import os
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from psycopg import sql

from benchmarks.contenders import POOL_SIZE
from benchmarks.contenders.asgi_sql.statements import STATEMENTS
from benchmarks.database import Database
from benchmarks.processes import cpu_seconds, peak_megabytes
from benchmarks.servers import Server
from roster.embedded import find_programs

_LUA = Path(__file__).with_name("load.lua")
_SCRIPTS = 10  # Each is planned once on each connection.
_LONGEST = 8  # Seconds after which a run is not repeated for longer.
_QUIET_SECONDS, _PATIENCE = 0.1, 300
# Every run counts on from here, so that nothing is written that was there.
_STEP = 100_000
_numbers = count(random.SystemRandom().randrange(100, 800) * _STEP, _STEP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run gave. Milliseconds, but for the rate; CPU is per request."""

    requests: int
    rate: float
    p50: float
    p99: float
    server_cpu: float
    database_cpu: float
    errors: int
    example: str


class Load(Protocol):
    """Something that can be asked for so many seconds, so many times at once."""

    @property
    def name(self) -> str: ...

    def run(self, connections: int, seconds: int) -> Result: ...

    def peak_megabytes(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLoad:
    """A server under wrk. With `once` the bodies may not be used a second time in a run.

    What it `writes` is taken away after each run.
    """

    server: Server
    database: Database
    bodies: Path
    writes: bool
    once: bool

    @property
    def name(self) -> str:
        return self.server.contender.name

    def run(self, connections: int, seconds: int) -> Result:
        """For so many seconds; longer if fewer requests are answered in them than are under way at a time."""
        while (result := self._run(connections, seconds)).requests < connections:
            if result.errors or seconds > _LONGEST:
                break
            seconds *= 2
        return result

    def _run(self, connections: int, seconds: int) -> Result:
        command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s"]
        command += ["--timeout=60s", f"--script={_LUA}", self.server.url, "--", str(self.bodies)]
        command += [str(next(_numbers)), self.server.token or "", "once" if self.once else ""]
        output, server_cpu, database_cpu = _watched(command, {}, self.server.pid, self.database.postmaster)
        if self.writes:
            self.database.undo_writes()
        found = re.search(r"^RESULT (.*)\nEXAMPLE (.*)$", output, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"wrk says: {output}")
        told = json.loads(found[1])
        errors, example = told["errors"], found[2]
        if self.once and told["asked"] > _lines(self.bodies):
            errors, example = errors + 1, "there are too few users without roles for so many seconds"
        return Result(
            requests=told["requests"],
            rate=told["requests"] / told["seconds"],
            p50=told["p50"],
            p99=told["p99"],
            # What was under way at the end was worked on as well.
            server_cpu=1000 * server_cpu / told["asked"],
            database_cpu=1000 * database_cpu / told["asked"],
            errors=errors,
            example=example,
        )

    def peak_megabytes(self) -> float:
        return peak_megabytes(self.server.pid)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLoad:
    """A statement under pgbench, with different values in it: a script for each. It has connections as a pool has."""

    database: Database
    scripts: Sequence[Path]
    name: str = "pgbench"

    def run(self, connections: int, seconds: int) -> Result:
        with tempfile.TemporaryDirectory() as logs:
            command = [str(find_programs(None) / "pgbench"), "--no-vacuum", "--protocol=prepared", "--jobs=1"]
            command += [
                f"--client={min(connections, POOL_SIZE)}",
                f"--time={seconds}",
                "--log",
                f"--log-prefix={logs}/log",
            ]
            command += [f"--file={script}" for script in self.scripts]
            _, _, database_cpu = _watched(command, self.database.variables, None, self.database.postmaster)
            lines = [
                line.split() for log in Path(logs).iterdir() for line in log.read_text("ascii").splitlines()
            ]
        # client, transaction, microseconds, …
        taken = sorted(int(line[2]) / 1000 for line in lines)
        return Result(
            requests=len(taken),
            rate=len(taken) / seconds,
            p50=taken[len(taken) // 2],
            p99=taken[len(taken) * 99 // 100],
            server_cpu=0,
            database_cpu=1000 * database_cpu / len(taken),
            errors=0,
            example="",
        )

    def peak_megabytes(self) -> float:
        return 0


def _watched(
    command: Sequence[str], variables: Mapping[str, str], server: int | None, postmaster: int
) -> tuple[str, float, float]:
    """(what it wrote, seconds of CPU that the server used, those of the database), until the server is done."""
    readings: list[Callable[[], float]] = [
        lambda: 0 if server is None else cpu_seconds(server),
        lambda: cpu_seconds(postmaster),
    ]
    before = [read() for read in readings]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables}
    )
    _wait_until_done(*readings)
    of_server, of_database = (read() - earlier for read, earlier in zip(readings, before, strict=True))
    return done.stdout, of_server, of_database


def _wait_until_done(of_server: Callable[[], float], of_database: Callable[[], float]) -> None:
    """Nobody reads the answers that were under way at the end, but they must not disturb what comes next.

    Not for ever: PostgreSQL may also be cleaning up.
    """
    for _ in range(_PATIENCE):
        before = of_server() + of_database()
        time.sleep(_QUIET_SECONDS)
        if of_server() + of_database() - before <= _QUIET_SECONDS / 5:
            return


def write_scripts(
    operation: str, each: Sequence[Mapping[str, Any]], database: Database, directory: Path, *, prefix: str
) -> list[Path]:
    """The operation's statement with values in it, a file each."""
    scripts = []
    with database.connect() as connection:
        for number, variables in enumerate(each[:_SCRIPTS]):
            literals = {name: sql.Literal(value).as_string(connection) for name, value in variables.items()}
            script = directory / f"{prefix}-{number}.sql"
            text = (STATEMENTS[operation] % literals).strip()
            script.write_text(re.sub(r"\s+", " ", text) + ";\n", encoding="utf-8")
            scripts.append(script)
    return scripts


def _lines(file: Path) -> int:
    with file.open(encoding="utf-8") as lines:
        return sum(1 for _ in lines)
