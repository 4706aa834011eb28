"""Both drivers do the same: what is written, what is read, and what is refused."""

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    Uuid,
    bindparam,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

import make
from roster.data import roles as role_data
from roster.data import users as user_data
from roster.data.columns import Chosen, Moment
from roster.data.connections import Asked
from roster.data.db import Database
from roster.data.models import RoleAssignmentRow, RoleRow, UserRow
from roster.data.statements import fixed
from roster.domain.users import User, UserKind, UserStatus

DRIVERS = ("libpq", "sqlalchemy")
ID = UUID("ffffffff-ffff-7fff-bfff-ffffffffffff")
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
ODD = "a\"b\\c'd,e{f}%s %(g)s $1 :h \n\t\x7f\u200b\U0001f469\u200d\U0001f680 Łódź"
JSON = {
    "big": 10**4000,
    "small": -(2**64),
    "floats": [0.1, -0.0, 1e308, 5e-324, 2.5e-8, 1e21, 123456789012345680.0],
    "nested": [[[{"": {"a": [None, True, False, {}]}}]]],
    ODD: ODD,
    "escaped": "\ud83d\ude80".encode("utf-16", "surrogatepass").decode("utf-16"),
}


@pytest.fixture
async def both(db: Database) -> AsyncIterator[dict[str, Database]]:
    url = db.engine.url.render_as_string(hide_password=False)
    opened = {
        "libpq": Database(url, pool_size=1, driver="libpq"),
        "sqlalchemy": Database(url, pool_size=1, driver="sqlalchemy"),
    }
    yield opened
    for one in opened.values():
        await one.close()


def exactly(value: Any) -> Any:
    """So that 1, 1.0 and True differ, and a moment is one of UTC."""
    if isinstance(value, datetime):
        return (value.utcoffset(), value)
    if isinstance(value, float):
        return (float, math.copysign(1, value), repr(value))
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple, [exactly(one) for one in value])
    if isinstance(value, dict):
        return [(key, exactly(one)) for key, one in value.items()]
    return (type(value), value)


async def answers(db: Database, *asked: Asked) -> list[Any]:
    async with db.read() as reader:
        every = await reader.execute_all(asked)
    return [[[exactly(value) for value in row] for row in rows] for rows in every]


VALUES: Sequence[tuple[Any, Sequence[Any]]] = [
    (Uuid, [ID, UUID(int=0), None]),
    (ARRAY(Uuid), [[], [ID], [ID, UUID(int=1)] * 500, None]),
    (Text, ["", ODD, "x" * 100_000, None]),
    (ARRAY(Text), [[], [""], [ODD, "NULL", "null", "{}", '"'], None]),
    (ARRAY(Text, as_tuple=True), [[], ["a", ODD]]),
    (Moment, [FIRST, LAST, datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC), None]),
    (Moment, [datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=14))), datetime(2024, 7, 1, microsecond=1499, tzinfo=UTC)]),
    (JSONB, [JSON, {}, [], "text", 0, 1.5, True, [None], ODD, 10**30, -1e-7]),
    (SmallInteger, [-(2**15), 2**15 - 1, 0]),
    (Integer, [-(2**31), 2**31 - 1, 0, None]),
    (BigInteger, [-(2**63), 2**63 - 1, 2**31, 2**15, None]),
    (Float, [0.1, -0.0, 1e308, None]),
    (Boolean, [True, False, None]),
    (LargeBinary, [b"", bytes(range(256)), None]),
    (Chosen(UserStatus), [*UserStatus, None]),
]  # fmt: skip


@pytest.mark.parametrize("is_fixed", [True, False])
@pytest.mark.parametrize(("kind", "values"), VALUES, ids=lambda given: repr(given)[:30])
async def test_values_are_written_and_read_alike(
    both: dict[str, Database], kind: Any, values: Sequence[Any], is_fixed: bool
) -> None:
    statement = select(bindparam("value", type_=kind))
    if is_fixed:
        fixed(statement)
    # Each twice, as what is prepared must fit the next.
    asked = [(statement, {"value": value}) for value in (*values, *reversed(values))]
    by_libpq, by_engine = [await answers(both[driver], *asked) for driver in DRIVERS]
    assert by_libpq == by_engine
    if kind not in {Moment, JSONB} and not isinstance(kind, ARRAY):
        assert [rows[0][0] for rows in by_libpq[: len(values)]] == [exactly(value) for value in values]


TEXTS = [
    'SELECT 1 AS count, 2 AS index, 3 AS "class", 4 AS "a b", 5 AS a_',
    "SELECT '%', '100%%', 5 % 3, 'a' LIKE '%a%'",
    "SELECT 1, NULL, 'x', true, 1.5::float8, 2::bigint, 'now'::date = current_date",
    "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t (n, said) ORDER BY n",
    "SELECT 12.50::numeric, 1e400::numeric, -0.001::numeric",
    "SELECT ARRAY[NULL, 'a']::text[], '{}'::uuid[], ARRAY[ARRAY[1, 2], ARRAY[3, 4]]",
    "SELECT '{\"a\": 1e3, \"b\": 1.10, \"c\": 100000000000000000000.5}'::jsonb, '[]'::json",
    "SELECT 'public'::name, current_setting('timezone'), version()",
    "SELECT interval '1 day 2 seconds', time '12:30', timestamp '2024-01-01 12:00'",
    "SELECT 1 WHERE false",
    "CREATE TEMPORARY TABLE IF NOT EXISTS nothing ()",
]  # fmt: skip


