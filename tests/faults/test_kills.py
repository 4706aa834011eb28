"""kill -9 at any moment of `roster serve`, one of its workers or its PostgreSQL, under concurrent writes.

Each round starts the server on what the round before left, checks every write ever answered and every event of it, lets
eight clients write, and kills. A worker or a PostgreSQL must be replaced while the server goes on; after the server itself nothing may be left
running. Rounds: `--rounds`, 10 unless given.
"""

import asyncio
import random
import time
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg
import pytest

from faults import processes
from faults.books import check_books
from faults.writers import Ledger, add_roles, ask, find_all, write_until_cut_off
from following import Follower
from postgres import connect, postmaster
from roster.embedded import running_url
from serving import Served, serve

pytestmark = pytest.mark.faults

WRITERS = 8
TARGETS = ("server", "worker", "postgresql")
COMMIT_SECONDS = 0.03  # How long a COMMIT is made to last, so that one can be seen before it is over.
# Two thirds of the rounds wait for one; on the others the moment is any.
AT_COMMIT = (True, True, False)
SLOW_COMMITS = (
    f"alter role roster set commit_delay = {COMMIT_SECONDS * 1e6:.0f}",
    "alter role roster set commit_siblings = 0",
)
IN_FLIGHT = """
select extract(epoch from clock_timestamp() - query_start)::float from pg_stat_activity
where state = 'active' and query = 'COMMIT' order by query_start desc limit 1
"""


@dataclass
class Tally:
    rounds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TARGETS, 0))
    clean_starts: int = 0
    hit_a_commit: int = 0


@dataclass
class Books:
    """What the clients know, and what one hears who follows the feed across all rounds."""

    ledger: Ledger = field(default_factory=Ledger)
    follower: Follower = field(default_factory=Follower)


def victim(target: str, served: Served, data_dir: Path) -> int:
    match target:
        case "server":
            return served.process.pid
        case "worker":
            return random.choice(processes.workers(served.process.pid, data_dir))  # noqa: S311
        case _:
            return postmaster(data_dir)


def kill_during_a_commit(pid: int, activity: psycopg.Connection) -> bool:
    """Kill as soon as a COMMIT is seen. Whether it was certainly not over by then."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        asked = time.monotonic()
        if row := activity.execute(IN_FLIGHT).fetchone():
            processes.kill(pid)
            return bool(row[0] + (time.monotonic() - asked) < COMMIT_SECONDS)
    raise AssertionError("nobody commits")


async def write_and_kill(
    served: Served, data_dir: Path, ledger: Ledger, target: str, *, at_commit: bool
) -> bool:
    """Whether the kill hit a COMMIT in flight, as far as that can be told."""
    url = running_url(data_dir)
    assert url
    with closing(connect(url, autocommit=True)) as activity:
        async with served.client() as http:
            writing = [asyncio.create_task(write_until_cut_off(http, ledger)) for _ in range(WRITERS)]
            pid = victim(target, served, data_dir)
            await asyncio.wait(writing, timeout=random.uniform(0.3, 0.7))  # noqa: S311
            hit = False
            if at_commit:
                hit = await asyncio.to_thread(kill_during_a_commit, pid, activity)
            else:
                processes.kill(pid)
            # A writer whose worker lives goes on.
            _, going_on = await asyncio.wait(writing, timeout=0.5)
            for task in going_on:
                task.cancel()
            for ended in await asyncio.gather(*writing, return_exceptions=True):
                assert ended is None or isinstance(ended, asyncio.CancelledError), ended
    return hit


async def wait_until_it_writes_again(served: Served, ledger: Ledger) -> None:
    deadline = time.monotonic() + 30
    before = ledger.acknowledged
    async with served.client() as http:
        while ledger.acknowledged == before:
            assert time.monotonic() < deadline, "it does not recover by itself"
            try:
                async with asyncio.timeout(0.3):
                    await write_until_cut_off(http, ledger)
            except TimeoutError:
                continue
            await asyncio.sleep(0.02)


async def check(served: Served, data_dir: Path, books: Books) -> None:
    """Of a server just started: a write that nobody waits for any more may still be under way in another."""
    url = running_url(data_dir)
    assert url
    async with served.client() as http:
        books.ledger.settle(await find_all(http))
        # An event appears once every transaction that began before is over: those of the start are, in a moment.
        logged = count_events(url)
        async with asyncio.timeout(10):
            while len(books.follower.read) < logged:
                await books.follower.poll(partial(ask, http))
    assert len(set(books.follower.ids)) == len(books.follower.ids) == count_events(url)
    books.ledger.check(books.follower.read)
    await check_books(url)


def count_events(url: str) -> int:
    with connect(url) as connection:
        row = connection.execute("select count(*) from events").fetchone()
    assert row
    return int(row[0])


async def one_round(served: Served, data_dir: Path, books: Books, target: str, *, at_commit: bool) -> bool:
    await check(served, data_dir, books)
    hit = await write_and_kill(served, data_dir, books.ledger, target, at_commit=at_commit)
    if target == "server":
        served.process.wait()
    else:
        await wait_until_it_writes_again(served, books.ledger)
        await asyncio.to_thread(served.stop)
    return hit


async def test_nothing_acknowledged_is_lost_and_nobody_is_left(
    place: Path, rounds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir, books, tally = place / "data", Books(), Tally()
    for number in range(rounds + 1):
        with serve("--data-dir", data_dir, "--workers", "2") as served:
            tally.clean_starts += 1
            if number == 0:
                await prepare(served, data_dir)
                continue
            target = TARGETS[number % 3]
            tally.rounds[target] += 1
            tally.hit_a_commit += await one_round(
                served, data_dir, books, target, at_commit=AT_COMMIT[number // 3 % 3]
            )
        processes.wait_until_all_are_gone(data_dir)
    with serve("--data-dir", data_dir) as served:
        await check(served, data_dir, books)
    with capsys.disabled():
        report(tally, books)
    assert tally.hit_a_commit * 3 >= rounds


async def prepare(served: Served, data_dir: Path) -> None:
    url = running_url(data_dir)
    assert url
    with connect(url) as connection:
        for statement in SLOW_COMMITS:
            connection.execute(statement.encode())
    async with served.client() as http:
        await add_roles(http)


def report(tally: Tally, books: Books) -> None:
    ledger = books.ledger
    print(  # noqa: T201 -- what the run has to say
        f"\nkills: {tally.rounds}, while a COMMIT was certainly in flight: {tally.hit_a_commit}"
        f"\nclean starts: {tally.clean_starts}, all of whose writes were found"
        f"\nwrites answered: {ledger.acknowledged}; without an answer: {ledger.landed_unacknowledged} found whole,"
        f" {ledger.lost_unacknowledged} not there"
        f"\nevents followed: {len(books.follower.read)}, of which the directory itself can be told"
    )
