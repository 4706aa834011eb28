"""The database that all contenders share: an embedded PostgreSQL, and in it so many users.

Every user is live and every assignment in force, so that what Roster checks and the others do not changes no answer.
Made in SQL, as a million users would take long otherwise; the names are those of Roster's sample.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg import sql

from benchmarks.people import PEOPLE, ROLES
from roster.data import migrations
from roster.embedded import EmbeddedPostgres

# Enough to hold the data, and no checkpoint while something is measured. Durable: an answered write is on the disk.
_SETTINGS = {
    "shared_buffers": "512MB",
    "effective_cache_size": "2GB",
    "random_page_cost": "1.1",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
}
_CONNECTIONS = 120
# All that is made here is older, all that a workload writes is younger.
MADE_UNTIL = "2025-01-01T00:00:00Z"

_INDEXES = """
    select indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    from pg_index
    where indrelid in ('users'::regclass, 'role_assignments'::regclass) and not indisprimary
"""
_MAKE_PEOPLE = """
    create temporary table people (
        n int primary key, given text, given_fold text, family text, family_fold text, display_fold text,
        address text, locale text, timezone text, phone text, phone_digits int
    ) on commit drop
"""
_MAKE_USERS = """
    insert into users (
        id, kind, email, email_verified_at, username, first_name, first_name_fold, last_name, last_name_fold,
        display_name, display_name_fold, display_name_given, phone, locale, timezone, external_id, attributes,
        search_fold, status, created_at, updated_at
    )
    select
        uuidv7(created_at - clock_timestamp()), 'PERSON', email, created_at + interval '1 hour', username,
        given, given_fold, family, family_fold, given || ' ' || family, display_fold, false,
        phone || lpad(mod(hash, (10 ^ phone_digits)::int)::text, phone_digits, '0'),
        locale, timezone, 'hr-' || i, jsonb_build_object('costCenter', 'CC-' || 1000 + mod(hash, 60)),
        concat_ws(E'\\n', given_fold, family_fold, display_fold, email, username),
        'ACTIVE', created_at, created_at + interval '1 hour'
    from (
        select
            i, people.*, (hashint8(i) & 1048575)::int as hash,
            %(until)s::timestamptz - (%(users)s - i) * interval '5 years' / %(users)s as created_at,
            address || number || '@example.' || case hashint8(i) & 1 when 0 then 'org' else 'com' end as email,
            case when hashint8(i) & 6 = 0 then address || number end as username
        from
            generate_series(0, %(users)s - 1) i
            -- A stride, so that neighbours have little in common.
            join people on n = mod(i * 2741::bigint, %(people)s),
            lateral (select case when i < %(people)s then '' else '.' || i / %(people)s + 1 end as number)
        order by i
    ) made
"""
_MAKE_ASSIGNMENTS = """
    insert into role_assignments (id, user_id, role_id, assigned_at, assigned_by_kind)
    select uuidv7(assigned_at - clock_timestamp()), user_id, ids[1 + mod(first + 5 * j, 49)], assigned_at, 'SYSTEM'
    from (
        select
            id as user_id, created_at + j * interval '1 minute' as assigned_at, j,
            -- Squared, so that some roles are held by many and others by few.
            floor(49 * ((hashtext(email) & 65535) / 65536.0) ^ 2)::int as first
        from users, generate_series(1, mod(hashtext(email) >> 16 & 65535, 7)) j
        order by 2
    ) made, (select array_agg(id order by key) as ids from roles where key <> 'ADMIN') roles
"""
_MAKE_ROLES = """
    insert into roles (key, key_fold, name, name_fold, description, description_fold, permissions, created_at,
                       updated_at)
    values (%s, %s, %s, %s, %s, %s, %s, '2019-01-01', '2019-01-01')
"""
_UNDO_WRITES = (
    "set session_replication_role = replica",  # Events are for good, but not those of a benchmark.
    "truncate events",
    f"""
    delete from role_assignments using roles
    where roles.id = role_id and key <> 'ADMIN' and assigned_at > '{MADE_UNTIL}'
    """,
    "delete from users where email like 'created-%'",
    "vacuum (analyze) users, role_assignments, events",
)


class WrongDataError(Exception):
    """The data directory holds something else than was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A server, by its URL and by the variables of libpq, which every driver reads."""

    url: str
    variables: dict[str, str]
    postmaster: int

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url.replace("+psycopg", "", 1), autocommit=True)

    def undo_writes(self) -> None:
        """Takes away what the workloads created and assigned, and leaves no dead row behind."""
        with self.connect() as connection:
            for statement in _UNDO_WRITES:
                connection.execute(statement)


@contextmanager
def running(data_dir: Path, users: int) -> Iterator[Database]:
    """The database with so many users. Those that an earlier run made in the directory are taken as they are.

    Raises WrongDataError if they are more or fewer.
    """
    server = EmbeddedPostgres(data_dir, connections=_CONNECTIONS)
    with server as url, _opened(url, data_dir).connect() as connection:
        for name, value in _SETTINGS.items():
            connection.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(name), value))
    with server as url:
        migrations.upgrade(url)
        database = _opened(url, data_dir)
        with database.connect() as connection:
            fill(connection, users)
        database.undo_writes()
        yield database


def _opened(url: str, data_dir: Path) -> Database:
    place = parse_qs(urlsplit(url).query)
    return Database(
        url=url,
        variables={
            "PGHOST": place["host"][0],
            "PGPORT": place["port"][0],
            "PGUSER": "roster",
            "PGDATABASE": "roster",
        },
        postmaster=int((data_dir / "cluster" / "postmaster.pid").read_text().split()[0]),
    )


def fill(connection: psycopg.Connection, users: int) -> None:
    """Makes so many users, unless they are there. Raises WrongDataError if there are more or fewer."""
    (there,) = connection.execute(
        "select count(*) from users where created_at <= %s", [MADE_UNTIL]
    ).fetchone() or (0,)
    if there not in {0, users}:
        raise WrongDataError(f"There are {there:,} users instead of {users:,}: choose another --data-dir.")
    if there:
        return
    with connection.transaction():
        indexes = connection.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(sql.SQL("drop index {}").format(sql.Identifier(name)))
        # What is made here refers to what is there, and nothing listens.
        connection.execute("set local session_replication_role = replica")
        connection.cursor().executemany(_MAKE_ROLES, ROLES)
        connection.execute(_MAKE_PEOPLE)
        with connection.cursor().copy("copy people from stdin") as copy:
            for row in PEOPLE:
                copy.write_row(row)
        made = {"users": users, "people": len(PEOPLE), "until": MADE_UNTIL}
        connection.execute(_MAKE_USERS, made)
        connection.execute(_MAKE_ASSIGNMENTS, made)
        for _, definition in indexes:
            connection.execute(definition)