@pytest.mark.parametrize("statement", TEXTS)
async def test_texts_answer_alike(both: dict[str, Database], statement: str) -> None:
    made = text(statement.replace(":", "\\:"))
    by_libpq, by_engine = [await answers(both[driver], (made, {}), (made, {})) for driver in DRIVERS]
    assert by_libpq == by_engine


def a_user_of_extremes(**given: Any) -> User:
    return make.a_user(
        email_verified_at=LAST,
        first_name=ODD[:50].replace("\n", ""),
        # What JSON writes with an exponent, PostgreSQL keeps as the whole number that it is.
        attributes=JSON | {"floats": [0.1, 5e-324]},
        created_at=FIRST,
        updated_at=LAST,
        status=UserStatus.SUSPENDED,
        version=2**31 - 1,
        **given,
    )


@pytest.mark.parametrize(("writes", "reads"), [DRIVERS, DRIVERS[::-1]])
async def test_what_one_writes_the_other_reads(both: dict[str, Database], writes: str, reads: str) -> None:
    users = [
        a_user_of_extremes(),
        make.a_user(kind=UserKind.SERVICE, email=None, username="only", first_name=None, last_name=None),
    ]
    role = make.a_role(
        permissions=("roster:users:read", "app:ride:horses"), description=None, archived_at=LAST
    )
    holding = make.an_assignment(users[0], role, reason=ODD, expires_at=LAST)
    await make.store(both[writes], *users, role, holding)
    changed = replace(users[1], username="other", attributes={"a": [1, 2.0]}, version=2)
    await both[writes].write(partial(user_data.change, user=changed))
    async with both[reads].read() as reader:
        found = await user_data.by_ids(reader, [user.id for user in users])
        assert found == {users[0].id: users[0], changed.id: changed}
        assert await role_data.by_ids(reader, [role.id]) == {role.id: role}
    tables = [
        select(table.__table__).order_by(table.__table__.c.id)
        for table in (UserRow, RoleRow, RoleAssignmentRow)
    ]
    by_libpq, by_engine = [
        await answers(both[driver], *((table, {}) for table in tables)) for driver in DRIVERS
    ]
    assert by_libpq == by_engine


REFUSED: Sequence[tuple[str, dict[str, Any]]] = [
    ("SELECT 1 / CAST(:value AS int)", {"value": 0}),
    ("SELECT CAST(:value AS int)", {"value": 2**40}),
    ("SELECT CAST(:value AS uuid)", {"value": "no id"}),
    ("SELECT CAST(:value AS text)", {"value": "zero\0byte"}),
    ("SELECT CAST(:value AS text)", {"value": "\ud800"}),
    ("SELECT CAST(:value AS jsonb)", {"value": "{"}),
    ("SELECT CAST(:value AS text)", {"value": object()}),
    ("SELECT * FROM nothing", {}),
    ("SELEC", {}),
    ("SELECT 'infinity'::timestamptz", {}),
    ("SELECT '20000-01-01'::timestamptz", {}),
    ("UPDATE roles SET key = 'no key'", {}),
    ("UPDATE roles SET key = NULL", {}),
    ("INSERT INTO roles (key, key_fold, name, name_fold, created_at, updated_at) SELECT key, key_fold, name, name_fold, created_at, updated_at FROM roles", {}),
    ("INSERT INTO role_assignments (user_id, role_id, assigned_at, assigned_by_kind) SELECT uuidv7(), id, now(), 'SYSTEM' FROM roles", {}),
    ("DO 'begin raise exception ''hello'' using errcode = ''P0001''; end'", {}),
]  # fmt: skip


async def refusal(db: Database, statement: str, values: dict[str, Any], *, writing: bool) -> Any:
    made = text(statement.replace("::", "\\:\\:"))

    with pytest.raises(Exception) as raised:  # noqa: PT011 -- whatever it is
        async with db.driver.writing() if writing else db.driver.reading() as connection:
            await connection.execute(made, values)
    error = raised.value
    if not isinstance(error, psycopg.Error):
        return type(error)
    assert len(error.__notes__) == 1
    told = error.diag
    return type(error), error.sqlstate, told.constraint_name, told.table_name, told.column_name


@pytest.mark.parametrize("writing", [True, False])
@pytest.mark.parametrize(("statement", "values"), REFUSED)
async def test_what_is_refused_is_refused_alike(
    both: dict[str, Database], statement: str, values: dict[str, Any], writing: bool
) -> None:
    by_libpq, by_engine = [
        await refusal(both[driver], statement, values, writing=writing) for driver in DRIVERS
    ]
    assert by_libpq == by_engine
    for db in both.values():
        assert db.driver.lent == 0
        async with db.read() as reader:
            assert (await reader.execute(text("SELECT 'well'"))).scalar_one() == "well"
