"""COPY writes what ordinary writes do, and leaves the tables as it found them but for the rows."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.orm import DeclarativeBase

import make
from acting import NOW, refusal
from emptying import empty
from roster.data import assignments as assignment_data
from roster.data import events as event_data
from roster.data import roles as role_data
from roster.data import seeding
from roster.data import users as user_data
from roster.data.db import Database
from roster.data.engine import EngineConnection
from roster.data.models import EventRow, RoleAssignmentRow, RoleRow, UserRow
from roster.domain.actors import LOCAL_OPERATOR, Actor, ActorKind
from roster.domain.assignments import Change, RoleAssignment
from roster.domain.errors import NotFoundError, TakenError, UnavailableError
from roster.domain.events import (
    Event,
    EventType,
    changes_between,
    of_assignment,
    of_expiry,
    of_role,
    of_user,
)
from roster.domain.users import User, UserKind, UserStatus

Rows = list[dict[str, Any]]
_SCHEMA = text(
    """
    SELECT indexdef AS is FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    ORDER BY 1
    """
)


def ignore(_done: int, _of: int) -> None:
    pass


async def schema_of(db: Database) -> list[str]:
    async with db.read() as reader:
        return list((await reader.execute(_SCHEMA)).scalars())


async def rows_of(db: Database, row: type[DeclarativeBase]) -> Rows:
    async with db.read() as reader:
        found = await reader.execute(select(row.__table__).order_by(row.__table__.c.id))
        return [row._asdict() for row in found]


async def copy(
    db: Database,
    users: Iterable[User],
    assignments: Iterable[RoleAssignment] = (),
    events: Iterable[Event] = (),
) -> None:
    async def work(writer: EngineConnection) -> None:
        await seeding.lock(writer)
        await event_data.add(writer, [of_role(EventType.ROLE_CREATED, ROLE, AT_FIRST)])
        place = await seeding.place_of_this(writer)
        await seeding.prepare(writer)
        await seeding.add_users(writer, users)
        await seeding.add_assignments(writer, assignments)
        await seeding.add_events(writer, events, place)
        await seeding.finish(writer, ignore)

    await make.store(db, ROLE)
    await db.fill(work)


# Everything that could be written in a way of its own.
USERS = [
    make.a_user(),
    make.a_user(
        email_verified_at=NOW,
        username="tab-and-more",
        first_name='"Tab\\t" \\N \\.',
        last_name="O'Neil, Łukasz 🦉 ϓ",
        display_name="ﬁrst \u0130 \\",
        display_name_given=True,
        phone="+4930901820",
        locale="de-CH",
        timezone="Europe/Zurich",
        avatar_url="https://example.org/a.png",
        external_id=" \t\\N{},\n",
        attributes={"a": [1, 2.5, None, True, {"ü": "\n\\"}], "": 1e100},
        version=7,
    ),
    make.a_user(kind=UserKind.SERVICE, email=None, username="bot", first_name=None, last_name=None),
    make.a_user(status=UserStatus.ARCHIVED, email="gone@example.org"),
]
ROLE = make.a_role()
ADA = Actor(kind=ActorKind.USER, user_id=USERS[0].id)
ASSIGNMENTS = [
    make.an_assignment(USERS[0], ROLE),
    make.an_assignment(USERS[1], ROLE, assigned_by=ADA, reason="Tab\t\\N", expires_at=NOW),
    make.an_assignment(USERS[2], ROLE, expires_at=NOW, ended_at=NOW),
    make.an_assignment(USERS[3], ROLE, ended_at=NOW, revoked_by=ADA, revoke_reason="Łeft"),
    make.an_assignment(USERS[3], ROLE, ended_at=NOW, revoked_by=LOCAL_OPERATOR),
]
AT_FIRST = Change(by=LOCAL_OPERATOR, at=NOW, reason=None)
EVENTS = [
    *(of_user(EventType.USER_CREATED, user.id, AT_FIRST, changes_between(None, user)) for user in USERS),
    of_assignment(
        EventType.ROLE_ASSIGNED, ASSIGNMENTS[1], ROLE, Change(by=ADA, at=NOW, reason="Tab\t\\N 🦉")
    ),
    of_expiry(ASSIGNMENTS[2], ROLE),
    replace(of_role(EventType.ROLE_UPDATED, ROLE, AT_FIRST), request_id="1"),
]


async def log(db: Database) -> Rows:
    """In its order, each event without its number, which depends on what was added before."""
    async with db.read() as reader:
        found = await reader.execute(
            select(EventRow.__table__).order_by(EventRow.epoch, EventRow.transaction, EventRow.sequence)
        )
        rows = [row._asdict() for row in found]
    return [{name: value for name, value in row.items() if name != "sequence"} for row in rows]


async def test_what_is_copied_is_stored_as_what_is_written(db: Database) -> None:
    await copy(db, USERS, ASSIGNMENTS)
    copied = await rows_of(db, UserRow), await rows_of(db, RoleAssignmentRow)
    async with db.engine.begin() as connection:
        await empty(connection)
    await make.store(db, ROLE, *USERS, *ASSIGNMENTS)
    assert (await rows_of(db, UserRow), await rows_of(db, RoleAssignmentRow)) == copied
    assert [len(rows) for rows in copied] == [len(USERS), len(ASSIGNMENTS)]


async def test_events_are_copied_to_where_writing_would_put_them(db: Database) -> None:
    async def work(writer: EngineConnection) -> int:
        await event_data.add(writer, EVENTS)
        return (await seeding.place_of_this(writer))["transaction"]

    await copy(db, USERS, ASSIGNMENTS, EVENTS)
    first, *copied = await log(db)
    async with db.engine.begin() as connection:
        await empty(connection)
    await make.store(db, ROLE, *USERS)
    written_in = await db.fill(work)
    written = await log(db)
    # All of one transaction are at one place.
    assert {row.pop("transaction") for row in written} == {written_in}
    assert {row.pop("transaction") for row in copied} == {first["transaction"]}
    assert written == copied
    assert [row["id"] for row in copied] == [event.id for event in EVENTS]


async def test_the_place_is_that_of_this_transaction(db: Database) -> None:
    async def work(writer: EngineConnection) -> tuple[Any, Any]:
        await event_data.add(writer, [of_role(EventType.ROLE_CREATED, ROLE, AT_FIRST)])
        own = (await writer.execute(text("SELECT pg_current_xact_id()::text::bigint"))).scalar_one()
        return await seeding.place_of_this(writer), own

    await make.store(db, ROLE)
    for _ in range(2):
        place, own = await db.fill(work)
        assert place == {"epoch": 1, "transaction": own}


def test_every_column_is_written() -> None:
    made = {
        UserRow: user_data.values(USERS[0]),
        RoleRow: role_data.values(ROLE),
        RoleAssignmentRow: assignment_data.values(ASSIGNMENTS[0]),
        EventRow: event_data.values(EVENTS[0]),
    }
    places = {column.name for column in (EventRow.epoch, EventRow.transaction, EventRow.sequence)}
    for row, values in made.items():
        by_the_database = places if row is EventRow else set()
        assert set(values) == {column.name for column in row.__table__.columns} - by_the_database


async def test_the_tables_are_as_they_were(db: Database) -> None:
    before = await schema_of(db)
    await copy(db, USERS, ASSIGNMENTS)
    assert await schema_of(db) == before
    assert len(before) > 30


async def test_the_planner_knows_what_is_there_and_no_vacuum_is_needed(db: Database) -> None:
    await copy(db, USERS, ASSIGNMENTS)
    look = text(
        "SELECT reltuples, relallvisible = relpages FROM pg_class WHERE relname IN ('users', 'role_assignments')"
        " ORDER BY relname"
    )
    async with db.read() as reader:
        found = [tuple(row) for row in await reader.execute(look)]
    assert found == [(len(ASSIGNMENTS), True), (len(USERS), True)]


async def test_an_assignment_of_nobody_is_refused_in_the_end(db: Database) -> None:
    before = await schema_of(db)
    errors = await refusal(copy(db, USERS[:1], [make.an_assignment(make.a_user(), ROLE)]))
    assert [type(error) for error in errors] == [NotFoundError]
    assert await rows_of(db, UserRow) == []
    assert await schema_of(db) == before


async def test_two_of_one_address_are_refused_in_the_end(db: Database) -> None:
    twice = [make.a_user(email="a@example.org"), make.a_user(email="a@example.org")]
    assert [type(error) for error in await refusal(copy(db, twice))] == [TakenError]
    assert await rows_of(db, UserRow) == []


async def test_a_row_that_breaks_a_rule_is_told_by_the_rule(db: Database) -> None:
    assert [error.path for error in await refusal(copy(db, [make.a_user(phone="030 901820")]))] == [
        ("phone",)
    ]


async def test_a_server_that_takes_no_more_is_told(db: Database) -> None:
    def slowly() -> Iterator[User]:
        time.sleep(0.3)
        yield from USERS

    async def work(writer: EngineConnection) -> None:
        await seeding.prepare(writer)
        await writer.execute(text("SET LOCAL statement_timeout = 100"))
        await seeding.add_users(writer, slowly())

    with pytest.raises(UnavailableError):
        await db.fill(work)


async def test_only_admin_is_empty(db: Database) -> None:
    assert await db.fill(seeding.is_empty)
    role = await make.role(db)
    assert not await db.fill(seeding.is_empty)
    async with db.engine.begin() as connection:
        await connection.execute(delete(RoleRow).where(RoleRow.id == role.id))
    assert await db.fill(seeding.is_empty)
    await make.user(db, status=UserStatus.ARCHIVED)
    assert not await db.fill(seeding.is_empty)
