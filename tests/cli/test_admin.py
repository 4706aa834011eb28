"""`roster admin create`: the first administrator, once."""

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from acting import acting
from commands import roster
from postgres import connect, wait_until
from roster.cli import directories
from roster.data import migrations
from roster.data.db import Database
from roster.domain.instants import now
from roster.domain.roles import RoleKey, RoleRef
from roster.domain.tokens import is_secret
from roster.domain.users import UserKey, UserRef, UserStatus
from roster.services.administrators import is_administrator
from serving import start

ADA = UserRef(key=UserKey.EMAIL, value="ada@example.org")
ADMIN = RoleRef(key=RoleKey.KEY, value="ADMIN")
_HOLDERS = """
select kind, email, username, external_id, expires_at from users join role_assignments on users.id = user_id
where ended_at is null
"""
_WAITING = (
    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'roster'"
)


@pytest.fixture
def url(own_url: str) -> str:
    """Of a database with nobody in it."""
    migrations.upgrade(own_url)
    return own_url


def rows(url: str, query: str) -> list[Any]:
    with connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def lets_in(url: str, secret: str) -> bool:
    return directories.run(url, lambda db: is_administrator(db, secret, now()))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--email", "Ada@Example.org"], ("PERSON", "ada@example.org", None, None, None)),
        (["--username", "deploy-bot"], ("SERVICE", None, "deploy-bot", None, None)),
        (
            ["--email", "ada@example.org", "--username", "ada", "--external-id", "hr-1815"],
            ("PERSON", "ada@example.org", "ada", "hr-1815", None),
        ),
    ],
)
def test_it_makes_an_administrator_and_prints_a_token(url: str, options: list[str], expected: object) -> None:
    result = roster("admin", "create", *options, DATABASE_URL=url)
    assert result.exit_code == 0
    assert rows(url, _HOLDERS) == [expected]
    secret = result.stdout.removesuffix("\n")
    assert is_secret(secret)
    assert secret not in result.stderr
    assert "There is an administrator now: the token is theirs, and shown once" in result.stderr
    assert lets_in(url, secret)


@pytest.mark.parametrize(("options", "days"), [([], 30), (["--days", "1"], 1), (["--days", "366"], 366)])
def test_the_token_lasts_as_long_as_asked_for(url: str, options: list[str], days: int) -> None:
    assert roster("admin", "create", "--username", "ada", *options, DATABASE_URL=url).exit_code == 0
    ((lasts,),) = rows(url, "select expires_at - created_at from api_tokens")
    assert lasts == timedelta(days=days)


def test_for_no_days_there_is_no_token(url: str) -> None:
    result = roster("admin", "create", "--username", "ada", "--days", "0", DATABASE_URL=url)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "There is an administrator now\n" in result.stderr
    assert rows(url, "select id from api_tokens") == []
    assert len(rows(url, _HOLDERS)) == 1


def test_who_comes_second_is_refused(url: str) -> None:
    assert roster("admin", "create", "--username", "ada", DATABASE_URL=url).exit_code == 0
    second = roster("admin", "create", "--username", "grace", DATABASE_URL=url)
    assert (second.exit_code, second.stdout) == (1, "")
    assert second.stderr.splitlines()[-1].startswith("There is an administrator already")
    assert rows(url, "select username from users") == [("ada",)]
    assert len(rows(url, "select id from api_tokens")) == 1


async def _hold_admin_for_a_day(db: Database) -> None:
    act = acting(db, now())
    user = await act.create(email=str(ADA.value))
    await act.assign([user], [ADMIN], expires_at=now() + timedelta(days=1))


async def _hold_admin_before_they_are_active(db: Database) -> None:
    act = acting(db, now())
    user = await act.create(email=str(ADA.value), status=UserStatus.PENDING)
    await act.assign([user], [ADMIN])


@pytest.mark.parametrize("before", [_hold_admin_for_a_day, _hold_admin_before_they_are_active])
def test_who_is_administrator_for_a_while_or_not_yet_is_not_the_first(url: str, before: Any) -> None:
    directories.run(url, before)
    assert roster("admin", "create", "--username", "grace", DATABASE_URL=url).exit_code == 0
    assert len(rows(url, _HOLDERS)) == 2


def test_of_two_at_once_one_is_the_first(url: str) -> None:
    """Both wait for the role, and so neither can have ended before the other began."""
    with closing(connect(url)) as gate, closing(connect(url, autocommit=True)) as watcher:
        gate.execute("select id from roles for update")
        commands = [start("admin", "create", "--username", name, database_url=url) for name in ("ada", "bob")]
        wait_until(lambda: watcher.execute(_WAITING).fetchone() == (2,))
        gate.rollback()
        ended = [(process, *process.communicate(timeout=60)) for process in commands]
    assert sorted(process.returncode for process, _, _ in ended) == [0, 1]
    for process, out, err in ended:
        assert bool(process.returncode) == ("There is an administrator already" in err) == (out == "")
    assert len(rows(url, "select id from users")) == len(rows(url, "select id from api_tokens")) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], ["--email: A value is required."]),
        (["--external-id", "hr-1815"], ["--email: A value is required."]),
        (
            ["--email", "ada", "--username", "a b", "--external-id", ""],
            [
                "--email: This is not an email address.",
                "--username: A username has letters a to z, digits, and . _ - between them.",
                "--external-id: The text is blank.",
            ],
        ),
    ],
)
def test_every_mistake_is_told_by_its_option_before_anything_is_started(
    place: Path, options: list[str], told: list[str]
) -> None:
    result = roster("admin", "create", *options, "--data-dir", place / "none")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == told
    assert not (place / "none").exists()


@pytest.mark.parametrize("days", ["-1", "367", "many"])
def test_days_are_as_many_as_a_token_can_last(days: str) -> None:
    result = roster("admin", "create", "--username", "ada", "--days", days)
    assert result.exit_code == 2
    assert "--days" in result.stderr


def test_an_address_of_another_is_refused_by_its_option(url: str) -> None:
    directories.run(url, lambda db: acting(db, now()).create(email=str(ADA.value)))
    result = roster("admin", "create", "--email", "ADA@example.org", DATABASE_URL=url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("--email: ")
    assert rows(url, _HOLDERS) == []


def test_the_help_names_every_option() -> None:
    assert "create" in roster("admin", "--help").stdout
    shown = roster("admin", "create", "--help", COLUMNS="200").stdout
    for option in ("--email", "--username", "--external-id", "--days", "--data-dir"):
        assert option in shown
    assert "only while there is none" in shown


def test_what_it_did_is_in_the_log_of_events(url: str) -> None:
    roster("admin", "create", "--username", "ada", DATABASE_URL=url)
    recorded = rows(url, "select type, actor_kind from events where epoch = 1 order by transaction, sequence")
    assert recorded[1:] == [
        ("USER_CREATED", "CLI"),
        ("ROLE_ASSIGNED", "CLI"),
        ("ROLE_UPDATED", "SYSTEM"),
        ("TOKEN_CREATED", "CLI"),
    ]
    assert "rst_" not in json.dumps(rows(url, "select changes from events"))
