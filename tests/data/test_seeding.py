"""COPY writes what ordinary writes do, and leaves the tables as it found them but for the rows."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, text

import make
from acting import NOW, refusal
from roster.data import assignments as assignment_data
from roster.data import roles as role_data
from roster.data import seeding
from roster.data import users as user_data
from roster.data.db import Database, Writer
from roster.data.models import Base, RoleAssignmentRow, RoleRow, UserRow
from roster.domain.actors import LOCAL_OPERATOR, Actor, ActorKind
from roster.domain.assignments import RoleAssignment
from roster.domain.errors import NotFoundError, TakenError, UnavailableError
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


async def rows_of(db: Database, row: type[Base]) -> Rows:
    async with db.read() as reader:
        found = await reader.execute(select(row.__table__).order_by(row.__table__.c.id))
        return [dict(each) for each in found.mappings()]


async def copy(db: Database, users: Iterable[User], assignments: Iterable[RoleAssignment] = ()) -> None:
    async def work(writer: Writer) -> None:
        await seeding.lock(writer)
        await seeding.prepare(writer)
        await seeding.add_users(writer, users)
        await seeding.add_assignments(writer, assignments)
        await seeding.finish(writer, ignore)

    await db.write(work)


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


async def test_what_is_copied_is_stored_as_what_is_written(db: Database) -> None:
    await make.store(db, ROLE)
    await copy(db, USERS, ASSIGNMENTS)
    copied = await rows_of(db, UserRow), await rows_of(db, RoleAssignmentRow)
    async with db.engine.begin() as connection:
        await connection.execute(delete(RoleAssignmentRow))
        await connection.execute(delete(UserRow))
    await make.store(db, *USERS, *ASSIGNMENTS)
    assert (await rows_of(db, UserRow), await rows_of(db, RoleAssignmentRow)) == copied
    assert [len(rows) for rows in copied] == [len(USERS), len(ASSIGNMENTS)]


def test_every_column_is_written() -> None:
    made = {
        UserRow: user_data.values(USERS[0]),
        RoleRow: role_data.values(ROLE),
        RoleAssignmentRow: assignment_data.values(ASSIGNMENTS[0]),
    }
    for row, values in made.items():
        assert set(values) == {column.name for column in row.__table__.columns}


async def test_the_tables_are_as_they_were(db: Database) -> None:
    before = await schema_of(db)
    await make.store(db, ROLE)
    await copy(db, USERS, ASSIGNMENTS)
    assert await schema_of(db) == before
    assert len(before) > 30


async def test_the_planner_knows_what_is_there_and_no_vacuum_is_needed(db: Database) -> None:
    await make.store(db, ROLE)
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

    async def work(writer: Writer) -> None:
        await writer.execute(text("TRUNCATE users, role_assignments"))
        await writer.execute(text("SET LOCAL statement_timeout = 100"))
        await seeding.add_users(writer, slowly())

    with pytest.raises(UnavailableError):
        await db.write(work)


async def test_only_admin_is_empty(db: Database) -> None:
    assert await db.write(seeding.is_empty)
    role = await make.role(db)
    assert not await db.write(seeding.is_empty)
    async with db.engine.begin() as connection:
        await connection.execute(delete(RoleRow).where(RoleRow.id == role.id))
    assert await db.write(seeding.is_empty)
    await make.user(db, status=UserStatus.ARCHIVED)
    assert not await db.write(seeding.is_empty)
