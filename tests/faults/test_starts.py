"""Starts that go wrong: several at once, a disk that is full, a pid of somebody else."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from faults import processes
from faults.writers import Ledger, add_roles, find_all, write_until_cut_off
from postgres import wait_until
from serving import free_port, serve, start

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("directory", ["new", "made before"])
def test_of_four_starts_at_once_one_serves_and_three_say_why_not(place: Path, directory: str) -> None:
    data_dir = place / "shared"
    assert data_dir.exists() == (directory == "made before")
    ports = [free_port() for _ in range(4)]
    with ExitStack() as ending:
        started = [start("serve", "--data-dir", data_dir, "--port", str(port)) for port in ports]
        for process in started:
            ending.callback(process.communicate)
            ending.callback(process.terminate)
        wait_until(lambda: sum(process.poll() is None for process in started) == 1)
        (serving,) = [
            (process, port) for process, port in zip(started, ports, strict=True) if process.poll() is None
        ]
        wait_until(lambda: answers(serving[1]))
        for process in started:
            if process is not serving[0]:
                _, said = process.communicate()
                assert process.returncode == 1
                assert f"{data_dir} is in use by another Roster." in said
    processes.wait_until_all_are_gone(data_dir)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def test_a_pid_that_another_program_has_by_now_and_a_long_path(place: Path) -> None:
    data_dir = place / ("a" * 60) / ("b" * 60)
    with serve("--data-dir", data_dir) as served:
        processes.kill(served.process.pid)
        processes.kill(processes.postgresql(data_dir))
    processes.wait_until_all_are_gone(data_dir)
    pid_file = data_dir / "cluster/postmaster.pid"
    _, *rest = pid_file.read_text().splitlines(keepends=True)
    with subprocess.Popen(["/bin/sleep", "60"], user=pid_file.stat().st_uid) as other:
        pid_file.write_text("".join([f"{other.pid}\n", *rest]))
        with serve("--data-dir", data_dir) as served:
            assert served.is_ready()
        assert other.poll() is None
        other.kill()
    processes.wait_until_all_are_gone(data_dir)


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    disk = place / f"disk of {megabytes} MB"
    disk.mkdir()
    mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", disk)
    try:
        yield disk
    finally:
        subprocess.run(["/bin/umount", disk], check=True)  # noqa: S603


def mount(*arguments: str | Path) -> None:
    subprocess.run(["/bin/mount", *arguments], check=True)  # noqa: S603


AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


@AS_ROOT
def test_a_disk_too_small_for_a_new_database_is_named_and_left_empty(place: Path) -> None:
    with small_disk(place, 20) as disk:
        process = start("serve", "--data-dir", disk / "data", "--port", str(free_port()))
        _, said = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "No space left on device" in said
        assert not [
            path for path in (disk / "data").iterdir() if path.suffix == ".new" or path.name == "cluster"
        ]
        mount("-o", "remount,size=300m", disk)
        with serve("--data-dir", disk / "data") as served:
            assert served.is_ready()
        processes.wait_until_all_are_gone(disk / "data")


@AS_ROOT
async def test_a_disk_that_runs_full_costs_nothing_acknowledged_and_needs_no_restart(place: Path) -> None:
    ledger = Ledger()
    with small_disk(place, 150) as disk:
        with serve("--data-dir", disk / "data") as served:
            async with served.client() as http:
                await add_roles(http)
                fill(disk)
                await write_on_a_full_disk(http, ledger)
                (disk / "filler").unlink()
                await write_again(http, ledger)
            await asyncio.to_thread(served.stop)
        with serve("--data-dir", disk / "data") as served:
            async with served.client() as http:
                ledger.settle(await find_all(http))
        processes.wait_until_all_are_gone(disk / "data")
    assert ledger.landed_unacknowledged + ledger.lost_unacknowledged > 0


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(1024 * 1024))


async def write_on_a_full_disk(http: httpx.AsyncClient, ledger: Ledger) -> None:
    """Until the log segment that was there before is full too, and a write is refused: in words, not with a crash."""
    async with asyncio.timeout(120):
        await write_until_cut_off(http, ledger)


async def write_again(http: httpx.AsyncClient, ledger: Ledger) -> None:
    before = ledger.acknowledged
    async with asyncio.timeout(60):
        while ledger.acknowledged == before:
            try:
                async with asyncio.timeout(1):
                    await write_until_cut_off(http, ledger)
            except TimeoutError:
                continue
            await asyncio.sleep(0.1)
