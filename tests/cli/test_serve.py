"""`roster serve`: what it refuses and says, that it answers, heals and ends."""

import fcntl
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from commands import roster
from postgres import connect, postmaster, running, wait_until
from roster import __version__
from roster.cli.workers import STOP_SIGNALS
from roster.embedded import EmbeddedPostgres
from serving import Served, free_port, make_administrator, serve, start


@pytest.fixture
def data_dir(place: Path) -> Iterator[Path]:
    yield place / "data"
    shutil.rmtree(place / "data")


@pytest.fixture
def own_process() -> Iterator[None]:
    """What a signal does, and where the log goes, is left as it was: `serve` expects a process of its own."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    kept = {each: signal.getsignal(each) for each in STOP_SIGNALS}
    yield
    for each, handler in kept.items():
        signal.signal(each, handler)
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def worker(served: Served, data_dir: Path) -> int:
    (found,) = set(children(served.process.pid)) - {postmaster(data_dir)}
    return found


def test_an_address_that_others_can_reach_is_refused_without_access_control() -> None:
    result = roster("serve", "--host", "192.0.2.1", ROSTER_ACCESS_CONTROL="false")
    assert result.exit_code == 2
    assert result.stderr.startswith("--host: 192.0.2.1 is not a loopback address, ")


@pytest.mark.usefixtures("own_process")
def test_a_port_in_use_is_said_before_anything_is_started(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = roster("serve", "--port", str(port), "--data-dir", place / "nothing")
    assert result.exit_code == 1
    said = f"Cannot listen on 127.0.0.1, port {port}: Address already in use. Choose another with --port."
    assert said in result.stderr
    assert not (place / "nothing").exists()


@pytest.mark.usefixtures("own_process")
def test_why_postgresql_cannot_run_is_said(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "PG_VERSION").write_text("17\n")
    result = roster("serve", "--port", "0", "--data-dir", data_dir)
    assert result.exit_code == 1
    assert f"{data_dir} is not empty, and what is in it is not Roster's." in result.stderr


@pytest.mark.usefixtures("own_process")
def test_a_database_that_cannot_be_reached_is_said() -> None:
    result = roster("serve", "--port", "0", DATABASE_URL="postgresql://nobody:secret@127.0.0.1:1/nothing")
    assert result.exit_code == 1
    assert "The database could not be brought up to date: connection failed" in result.stderr
    assert "secret" not in result.output


def test_it_answers_and_ends_when_asked_to(data_dir: Path) -> None:
    """By any of three signals, and what was written before is there after."""
    for number, asked in enumerate([signal.SIGTERM, signal.SIGINT, signal.SIGHUP]):
        with serve("--data-dir", data_dir) as served:
            key = f"ROLE_{number}"
            assert served.ask(f'mutation {{ addRole(input: {{key: "{key}"}}) {{ role {{ key }} }} }}') == {
                "addRole": {"role": {"key": key}}
            }
            keys = [role["key"] for role in served.ask("{ roles { nodes { key } } }")["roles"]["nodes"]]
            assert keys == ["ADMIN", "ROLE_0", "ROLE_1", "ROLE_2"][: number + 2]
            socket_directory = (data_dir / "socket").readlink()
            assert socket_directory.is_dir()
            out = served.stop(asked)
            assert f"Starting PostgreSQL in {data_dir}" in served.logged()
        assert out.startswith(f"API and playground: {served.url}/graphql#token={served.token}\n")
        assert not socket_directory.exists()
        assert_no_process_is_left(data_dir)


def assert_no_process_is_left(data_dir: Path) -> None:
    """The owner and every process of its own hold this lock as long as they live."""
    assert not (data_dir / "cluster/postmaster.pid").exists()
    with (data_dir / "server.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_line_for_the_shell_works_as_it_stands(place: Path) -> None:
    """In any directory, whatever it is called."""
    data_dir = place / 'it\'s "one" $of (mine)'
    with serve("--data-dir", data_dir) as served:
        (line,) = re.findall(r"From a shell: (.*)", first_lines(served))
        ran = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True, cwd="/")  # noqa: S603
        # Which every user of the machine could read among the processes.
        assert served.token not in line
    (role,) = json.loads(ran.stdout)["data"]["roles"]["nodes"]
    assert role == {"key": "ADMIN", "name": "Administrator", "holderCount": 1}


def first_lines(served: Served) -> str:
    assert served.process.stdout
    return served.process.stdout.readline() + served.process.stdout.readline()


def test_whoever_opens_the_address_alone_gets_the_playground(database_url: str) -> None:
    with serve(database_url=database_url) as served:
        page = httpx.get(served.url, follow_redirects=True)
        assert (str(page.url), page.status_code) == (f"{served.url}/graphql", 200)


def test_other_hosts_are_answered_if_they_are_named(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSTER_ALLOWED_HOSTS", "api,roster.internal")
    with serve(database_url=database_url) as served:
        hosts = ("api", "roster.internal:8000", "localhost", "example.org")
        statuses = [
            httpx.get(f"{served.url}/health/live", headers={"host": host}).status_code for host in hosts
        ]
    assert statuses == [200, 200, 200, 421]


def test_it_says_when_it_is_ready_and_not_before(database_url: str) -> None:
    with serve(database_url=database_url) as served:
        assert served.is_ready()
        wait_until(lambda: f"Roster {__version__} is ready after " in served.logged())


@pytest.mark.faults
@pytest.mark.parametrize("which", ["a worker", "PostgreSQL"])
def test_what_is_killed_is_started_again(data_dir: Path, which: str) -> None:
    with serve("--data-dir", data_dir) as served:
        served.ask('mutation { addRole(input: {key: "BEFORE"}) { role { key } } }')
        killed = worker(served, data_dir) if which == "a worker" else postmaster(data_dir)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: not running(killed))
        wait_until(served.is_ready)
        keys = [role["key"] for role in served.ask("{ roles { nodes { key } } }")["roles"]["nodes"]]
        assert keys == ["ADMIN", "BEFORE"]
        assert killed not in children(served.process.pid)
        assert len(children(served.process.pid)) == 2
        served.stop()
    assert_no_process_is_left(data_dir)


@pytest.mark.faults
def test_to_be_asked_to_end_while_a_worker_is_replaced_ends_all(database_url: str) -> None:
    """The moment of a fork is one in which Python swallows what a signal raises."""
    for _ in range(8):
        with serve(database_url=database_url) as served:
            (first,) = children(served.process.pid)
            os.kill(first, signal.SIGKILL)
            started = await_another(served, first)
            served.stop()
        assert not any(running(pid) for pid in started)


def await_another(served: Served, first: int) -> list[int]:
    wait_until(lambda: bool(set(children(served.process.pid)) - {first}))
    return children(served.process.pid)


def test_a_database_of_a_newer_version_is_refused(place: Path) -> None:
    with EmbeddedPostgres(place / "newer", durable=False) as url:
        assert roster("migrate", DATABASE_URL=url).exit_code == 0
        with connect(url) as connection:
            connection.execute("update alembic_version set version_num = 'of the future'")
        result = roster("migrate", DATABASE_URL=url)
    assert result.exit_code == 1
    assert "The database was migrated by a newer version of Roster" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.faults
def test_nothing_is_left_running_when_the_owner_is_killed(data_dir: Path) -> None:
    with serve("--data-dir", data_dir, "--workers", "3") as served:
        started = children(served.process.pid)
        assert len(started) == 4
        os.kill(served.process.pid, signal.SIGKILL)
        wait_until(lambda: not any(running(pid) for pid in started))
    assert_no_process_is_left(data_dir)


def test_a_request_under_way_is_answered_before_the_end(own_url: str) -> None:
    token = make_administrator(own_url)
    with (
        serve(database_url=own_url, token=token) as served,
        httpx.Client(base_url=served.url, headers=served.headers, timeout=60) as http,
    ):
        body = b'{"query": "{ roles { nodes { key } } }"}'

        def slowly() -> Iterator[bytes]:
            yield body[:10]
            served.process.terminate()
            time.sleep(0.5)
            yield body[10:]

        headers = {"content-type": "application/json", "content-length": str(len(body))}
        answer = http.post("/graphql", content=slowly(), headers=headers)
        assert answer.json()["data"]["roles"]["nodes"] == [{"key": "ADMIN"}]
        assert served.process.wait(30) == 0


@pytest.mark.faults
def test_a_request_that_takes_longer_than_the_end_is_told_so(own_url: str) -> None:
    begun = (
        b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n"
        b'authorization: Bearer %s\r\n\r\n{"query"' % make_administrator(own_url).encode()
    )
    with serve(database_url=own_url) as served:
        with socket.create_connection(("127.0.0.1", httpx.URL(served.url).port or 0), timeout=30) as client:
            client.sendall(begun)
            served.process.terminate()
            with client.makefile("rb") as answer:
                head, _, body = answer.read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        (error,) = json.loads(body)["errors"]
        assert error["extensions"] == {"code": "UNAVAILABLE"}
        assert served.process.wait(30) == 0
        assert "Traceback" not in served.logged()


def test_the_demo_fills_an_empty_directory_and_no_other(data_dir: Path) -> None:
    count = "{ users(includeArchived: true, first: 1) { totalCount } }"
    for said in ("Added 1,000 sample users", "no sample users were added"):
        with serve("--data-dir", data_dir, "--demo") as served:
            assert served.ask(count) == {"users": {"totalCount": 1001}}
            assert said in served.logged()


def test_of_two_on_one_directory_the_second_says_why_not(data_dir: Path) -> None:
    with serve("--data-dir", data_dir):
        second = start("serve", "--data-dir", data_dir, "--port", str(free_port()))
        _, said = second.communicate(timeout=60)
        assert second.returncode == 1
        assert f"{data_dir} is in use by another Roster. Choose another directory with --data-dir" in said
