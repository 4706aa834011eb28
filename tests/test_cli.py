"""The `roster` command: what it refuses and says, and that a server that it starts answers, and ends when asked to."""

import fcntl
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from roster.cli import main
from serving import serve

SCHEMA = Path(__file__).parents[1] / "schema.graphql"


@pytest.fixture
def data_dir(place: Path) -> Iterator[Path]:
    yield place / "data"
    shutil.rmtree(place / "data")


def roster(*arguments: str | Path, database_url: str | None = None) -> Result:
    return CliRunner().invoke(
        main, [str(argument) for argument in arguments], env={"DATABASE_URL": database_url}
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "0", "::", "192.0.2.1", "2001:db8::1", ""])  # noqa: S104 -- refused
def test_serve_refuses_an_address_that_others_can_reach(host: str) -> None:
    result = roster("serve", "--host", host)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"--host: {host} is not a loopback address.")


@pytest.fixture
def sigterm() -> Iterator[None]:
    """What SIGTERM does to the tests is left as it was."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("sigterm")
def test_serve_says_why_it_cannot_run_postgresql(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "PG_VERSION").write_text("17\n")
    result = roster("serve", "--data-dir", data_dir)
    assert result.exit_code == 1
    assert result.stderr.endswith(
        f"{data_dir} is another program's database."
        " Choose another directory with --data-dir, or set DATABASE_URL.\n"
    )


def test_serve_on_an_embedded_server_answers_and_ends_when_asked_to(data_dir: Path) -> None:
    """By SIGTERM and by SIGINT, and what was written before is there after."""
    for number, asked in enumerate([signal.SIGTERM, signal.SIGINT]):
        with serve("--data-dir", data_dir) as served:
            with httpx.Client(base_url=served.url, timeout=60) as http:
                add = f'mutation {{ addRole(input: {{key: "ROLE_{number}"}}) {{ role {{ key }} }} }}'
                added = http.post("/graphql", json={"query": add}).json()
                listed = http.post("/graphql", json={"query": "{ roles { nodes { key } } }"}).json()
            assert added == {"data": {"addRole": {"role": {"key": f"ROLE_{number}"}}}}
            keys = [role["key"] for role in listed["data"]["roles"]["nodes"]]
            assert keys == ["ADMIN", "ROLE_0", "ROLE_1"][: number + 2]
            socket_directory = Path((data_dir / "cluster/postmaster.pid").read_text().splitlines()[4])
            assert socket_directory.is_dir()
            served.process.send_signal(asked)
            out, err = served.process.communicate(timeout=60)
        assert served.process.returncode == 0
        assert out.startswith(f"API and playground: {served.url}/graphql\n")
        assert f"Starting PostgreSQL in {data_dir}" in err
        assert not socket_directory.exists()
        assert_no_process_is_left(data_dir)


def assert_no_process_is_left(data_dir: Path) -> None:
    """The owner and every PostgreSQL process hold this lock as long as they live."""
    assert not (data_dir / "cluster/postmaster.pid").exists()
    with (data_dir / "server.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("database_url", [None, ""])
def test_migrate_without_a_database_says_what_to_do(database_url: str | None) -> None:
    result = roster("migrate", database_url=database_url)
    assert result.exit_code == 2
    assert result.stderr == (
        "DATABASE_URL is not set. An embedded PostgreSQL is brought up to date by `roster serve`.\n"
    )


def test_schema_print_prints_the_schema_in_the_repository() -> None:
    result = roster("schema", "print")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == SCHEMA.read_text()


def test_schema_check_accepts_the_schema_in_the_repository() -> None:
    result = roster("schema", "check", SCHEMA)
    assert (result.exit_code, result.output) == (0, "")


def test_schema_check_shows_the_difference_to_another(tmp_path: Path) -> None:
    other = tmp_path / "schema.graphql"
    other.write_text(SCHEMA.read_text().replace("  emailVerifiedAt: DateTime\n", "  verifiedAt: DateTime\n"))
    result = roster("schema", "check", other)
    assert result.exit_code == 1
    changed = [line for line in result.stderr.splitlines() if re.match(r"[+-] ", line)]
    # In User, in CreateUserInput and in UpdateUserInput.
    assert changed == ["-  verifiedAt: DateTime", "+  emailVerifiedAt: DateTime"] * 3
    assert result.stderr.endswith(
        f"{other} is not the schema of this version: `roster schema print > {other}`\n"
    )


@pytest.mark.parametrize("arguments", [[], ["schema"]])
def test_without_a_command_the_help_is_shown(arguments: list[str]) -> None:
    result = roster(*arguments)
    assert result.exit_code == 2
    assert "Usage: roster" in result.output


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://nobody@127.0.0.1:1/nothing", "The database could not be brought up to date"),
    ],
)
def test_a_database_that_cannot_be_reached_is_a_message(
    url: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    result = CliRunner().invoke(main, ["migrate"])
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output
