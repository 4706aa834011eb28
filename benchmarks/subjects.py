"""Whom and what the requests are about, drawn from the database."""

from dataclasses import dataclass

import psycopg

from benchmarks.database import MADE_UNTIL

_SOME = 1000
_PLACES = 100
_WITHOUT = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """Ids are UUIDs in text. A place is the moment and id of a user, `created_at,id`: a page begins after it."""

    users: list[str]
    without_roles: list[str]
    roles: list[str]
    role_keys: list[str]
    names: list[tuple[str, str]]
    places: list[str]
    late_places: list[str]


def draw(connection: psycopg.Connection, users: int) -> Subjects:
    """The same ones every time."""
    made = f"created_at <= '{MADE_UNTIL}'"
    roles = connection.execute("select id::text, key from roles where key <> 'ADMIN' order by key").fetchall()
    return Subjects(
        users=_column(
            connection, f"select id::text from users where {made} order by hashtext(email) limit {_SOME}"
        ),
        without_roles=_column(
            connection,
            f"select id::text from users where {made} and not exists"
            f" (select from role_assignments where user_id = users.id) order by hashtext(email) limit {_WITHOUT}",
        ),
        roles=[role for role, _ in roles],
        role_keys=[key for _, key in roles],
        names=connection.execute(
            "select first_name_fold, last_name_fold from users"
            f" where {made} and least(char_length(first_name_fold), char_length(last_name_fold)) >= 3"
            f" and last_name_fold !~ ' ' and first_name_fold !~ ' ' order by hashtext(email) limit {_PLACES}"
        ).fetchall(),
        places=_places(connection, 0, users // 2),
        late_places=_places(connection, users * 9 // 10, users * 91 // 100),
    )


def _places(connection: psycopg.Connection, start: int, end: int) -> list[str]:
    """Of users between those of the two numbers, counted in the order in which they were created."""
    rows = connection.execute(
        f"select * from (select created_at, id from users order by created_at, id offset {start} limit {end - start})"
        f" chosen order by hashtext(id::text) limit {_PLACES}"
    )
    return [f"{created_at.isoformat()},{user_id}" for created_at, user_id in rows]


def _column(connection: psycopg.Connection, statement: str) -> list[str]:
    return [value for (value,) in connection.execute(statement.encode())]
