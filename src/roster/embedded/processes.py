"""Processes that end when their parent does, and that run as the server's user when we are root.

On Linux a child asks the kernel for a signal at its parent's death (prctl(2), PR_SET_PDEATHSIG). The kernel means the
*thread* that spawned it, and forgets the wish when the user changes: so spawn from the main thread, and ask afterwards.
Elsewhere a watcher holds the read end of a pipe whose other end is ours: it reads the end of file when we are gone.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from roster.embedded.errors import EmbeddedPostgresError

_PR_SET_PDEATHSIG = 1
_SHUT_DOWN_SECONDS = 15.0  # For its checkpoint; then again for an immediate end.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
# A line says that all is well, the end of file that nobody is there to write one.
_WATCH = 'read -r line || kill -INT "$1"'


def end_with_parent(parent: int, last: signal.Signals) -> bool:
    """In a child: get the signal `last` once the process `parent` is gone. False where the system cannot do that."""
    if _prctl is None:
        return False
    _prctl(_PR_SET_PDEATHSIG, last)
    if os.getppid() != parent:  # It was killed before the call.
        os._exit(1)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """Runs programs as the server's user; each holds the server lock."""

    user: int | None  # None: the user we are.
    group: int | None
    lock: int

    def spawn(
        self, *command: str | Path, output: int, last: signal.Signals, watched: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """Start a program that, on Linux, gets the signal `last` when we are gone."""
        return subprocess.Popen(  # noqa: S603 -- no shell
            command,
            stdin=watched,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",  # Ours may be closed to the server's user.
            env={"PATH": os.defpath, "LC_ALL": "C"},  # Our secrets and PG* variables are not for it.
            user=self.user,
            group=self.group,
            extra_groups=None if self.user is None else [],
            pass_fds=(self.lock,),
            start_new_session=True,  # Ctrl-C is for us; we then stop the server in our own time.
            preexec_fn=partial(end_with_parent, os.getpid(), last),  # noqa: PLW1509 -- see the module
        )

    def spawn_server(self, *command: str | Path, output: int, undo: ExitStack) -> subprocess.Popen[bytes]:
        """Start a server that shuts down when we are gone, however we ended, or when `undo` closes."""
        server = self.spawn(*command, output=output, last=signal.SIGINT)
        undo.callback(_shut_down, server)
        if _prctl is None:
            watcher = ("/bin/sh", "-c", _WATCH, "sh", str(server.pid))
            watch = self.spawn(
                *watcher, output=subprocess.DEVNULL, last=signal.SIGKILL, watched=subprocess.PIPE
            )
            undo.callback(watch.communicate, b"all is well\n")
        return server

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


def _shut_down(server: subprocess.Popen[bytes]) -> None:
    # "Fast": ends sessions, writes a checkpoint. One that hangs is killed, which costs a recovery and nothing else.
    for asked in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        server.send_signal(asked)
        with suppress(subprocess.TimeoutExpired):
            server.wait(_SHUT_DOWN_SECONDS)
            return
    server.wait()


def account(*places: Path) -> tuple[int | None, int | None]:
    """Return the server's user and group: ourselves, but for root the owner of the data, else nobody."""
    if os.geteuid() != 0:
        return None, None
    owners = [place.stat().st_uid for place in places if place.exists()]
    user = next((owner for owner in owners if owner != 0), None)
    found = pwd.getpwnam("nobody") if user is None else pwd.getpwuid(user)
    return found.pw_uid, found.pw_gid
