"""`roster pg`, and with it the documented ways to back up, restore and move."""

import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from pathlib import Path

import pytest
from sqlalchemy import make_url

import serving
from commands import roster
from postgres import connect
from roster.cli.pg import environment
from roster.embedded import EmbeddedPostgres
from serving import ROSTER, serve


def run(*arguments: str | Path, data_dir: Path | None = None, database_url: str | None = None) -> str:
    """What it writes; it must end well."""
    ran = serving.run(*arguments, data_dir=data_dir, database_url=database_url)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def made(place: Path) -> Path:
    """A directory with a database."""
    run("pg", "--new", "psql", "-c", "select 1", data_dir=place / "made")
    return place / "made"


def dump(place: Path) -> Path:
    """Where a program that may run as another user could write too."""
    return place / "roster.dump"


COUNT = "select (select count(*) from users), (select count(*) from role_assignments)"


def test_a_backup_beside_a_running_server_restores_into_a_new_directory(place: Path) -> None:
    with serve("--data-dir", place / "old", "--demo"):
        run("pg", "--data-dir", place / "old", "pg_dump", "--format=custom", f"--file={dump(place)}")
        before = run("pg", "psql", "-Atc", COUNT, data_dir=place / "old")
    restore: list[str | Path] = ["--exit-on-error", "--single-transaction", "--dbname=roster", dump(place)]
    run("pg", "--new", "pg_restore", *restore, data_dir=place / "new")
    assert run("pg", "psql", "-Atc", COUNT, data_dir=place / "new") == before
    assert before.startswith("1001|")
    with serve("--data-dir", place / "new"):
        pass


def test_the_data_moves_to_a_server_of_ones_own(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As documented, to a role that is no superuser and has a password."""
    with serve("--data-dir", place / "moving", "--demo") as before:
        pass
    run("pg", "pg_dump", "--format=custom", "--no-owner", f"--file={dump(place)}", data_dir=place / "moving")
    with EmbeddedPostgres(place / "server", durable=False) as url:
        own = make_url(url).set(drivername="postgresql", username="owner", database="moved")
        with connect(url, autocommit=True) as superuser:
            superuser.execute("create role owner login password 'p@ss/w:rd'")
            superuser.execute("create database moved owner owner encoding 'UTF8' template template0")
            hba = place / "server/cluster/pg_hba.conf"
            hba.write_text(f"local all owner scram-sha-256\n{hba.read_text()}")
            superuser.execute("select pg_reload_conf()")
        (place / "password").write_text("p@ss/w:rd\n")
        monkeypatch.setenv("ROSTER_DATABASE_PASSWORD_FILE", str(place / "password"))
        there = own.render_as_string()
        restore = [
            "--exit-on-error",
            "--single-transaction",
            "--no-owner",
            "--dbname=moved",
            str(dump(place)),
        ]
        run("pg", "pg_restore", *restore, database_url=there)
        run("doctor", database_url=there)
        # Tokens move with the rest.
        with serve(database_url=there, token=before.token) as served:
            query = "{ users(includeArchived: true, first: 1) { totalCount nodes { displayName roles { key } } } }"
            users = served.ask(query)["users"]
    assert users["totalCount"] == 1001
    assert users["nodes"][0]["displayName"] == "Ada Lovelace"


def test_the_programs_exit_code_is_the_commands(made: Path) -> None:
    result = roster("pg", "psql", "-c", "nonsense", ROSTER_DATA_DIR=str(made))
    assert result.exit_code == 1


def test_a_mistyped_directory_is_not_backed_up(place: Path) -> None:
    result = roster("pg", "--data-dir", place / "typo", "pg_dump")
    assert result.exit_code == 1
    assert result.stderr == f"There is no database in {place / 'typo'}. --new makes one.\n"
    assert not (place / "typo").exists()


def test_ctrl_c_is_for_the_program(made: Path) -> None:
    """In psql it ends a statement, and the session goes on."""
    leader, follower = pty.openpty()
    with subprocess.Popen(  # noqa: S603 -- ourselves
        [str(ROSTER), "pg", "--data-dir", str(made), "psql", "--no-psqlrc", "--pset=pager=off"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=serving.environment(None),
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 -- Ctrl-C comes from a terminal
    ) as process:
        os.close(follower)
        try:
            read_until(leader, "roster=#")
            os.write(leader, b"select pg_sleep(60);\n")
            read_until(leader, "pg_sleep(60);")
            time.sleep(0.5)
            os.write(leader, b"\x03")
            read_until(leader, "canceling statement")
            os.write(leader, b"select 6 * 7 as answer;\n")
            read_until(leader, "42")
            os.write(leader, b"\\q\n")
            assert process.wait(30) == 0
        finally:
            os.close(leader)  # Hangs up, if it goes on.


def read_until(terminal: int, expected: str) -> None:
    seen = ""
    while expected not in seen:
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, seen
        seen += os.read(terminal, 4096).decode(errors="replace")


def test_variables_of_another_server_are_not_heeded(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGHOSTADDR": "192.0.2.1", "PGSERVICE": "other", "PGSSLMODE": "require"}.items():
        monkeypatch.setenv(name, value)
    assert run("pg", "--data-dir", made, "psql", "-Atc", "select 42") == "42\n"


def test_what_is_no_program_is_said(made: Path) -> None:
    result = roster("pg", "../psql2", ROSTER_DATA_DIR=str(made))
    assert result.exit_code == 2
    assert result.stderr.startswith("../psql2 is not a program of PostgreSQL")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql+psycopg://ada:p%40ss@db.example.org:5433/roster?sslmode=require",
            {
                "PGUSER": "ada",
                "PGPASSWORD": "p@ss",
                "PGHOST": "db.example.org",
                "PGPORT": "5433",
                "PGDATABASE": "roster",
                "PGSSLMODE": "require",
            },
        ),
        (
            "postgresql+psycopg://roster@/roster?host=%2Ftmp%2Fx&port=5432",
            {"PGUSER": "roster", "PGHOST": "/tmp/x", "PGPORT": "5432", "PGDATABASE": "roster"},  # noqa: S108
        ),
    ],
)
def test_programs_find_the_database_by_the_environment(url: str, expected: dict[str, str]) -> None:
    assert environment(url) == expected
