"""The embedded server, for real: what is promised about its data, its processes and its directories."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import make_url

from postgres import ask, connect, kill, own, postmaster, running, wait_until
from roster.embedded import EmbeddedPostgres, EmbeddedPostgresError, programs, running_url

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="no /proc, and no signal at a parent's death")


@pytest.fixture(scope="module")
def data_dir(place: Path) -> Path:
    """One directory for all tests, made over one whose initdb was killed midway: making it takes a second."""
    directory = place / "data"
    with own(directory) as owner:
        wait_until((directory / "cluster.new/PG_VERSION").exists)
        kill(owner)
    assert not (directory / "cluster").exists()
    with EmbeddedPostgres(directory, durable=False) as url:
        assert ask(url, "show fsync") == "off"
    return directory


def test_serves_postgresql_18_with_builtin_locale_and_checksums(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as url:
        assert str(ask(url, "select version()")).startswith("PostgreSQL 18.")
        assert ask(url, "show data_checksums") == "on"
        assert ask(url, "show timezone") == "UTC"
        assert ask(url, "show fsync") == "on"
        assert ask(url, "show listen_addresses") == ""
        provider = "select concat(datlocprovider, ' ', datlocale) from pg_database where datname = 'roster'"
        assert ask(url, provider) == "b C.UTF-8"


def test_trigrams_see_letters_beyond_ascii(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as url, connect(url) as connection:
        connection.execute("create extension pg_trgm")
        assert connection.execute("select similarity('Łódź', 'Dźdź') < 1").fetchone() == (True,)
        connection.rollback()


def test_data_survives_a_restart_and_stop_may_be_repeated(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, durable=False)
    with server as url, connect(url) as connection:
        connection.execute("create table kept as select 42 as answer")
    server.stop()
    with server as url:
        assert ask(url, "select answer from kept") == 42


def test_no_process_and_no_socket_is_left_after_stop(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as url, connect(url) as connection:
        rows = connection.execute("select pid from pg_stat_activity").fetchall()
        pids = [postmaster(data_dir), *(row[0] for row in rows)]
    assert len(pids) > 4
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert not Path(str(make_url(url).query["host"])).exists()


def test_only_the_servers_user_can_enter_the_sockets_directory(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as url:
        directory = Path(str(make_url(url).query["host"]))
        status = directory.stat()
        assert stat.S_IMODE(status.st_mode) == 0o700
        assert status.st_uid == (data_dir / "cluster").stat().st_uid
        assert len(str(directory / ".s.PGSQL.5432")) < 103


def test_a_second_server_on_the_directory_is_refused(data_dir: Path) -> None:
    first = EmbeddedPostgres(data_dir)
    with first as url:
        for server in (EmbeddedPostgres(data_dir), first):
            with pytest.raises(EmbeddedPostgresError, match=rf"{data_dir} is in use .* --data-dir"):
                server.start()
        assert ask(url, "select 1") == 1


def test_acknowledged_data_survives_the_death_of_the_server(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    with server as url:
        with connect(url) as connection:
            connection.execute("create table acknowledged as select 42 as answer")
        os.kill(postmaster(data_dir), signal.SIGKILL)
    with server as url:
        assert ask(url, "select answer from acknowledged") == 42


@pytest.fixture
def crashed(data_dir: Path) -> Path:
    """The directory as a killed server leaves it."""
    server = EmbeddedPostgres(data_dir)
    with server:
        os.kill(postmaster(data_dir), signal.SIGKILL)
        wait_until(server.is_lost)
    assert (data_dir / "cluster/postmaster.pid").exists()
    return data_dir


def renumber(data_dir: Path, pid: int) -> None:
    """Let the process be the one that the crashed server's pid file names."""
    file = data_dir / "cluster/postmaster.pid"
    _, *rest = file.read_text().splitlines(keepends=True)
    file.write_text("".join([f"{pid}\n", *rest]))


