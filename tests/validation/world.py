"""What there is before each case of a validation table, and what is stored after it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import text

import make
from emptying import empty
from roster.data.db import Database
from roster.domain.users import UserStatus
from validation.cells import World

OTHER = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
OTHER_USER = make.user_id(OTHER)
OTHER_ROLE = make.role_id(OTHER)
HUNDRED_KEYS = [f"R{number}" for number in range(100, 200)]


_TABLES = ("roles", "users", "role_assignments", "api_tokens", "events")
# What is stored: for each table its rows, as JSON.
Snapshot: TypeAlias = Mapping[str, str | None]


async def make_world(db: Database) -> World:
    """What there is: EDITOR, a default role that nobody holds; and two users.

    One has every field filled, holds HELD and has a token; one is archived.
    """
    user = make.a_user(
        email="ann@example.org",
        email_verified_at=make.LONG_AGO,
        username="ann",
        first_name="Ann",
        last_name="Lee",
        display_name="Ann L.",
        display_name_given=True,
        phone="+4930901820",
        locale="de-CH",
        timezone="Europe/Zurich",
        avatar_url="https://example.org/ann.png",
        external_id="hr-1",
        attributes={"team": "a"},
    )
    archived = make.a_user(email="gone@example.org", username="gone", status=UserStatus.ARCHIVED)
    editor = make.a_role(
        key="EDITOR", name="Editor", description="Edits.", permissions=("docs:write",), is_default=True
    )
    held = make.a_role(key="HELD")
    await make.store(db, user, archived, editor, held, make.an_assignment(user, held))
    token = await make.token(db, user)
    return World(
        user=make.user_id(user.id),
        archived=make.user_id(archived.id),
        role=make.role_id(editor.id),
        held=make.role_id(held.id),
        token=make.token_id(token.id),
    )


def another_user(**given: Any) -> Callable[[Database], Awaitable[object]]:
    """Makes OTHER_USER too."""

    async def before(db: Database) -> None:
        await make.user(db, id=OTHER, **given)

    return before


def another_role(**given: Any) -> Callable[[Database], Awaitable[object]]:
    """Makes OTHER_ROLE too."""

    async def before(db: Database) -> None:
        await make.role(db, id=OTHER, **given)

    return before


async def hundred_roles(db: Database) -> None:
    await make.store(db, *(make.a_role(key=key) for key in HUNDRED_KEYS))


async def snapshot(db: Database) -> Snapshot:
    async with db.read() as reader:
        selected = (f"(SELECT json_agg(t ORDER BY id)::text FROM {table} t)" for table in _TABLES)  # noqa: S608 -- the names stand here
        row = (await reader.execute(text("SELECT " + ", ".join(selected)))).one()
        return dict(zip(_TABLES, row, strict=True))


async def restore(db: Database, kept: Snapshot) -> None:
    """Back to what was stored then."""
    async with db.engine.begin() as connection:
        await empty(connection)
        for table, rows in kept.items():
            made = f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(null::{table}, :rows)"  # noqa: S608 -- the names stand here
            await connection.execute(text(made), {"rows": rows})
