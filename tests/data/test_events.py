"""The log is append-only whoever writes to the database, but for what is personal of one who was erased."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

import make
from acting import NOW
from roster.data import events as event_data
from roster.data.db import Database
from roster.data.engine import EngineConnection
from roster.domain.actors import LOCAL_OPERATOR, Actor, ActorKind
from roster.domain.assignments import Change
from roster.domain.events import PERSONAL_FIELDS, Event, EventType, FieldChange, changes_between, of_user
from roster.domain.ids import new_id
from roster.domain.users import User, UserStatus

BY_CLI = Change(by=LOCAL_OPERATOR, at=NOW, reason="Because")
Row = dict[str, Any]


async def log(db: Database) -> list[Row]:
    """Every event with its place, in the order of the log."""
    async with db.read() as reader:
        found = await reader.execute(text("SELECT * FROM events ORDER BY epoch, transaction, sequence"))
        return [row._asdict() for row in found]


@pytest.fixture
async def user(db: Database) -> User:
    return await make.user(db, username="ada", attributes={"team": "a"})


@pytest.fixture
async def created(db: Database, user: User) -> Event:
    """That of the user, who is ACTIVE."""
    event = of_user(EventType.USER_CREATED, user.id, BY_CLI, changes_between(None, user))
    await db.write(partial(event_data.add, events=[event]))
    return event


@pytest.fixture
async def erased(db: Database, user: User, created: Event) -> User:
    """The same user once it is erased, before its events are."""
    assert created.user_id == user.id
    async with db.engine.begin() as connection:
        await set_erased(connection, user)
    return user


async def set_erased(connection: AsyncConnection, user: User) -> None:
    blank = "UPDATE users SET status = 'ERASED', email = NULL, username = NULL, first_name = NULL, last_name = NULL"
    await connection.execute(text(f"{blank}, attributes = '{{}}' WHERE id = :id"), {"id": user.id})


async def refused(db: Database, *statements: str, **values: Any) -> None:
    """All of them but the last may pass; it is refused, and nothing of the log has changed."""
    before = await log(db)
    *first, last = statements
    async with db.engine.connect() as connection:
        for statement in first:
            await connection.execute(text(statement))
        with pytest.raises(DBAPIError) as raised:
            await connection.execute(text(last), values)
        await connection.rollback()
    assert isinstance(raised.value.orig, psycopg.errors.RestrictViolation)
    assert raised.value.orig.diag.message_primary == "events are append-only"
    assert await log(db) == before


# ---- append-only ----

OTHERWISE = {
    "id": "uuidv7()",
    "epoch": "epoch + 1",
    "transaction": "transaction - 1",
    "sequence": "DEFAULT",
    "type": "'USER_UPDATED'",
    "at": "now()",
    "actor_kind": "'SYSTEM'",
    "actor_user_id": "user_id, actor_kind = 'USER'",
    "user_id": "(SELECT id FROM users WHERE email = 'other@example.org')",
    "role_id": "(SELECT id FROM roles), role_key = 'ADMIN'",
    "role_key": "'ADMIN', role_id = (SELECT id FROM roles)",
    "changes": "'[]'",
    "reason": "NULL",
    "request_id": "'1'",
}


@pytest.mark.parametrize("column", OTHERWISE)
@pytest.mark.parametrize("status", ["ACTIVE", "ERASED"])
async def test_no_column_is_changed(
    db: Database, user: User, created: Event, column: str, status: str
) -> None:
    await make.user(db, email="other@example.org")
    assert created.user_id
    async with db.engine.begin() as connection:
        if status == "ERASED":
            await set_erased(connection, user)
    await refused(db, f"UPDATE events SET {column} = {OTHERWISE[column]}")  # noqa: S608 -- the values stand above


async def test_every_column_was_tried(db: Database, created: Event) -> None:
    assert created.user_id
    (row,) = await log(db)
    assert set(OTHERWISE) == set(row)


OWN_FUNCTION = """
CREATE FUNCTION pg_temp.change() RETURNS void SECURITY DEFINER LANGUAGE sql AS $$ UPDATE events SET reason = NULL $$
"""
OWN_BLOCK = "DO $$ BEGIN DELETE FROM events; END $$"
MERGED = "MERGE INTO events USING (VALUES (1)) AS one (n) ON true WHEN MATCHED THEN"
AGAIN = "INSERT INTO events (id, type, at, actor_kind, user_id, changes) SELECT id, type, at, actor_kind, user_id, '[]'"


@pytest.mark.parametrize(
    "statements",
    [
        ["DELETE FROM events"],
        ["DELETE FROM events WHERE user_id IN (SELECT id FROM users)"],
        ["TRUNCATE events"],
        ["TRUNCATE events RESTART IDENTITY CASCADE"],
        ["TRUNCATE users CASCADE"],
        ["TRUNCATE roles CASCADE"],
        ["WITH gone AS (DELETE FROM events RETURNING *) SELECT count(*) FROM gone"],
        [f"{MERGED} UPDATE SET reason = NULL"],
        [f"{MERGED} DELETE"],
        [f"{AGAIN} FROM events ON CONFLICT (id) DO UPDATE SET changes = excluded.changes"],
        [OWN_FUNCTION, "SELECT pg_temp.change()"],
        [OWN_BLOCK],
        ["SET LOCAL search_path = pg_catalog", "DELETE FROM public.events"],
        # The table that tells who is erased is not one of one's own.
        [
            "CREATE TEMP TABLE users AS SELECT id, 'ERASED' AS status FROM users",
            "UPDATE events SET changes = blanked_changes(changes)",
        ],
        [
            "CREATE FUNCTION pg_temp.blanked_changes(jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT '[]'::jsonb $$",
            "UPDATE events SET changes = '[]'",
        ],
    ],
)
async def test_no_way_leads_around_it(db: Database, created: Event, statements: list[str]) -> None:
    """Not even for a superuser, as long as it does not switch the triggers off."""
    async with db.read() as reader:
        assert (await reader.execute(text("SHOW is_superuser"))).scalar_one() == "on"
    assert created.user_id
    await refused(db, *statements)


async def test_whom_an_event_names_stays(db: Database, user: User, created: Event) -> None:
    assert created.user_id == user.id
    with pytest.raises(DBAPIError) as raised:
        async with db.engine.begin() as connection:
            await connection.execute(text("DELETE FROM users"))
    assert isinstance(raised.value.orig, psycopg.errors.ForeignKeyViolation)
    assert len(await log(db)) == 1


# ---- erasing ----


async def blanked(db: Database, changes: list[Row]) -> list[Row]:
    async with db.read() as reader:
        statement = text("SELECT blanked_changes(cast(:changes AS jsonb))")
        found: list[Row] = (await reader.execute(statement, {"changes": json.dumps(changes)})).scalar_one()
        return found


async def test_the_database_blanks_what_is_personal_and_nothing_else(db: Database) -> None:
    names = sorted({*User.__dataclass_fields__, "label", "token", "expires_at", "permissions", "archived_at"})
    changes = [{"field": name, "before": ["b"], "after": {"a": 1}} for name in names]
    assert await blanked(db, changes) == [
        change | {"before": None, "after": None} if change["field"] in PERSONAL_FIELDS else change
        for change in changes
    ]
    assert set(names) > PERSONAL_FIELDS
    assert await blanked(db, []) == []


async def test_erasing_leaves_of_a_user_what_is_not_personal(
    db: Database, erased: User, created: Event
) -> None:
    other = await make.user(db)
    role = await make.role(db)
    by_erased = replace(BY_CLI, by=Actor(kind=ActorKind.USER, user_id=erased.id))
    personal = (FieldChange(field="email", before="ada@example.org", after=None),)
    others = [
        of_user(EventType.USER_UPDATED, other.id, by_erased, personal),
        await make.event(db, role_id=role.id, role_key=role.key, changes=personal),
    ]
    await db.write(partial(event_data.add, events=others[:1]))
    before = await log(db)
    await db.write(partial(event_data.erase, user_id=erased.id))
    after = await log(db)
    assert after[0].pop("changes") == [
        {"field": change.field}
        | (
            {"before": None, "after": None}
            if change.field in PERSONAL_FIELDS
            else {"before": change.before, "after": change.after}
        )
        for change in created.changes
    ]
    del before[0]["changes"]
    assert after == before
    assert len(after) == 3
    # Again it finds nothing to do.
    async with db.read() as reader:
        versions = text("SELECT xmin FROM events ORDER BY id")
        stored = await reader.execute(versions)
        await db.write(partial(event_data.erase, user_id=erased.id))
        assert await reader.execute(versions) == stored


@pytest.mark.parametrize("status", [status for status in UserStatus if status is not UserStatus.ERASED])
async def test_nobody_else_is_erased_from_the_log(
    db: Database, user: User, created: Event, status: UserStatus
) -> None:
    assert created.user_id == user.id
    async with db.engine.begin() as connection:
        await connection.execute(text("UPDATE users SET status = :status"), {"status": status.value})
    await refused(db, "SELECT erase_from_events(:id)", id=user.id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET changes = '[]'",
        "UPDATE events SET changes = blanked_changes(changes) - 0",
        "UPDATE events SET changes = blanked_changes(changes), reason = NULL",
        "UPDATE events SET changes = blanked_changes(changes), user_id = NULL, role_id = (SELECT id FROM roles)",
        "DELETE FROM events",
        "TRUNCATE events",
    ],
)
async def test_of_the_erased_nothing_else_goes(db: Database, erased: User, statement: str) -> None:
    assert erased.email
    await refused(db, statement)


# ---- a role of the database that is given no more than the server needs ----

GRANTS = """
CREATE ROLE roster_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON users, roles, role_assignments, api_tokens TO roster_server;
GRANT SELECT, INSERT ON events, event_epochs TO roster_server;
SET ROLE roster_server
"""
OWN_EVENTS = """
CREATE TEMP TABLE events (user_id uuid, changes jsonb);
INSERT INTO pg_temp.events SELECT id, '[{"field": "email", "before": 1, "after": 2}]' FROM users;
CREATE FUNCTION pg_temp.who() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'as %', current_user; END $$;
CREATE TRIGGER who BEFORE UPDATE ON pg_temp.events FOR EACH ROW EXECUTE FUNCTION pg_temp.who()
"""


async def as_server(connection: AsyncConnection, *statements: str) -> None:
    """In a transaction that is not kept."""
    for statement in (GRANTS, *statements):
        for each in statement.split(";\n"):
            await connection.execute(text(each))


async def test_adding_and_erasing_need_no_right_to_change_the_log(db: Database, erased: User) -> None:
    async with db.engine.connect() as connection:
        await as_server(connection)
        event = of_user(EventType.USER_ERASED, erased.id, BY_CLI)
        await event_data.add(EngineConnection(connection), [event])
        await event_data.erase(EngineConnection(connection), erased.id)
        told = (await connection.execute(text("SELECT changes::text FROM events"))).scalars().all()
        for statement in ("UPDATE events SET reason = NULL", "DELETE FROM events", "TRUNCATE events"):
            savepoint = await connection.begin_nested()
            with pytest.raises(DBAPIError, match="permission denied for table events"):
                await connection.execute(text(statement))
            await savepoint.rollback()
        await connection.rollback()
    assert len(told) == 2
    assert "ada" not in "".join(told)


async def test_who_erases_lends_its_rights_to_no_table_of_one_s_own(db: Database, erased: User) -> None:
    """It runs with those of its owner: a trigger of the caller's must not."""
    async with db.engine.connect() as connection:
        await as_server(connection, OWN_EVENTS)
        await event_data.erase(EngineConnection(connection), erased.id)
        told = await connection.execute(text("SELECT changes::text FROM public.events"))
        assert "ada" not in told.scalar_one()
        await connection.rollback()


