"""The server: made, started, started again after a crash, stopped."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import psycopg

from roster.embedded import directory, programs
from roster.embedded.directory import PORT
from roster.embedded.errors import ELSEWHERE, EmbeddedPostgresError
from roster.embedded.processes import Launcher, account

_START_SECONDS = 600.0  # Recovery after a crash may replay a gigabyte of log before the server answers.
_TELL_SECONDS = 5.0  # How often somebody who waits for it is told so.
_FORK_SECONDS = 0.1  # A child forked by any thread of ours has our files open until its exec.
_LEFTOVER_SECONDS = 30.0  # How long a server whose owner was killed may take to shut down.
# The builtin provider orders and folds text, but pg_trgm still asks LC_CTYPE what a letter is: under "C" a
# search for Łódź would see only the letter d. Never from the environment, which may name a missing locale.
_LC_CTYPE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
_OWN_CONNECTIONS = 20  # Beside those asked for: a migration, `roster seed`, a backup, an operator.


class EmbeddedPostgres:
    """A PostgreSQL server of ours on a data directory, ended with us.

    Start it from the main thread (see processes.py). `connections` is how many its clients may have. `tell` gets a line
    for the operator where they have to wait. `durable=False` is for tests: a crash of the machine may ruin the directory.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        connections: int = 80,
        durable: bool = True,
        tell: Callable[[str], None] = lambda line: None,  # noqa: ARG005 -- nobody listens
    ) -> None:
        self._data_dir = Path(os.path.realpath(data_dir))
        self._cluster = self._data_dir / "cluster"
        self._connections = connections
        self._durable = durable
        self._tell = tell
        self._undo = ExitStack()

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> str:
        """Return the SQLAlchemy URL of the database `roster`, which exists and answers.

        Raise EmbeddedPostgresError otherwise, and then leave no process, lock or socket behind.
        """
        with ExitStack() as undo:
            try:
                self._start(undo)
            except (OSError, KeyError) as error:  # KeyError: the server's user has no name here.
                message = f"Cannot run PostgreSQL in {self._data_dir}: {error}. {ELSEWHERE}"
                raise EmbeddedPostgresError(message) from error
            self._undo = undo.pop_all()
        return _url(self._socket_dir)

    def stop(self) -> None:
        """Leave the server shut down, its work on disk and the directory free; no matter how often."""
        self._undo.close()

    def is_lost(self) -> bool:
        """Whether nobody can reach the server, though nobody stopped it: it ended, or someone cleaned up its socket."""
        return self._server.poll() is not None or not directory.socket_file(self._socket_dir).exists()

    def start_again(self) -> None:
        """Start the server that is lost, at the same address. Raise EmbeddedPostgresError; try again then."""
        self._running.close()
        try:
            directory.renew(self._launcher, self._socket_dir)
            self._serve()
        except OSError as error:
            raise EmbeddedPostgresError(f"Cannot run PostgreSQL in {self._data_dir}: {error}") from error

    def disown(self) -> None:
        """In a forked child: the directory is not ours, so that the next owner need not think it owned if we live on."""
        os.close(self._owner_lock)

    def _start(self, undo: ExitStack) -> None:
        user, group = account(self._cluster, self._data_dir)
        directory.make(self._data_dir, mode=0o700 if user is None else 0o755)
        if not has_database(self._data_dir) and not directory.is_ours(self._data_dir):
            raise EmbeddedPostgresError(
                f"{self._data_dir} is not empty, and what is in it is not Roster's. {ELSEWHERE}"
            )
        in_use = f"{self._data_dir} is in use by another Roster. {ELSEWHERE}"
        self._owner_lock = directory.lock(_owner_lock(self._data_dir), seconds=_FORK_SECONDS, refusal=in_use)
        undo.callback(os.close, self._owner_lock)
        left = f"The PostgreSQL server of a Roster that was killed still runs in {self._data_dir}: end it."
        lock = directory.lock(self._data_dir / "server.lock", seconds=_LEFTOVER_SECONDS, refusal=left)
        undo.callback(os.close, lock)
        self._launcher = Launcher(user=user, group=group, lock=lock)
        self._launcher.require_access(self._data_dir, ELSEWHERE)
        found = programs.find(self._cluster)
        self._programs = programs.runnable(found, self._launcher, self._data_dir / "binaries")
        if not self._cluster.exists():
            self._initialise()
        self._socket_dir = directory.socket_directory(self._launcher, _link(self._data_dir), undo)
        self._running = undo.enter_context(ExitStack())
        self._serve()
        self._create_database()
        # Only now: whoever follows it expects the database there.
        directory.link(_link(self._data_dir), self._socket_dir, undo)

    def _initialise(self) -> None:
        self._tell(f"Making a new database in {self._data_dir}")
        with directory.whole_or_not_there(self._cluster) as new:
            new.mkdir(mode=0o700)
            self._launcher.make_private(new)
            self._launcher.run(
                self._programs / "initdb",
                f"--pgdata={new}",
                "--username=roster",
                "--auth-local=trust",  # Who can enter the socket's directory is the server's user, or root.
                "--auth-host=reject",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                f"--lc-ctype={_LC_CTYPE}",
                "--data-checksums",
                *([] if self._durable else ["--no-sync"]),
            )

    def _serve(self) -> None:
        """Start the server and wait until it answers, however long its recovery takes."""
        crashed = directory.forget_the_dead(self._cluster)
        settings = [
            "--listen_addresses=",
            f"--port={PORT}",
            f"--unix_socket_directories={self._socket_dir}",
            "--unix_socket_permissions=0700",
            f"--max_connections={self._connections + _OWN_CONNECTIONS}",
            "--timezone=UTC",
            "--log_timezone=UTC",
            # Many ask for little at a time: help takes long to come, from who needs its core, or does not come at all.
            "--max_parallel_workers_per_gather=0",
            # Else all that hold a role in a million users do not fit, and what is compared with them is read to its end.
            "--work_mem=8MB",
            *([] if self._durable else ["--fsync=off", "--synchronous_commit=off", "--full_page_writes=off"]),
        ]
        path = self._data_dir / "server.log"
        # NOFOLLOW: as root we may write where another user, the directory's owner, can make links.
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        written_before = os.fstat(log).st_size
        with os.fdopen(log):
            command = [str(self._programs / "postgres"), f"-D{self._cluster}", *settings]
            self._server = self._launcher.spawn_server(*command, output=log, undo=self._running)
        try:
            self._wait(self._server, recovering=crashed)
        except psycopg.Error as error:
            tail = path.read_bytes()[written_before:][-2000:].decode(errors="replace")
            message = f"PostgreSQL did not come up: {error}\nThe end of its log {path}:\n{tail}"
            raise EmbeddedPostgresError(message) from error

    def _wait(self, server: subprocess.Popen[bytes], *, recovering: bool) -> None:
        begun = told = time.monotonic()
        if recovering:
            self._tell("PostgreSQL was not shut down last time: it recovers first")
        while True:
            try:
                self._connect("postgres").close()
            except psycopg.OperationalError:  # No socket yet, or 57P03: starting up.
                now = time.monotonic()
                if server.poll() is not None or now >= begun + _START_SECONDS:
                    raise
                if now >= told + _TELL_SECONDS:
                    self._tell(
                        f"PostgreSQL does not answer yet, after {now - begun:.0f} s; its log is server.log"
                    )
                    told = now
            else:
                return
            time.sleep(0.02)

    def _create_database(self) -> None:
        with self._connect("postgres") as connection:
            if not connection.execute("select 1 from pg_database where datname = 'roster'").fetchone():
                connection.execute("create database roster")

    def _connect(self, database: str) -> psycopg.Connection:
        where = f"host='{self._socket_dir}' port={PORT} user=roster dbname={database} connect_timeout=10"
        return psycopg.connect(where, autocommit=True)


def running_url(data_dir: Path) -> str | None:
    """The URL of the server that another process has started on the directory, or None."""
    link = _link(data_dir)
    return _url(link.readlink()) if link.is_symlink() and directory.is_locked(_owner_lock(data_dir)) else None


def has_database(data_dir: Path) -> bool:
    return (data_dir / "cluster").exists()


def find_programs(data_dir: Path | None) -> Path:
    """The directory of PostgreSQL's programs, those that fit a data directory's. Raise EmbeddedPostgresError."""
    return programs.find(data_dir and data_dir / "cluster").programs


def _url(socket_dir: Path) -> str:
    return f"postgresql+psycopg://roster@/roster?host={quote(str(socket_dir))}&port={PORT}"


def _owner_lock(data_dir: Path) -> Path:
    return data_dir / "owner.lock"


def _link(data_dir: Path) -> Path:
    return data_dir / "socket"
