"""`roster token`: made, listed and revoked by whoever runs the command; what it makes is a key to the API."""

import json
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from acting import acting
from commands import roster
from postgres import connect
from roster.cli import directories
from roster.data import migrations
from roster.data.db import Database
from roster.domain.instants import now
from roster.domain.tokens import is_secret
from roster.domain.users import User, UserKind, UserStatus
from serving import serve

_OWNERS = "select email from api_tokens join users on users.id = owner_id"
VIEWER = "{ viewer { actor { label } } }"


async def _populate(db: Database) -> User:
    act = acting(db, now())
    await act.create(email="tom@xn--bcher-kva.example")
    await act.create(kind=UserKind.SERVICE, username="deploy-bot")
    gone = await act.create(email="gone@example.org")
    await act.set_status(UserStatus.ARCHIVED, gone)
    return await act.create(email="ada@example.org", username="ada", display_name="Ada")


@pytest.fixture
def url(own_url: str) -> str:
    migrations.upgrade(own_url)
    return own_url


@pytest.fixture
def ada(url: str) -> User:
    """Among others."""
    return directories.run(url, _populate)


def rows(url: str, query: str) -> list[Any]:
    with connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def create(url: str, owner: str = "ada", label: str = "ci", *options: str) -> str:
    result = roster("token", "create", "--owner", owner, "--label", label, *options, DATABASE_URL=url)
    assert result.exit_code == 0, result.stderr
    return str(result.stdout.strip())


