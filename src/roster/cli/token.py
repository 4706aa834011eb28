"""`roster token`: API tokens, for whoever runs the command."""

import json
from contextlib import suppress
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from roster.api import ids
from roster.cli import databases, directories
from roster.cli.console import WRONGLY_ASKED, fail, read_settings, tell
from roster.cli.options import AsJson, DataDir
from roster.data.db import Database
from roster.domain import user_values
from roster.domain.checks import Problems
from roster.domain.errors import BadIdError
from roster.domain.instants import format_instant, now
from roster.domain.tokens import ApiToken, check_new_token, check_token_to_revoke
from roster.domain.users import User, UserKey, UserRef
from roster.services.administrators import operator_services

app = typer.Typer(
    add_completion=False,
    help="API tokens, which programs show to call as their owners.",
    no_args_is_help=True,
)


_COLUMNS = {
    "id": "id",
    "state": "state",
    "owner": "owner",
    "label": "label",
    "expires": "expiresAt",
    "last used": "lastUsedAt",
}
_WIDE = 1000


@app.command()
def create(
    owner: Annotated[str, typer.Option(help="Email, username or id of the user as whom it calls.")],
    label: Annotated[str, typer.Option(help="What it is for.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it can be used.")] = 90,
    data_dir: DataDir = None,
) -> None:
    """Make an API token and print its secret. It is shown once, and kept nowhere."""
    settings = read_settings(data_dir=data_dir)
    moment = now()
    given = directories.check(
        lambda: check_new_token(
            owner=_user(owner),
            label=label,
            expires_at=format_instant(moment + timedelta(days=days)),
            now=moment,
        )
    )
    with databases.opened(settings) as url:
        databases.upgrade(url)
        made = directories.run(url, lambda db: operator_services(db, moment).tokens.create(given))
    typer.echo(made.secret)


@app.command("list")
def list_tokens(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every API token there ever was, the oldest first."""
    with databases.opened(read_settings(data_dir=data_dir)) as url:
        databases.upgrade(url)
        found = directories.run(url, _list)
    rows = [_row(token, owner) for token, owner in found]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table(*_COLUMNS, box=None)
    for row in rows:
        # Text: what people wrote is not markup.
        table.add_row(*(Text(row[name] or "") for name in _COLUMNS.values()))
    # So wide that nothing is cut off, least of all an id.
    Console(width=_WIDE).print(table)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, tok_…")],
    reason: Annotated[str | None, typer.Option(help="Why, for the record.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Revoke an API token: it can be used no more."""
    settings = read_settings(data_dir=data_dir)
    given = directories.check(lambda: check_token_to_revoke(token_id=_token_id(token), why=reason))
    with databases.opened(settings) as url:
        databases.upgrade(url)
        revoked = directories.run(url, lambda db: operator_services(db, now()).tokens.revoke(given))
    tell(f"{token} is {revoked.state(now())}")


def _token_id(text: str) -> UUID:
    try:
        return ids.from_text(ids.Kind.TOKEN, text)
    except BadIdError as error:
        fail(f"token: {error.message}", WRONGLY_ASKED)


async def _list(db: Database) -> list[tuple[ApiToken, User]]:
    services = operator_services(db, now())
    tokens = await services.tokens.every()
    owners = await services.users.by_ids([token.owner_id for token in tokens])
    return [(token, owners[token.owner_id]) for token in tokens]


def _row(token: ApiToken, owner: User) -> dict[str, str | None]:
    return {
        "id": ids.to_text(ids.Kind.TOKEN, token.id),
        "state": token.state(now()).value,
        "owner": owner.email or owner.username or owner.display_name,
        "label": token.label,
        "createdAt": format_instant(token.created_at),
        "expiresAt": format_instant(token.expires_at),
        "lastUsedAt": format_instant(token.last_used_at) if token.last_used_at else None,
        "revokedAt": format_instant(token.revoked_at) if token.revoked_at else None,
    }


def _user(text: str) -> UserRef:
    """Whom one names on a command line. Raises Rejected for what can name nobody."""
    with suppress(BadIdError):
        return UserRef(key=UserKey.ID, value=ids.from_text(ids.Kind.USER, text))
    problems = Problems()
    key, rule = (
        (UserKey.EMAIL, user_values.email) if "@" in text else (UserKey.USERNAME, user_values.username)
    )
    value = problems.check(("owner",), rule, text)
    problems.raise_if_any()
    return UserRef(key=key, value=value or "")
