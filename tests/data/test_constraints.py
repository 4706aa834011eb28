"""Every named constraint has its meaning to a caller, fires in the database, and is then told by that meaning."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from graphql import GraphQLInputObjectType, get_named_type
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Insert,
    UniqueConstraint,
    Uuid,
    column,
    insert,
    table,
    text,
)
from sqlalchemy.exc import IntegrityError

import make
from acting import NOW, refusal
from roster.api.errors import camel_path
from roster.api.schema import schema
from roster.data.connections import Writer
from roster.data.constraints import ERRORS
from roster.data.db import ATTEMPTS, Database
from roster.data.models import UserRow
from roster.domain.ids import new_id
from roster.domain.tokens import digest
from roster.domain.users import User, UserStatus

HOUR = timedelta(hours=1)
Values = dict[str, Any]

# Rows that break nothing, and for each constraint what makes one break it and nothing that is checked before it.
USER: Values = {
    "kind": "PERSON",
    "email": "ada@example.org",
    "username": "ada",
    "display_name": "Ada",
    "display_name_fold": "ada",
    "display_name_given": True,
    "search_fold": "ada",
    "status": "ACTIVE",
    "created_at": NOW,
    "updated_at": NOW,
}
ROLE: Values = {
    "key": "EDITOR",
    "key_fold": "editor",
    "name": "Editor",
    "name_fold": "editor",
    "created_at": NOW,
    "updated_at": NOW,
}
ASSIGNMENT: Values = {"assigned_at": NOW, "assigned_by_kind": "CLI"}
REVOKED: Values = {"ended_at": NOW + HOUR, "revoked_by_kind": "CLI"}

USERS: dict[str, list[Values]] = {
    "uq_users_email": [{"email": "taken@example.org"}],
    "uq_users_username": [{"username": "taken"}],
    "uq_users_external_id": [{"external_id": "taken"}],
    "ck_users_kind": [{"kind": "ROBOT"}, {"kind": "person"}],
    "ck_users_status": [{"status": "GONE"}, {"status": ""}],
    "ck_users_email": [{"email": "a" * 243 + "@example.org"}],
    "ck_users_email_form": [{"email": "Ada@example.org"}, {"email": "@example.org"}, {"email": "ada"}],
    "ck_users_username": [
        {"username": "Ada"},
        {"username": ""},
        {"username": "ada."},
        {"username": "a" * 65},
        {"username": "ada\nb"},
        {"username": "ada\n"},
    ],
    "ck_users_first_name": [{"first_name": "", "first_name_fold": ""}, {"first_name": "a" * 101}],
    "ck_users_last_name": [{"last_name": ""}, {"last_name": "a" * 101}],
    "ck_users_display_name": [{"display_name": ""}, {"display_name": "a" * 202}],
    "ck_users_phone": [
        {"phone": "030 901820"},
        {"phone": "+1"},
        {"phone": "+" + "1" * 16},
        {"phone": "+49\n"},
    ],
    "ck_users_locale": [{"locale": ""}, {"locale": "a" * 36}],
    "ck_users_timezone": [{"timezone": ""}, {"timezone": "a" * 65}],
    "ck_users_avatar_url": [
        {"avatar_url": "http://example.org/"},
        {"avatar_url": "https://example.org/" + "a" * 2029},
    ],
    "ck_users_external_id": [{"external_id": ""}, {"external_id": "a" * 256}],
    "ck_users_attributes": [{"attributes": "[]"}, {"attributes": "null"}, {"attributes": "1"}],
    "ck_users_version": [{"version": 0}, {"version": -1}],
    "ck_users_updated_at": [{"updated_at": NOW - HOUR}],
    "ck_users_identified": [{"email": None}, {"kind": "SERVICE", "username": None}],
    "ck_users_erased": [
        {"status": "ERASED", "email": None, "username": None, "display_name": "Erased user"} | personal
        for personal in (
            {"email": "ada@example.org"},
            {"username": "ada"},
            {"first_name": "Ada"},
            {"last_name": "Lovelace"},
            {"phone": "+4930901820"},
            {"locale": "de-CH"},
            {"timezone": "Europe/Berlin"},
            {"avatar_url": "https://example.org/"},
            {"external_id": "1"},
            {"email_verified_at": NOW},
            {"attributes": '{"born": 1815}'},
        )
    ],
}
ROLES: dict[str, list[Values]] = {
    "uq_roles_key": [{"key": "TAKEN"}],
    "ck_roles_key": [{"key": "editor"}, {"key": ""}, {"key": "1A"}, {"key": "A" * 65}, {"key": "EDITOR\n"}],
    "ck_roles_name": [{"name": ""}, {"name": "a" * 101}],
    "ck_roles_description": [{"description": ""}, {"description": "a" * 1001}],
    "ck_roles_permissions": [{"permissions": [f"a:{number}" for number in range(201)]}],
    "ck_roles_min_holders": [{"min_holders": -1}, {"min_holders": 1001}],
    "ck_roles_version": [{"version": 0}],
    "ck_roles_updated_at": [{"updated_at": NOW - HOUR}],
}
NOBODY = UUID(int=0)
ASSIGNMENTS: dict[str, list[Values]] = {
    "uq_role_assignments_open": [{}, {"expires_at": NOW + HOUR}],
    "ck_role_assignments_assigned_by_kind": [{"assigned_by_kind": "ROBOT"}],
    "ck_role_assignments_assigned_by": [{"assigned_by_kind": "USER"}, {"assigned_by_user_id": NOBODY}],
    "ck_role_assignments_revoked_by_kind": [REVOKED | {"revoked_by_kind": "ROBOT"}],
    "ck_role_assignments_revoked_by": [
        REVOKED | {"revoked_by_kind": "USER"},
        REVOKED | {"revoked_by_user_id": NOBODY},
        {"ended_at": NOW + HOUR, "expires_at": NOW + HOUR, "revoked_by_user_id": NOBODY},
    ],
    "ck_role_assignments_open_is_not_revoked": [{"revoked_by_kind": "CLI"}],
    "ck_role_assignments_ended_by_expiry": [
        {"ended_at": NOW + HOUR},
        {"ended_at": NOW + HOUR, "expires_at": NOW + 2 * HOUR},
    ],
    "ck_role_assignments_ended_at": [REVOKED | {"ended_at": NOW - HOUR}],
    "ck_role_assignments_ended_before_expiry": [REVOKED | {"expires_at": NOW + HOUR / 2}],
    "ck_role_assignments_expires_at": [{"expires_at": NOW}, {"expires_at": NOW - HOUR}],
    "ck_role_assignments_reason": [{"reason": ""}, {"reason": "a" * 501}],
    "ck_role_assignments_revoke_reason": [
        REVOKED | {"revoke_reason": ""},
        REVOKED | {"revoke_reason": "a" * 501},
        {"revoke_reason": "Nobody did it"},
    ],
    "fk_role_assignments_user_id": [{"user_id": NOBODY}],
    "fk_role_assignments_role_id": [{"role_id": NOBODY}],
    "fk_role_assignments_assigned_by_user_id": [{"assigned_by_kind": "USER", "assigned_by_user_id": NOBODY}],
    "fk_role_assignments_revoked_by_user_id": [
        REVOKED | {"revoked_by_kind": "USER", "revoked_by_user_id": NOBODY}
    ],
}
EVENT: Values = {"type": "USER_UPDATED", "at": NOW, "actor_kind": "CLI", "changes": "[]"}
EVENTS: dict[str, list[Values]] = {
    "uq_events_place": [{"epoch": 1, "transaction": 1}],
    "ck_events_type": [{"type": "USER_DELETED"}, {"type": "user_updated"}, {"type": ""}],
    "ck_events_actor_kind": [{"actor_kind": "ROBOT"}],
    "ck_events_actor": [{"actor_kind": "USER"}, {"actor_user_id": NOBODY}],
    "ck_events_role_key": [{"role_key": "EDITOR"}, {"role_id": NOBODY}],
    "ck_events_subject": [{"user_id": None}],
    "ck_events_changes": [{"changes": "{}"}, {"changes": "null"}],
    "ck_events_reason": [{"reason": ""}, {"reason": "a" * 501}],
    "ck_events_request_id": [{"request_id": ""}, {"request_id": "a" * 129}],
    "fk_events_user_id": [{"user_id": NOBODY}],
    "fk_events_role_id": [{"role_id": NOBODY, "role_key": "EDITOR"}],
    "fk_events_actor_user_id": [{"actor_kind": "USER", "actor_user_id": NOBODY}],
}
TAKEN = digest("taken")
TOKEN: Values = {
    "label": "For the nightly import",
    "digest": digest("free"),
    "created_at": NOW,
    "expires_at": NOW + HOUR,
}
TOKENS: dict[str, list[Values]] = {
    "uq_api_tokens_digest": [{"digest": TAKEN}],
    "ck_api_tokens_digest": [{"digest": b""}, {"digest": b"1" * 31}, {"digest": b"1" * 33}],
    "ck_api_tokens_label": [{"label": ""}, {"label": "a" * 101}],
    "ck_api_tokens_expires_at": [{"expires_at": NOW}, {"expires_at": NOW - HOUR}],
    "ck_api_tokens_revoked_at": [{"revoked_at": NOW - HOUR}],
    "fk_api_tokens_owner_id": [{"owner_id": NOBODY}],
}
BREACHES = {
    "users": USERS,
    "roles": ROLES,
    "role_assignments": ASSIGNMENTS,
    "events": EVENTS,
    "api_tokens": TOKENS,
}
CASES = [
    pytest.param(table, name, values, id=f"{name}-{number}")
    for table, breaches in BREACHES.items()
    for name, ways in breaches.items()
    for number, values in enumerate(ways)
]


def adding(name: str, values: Values) -> Insert:
    """Plain SQL: nothing of the model comes between the values and the table."""
    return insert(table(name, *map(column, values))).values(values)


@pytest.fixture
async def rows(db: Database) -> dict[str, Values]:
    """For each table a row that may be added, beside what is there: identifiers and a key in use, and a role held."""
    await make.user(db, email="taken@example.org", username="taken", external_id="taken")
    await make.role(db, key="TAKEN")
    await make.user(db, email="ada@example.org", status=UserStatus.ARCHIVED)
    user, role, held = await make.user(db), await make.role(db), await make.role(db)
    await make.assignment(db, user, held)
    await take_places(db, user)
    async with db.engine.begin() as connection:
        taken = TOKEN | {"id": new_id(), "owner_id": user.id, "digest": TAKEN}
        await connection.execute(adding("api_tokens", taken))
    return {
        "users": USER,
        "roles": ROLE,
        "role_assignments": ASSIGNMENT | {"user_id": user.id, "role_id": role.id},
        "events": EVENT | {"id": new_id(), "user_id": user.id},
        "api_tokens": TOKEN | {"id": new_id(), "owner_id": user.id},
        "held": {"role_id": held.id},
    }


async def take_places(db: Database, user: User) -> None:
    """The next events would be given numbers that are taken where these are: each attempt to write one another."""
    again = "SELECT setval(pg_get_serial_sequence('events', 'sequence'), :number)"
    place = {"user_id": user.id, "epoch": 1, "transaction": 1}
    async with db.engine.begin() as connection:
        numbers: list[int] = []
        for _ in range(1 + ATTEMPTS):
            added = adding("events", EVENT | place | {"id": new_id()}).returning(
                column("sequence", BigInteger)
            )
            numbers.append((await connection.execute(added)).scalar_one())
        await connection.execute(text(again), {"number": numbers[0] - 1})


def test_every_constraint_has_its_meaning_and_its_breaches() -> None:
    names = {
        str(part.name)
        for each in UserRow.metadata.tables.values()
        for part in (*each.constraints, *each.indexes)
        if isinstance(part, CheckConstraint | ForeignKeyConstraint | UniqueConstraint)
        or (isinstance(part, Index) and part.unique)
    }
    assert set(ERRORS) == names
    assert {name for breaches in BREACHES.values() for name in breaches} == names


async def test_the_database_has_these_constraints_and_no_others(db: Database) -> None:
    statement = text(
        """
        SELECT conname FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype NOT IN ('p', 'n') AND conrelid::regclass::text <> 'alembic_version'
        UNION ALL
        SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indisunique AND NOT indisprimary AND relnamespace = 'public'::regnamespace
        """
    )
    async with db.read() as reader:
        assert set((await reader.execute(statement)).scalars()) == set(ERRORS)


def test_every_path_begins_in_an_input() -> None:
    mutations = schema()._schema.mutation_type  # noqa: SLF001 -- Strawberry has no public name for it
    assert mutations
    inputs = [get_named_type(field.args["input"].type) for field in mutations.fields.values()]
    members = {name for given in inputs if isinstance(given, GraphQLInputObjectType) for name in given.fields}
    starts = {camel_path(error.path)[0] for error in ERRORS.values() if error.path}
    assert starts - members == set()


@pytest.mark.parametrize(("name", "constraint", "values"), CASES)
async def test_each_constraint_fires_and_is_told_by_its_meaning(
    db: Database, rows: dict[str, Values], name: str, constraint: str, values: Values
) -> None:
    row = rows[name] | (rows["held"] if constraint == "uq_role_assignments_open" else {})
    with pytest.raises(IntegrityError) as raised:
        async with db.engine.begin() as connection:
            await connection.execute(adding(name, row | values))
    assert isinstance(raised.value.orig, psycopg.IntegrityError)
    assert raised.value.orig.diag.constraint_name == constraint

    async def work(writer: Writer) -> None:
        await writer.execute(adding(name, row | values))

    assert await refusal(db.write(work)) == (ERRORS[constraint],)


GOOD: list[tuple[str, Values]] = [
    ("users", {}),
    ("users", {"kind": "SERVICE", "email": None}),
    (
        "users",
        {"status": "ARCHIVED", "email": "taken@example.org", "username": "taken", "external_id": "taken"},
    ),
    ("users", {"status": "ERASED", "email": None, "username": None}),
    ("roles", {}),
    ("roles", {"key": "TAKEN", "archived_at": NOW}),
    ("role_assignments", {}),
    ("role_assignments", {"expires_at": NOW + HOUR}),
    ("role_assignments", REVOKED),
    ("role_assignments", REVOKED | {"ended_at": NOW, "revoke_reason": "Done"}),
    ("role_assignments", REVOKED | {"expires_at": NOW + HOUR}),
    ("role_assignments", {"ended_at": NOW + HOUR, "expires_at": NOW + HOUR}),
    ("events", {}),
    ("events", {"epoch": 1, "transaction": 2}),
    ("events", {"reason": "a" * 500, "request_id": "a" * 128}),
    ("api_tokens", {}),
    ("api_tokens", {"label": "a" * 100, "revoked_at": NOW}),
]


@pytest.mark.parametrize(("name", "values"), GOOD)
async def test_what_breaks_no_constraint_is_stored(
    db: Database, rows: dict[str, Values], name: str, values: Values
) -> None:
    async with db.engine.begin() as connection:
        stored = await connection.execute(adding(name, rows[name] | values).returning(column("id", Uuid)))
    assert len(list(stored)) == 1


async def test_what_has_ended_can_be_held_again(db: Database, rows: dict[str, Values]) -> None:
    async with db.engine.begin() as connection:
        for values in (REVOKED, {"ended_at": NOW + HOUR, "expires_at": NOW + HOUR}, {}):
            await connection.execute(adding("role_assignments", rows["role_assignments"] | values))
