"""`roster admin`: the first administrator, and the token of the local one."""

import errno
import os
import stat
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from roster.cli import databases, directories
from roster.cli.console import read_settings, tell
from roster.cli.options import DataDir
from roster.data.db import Database
from roster.domain.instants import now
from roster.domain.user_input import NewUser
from roster.domain.users import UserKey, UserRef
from roster.services import administrators
from roster.services.administrators import LOCAL_NAME

_LABEL = "roster admin create"
_LONGEST = 1000  # Characters; a secret has 76.

app = typer.Typer(
    add_completion=False, help="The first administrator, who can let in all others.", no_args_is_help=True
)


@app.callback()
def _admin() -> None:
    """A group, so that `create` is typed out."""


@app.command()
def create(
    email: Annotated[str | None, typer.Option(help="The address of a person.")] = None,
    username: Annotated[
        str | None, typer.Option(help="The name of a person or, alone, of a program.")
    ] = None,
    external_id: Annotated[
        str | None, typer.Option(help="The subject by which an OpenID Connect issuer knows them.")
    ] = None,
    days: Annotated[int, typer.Option(min=0, max=366, help="How long the token lasts; 0 makes none.")] = 30,
    data_dir: DataDir = None,
) -> None:
    """Make the first administrator, only while there is none, and print a token for them. It is shown once."""
    settings = read_settings(data_dir=data_dir)
    given = directories.check(lambda: _administrator(email, username, external_id))
    with databases.opened(settings) as url:
        databases.upgrade(url)
        secret = directories.run(url, partial(_create, given, timedelta(days=days)))
    tell(f"There is an administrator now{': the token is theirs, and shown once' if secret else ''}")
    if secret:
        typer.echo(secret)


def _administrator(email: str | None, username: str | None, external_id: str | None) -> NewUser:
    return administrators.check_administrator(
        email=email, username=username, external_id=external_id, display_name=None, now=now()
    )


async def _create(given: NewUser, lifetime: timedelta, db: Database) -> str | None:
    user = await administrators.first_administrator(db, given, now())
    if not lifetime:
        return None
    owner = UserRef(key=UserKey.ID, value=user.id)
    return await administrators.new_token(db, owner, _LABEL, lifetime, now())


def tell_if_there_is_none(url: str) -> None:
    """Where nobody but an administrator can let anybody in."""
    if not directories.run(url, administrators.there_is_one):
        tell("There is no administrator yet: `roster admin create` makes the first, and a token for them")


def local_secret(data_dir: Path, url: str) -> str | None:
    """The token of the local administrator, as the data directory keeps it; made if it keeps none.

    One that lets nobody in any more is not replaced: somebody saw to that.
    """
    file = token_file(data_dir)
    try:
        kept = _read(file)
    except OSError as error:
        tell(f"{file} is not used: {error.strerror}")
        return None
    if kept is not None and directories.run(url, lambda db: administrators.is_administrator(db, kept, now())):
        return kept
    if directories.run(url, lambda db: administrators.is_local_deposed(db, now())):
        tell(f"{LOCAL_NAME} is no administrator any more. If nobody is, `roster admin create` makes one")
    elif kept is not None:
        tell(f"{file} lets no administrator in any more. Remove it, and the next start makes another")
    else:
        return _make(file, url)
    return None


def _make(file: Path, url: str) -> str:
    secret = directories.run(url, lambda db: administrators.local_token(db, now()))
    try:
        _keep(file, secret)
    except OSError as error:
        tell(f"{file} cannot be written, so the next start makes another token: {error.strerror}")
    return secret


def token_file(data_dir: Path) -> Path:
    return data_dir / "admin.token"


def _read(file: Path) -> str | None:
    try:
        # NOFOLLOW, and no waiting for a pipe: as root we may read where another user, the directory's owner, can make both.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, errors="replace") as opened:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise OSError(errno.EINVAL, "it is not a file of its own")
        os.fchmod(descriptor, 0o600)
        return opened.read(_LONGEST).strip()


def _keep(file: Path, secret: str) -> None:
    """Whole or not there, and for nobody else to read."""
    new = file.with_suffix(".token.new")
    with suppress(FileNotFoundError):
        new.unlink()
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(secret + "\n")
        opened.flush()
        os.fsync(descriptor)
    new.rename(file)
