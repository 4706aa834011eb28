"""The local administrator of an embedded database, and the file `admin.token` that lets them in."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from acting import acting
from postgres import connect
from roster.cli import admin, directories
from roster.data import migrations
from roster.data.db import Database
from roster.domain.instants import now
from roster.domain.roles import RoleKey, RoleRef
from roster.domain.tokens import is_secret
from roster.domain.users import UserKey, UserRef, UserStatus
from roster.services import administrators
from roster.services.administrators import is_administrator

LOCAL = UserRef(key=UserKey.USERNAME, value="local-admin")
ADMIN = RoleRef(key=RoleKey.KEY, value="ADMIN")
GONE = "admin.token lets no administrator in any more. Remove it, and the next start makes another\n"
DEPOSED = "local-admin is no administrator any more. If nobody is, `roster admin create` makes one\n"


@pytest.fixture
def url(own_url: str) -> str:
    """Of a database with nobody in it."""
    migrations.upgrade(own_url)
    return own_url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "admin.token"


@pytest.fixture
def start(tmp_path: Path, url: str) -> Callable[[], str | None]:
    """What a start of the server does about it: the token that is shown, if one is."""
    return lambda: admin.local_secret(tmp_path, url)


Start = Callable[[], str | None]


def change(url: str, statement: str) -> None:
    with connect(url) as connection:
        connection.execute(statement.encode())


def rows(url: str, query: str) -> list[Any]:
    with connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def lets_in(url: str, secret: str | None) -> bool:
    return directories.run(url, lambda db: is_administrator(db, secret or "", now()))


# ---- the first start, and those after ----


def test_the_first_start_makes_user_token_and_file(url: str, file: Path, start: Start) -> None:
    secret = start()
    assert secret
    assert is_secret(secret)
    assert file.read_text() == f"{secret}\n"
    assert lets_in(url, secret)
    assert rows(url, "select kind, username, display_name, status from users") == [
        ("SERVICE", "local-admin", "Local administrator", "ACTIVE")
    ]
    held = (
        "select key, expires_at from role_assignments join roles on roles.id = role_id where ended_at is null"
    )
    assert rows(url, held) == [("ADMIN", None)]
    assert [path.name for path in file.parent.iterdir()] == ["admin.token"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_its_owner_reads_the_file(file: Path, start: Start, umask: int) -> None:
    before = os.umask(umask)
    try:
        start()
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_uid == os.geteuid()


def test_a_file_that_others_could_read_is_closed_to_them(file: Path, start: Start) -> None:
    secret = start()
    file.chmod(0o644)
    assert start() == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_later_start_shows_the_same_token_and_makes_nothing(url: str, start: Start) -> None:
    secret, before = start(), rows(url, "select count(*) from events")
    assert [start(), start()] == [secret, secret]
    assert rows(url, "select count(*) from events") == before


def test_without_the_file_there_is_another_token_and_the_first_is_of_no_use(
    url: str, file: Path, start: Start
) -> None:
    first = start()
    file.unlink()
    second = start()
    assert second != first
    assert (lets_in(url, first), lets_in(url, second)) == (False, True)
    assert len(rows(url, "select id from users")) == 1


def test_another_token_of_the_local_administrator_stays(url: str, file: Path, start: Start) -> None:
    start()
    mine = directories.run(
        url, lambda db: administrators.new_token(db, LOCAL, "mine", timedelta(days=1), now())
    )
    file.unlink()
    start()
    assert lets_in(url, mine)


# ---- a token that lets nobody in any more ----


@pytest.mark.parametrize(
    "how",
    [
        "update api_tokens set revoked_at = now()",
        "update api_tokens set created_at = now() - interval '2 days', expires_at = now() - interval '1 day'",
    ],
)
def test_a_token_that_is_over_is_told_and_not_replaced(
    url: str, file: Path, start: Start, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = start()
    change(url, how)
    assert [start(), start()] == [None, None]
    assert capsys.readouterr().err == f"{file.parent}/{GONE}" * 2
    assert file.read_text() == f"{kept}\n"
    file.unlink()
    assert lets_in(url, start())


@pytest.mark.parametrize("content", ["", "\n", "rst_0", "nonsense\nof two lines", "\x00" * 5000, "é"])
def test_what_is_no_token_is_told(
    file: Path, start: Start, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(content, encoding="latin-1")
    assert start() is None
    assert capsys.readouterr().err == f"{file.parent}/{GONE}"


async def _suspended(db: Database) -> None:
    await acting(db, now()).set_status(UserStatus.SUSPENDED, LOCAL)


async def _without_the_role(db: Database) -> None:
    await acting(db, now()).revoke([LOCAL], [ADMIN])


async def _another_administrator(db: Database) -> None:
    act = acting(db, now())
    await act.assign([await act.create(email="ada@example.org")], [ADMIN])


@pytest.mark.parametrize("deposed", [_suspended, _without_the_role])
def test_one_who_was_deposed_gets_no_token(
    url: str, file: Path, start: Start, deposed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    start()
    directories.run(url, _another_administrator)
    directories.run(url, deposed)
    tokens = rows(url, "select id, revoked_at from api_tokens")
    assert start() is None
    file.unlink()
    assert start() is None
    assert capsys.readouterr().err == DEPOSED * 2
    assert not file.exists()
    assert rows(url, "select id, revoked_at from api_tokens") == tokens


def test_for_one_who_is_archived_another_is_made_once_the_file_is_removed(
    url: str, file: Path, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start()
    directories.run(url, _another_administrator)
    directories.run(url, lambda db: acting(db, now()).set_status(UserStatus.ARCHIVED, LOCAL))
    assert start() is None
    assert capsys.readouterr().err == f"{file.parent}/{GONE}"
    file.unlink()
    assert lets_in(url, start())
    statuses = "select status from users where username = 'local-admin' order by created_at"
    assert rows(url, statuses) == [("ARCHIVED",), ("ACTIVE",)]


# ---- what lies in its place ----


def _link_to(target: Path) -> Callable[[Path], None]:
    return lambda place: place.symlink_to(target)


def _hard_link(place: Path) -> None:
    other = place.with_name("other")
    other.write_text("other's\n")
    other.chmod(0o644)
    place.hardlink_to(other)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_link_to(Path("/etc/passwd")), os.strerror(errno.ELOOP)),
        (_link_to(Path("/nowhere/at/all")), os.strerror(errno.ELOOP)),
        (Path.mkdir, os.strerror(errno.EISDIR)),
        (os.mkfifo, "it is not a file of its own"),
        (_hard_link, "it is not a file of its own"),
    ],
    ids=["a link", "a link to nothing", "a directory", "a pipe", "a second name of a file"],
)
def test_what_is_not_a_file_of_its_own_is_told_and_let_be(
    url: str, file: Path, start: Start, make: Any, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make(file)
    before = file.lstat()
    assert start() is None
    assert capsys.readouterr().err == f"{file} is not used: {told}\n"
    assert (file.lstat().st_mode, file.lstat().st_ino) == (before.st_mode, before.st_ino)
    assert rows(url, "select id from users") == []


def test_a_link_in_the_place_of_the_new_file_is_not_followed(file: Path, start: Start) -> None:
    target = file.with_name("target")
    target.write_text("before")
    file.with_name("admin.token.new").symlink_to(target)
    assert file_of(start, file)
    assert target.read_text() == "before"


def file_of(start: Start, file: Path) -> bool:
    """Whether a start leaves the token that it shows in a plain file."""
    secret = start()
    return not file.is_symlink() and file.read_text() == f"{secret}\n"


def test_where_no_file_can_be_made_that_is_told_and_the_token_is_shown(
    url: str, file: Path, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    file.with_name("admin.token.new").mkdir()
    assert lets_in(url, start())
    told = capsys.readouterr().err
    assert told.startswith(f"{file} cannot be written, so the next start makes another token: ")
    assert not file.exists()


# ---- killed on the way ----

_KILLED = """
import os, signal, sys
from pathlib import Path
from roster.cli import admin

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(*{"_keep": (admin, "_keep", die), "rename": (Path, "rename", die)}[sys.argv[3]])
admin.local_secret(Path(sys.argv[1]), sys.argv[2])
"""


@pytest.mark.parametrize("before", ["_keep", "rename"])
def test_killed_between_the_token_and_its_file_the_next_start_makes_another(
    url: str, file: Path, start: Start, before: str
) -> None:
    killed = subprocess.run(  # noqa: S603 -- ourselves
        [sys.executable, "-c", _KILLED, file.parent, url, before], check=False
    )
    assert killed.returncode == -9
    assert not file.exists()
    assert len(rows(url, "select id from api_tokens")) == 1
    assert file_of(start, file)
    assert not file.with_name("admin.token.new").exists()
    assert rows(url, "select revoked_at is null from api_tokens order by created_at") == [(False,), (True,)]
    assert len(rows(url, "select id from users")) == 1