# ---- what is added ----


async def test_events_are_read_as_they_were_added(db: Database, user: User) -> None:
    role = await make.role(db)
    event = Event(
        id=new_id(),
        type=EventType.ROLE_ASSIGNED,
        at=NOW,
        actor=Actor(kind=ActorKind.USER, user_id=user.id),
        user_id=user.id,
        role_id=role.id,
        role_key=role.key,
        changes=(
            FieldChange(field="a", before=None, after=[True, 1, 1.5, {"ü": "🦉"}]),
            FieldChange(field="b", before={}, after=""),
        ),
        reason="Łeft\t",
        request_id="1",
    )
    bare = of_user(EventType.USER_UPDATED, user.id, replace(BY_CLI, reason=None))
    await db.write(partial(event_data.add, events=[event, bare]))
    async with db.read() as reader:
        assert await event_data.by_ids(reader, [event.id, bare.id, new_id()]) == {
            event.id: event,
            bare.id: bare,
        }


async def test_nothing_is_added_without_a_statement(db: Database) -> None:
    await db.write(partial(event_data.add, events=[]))
    assert await log(db) == []


async def test_one_id_is_added_once(db: Database, user: User) -> None:
    event = of_user(EventType.USER_UPDATED, user.id, BY_CLI)
    await db.write(partial(event_data.add, events=[event]))
    with pytest.raises(Exception, match="UniqueViolation of pk_events"):
        await db.write(partial(event_data.add, events=[event]))
    assert len(await log(db)) == 1