def listed(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(roster("token", "list", "--json", DATABASE_URL=url).stdout)
    return found


# ---- create ----


def test_the_secret_alone_is_on_stdout(url: str, ada: User) -> None:
    assert ada.username == "ada"
    result = roster("token", "create", "--owner", "ada", "--label", "ci", DATABASE_URL=url)
    assert result.exit_code == 0
    secret = result.stdout.removesuffix("\n")
    assert is_secret(secret)
    assert secret not in result.stderr


@pytest.mark.parametrize("owner", ["ada", " Ada", "ada@example.org", " ADA@Example.ORG ", "usr_{id}"])
def test_the_owner_is_named_in_three_ways(url: str, ada: User, owner: str) -> None:
    create(url, owner.format(id=ada.id.hex))
    assert rows(url, _OWNERS) == [("ada@example.org",)]


def test_an_address_is_found_as_it_is_stored(url: str, ada: User) -> None:
    assert ada.email
    create(url, "tom@Bücher.example")
    assert rows(url, _OWNERS) == [("tom@xn--bcher-kva.example",)]


@pytest.mark.parametrize(("options", "days"), [([], 90), (["--days", "1"], 1), (["--days", "366"], 366)])
def test_it_lasts_as_long_as_asked_for(url: str, ada: User, options: list[str], days: int) -> None:
    assert ada.username
    create(url, "ada", "ci", *options)
    assert rows(url, "select expires_at - created_at from api_tokens") == [(timedelta(days=days),)]


@pytest.mark.parametrize(
    ("owner", "told"),
    [
        ("nobody", "--owner: There is no such user."),
        ("nobody@example.org", "--owner: There is no such user."),
        (f"usr_{'0' * 32}", "--owner: There is no such user."),
        ("gone@example.org", "--owner: There is no such user."),
    ],
)
def test_an_owner_who_is_not_there_is_told(url: str, ada: User, owner: str, told: str) -> None:
    assert ada.username
    result = roster("token", "create", "--owner", owner, "--label", "ci", DATABASE_URL=url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == told
    assert rows(url, "select id from api_tokens") == []


def test_who_is_archived_gets_none(url: str) -> None:
    async def archived(db: Database) -> User:
        act = acting(db, now())
        user = await act.create(email="ada@example.org")
        return (await act.set_status(UserStatus.ARCHIVED, user)).users[0]

    owner = f"usr_{directories.run(url, archived).id.hex}"
    result = roster("token", "create", "--owner", owner, "--label", "ci", DATABASE_URL=url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == "--owner: This user is archived, and calls nothing."


@pytest.mark.parametrize(
    ("owner", "label", "told"),
    [
        ("a b", "ci", "--owner: A username has letters a to z, digits, and . _ - between them."),
        ("ada@", "ci", "--owner: This is not an email address."),
        ("ada@\udcff.org", "ci", "--owner: This is not an email address."),
        ("ada", " ", "--label: The text is blank."),
        ("ada", "x" * 101, "--label: At most 100 characters are allowed."),
    ],
)
def test_a_mistake_is_told_by_its_option_before_anything_is_started(
    place: Path, owner: str, label: str, told: str
) -> None:
    where = ("--data-dir", place / "none")
    result = roster("token", "create", "--owner", owner, "--label", label, *where)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [told]
    assert not (place / "none").exists()


@pytest.mark.parametrize(
    "options", [["--owner", "ada"], ["--label", "ci"], ["--owner", "ada", "--label", "ci", "--days", "0"]]
)
def test_owner_label_and_a_number_of_days_are_wanted(options: list[str]) -> None:
    assert roster("token", "create", *options).exit_code == 2


# ---- list ----


def test_all_are_listed_and_no_secret_is(url: str, ada: User) -> None:
    secrets = [create(url), create(url, "deploy-bot", "deploy")]
    assert ada.email
    first, second = listed(url)
    assert (first["owner"], first["label"], first["state"]) == ("ada@example.org", "ci", "ACTIVE")
    assert (second["owner"], second["label"], second["lastUsedAt"]) == ("deploy-bot", "deploy", None)
    shown = roster("token", "list", DATABASE_URL=url).stdout
    header, *lines = [line.split() for line in shown.splitlines()]
    assert header == ["id", "state", "owner", "label", "expires", "last", "used"]
    assert [line[:4] for line in lines] == [
        [row["id"], "ACTIVE", row["owner"], row["label"]] for row in (first, second)
    ]
    for secret in secrets:
        assert secret not in shown + json.dumps([first, second])


def test_where_there_is_none_the_list_is_empty(url: str) -> None:
    assert listed(url) == []


def test_nothing_in_the_list_is_cut_off_or_taken_for_markup(url: str, ada: User) -> None:
    assert ada.email
    label = "[/red] [bold]ci[/bold] " + "long " * 13 + "end"
    create(url, "ada", label)
    (line,) = roster("token", "list", DATABASE_URL=url, COLUMNS="40").stdout.splitlines()[1:]
    assert listed(url)[0]["id"] in line
    assert label in line


# ---- revoke ----


def test_one_that_is_revoked_is_told_and_listed_so(url: str, ada: User) -> None:
    assert ada.email
    create(url)
    create(url, "deploy-bot")
    token = listed(url)[0]["id"]
    result = roster("token", "revoke", token, "--reason", "Leaked", DATABASE_URL=url)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[-1] == f"{token} is REVOKED"
    assert [row["state"] for row in listed(url)] == ["REVOKED", "ACTIVE"]
    recorded = "select actor_kind, reason from events where type = 'TOKEN_REVOKED'"
    assert rows(url, recorded) == [("CLI", "Leaked")]
    assert roster("token", "revoke", token, DATABASE_URL=url).exit_code == 0
    assert rows(url, recorded) == [("CLI", "Leaked")]


def test_one_that_is_not_there_is_told(url: str) -> None:
    result = roster("token", "revoke", f"tok_{'0' * 32}", DATABASE_URL=url)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "token: There is no such token."


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tok_1"], "token: This is not an id."),
        ([f"usr_{'0' * 32}"], "token: This is the id of another kind: one of this kind starts with tok_."),
        ([f"tok_{'0' * 32}", "--reason", "x" * 501], "--reason: At most 500 characters are allowed."),
    ],
)
def test_what_is_no_token_or_no_reason_is_told_before_anything_is_started(
    place: Path, arguments: list[str], told: str
) -> None:
    result = roster("token", "revoke", *arguments, "--data-dir", place / "none")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [told]
    assert not (place / "none").exists()


def test_a_secret_that_is_given_for_an_id_is_not_shown() -> None:
    secret = f"rst_{'0' * 72}"
    result = roster("token", "revoke", secret)
    assert result.exit_code == 2
    assert secret not in result.output


# ---- over HTTP ----


def test_it_opens_the_api_to_its_owner_until_it_is_revoked(url: str, ada: User) -> None:
    """At once, whichever worker is asked."""
    secret = create(url, f"usr_{ada.id.hex}")
    with serve("--workers", "2", database_url=url) as served:

        def answer() -> httpx.Response:
            headers = {"authorization": f"Bearer {secret}"}
            return httpx.post(f"{served.url}/graphql", json={"query": VIEWER}, headers=headers, timeout=60)

        for _ in range(10):
            assert answer().json() == {"data": {"viewer": {"actor": {"label": "Ada"}}}}
        assert listed(url)[0]["lastUsedAt"]
        assert roster("token", "revoke", listed(url)[0]["id"], DATABASE_URL=url).exit_code == 0
        refused = [answer() for _ in range(10)]
    assert {response.status_code for response in refused} == {HTTPStatus.UNAUTHORIZED}


# ---- help ----


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((), ["create", "list", "revoke"]),
        (("create",), ["--owner", "--label", "--days", "--data-dir", "It is shown once"]),
        (("list",), ["--data-dir", "--json", "the oldest first"]),
        (("revoke",), ["token", "tok_", "--reason", "--data-dir"]),
    ],
)
def test_the_help_tells_what_there_is(command: tuple[str, ...], said: list[str]) -> None:
    shown = roster("token", *command, "--help", COLUMNS="200").stdout
    assert [text for text in said if text not in shown] == []
