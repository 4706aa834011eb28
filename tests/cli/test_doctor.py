"""`roster doctor`: each thing that can be wrong is found, and said with what to do."""

import json
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from commands import roster
from postgres import connect
from roster.cli import doctor
from roster.data.inspection import Inspection, inspect
from roster.embedded import EmbeddedPostgres
from serving import serve


def findings(result: Result) -> dict[str, dict[str, Any]]:
    return {finding["check"]: finding for finding in json.loads(result.stdout)}


def problems(result: Result) -> dict[str, str]:
    return {
        check: finding["found"] for check, finding in findings(result).items() if finding["verdict"] != "ok"
    }


def test_before_the_first_start_all_is_well(place: Path) -> None:
    result = roster("doctor", "--data-dir", place / "none")
    assert result.exit_code == 0
    assert f"✓ database     none yet in {place / 'none'}\n" in result.stdout
    assert not (place / "none").exists()


def test_all_is_well_beside_a_running_server_and_without(place: Path) -> None:
    with serve("--data-dir", place / "data"):
        beside = roster("doctor", "--data-dir", place / "data", "--json")
    for result in (beside, roster("doctor", "--data-dir", place / "data", "--json")):
        assert result.exit_code == 0
        assert problems(result) == {}
        assert list(findings(result)) == [
            "Roster",
            "settings",
            "disk",
            "programs",
            "PostgreSQL",
            "migrations",
        ]


def test_mistakes_in_the_settings_are_found() -> None:
    result = roster("doctor", "--json", ROSTER_PROT="1", ROSTER_WORKERS="0")
    assert result.exit_code == 1
    assert [finding["found"] for finding in json.loads(result.stdout)[1:]] == [
        "ROSTER_PROT is not a setting. Did you mean ROSTER_PORT?",
        "ROSTER_WORKERS: Input should be greater than or equal to 1",
    ]


def test_a_database_that_does_not_answer_is_found() -> None:
    result = roster("doctor", "--json", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert result.exit_code == 1
    assert "Connection refused" in problems(result)["database"]


def test_a_directory_that_cannot_be_served_is_found(place: Path) -> None:
    cluster = place / "old/cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("17\n")
    result = roster("doctor", "--json", "--data-dir", place / "old")
    assert result.exit_code == 1
    assert "was written by PostgreSQL 17" in problems(result)["programs"]


def test_what_a_database_lacks_is_found(place: Path) -> None:
    with EmbeddedPostgres(place / "bare", durable=False) as url:
        result = roster("doctor", "--json", DATABASE_URL=url, ROSTER_WORKERS="9", ROSTER_POOL_SIZE="20")
        assert result.exit_code == 1
        assert problems(result) == {
            "connections": "9 workers with 20 each are wanted, the server allows 97",
            "durability": "fsync or full_page_writes is off",
            "migrations": "The database is older than this version of Roster: run `roster migrate`.",
        }
        assert findings(result)["durability"]["verdict"] == "warning"


def test_a_database_of_another_version_and_encoding_or_a_damaged_one_is_found(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such server is at hand, so what one would answer is given."""
    seen = inspect(server_url)
    assert seen == replace(seen, major=18, encoding="UTF8", checksums=True, checksum_failures=0)
    other = replace(seen, version="15.4", major=15, encoding="SQL_ASCII", checksum_failures=2, durable=True)

    def answered(_: str) -> Inspection:
        return other

    monkeypatch.setattr(doctor, "inspect", answered)
    result = roster("doctor", "--json", DATABASE_URL=server_url)
    assert result.exit_code == 1
    found = problems(result)
    assert (found["PostgreSQL"], found["encoding"]) == ("15.4", "SQL_ASCII")
    assert found["checksums"] == "2 pages are damaged"


def test_a_file_in_the_place_of_the_directory_is_found(place: Path) -> None:
    (place / "file").touch()
    result = roster("doctor", "--json", "--data-dir", place / "file")
    assert problems(result)["directory"] == f"{place / 'file'} is a file"


@pytest.mark.parametrize(("free", "verdict"), [(2e9, "ok"), (5e8, "warning"), (5e7, "problem")])
def test_little_room_on_the_disk_is_found(
    place: Path, monkeypatch: pytest.MonkeyPatch, free: float, verdict: str
) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 -- as shutil's
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1e12, 0, free))
    result = roster("doctor", "--json", "--data-dir", place / "none")
    assert findings(result)["disk"]["verdict"] == verdict
    assert result.exit_code == (verdict == "problem")


def test_a_database_of_a_newer_version_is_found(place: Path) -> None:
    with EmbeddedPostgres(place / "newer", durable=False) as url:
        assert roster("migrate", DATABASE_URL=url).exit_code == 0
        with connect(url) as connection:
            connection.execute("update alembic_version set version_num = 'of the future'")
        result = roster("doctor", "--json", DATABASE_URL=url)
        assert problems(result)["migrations"].startswith("The database was migrated by a newer version")
