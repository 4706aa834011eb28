"""`roster pg`, and with it the documented ways to back up, restore and move."""

import subprocess
from pathlib import Path

import pytest

from commands import roster
from roster.cli.pg import environment
from serving import ROSTER, serve
from serving import environment as variables


def run(*arguments: str | Path, data_dir: Path | None = None, database_url: str | None = None) -> str:
    """What it writes; it must end well."""
    given = dict(variables(database_url)) | ({"ROSTER_DATA_DIR": str(data_dir)} if data_dir else {})
    ran = subprocess.run(  # noqa: S603 -- ourselves
        [ROSTER, *arguments], env=given, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def dump(place: Path) -> Path:
    """Where a program that may run as another user could write too."""
    return place / "roster.dump"


COUNT = "select (select count(*) from users), (select count(*) from role_assignments)"


def test_a_backup_beside_a_running_server_restores_into_a_new_directory(place: Path) -> None:
    with serve("--data-dir", place / "old", "--demo"):
        run("pg", "--data-dir", place / "old", "pg_dump", "--format=custom", f"--file={dump(place)}")
        before = run("pg", "psql", "-Atc", COUNT, data_dir=place / "old")
    restore: list[str | Path] = ["--exit-on-error", "--single-transaction", "--dbname=roster", dump(place)]
    run("pg", "pg_restore", *restore, data_dir=place / "new")
    assert run("pg", "psql", "-Atc", COUNT, data_dir=place / "new") == before
    assert before.startswith("1000|")
    with serve("--data-dir", place / "new"):
        pass


def test_the_programs_exit_code_is_the_commands(place: Path) -> None:
    result = roster("pg", "psql", "-c", "nonsense", ROSTER_DATA_DIR=str(place / "new"))
    assert result.exit_code == 1


def test_what_is_no_program_is_said(place: Path) -> None:
    result = roster("pg", "../psql2", ROSTER_DATA_DIR=str(place / "new"))
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
