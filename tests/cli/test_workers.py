"""Workers: as many as there should be, and none when they are not wanted."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from postgres import running, wait_until
from roster.cli import workers
from roster.cli.workers import Pauses, Workers


def tell_and_wait(place: Path) -> Callable[[], None]:
    """A worker that leaves its pid and works until it is asked to end."""

    def work() -> None:
        (place / str(os.getpid())).touch()
        time.sleep(60)

    return work


def pids(place: Path) -> list[int]:
    return [int(path.name) for path in place.iterdir()]


def test_as_many_run_as_there_should_be(tmp_path: Path) -> None:
    with Workers(3, tell_and_wait(tmp_path)) as kept:
        kept.keep()
        wait_until(lambda: len(pids(tmp_path)) == 3)
        first = pids(tmp_path)
        os.kill(first[0], signal.SIGKILL)
        kept.wait(30)

        def are_kept() -> bool:
            kept.keep()
            return len(pids(tmp_path)) == 4

        wait_until(are_kept)
        assert sum(running(pid) for pid in pids(tmp_path)) == 3
    assert not any(running(pid) for pid in pids(tmp_path))


def test_one_that_does_not_end_when_asked_to_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_KILL_SECONDS", 0.3)

    def work() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        tell_and_wait(tmp_path)()

    with Workers(1, work) as kept:
        kept.keep()
        wait_until(lambda: len(pids(tmp_path)) == 1)
    assert not running(pids(tmp_path)[0])


def test_pauses_grow_while_tries_follow_each_other_and_end_when_one_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pauses = Pauses()
    lengths = []
    for _ in range(9):
        assert pauses.over()
        begun = now
        pauses.tried()
        while not pauses.over():
            now += 0.01
        lengths.append(round(now - begun, 1))
    assert lengths == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    now += 60
    pauses.tried()
    now += 0.11
    assert pauses.over()
