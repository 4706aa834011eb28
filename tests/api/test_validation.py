"""Every input field of every mutation, given every kind of value: what is stored, or the typed error that answers.

The tables stand in `validation/`. What they must cover is read off the schema.
"""

from collections.abc import AsyncIterator, Iterator

import pytest
from graphql import GraphQLInputObjectType, get_named_type

from applications import open_api
from roster.api.schema import schema
from roster.data.db import Database
from validation import assignments, roles, tokens, users
from validation.cells import Case, Column, Done, RequestRefused, Stored, cases
from validation.running import Stage, check_request_refused, document_with, send
from validation.world import restore, snapshot

TABLES = (*users.TABLES, *roles.TABLES, *assignments.TABLES, *tokens.TABLES)
# What is refused comes first, for it leaves the world as it was.
CASES = sorted(
    (case for table in TABLES for case in cases(table)),
    key=lambda case: isinstance(case.cell.outcome, Stored | Done),
)
NULLS = [
    case
    for case in CASES
    if case.column == Column.NULL and case.cell.outcome == RequestRefused("BAD_USER_INPUT")
]


@pytest.fixture(scope="module")
async def stage(shared_db: Database) -> AsyncIterator[Stage]:
    """One application for every case: making one takes longer than a case does."""
    empty = await snapshot(shared_db)
    async with open_api(shared_db.engine.url.render_as_string(hide_password=False), pool_size=5) as client:
        yield await Stage.prepare(client)
    await restore(shared_db, empty)


def _input_fields() -> set[tuple[str, str]]:
    """Every field of every input type that a mutation takes, however deep."""
    mutation = schema()._schema.mutation_type  # noqa: SLF001 -- Strawberry has no public name for it
    assert mutation
    left = [
        get_named_type(argument.type)
        for field in mutation.fields.values()
        for argument in field.args.values()
    ]
    found: dict[str, GraphQLInputObjectType] = {}
    while left:
        kind = left.pop()
        if isinstance(kind, GraphQLInputObjectType) and kind.name not in found:
            found[kind.name] = kind
            left += [get_named_type(field.type) for field in kind.fields.values()]
    return {(name, field) for name, kind in found.items() for field in kind.fields}


def _covered() -> Iterator[tuple[str, str, str]]:
    yield from (
        (case.table.input, case.field.name, case.column) for case in CASES if case.column != "unstorable"
    )
    for table in TABLES:
        for row in table.rows:
            for column, why in row.not_applicable().items():
                assert why.endswith(".")
                yield table.input, row.name, column.value


def test_the_tables_cover_every_column_of_every_input_field() -> None:
    wanted = {(*field, column.value) for field in _input_fields() for column in Column}
    assert set(_covered()) == wanted


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_value_is_stored_or_answered_with_its_error(stage: Stage, case: Case) -> None:
    await stage.check(case)


@pytest.mark.parametrize("case", NULLS, ids=lambda case: case.name)
async def test_a_null_written_where_none_can_be_fails_validation(stage: Stage, case: Case) -> None:
    await stage.clear()
    given = case.table.input_with(stage.world, case.field.name, None)
    answer = await send(stage.api, document_with(case.table.mutation, given))
    check_request_refused(answer, RequestRefused("GRAPHQL_VALIDATION_FAILED"))
    await stage.check_nothing_written()
