"""What lies in a data directory: locks, things made whole, what a crash left behind, the way to the socket."""

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from roster.embedded.errors import EmbeddedPostgresError
from roster.embedded.processes import Launcher

PORT = "5432"  # Names the socket file; fixed, so that PGPORT in the environment has no say.
_PREFIX = "roster-"
_LONGEST_SOCKET_DIRECTORY = 70  # A socket's whole path is limited to 103 bytes on macOS, 107 on Linux.


# What is there before there is a cluster, also after a start that was killed; the last, where a disk is mounted.
_OURS = {
    "owner.lock",
    "server.lock",
    "server.log",
    "socket",
    "admin.token",
    "admin.token.new",
    "binaries",
    "binaries.new",
    "cluster.new",
    "lost+found",
}


def is_ours(data_dir: Path) -> bool:
    """Whether nothing is in it but what we make."""
    return {path.name for path in data_dir.iterdir()} <= _OURS


def make(data_dir: Path, *, mode: int) -> None:
    """Make the directory, and those that it lies in, whatever the umask."""
    for path in (*reversed(data_dir.parents), data_dir):
        if not path.exists():
            path.mkdir()
            path.chmod(mode)


def lock(path: Path, *, seconds: float, refusal: str) -> int:
    """Return a file descriptor that holds the lock: it is free once every process that has it closed it.

    So close it, never unlock it: that would also take it from a PostgreSQL process that still has it.
    """
    locked = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(locked)
                raise EmbeddedPostgresError(refusal) from None
            time.sleep(0.02)
        else:
            return locked


def is_locked(path: Path) -> bool:
    """Whether another process has the lock."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


@contextmanager
def whole_or_not_there(place: Path) -> Iterator[Path]:
    """A new place to fill, then renamed; nothing is left of one that could not be filled."""
    new = place.with_suffix(".new")
    if new.exists():  # Whoever filled it was killed, and the lock says that they are gone.
        shutil.rmtree(new)
    try:
        yield new
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    new.rename(place)
    # Were the new name lost with the power, the next start would take what it holds for half-made and delete it.
    parent = os.open(place.parent, os.O_RDONLY)
    os.fsync(parent)
    os.close(parent)


def forget_the_dead(cluster: Path) -> bool:
    """Whether the last server of the cluster crashed; removes its pid file if the number is nobody's or another's now.

    PostgreSQL takes whoever has the number for the server and refuses to start. Our lock says that no server started
    here lives. One started by hand does its work in the cluster; it stays respected, and PostgreSQL says so.
    """
    pid_file = cluster / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError):
        pid = int(pid_file.read_text(encoding="ascii").partition("\n")[0])
        if Path("/proc/self").exists() and not _works_in(pid, cluster):  # Elsewhere PostgreSQL must cope.
            pid_file.unlink()
        return True
    return pid_file.exists()


def _works_in(pid: int, directory: Path) -> bool:
    """False for a number of nobody, of a zombie, and of another user's process, whom we need not be able to ask."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(directory)
    except OSError:
        return False


def socket_directory(launcher: Launcher, link: Path, undo: ExitStack) -> Path:
    """A new private directory with a short path. What the old link leads to is removed."""
    _forget_socket_directory(link, launcher.user)
    parent = Path(tempfile.gettempdir()).resolve()
    # PostgreSQL would read a comma or a quote in it as its own.
    if len(os.fsencode(parent)) > _LONGEST_SOCKET_DIRECTORY or not re.fullmatch(r"[\w/.+-]+", str(parent)):
        parent = Path("/tmp")  # noqa: S108 -- the directory made in it has a random name and is private
    launcher.require_access(parent, "Set TMPDIR to a directory open to all users, such as /tmp.")
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    undo.callback(shutil.rmtree, directory, ignore_errors=True)
    launcher.make_private(directory)
    return directory


def renew(launcher: Launcher, directory: Path) -> None:
    """Make the directory again if someone has cleaned it up."""
    if not directory.exists():
        directory.mkdir(mode=0o700)
        launcher.make_private(directory)


def socket_file(directory: Path) -> Path:
    return directory / f".s.PGSQL.{PORT}"


def link(place: Path, directory: Path, undo: ExitStack) -> None:
    place.symlink_to(directory)
    undo.callback(place.unlink, missing_ok=True)


def _forget_socket_directory(link: Path, user: int | None) -> None:
    """Remove what a killed owner could not; nothing but a socket in a directory such as we make."""
    if not link.is_symlink():
        return
    directory = link.readlink()
    link.unlink()
    with suppress(OSError):
        if directory.name.startswith(_PREFIX) and directory.lstat().st_uid == (
            os.geteuid() if user is None else user
        ):
            socket = socket_file(directory)
            for file in (socket, socket.with_name(f"{socket.name}.lock")):
                file.unlink(missing_ok=True)
            directory.rmdir()
