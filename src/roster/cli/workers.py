"""Processes that answer requests on one listening socket; one that ends unasked is replaced.

They are forked, so they start at once and share what is loaded. A worker ends with its owner, whatever ends that.
"""

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from typing import Self

from roster.embedded import end_with_parent

logger = logging.getLogger("roster")

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_fork = multiprocessing.get_context("fork")
DRAIN_SECONDS = 8  # For requests in flight when asked to end.
_KILL_SECONDS = DRAIN_SECONDS + 1.5
_LONGEST_PAUSE = 10.0
_BACKLOG = 2048  # As Uvicorn's.


class Pauses:
    """How long to wait before the next try: longer each time, until one lasts."""

    def __init__(self) -> None:
        self._next = 0.0
        self._pause = 0.0

    def over(self) -> bool:
        return time.monotonic() >= self._next

    def tried(self) -> None:
        now = time.monotonic()
        # Whatever held for a while was no failure.
        self._pause = (
            min(max(0.1, self._pause * 2), _LONGEST_PAUSE) if now < self._next + _LONGEST_PAUSE else 0.1
        )
        self._next = now + self._pause


class Workers:
    """`work` is called in each worker, and returns when it was asked to end by SIGTERM."""

    def __init__(self, count: int, work: Callable[[], None]) -> None:
        self._count = count
        self._work = work
        self._running: list[BaseProcess] = []
        self._pauses = Pauses()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def keep(self) -> None:
        """Leave as many running as there should be, but for a pause where they keep ending."""
        for ended in [worker for worker in self._running if worker.exitcode is not None]:
            logger.error(
                "Worker %s ended with exit code %s: another takes its place", ended.pid, ended.exitcode
            )
            self._running.remove(ended)
            ended.close()
        if len(self._running) < self._count and self._pauses.over():
            self._pauses.tried()
            while len(self._running) < self._count:
                self._running.append(_start(self._work))

    def wait(self, seconds: float) -> None:
        """Until a worker ends, but no longer."""
        connection.wait([worker.sentinel for worker in self._running], timeout=seconds)

    def stop(self) -> None:
        """Ask all to end when they have answered what they were asked; kill those that take too long."""
        for worker in self._running:
            worker.terminate()
        deadline = time.monotonic() + _KILL_SECONDS
        for worker in self._running:
            worker.join(max(0.0, deadline - time.monotonic()))
            worker.kill()
            worker.join()
        self._running = []


def _start(work: Callable[[], None]) -> BaseProcess:
    # A daemon, which multiprocessing ends and does not wait for, should we end without stopping it.
    worker = _fork.Process(target=_run, args=(work, os.getpid()), daemon=True)
    # Blocked meanwhile: what the owner does at a signal must not happen in a child, nor halfway through a fork.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        worker.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    return worker


def _run(work: Callable[[], None], parent: int) -> None:
    # Ctrl-C is for our owner, who then asks us.
    os.setsid()
    for asked in STOP_SIGNALS:
        signal.signal(asked, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    if not end_with_parent(parent, signal.SIGKILL):
        threading.Thread(target=_end_after_parent, daemon=True).start()
    work()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on the address from now on: who asks before there is a worker waits. Raise OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(_BACKLOG)  # Until then another could bind it as well.
    except OSError:
        bound.close()
        raise
    return bound