@LINUX
def test_a_crashed_servers_number_may_be_another_programs(crashed: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"], user=(crashed / "cluster").stat().st_uid) as other:
        renumber(crashed, other.pid)
        try:
            with EmbeddedPostgres(crashed) as url:
                assert ask(url, "select 1") == 1
        finally:
            other.kill()


@LINUX
def test_a_crashed_servers_number_may_be_that_of_another_postgresql(crashed: Path, place: Path) -> None:
    with EmbeddedPostgres(place / "another", durable=False):
        renumber(crashed, postmaster(place / "another"))
        with EmbeddedPostgres(crashed) as url:
            assert ask(url, "select 1") == 1


@LINUX
def test_a_crashed_servers_number_may_be_a_zombies(crashed: Path) -> None:
    with subprocess.Popen(["/bin/true"], user=(crashed / "cluster").stat().st_uid) as zombie:
        wait_until(lambda: not running(zombie.pid))
        renumber(crashed, zombie.pid)
        with EmbeddedPostgres(crashed) as url:
            assert ask(url, "select 1") == 1


@LINUX
def test_a_server_that_somebody_started_by_hand_is_respected(
    crashed: Path,
) -> None:
    """It is not under our locks: the pid file alone tells of it."""
    with EmbeddedPostgres(crashed, durable=False):
        pid = postmaster(crashed)
        for lock in ("owner.lock", "server.lock"):
            (crashed / lock).rename(crashed / f"{lock}.theirs")
        with pytest.raises(EmbeddedPostgresError, match=rf"did not come up(?s:.*)PID {pid}"):
            EmbeddedPostgres(crashed).start()
        assert running(pid)
    for lock in ("owner.lock", "server.lock"):
        (crashed / f"{lock}.theirs").replace(crashed / lock)


def test_waiting_for_recovery_is_told(crashed: Path) -> None:
    told: list[str] = []
    with EmbeddedPostgres(crashed, tell=told.append):
        pass
    with EmbeddedPostgres(crashed, tell=told.append):
        pass
    assert told == ["PostgreSQL was not shut down last time: it recovers first"]


def test_a_server_that_died_is_started_again_at_the_same_address(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    with server as url:
        assert not server.is_lost()
        with connect(url) as connection:
            connection.execute("create table before_it_died as select 42 as answer")
        os.kill(postmaster(data_dir), signal.SIGKILL)
        wait_until(server.is_lost)
        start_again(server)
        assert not server.is_lost()
        assert ask(url, "select answer from before_it_died") == 42
    assert not (data_dir / "cluster/postmaster.pid").exists()


def test_a_socket_that_someone_cleaned_up_is_made_again_at_the_same_address(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    with server as url:
        shutil.rmtree((data_dir / "socket").readlink())
        assert server.is_lost()
        server.start_again()
        assert not server.is_lost()
        assert ask(url, "select 1") == 1
        assert stat.S_IMODE((data_dir / "socket").readlink().stat().st_mode) == 0o700


def test_a_server_that_cannot_be_started_again_says_so_each_time(place: Path) -> None:
    server = EmbeddedPostgres(place / "removed", durable=False)
    with server:
        (place / "removed").rename(place / "elsewhere")
        os.kill(int((place / "elsewhere/cluster/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        wait_until(server.is_lost)
        for _ in range(2):
            with pytest.raises(EmbeddedPostgresError, match="Cannot run PostgreSQL in"):
                server.start_again()
        (place / "elsewhere").rename(place / "removed")
        start_again(server)
        assert not server.is_lost()


def test_a_server_that_hangs_is_killed_in_the_end(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roster.embedded.processes._SHUT_DOWN_SECONDS", 0.3)
    with EmbeddedPostgres(data_dir):
        pid = postmaster(data_dir)
        os.kill(pid, signal.SIGSTOP)
    assert not running(pid)
    with EmbeddedPostgres(data_dir) as url:
        assert ask(url, "select 1") == 1


def test_a_temporary_directory_that_postgresql_cannot_read_is_not_used(
    data_dir: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = place / "it's, odd"
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    with EmbeddedPostgres(data_dir) as url:
        assert ask(url, "select 1") == 1
        assert (data_dir / "socket").readlink().parent == Path("/tmp")  # noqa: S108 -- a private one is made in it


def start_again(server: EmbeddedPostgres) -> None:
    """PostgreSQL refuses as long as a session of the dead server has not noticed its death."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return server.start_again()
        except EmbeddedPostgresError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@LINUX
def test_the_server_ends_when_its_owner_is_killed(data_dir: Path) -> None:
    with own(data_dir) as owner:
        assert owner.stdout
        left = Path(str(make_url(owner.stdout.readline().strip()).query["host"]))
        pid = postmaster(data_dir)
        assert running(pid)
        os.kill(pid, signal.SIGSTOP)  # It cannot shut down before we let it.
        kill(owner)
    threading.Timer(0.2, os.kill, (pid, signal.SIGCONT)).start()
    with EmbeddedPostgres(data_dir) as url:  # Waits for the old server's end.
        assert not running(pid)
        assert ask(url, "select 1") == 1
        assert not left.exists()  # What the killed owner could not remove.


def test_the_server_ends_by_a_watcher_where_a_child_cannot_ask_for_a_signal(data_dir: Path) -> None:
    with own(data_dir, "watched") as owner:
        assert owner.stdout
        owner.stdout.readline()
        pid = postmaster(data_dir)
        kill(owner)
    wait_until(lambda: not running(pid))
    assert not (data_dir / "cluster/postmaster.pid").exists()  # It was shut down.


def test_a_watcher_ends_with_the_server_it_watches(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roster.embedded.processes._prctl", None)
    with EmbeddedPostgres(data_dir) as url:
        assert ask(url, "select 1") == 1
    with EmbeddedPostgres(data_dir) as url:  # Had it not ended, it would hold the lock.
        assert ask(url, "select 1") == 1


def test_a_forked_child_that_disowned_it_leaves_the_directory_to_the_next_owner(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    child = os.fork()
    if child == 0:  # pragma: no cover -- another process
        server.disown()
        time.sleep(60)
        os._exit(0)
    try:
        server.stop()
        time.sleep(0.1)
        threading.Timer(0.3, os.kill, (child, signal.SIGKILL)).start()
        with EmbeddedPostgres(data_dir) as url:  # Waits for the child, and does not take it for an owner.
            assert ask(url, "select 1") == 1
    finally:
        os.waitpid(child, 0)


def test_another_process_finds_the_running_server(data_dir: Path) -> None:
    assert running_url(data_dir) is None
    with own(data_dir) as owner:
        assert owner.stdout
        url = owner.stdout.readline().strip()
        assert running_url(data_dir) == url
        assert (data_dir / "socket/.s.PGSQL.5432").is_socket()
        kill(owner)
    assert running_url(data_dir) is None


def test_as_many_sessions_as_asked_for_and_some_for_operators(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, connections=130) as url:
        assert ask(url, "show max_connections") == "150"


def test_the_data_directory_may_have_a_long_path(place: Path) -> None:
    long = place / ("a" * 100) / ("b" * 100)
    with EmbeddedPostgres(long, durable=False) as url:
        assert ask(url, "select 1") == 1


def test_nothing_is_left_of_an_initdb_killed_midway(data_dir: Path) -> None:
    ours = {"cluster", "owner.lock", "server.lock", "server.log"}  # And no socket: no server runs.
    assert {path.name for path in data_dir.iterdir()} - {"binaries"} == ours


def test_directories_that_are_not_ours_stay_as_they_are(place: Path, data_dir: Path) -> None:
    def found() -> list[tuple[Path, int, int, int]]:
        installed = programs.of_wheel()
        assert installed
        all_of_them = [place, *place.parents, installed.programs, *installed.programs.parents]
        statuses = [(path, path.stat()) for path in all_of_them]
        return [(path, status.st_mode, status.st_uid, status.st_gid) for path, status in statuses]

    before = found()
    with EmbeddedPostgres(data_dir):
        assert found() == before
    assert found() == before


def test_a_data_directory_out_of_reach_is_named(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0)  # Root can enter it all the same, its server cannot.
    with pytest.raises(EmbeddedPostgresError, match=rf"{closed}\b.*--data-dir"):
        EmbeddedPostgres(closed / "data").start()
    assert stat.S_IMODE(closed.stat().st_mode) == 0
    closed.chmod(0o700)


@pytest.mark.parametrize("name", ["PG_VERSION", "pyproject.toml"])
def test_a_directory_that_is_not_ours_is_not_touched(place: Path, name: str) -> None:
    """Another program's database, or where somebody happens to be."""
    theirs = place / f"theirs of {name}"
    theirs.mkdir()
    (theirs / name).touch()
    with pytest.raises(
        EmbeddedPostgresError, match=r"is not empty, and what is in it is not Roster's.*--data-dir"
    ):
        EmbeddedPostgres(theirs).start()
    assert [path.name for path in theirs.iterdir()] == [name]


def test_a_server_that_does_not_come_up_leaves_its_last_words_and_nothing_else(data_dir: Path) -> None:
    settings = data_dir / "cluster/postgresql.auto.conf"
    before = settings.read_bytes()
    settings.write_text("max_connections = none\n")
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)did not come up.*server\.log.*max_connections"):
        EmbeddedPostgres(data_dir).start()
    settings.write_bytes(before)
    with EmbeddedPostgres(data_dir) as url:
        assert ask(url, "select 1") == 1
