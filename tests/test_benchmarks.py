"""The benchmarks: that they ask for what the schema has, compare what is the same, and reckon rightly."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks import database
from benchmarks.agreement import DisagreementError, normalised, require_equal
from benchmarks.contenders import CONTENDERS, HERE, ROSTER, Contender
from benchmarks.contenders.asgi_sql.statements import STATEMENTS
from benchmarks.contenders.strawberry_docs.server import schema as docs_schema
from benchmarks.database import Database, WrongDataError
from benchmarks.load import Result
from benchmarks.measuring import Run
from benchmarks.people import PEOPLE, ROLES
from benchmarks.processes import cpu_seconds, peak_megabytes
from benchmarks.report import growth_table, mistaken, ratios, table
from benchmarks.subjects import Subjects, draw
from benchmarks.workloads import WORKLOADS, Workload, bodies
from graphql import build_schema, parse, validate

from postgres import connect
from roster.api.schema import sdl
from roster.data.indexes import LIVE

USERS = 1000
SCHEMAS = {"roster": sdl(), "strawberry-docs": docs_schema.as_str()}
OPERATIONS = [
    (contender, name)
    for contender in CONTENDERS
    if contender.name in SCHEMAS
    for name in contender.operations
]


@pytest.fixture(scope="module")
def filled(place: Path) -> Iterator[Database]:
    with database.running(place / "benchmark", USERS) as opened:
        yield opened


@pytest.fixture(scope="module")
def subjects(filled: Database) -> Subjects:
    with filled.connect() as connection:
        return draw(connection, USERS)


def _contender(name: str) -> Contender:
    return next(contender for contender in CONTENDERS if contender.name == name)


def _workload(key: str) -> Workload:
    return next(workload for workload in WORKLOADS if workload.key == key)


def _run(of: str, number: int, rate: float, *, errors: int = 0) -> Run:
    result = Result(
        requests=int(rate),
        rate=rate,
        p50=1000 / rate,
        p99=2,
        server_cpu=3,
        database_cpu=4,
        errors=errors,
        example="500 Oops",
    )
    return Run(workload="W1", of=of, connections=32, round=number, result=result)


# ---- what is asked ----


@pytest.mark.parametrize(("contender", "name"), OPERATIONS, ids=lambda part: getattr(part, "name", part))
def test_an_operation_fits_the_schema(contender: Contender, name: str) -> None:
    document = parse(contender.operations[name].text)
    assert not validate(build_schema(SCHEMAS[contender.name]), document)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.key)
def test_every_workload_is_asked_of_roster_with_every_variable(
    workload: Workload, subjects: Subjects
) -> None:
    cursors = dict.fromkeys([*subjects.places, *subjects.late_places], "cursor")
    asked = [json.loads(line) for line in bodies(workload, ROSTER, subjects, cursors)]
    declared = ROSTER.operations[workload.operation].variables
    assert len(asked) >= 100
    assert all(body["variables"].keys() == declared for body in asked)


def test_ids_are_written_as_the_contender_writes_them(subjects: Subjects) -> None:
    role, user = subjects.roles[0], subjects.without_roles[0]
    written = {}
    for name in ("roster", "postgraphile"):
        first = bodies(_workload("W7"), _contender(name), subjects, {})[0]
        written[name] = json.loads(first)["variables"]
    assert written["roster"]["id"] == "usr_" + user.replace("-", "")
    assert written["roster"]["role1"] == "rol_" + role.replace("-", "")
    assert (written["postgraphile"]["id"], written["postgraphile"]["role1"]) == (user, role)


def test_nobody_is_assigned_the_same_role_twice(subjects: Subjects) -> None:
    asked = list(_workload("W7").variables(subjects))
    pairs = [(each["id"], each[name]) for each in asked for name in ("role1", "role2", "role3")]
    assert len(set(pairs)) == len(pairs) == 48 * len(subjects.without_roles)


def test_a_new_document_differs_by_the_number_that_is_put_in(subjects: Subjects) -> None:
    cursors = dict.fromkeys(subjects.places, "cursor")
    (line, *_) = bodies(_workload("W11"), ROSTER, subjects, cursors)
    texts = {json.loads(line.replace("@n@", number))["query"] for number in ("00000001", "00000002")}
    assert len(texts) == 2
    assert all(not validate(build_schema(SCHEMAS["roster"]), parse(text)) for text in texts)


@pytest.mark.parametrize(
    "file",
    [
        "asgi_sql/statements.py",
        "mercurius/resolvers.js",
        "postgraphile/graphile.config.js",
        "strawberry_docs/tables.py",
    ],
)
def test_all_list_the_users_that_the_indexes_are_of(file: str) -> None:
    assert str(LIVE).lower() in (HERE / file).read_text("utf-8").lower()


def test_an_index_serves_the_page_that_all_ask_for(filled: Database, subjects: Subjects) -> None:
    explain = f"explain {STATEMENTS['page']}".encode()
    with filled.connect() as connection:
        plan = connection.execute(explain, {"first": 50, "after": subjects.places[0]}).fetchall()
    assert any("Index Scan using ix_users_created_at_live on users" in line for (line,) in plan)


# ---- the data ----


def test_the_data_has_the_shape_that_is_promised(filled: Database) -> None:
    with filled.connect() as connection:
        users = connection.execute(
            "select count(*), count(distinct email), count(distinct created_at) from users where status = 'ACTIVE'"
        ).fetchone()
        roles = connection.execute("select count(*) from roles").fetchone()
        held = connection.execute(
            "select n, count(*) from (select count(role_id) as n from users left join role_assignments"
            " on user_id = users.id group by users.id) numbers group by 1 order by 1"
        ).fetchall()
    assert users == (USERS, USERS, USERS)
    assert roles == (50,) == (len(ROLES) + 1,)
    assert [number for number, _ in held] == [0, 1, 2, 3, 4, 5, 6]
    assert min(count for _, count in held) > USERS / 10


def test_the_data_has_the_indexes_of_the_migrations(filled: Database, database_url: str) -> None:
    statement = "select indexdef from pg_indexes where schemaname = 'public' order by 1"
    with filled.connect() as made, connect(database_url) as migrated:
        assert made.execute(statement).fetchall() == migrated.execute(statement).fetchall()


def test_names_can_be_told_apart_by_their_addresses() -> None:
    addresses = [row[6] for row in PEOPLE]
    assert len(set(addresses)) == len(addresses)
    assert all(address.isascii() for address in addresses)


def test_what_the_workloads_write_is_taken_away(filled: Database, subjects: Subjects) -> None:
    counted = "select (select count(*) from users), (select count(*) from role_assignments)"
    with filled.connect() as connection:
        before = connection.execute(counted).fetchone()
        (user,) = connection.execute(
            "insert into users (kind, email, display_name, display_name_fold, display_name_given, search_fold, status,"
            " created_at, updated_at) values ('PERSON', 'created-1@example.org', 'A', 'a', false, 'a', 'ACTIVE',"
            " now(), now()) returning id"
        ).fetchone() or (None,)
        connection.execute(
            "insert into role_assignments (user_id, role_id, assigned_at, assigned_by_kind)"
            " values (%s, %s, now(), 'SYSTEM'), (%s, %s, now(), 'SYSTEM')",
            [user, subjects.roles[0], subjects.without_roles[0], subjects.roles[0]],
        )
        assert connection.execute(counted).fetchone() != before
        filled.undo_writes()
        assert connection.execute(counted).fetchone() == before


def test_a_directory_with_other_data_is_refused(filled: Database) -> None:
    with filled.connect() as connection, pytest.raises(WrongDataError, match="1,000 users instead of 7"):
        database.fill(connection, 7)


# ---- what is compared ----

ROLE = {"key": "A", "name": "Ä", "description": None}
USER = {
    "id": "usr_0190000000007000800000000000000a",
    "createdAt": "2024-01-01T00:00:00.000Z",
    "roles": [ROLE],
}


def test_answers_that_look_different_are_the_same() -> None:
    nested = {
        "id": "01900000-0000-7000-8000-00000000000a",
        "createdAt": "2024-01-01T01:00:00+01:00",
        "roles": {"nodes": [{"role": ROLE}]},
    }
    assert normalised({"edges": [{"cursor": "x", "node": USER}]}) == normalised(
        {"edges": [{"cursor": "y", "node": nested}]}
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "usr_0190000000007000800000000000000b"),
        ("createdAt", "2024-01-01T00:00:00.001Z"),
        ("roles", []),
        ("roles", [ROLE | {"description": "B"}]),
        ("phone", "+4930123456"),
    ],
)
def test_answers_that_differ_are_told_apart(field: str, value: Any) -> None:
    assert normalised(USER) != normalised(USER | {field: value})


def test_a_difference_is_told_with_its_place() -> None:
    one, other = [{"users": [1, {"a": 2}]}], [{"users": [1, {"a": 3}]}]
    with pytest.raises(
        DisagreementError, match=r"W2: roster and peer differ at \$\[0\]\.users\[1\]\.a: 2 and 3"
    ):
        require_equal("W2", {"roster": one, "same": list(one), "peer": other})


# ---- what is reckoned ----


def test_ratios_are_those_of_the_same_round() -> None:
    runs = [_run("roster", 0, 100), _run("peer", 0, 50), _run("peer", 1, 300), _run("roster", 1, 900)]
    runs.append(_run("roster", 2, 7))  # without a counterpart
    assert ratios(runs, "roster", "peer") == [2, 3]


def test_the_table_has_medians_and_the_ratio_of_each_round() -> None:
    rates = {"roster": (100, 200, 1200), "peer": (100, 100, 400)}
    runs = [_run(name, number, rate) for name, each in rates.items() for number, rate in enumerate(each)]
    lines = table(runs, {"roster": 120, "pgbench": 0}).splitlines()
    assert "| roster | 32 | 200 |  | 5.00 | 2.00 | 3.00 | 4.00 |" in lines
    assert "| peer | 32 | 100 | 2.00 | 10.00 | 2.00 | 3.00 | 4.00 |" in lines
    assert "| roster | 120 |" in lines
    assert "pgbench" not in "".join(lines)


def test_growth_is_how_much_longer_a_request_takes() -> None:
    text = growth_table([_run("few", 0, 300), _run("many", 0, 200)], {})
    assert "| W1: user by id with roles | 32 | 3.33 | 5.00 | 1.50 |" in text


def test_a_run_with_wrong_answers_is_named() -> None:
    runs = [_run("roster", 0, 100), _run("peer", 1, 100, errors=3)]
    assert mistaken(runs) == ["W1, peer, 32 at once, round 2: 3 wrong, such as 500 Oops"]
    assert table(runs, {}).startswith("**This run failed")


def test_processes_are_read_with_what_they_used() -> None:
    before, deadline = cpu_seconds(os.getpid()), time.process_time() + 0.1
    while time.process_time() < deadline:
        pass
    assert cpu_seconds(os.getpid()) - before > 0.05
    assert peak_megabytes(os.getpid()) > 10
