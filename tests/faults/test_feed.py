"""The feed where it is hardest: beside writers whose commits change places, while servers are killed, and in the dump of
one cluster that goes on living in another, whose transactions have other numbers.
"""

import asyncio
import os
import random
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

import serving
from faults import processes
from faults.books import check_books
from faults.writers import EARLY, LATE, Ledger, Unavailable, add_roles, ask, write_until_cut_off
from following import DAWDLE, Follower
from postgres import connect
from roster.embedded import find_programs, running_url
from serving import Served, serve

pytestmark = pytest.mark.faults

WRITERS = 8
ASSIGNMENTS = ["ROLE_ASSIGNED", "ROLE_REVOKED"]
_LOGGED = "select id, type from events order by epoch, transaction, sequence"
# Roles that only `lag` changes, as it keeps them locked.
_SLOW = ("SLOW_0", "SLOW_1", "SLOW_2")
_CHANGE_BY_HAND = """
with before as (select id, description from roles where key = %s for update), after as (
    update roles set description = %s, version = version + 1,
        updated_at = date_trunc('milliseconds', clock_timestamp())
    from before where roles.id = before.id returning roles.*
)
insert into events (id, type, at, actor_kind, role_id, role_key, changes)
select uuidv7(), 'ROLE_UPDATED', updated_at, 'SYSTEM', id, key, jsonb_build_array(jsonb_build_object(
    'field', 'description', 'before', before.description, 'after', after.description))
from before join after using (id)
"""


def followers() -> list[Follower]:
    plain = [Follower(size=size) for size in (5, 20, 200)]
    return plain + [Follower(size=size, types=ASSIGNMENTS) for size in (3, 200)]


@dataclass
class Scene:
    """Who reads and who writes while a server is there."""

    followers: list[Follower] = field(default_factory=followers)
    ledger: Ledger = field(default_factory=Ledger)
    over: bool = False

    @asynccontextmanager
    async def with_server(self, served: Served) -> AsyncIterator[None]:
        """Until it has ended and they have noticed: a client that is closed before leaves what it just opened."""
        self.over = False
        async with served.client() as http, asyncio.TaskGroup() as group:
            for follower in self.followers:
                group.create_task(self.follow(http, follower))
            for _ in range(WRITERS):
                group.create_task(self.write(http))
            yield
            self.over = True
            # Beside the writers: it waits for what they have begun to send.
            await asyncio.to_thread(served.end)

    async def follow(self, http: httpx.AsyncClient, follower: Follower) -> None:
        while not self.over:
            with suppress(Unavailable, httpx.HTTPError):
                await follower.poll(partial(ask, http))
            await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311

    async def write(self, http: httpx.AsyncClient) -> None:
        while not self.over:
            await write_until_cut_off(http, self.ledger)
            await asyncio.sleep(0.02)


def database(data_dir: Path) -> str:
    url = running_url(data_dir)
    assert url
    return url


def lag(data_dir: Path, role: str) -> None:
    """A transaction that writes first, ends long after others that began later, and not always well."""
    with suppress(psycopg.OperationalError), closing(connect(database(data_dir))) as connection:
        connection.execute(_CHANGE_BY_HAND, (role, uuid4().hex))
        connection.execute("select pg_sleep(0.5)")
        connection.commit() if random.random() < 0.7 else connection.rollback()  # noqa: S311


def logged(url: str, follower: Follower) -> list[str]:
    """What the follower should have read."""
    with connect(url) as connection:
        found = connection.execute(_LOGGED).fetchall()
    return [f"evt_{id_.hex}" for id_, type_ in found if follower.types is None or type_ in follower.types]


async def assert_in_step(served: Served, url: str, all_followers: list[Follower]) -> None:
    """Each has read all that there is for it, once and in its order, and that is all that happened."""
    deadline = time.monotonic() + 30
    async with served.client() as http:
        for follower in all_followers:
            while len(follower.read) < len(logged(url, follower)) and time.monotonic() < deadline:
                await follower.poll(partial(ask, http))
            assert follower.ids == logged(url, follower)
    await check_books(url)


# ---- while servers stop, and are killed ----


def stop(served: Served, _: Path) -> None:
    served.stop()


def kill_the_server(served: Served, _: Path) -> None:
    processes.kill(served.process.pid)
    served.process.wait()


def kill_postgresql(_: Served, data_dir: Path) -> None:
    processes.kill(processes.postgresql(data_dir))


def kill_a_worker(served: Served, data_dir: Path) -> None:
    processes.kill(processes.workers(served.process.pid, data_dir)[0])


ENDS: tuple[Callable[[Served, Path], None], ...] = (kill_postgresql, stop, kill_a_worker, kill_the_server)


async def test_whoever_polls_while_all_is_killed_misses_nothing_and_gets_nothing_twice(place: Path) -> None:
    data_dir, scene = place / "data", Scene()
    for number, end in enumerate(ENDS):
        with serve("--data-dir", data_dir, "--workers", "2") as served:
            if number == 0:
                await prepare(served, data_dir)
            async with scene.with_server(served):
                lagging = [asyncio.to_thread(lag, data_dir, role) for role in _SLOW]
                await asyncio.gather(asyncio.sleep(1.5), *lagging)
                await asyncio.to_thread(end, served, data_dir)
                await asyncio.sleep(0.5)
    assert scene.ledger.acknowledged > WRITERS * len(ENDS)
    with serve("--data-dir", data_dir) as served:
        fast = scene.followers[2]
        assert len(fast.read) > len(logged(database(data_dir), fast)) / 2
        await assert_in_step(served, database(data_dir), scene.followers)
        assert {"ROLE_UPDATED"} <= {event["type"] for event in fast.read if event["roleKey"] in _SLOW}


async def prepare(served: Served, data_dir: Path) -> None:
    async with served.client() as http:
        await add_roles(http, *EARLY, *LATE, *_SLOW)
    with connect(database(data_dir)) as connection:
        for statement in DAWDLE:
            connection.execute(statement.encode())


# ---- from one cluster to the next ----


def pg(*arguments: str | Path, data_dir: Path) -> None:
    ran = serving.run("pg", *arguments, data_dir=data_dir)
    assert ran.returncode == 0, ran.stderr


def count_transactions_from(data_dir: Path, epoch: int) -> None:
    """As if there had been as many times 2³² of them: further than any other cluster here has come."""
    copied = list((data_dir / "binaries").rglob("pg_resetwal"))
    program = copied[0] if copied else find_programs(data_dir) / "pg_resetwal"
    cluster = data_dir / "cluster"
    owner = cluster.stat().st_uid if os.geteuid() == 0 else None
    subprocess.run([program, f"--epoch={epoch}", cluster], user=owner, check=True, capture_output=True)  # noqa: S603


async def live(data_dir: Path, scene: Scene, dump: Path) -> None:
    """Writes and reads for a while; then writes go on while a dump is taken, of which nobody reads any more."""
    scene.over = False
    with serve("--data-dir", data_dir) as served:
        await assert_in_step(served, database(data_dir), scene.followers)
        async with served.client() as http:
            writing = [asyncio.create_task(scene.write(http)) for _ in range(WRITERS)]
            following = [asyncio.create_task(scene.follow(http, follower)) for follower in scene.followers]
            await asyncio.sleep(1)
            await cancelled(following)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(pg, "pg_dump", "--format=custom", f"--file={dump}", data_dir=data_dir)
            await cancelled(writing)


async def cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)


def restore(dump: Path, data_dir: Path) -> None:
    """As documented."""
    options = ["--exit-on-error", "--single-transaction", "--dbname=roster"]
    pg("--new", "pg_restore", *options, dump, data_dir=data_dir)


def empty(data_dir: Path) -> None:
    """The next start makes the database anew, and another token, as the first was replaced elsewhere."""
    pg("psql", "--dbname=postgres", "--command=drop database roster", data_dir=data_dir)
    (data_dir / "admin.token").unlink()


async def test_a_follower_goes_on_from_its_cursor_in_a_dump_that_lives_elsewhere(place: Path) -> None:
    """In a second cluster, a third, and again in the first, each with lower or higher numbers than the one before."""
    first, second, third, dump = (place / name for name in ("first", "second", "third", "dump"))
    scene = Scene()
    for data_dir, epoch in ((first, 5), (third, 1000)):
        pg("--new", "psql", "--command=select 1", data_dir=data_dir)
        count_transactions_from(data_dir, epoch)
    with serve("--data-dir", first) as served:
        await prepare(served, first)
    await live(first, scene, dump)
    for data_dir in (second, third, first):
        if data_dir == first:
            empty(first)
        restore(dump, data_dir)
        read = len(scene.followers[0].read)
        await live(data_dir, scene, dump)
        assert len(scene.followers[0].read) > read
    with serve("--data-dir", first) as served:
        await assert_in_step(served, database(first), scene.followers)
        with connect(database(first)) as connection:
            places = connection.execute(
                "select min(transaction >> 32), max(transaction >> 32) from events group by epoch order by epoch"
            ).fetchall()
        assert places == [(5, 5), (0, 0), (1000, 1000), (5, 5)]
