"""A cursor serves the order that it came from: any other, and whatever was made up, is refused and reaches no SQL."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from asking import answer
from paged_lists import (
    ASSIGNMENTS,
    EVERY_LIST,
    ROLE_ASSIGNMENTS,
    ROLE_USERS,
    ROLES,
    USERS,
    assert_refused,
    by,
)
from population import World, populated
from roster.api.cursors import cursor_writer, decode_cursor
from roster.data.db import Database
from roster.domain.pages import (
    AssignmentOrderField,
    Cursor,
    EventOrderField,
    OrderDirection,
    OrderKey,
    RoleOrderField,
    UserOrderField,
)

Json = dict[str, Any]


@pytest.fixture(scope="module")
async def world(shared_db: Database) -> AsyncIterator[World]:
    async with populated(shared_db) as made:
        yield made


async def a_cursor(world: World, query: str, order: list[Json] | None) -> str:
    variables = {"orderBy": order} if order else {}
    data = (await answer(world, query, **variables, first=3))["data"]
    (connection,) = data.get("role", data).values()
    cursor: str = connection["edges"][2]["cursor"]
    return cursor


def encoded(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def decoded(cursor: str) -> list[Any]:
    content: list[Any] = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return content


@pytest.mark.parametrize("argument", ["after", "before"])
@pytest.mark.parametrize(
    ("query", "order", "other_query", "other_order"),
    [
        (USERS, by("EMAIL"), USERS, by("USERNAME")),
        (USERS, by("EMAIL"), USERS, by("EMAIL", direction="DESC")),
        (USERS, by("EMAIL"), USERS, by("EMAIL", "STATUS")),
        (USERS, by("EMAIL", "STATUS"), USERS, by("EMAIL")),
        (USERS, by("EMAIL", "STATUS"), USERS, by("STATUS", "EMAIL")),
        (USERS, None, ROLES, by("CREATED_AT")),
        (ROLES, by("CREATED_AT"), USERS, None),
        (ROLES, by("CREATED_AT"), ROLES, by("UPDATED_AT")),
        (ASSIGNMENTS, None, USERS, None),
        (USERS, None, ASSIGNMENTS, None),
        (USERS, by("EMAIL"), ROLE_USERS, by("USERNAME")),
        (ROLES, by("CREATED_AT"), ROLE_ASSIGNMENTS, None),
    ],
)
async def test_a_cursor_of_another_order_is_refused(
    world: World,
    query: str,
    order: list[Json] | None,
    other_query: str,
    other_order: list[Json] | None,
    argument: str,
) -> None:
    cursor = await a_cursor(world, query, order)
    ordering = {"orderBy": other_order} if other_order else {}
    await assert_refused(world, other_query, "BAD_CURSOR", [argument], **ordering, **{argument: cursor})


NOT_A_LIST: tuple[object, ...] = (None, 1, "x", {}, {"a": 1})
NO_CURSOR: tuple[object, ...] = ([], [[]], ["x"], [None, None, None])
GARBAGE = (
    *("", "x", "====", "!!!!", "not a cursor", "\u00e9", "\x00", "\ud800", "A" * 10_000),
    *(encoded(content) for content in (*NOT_A_LIST, *NO_CURSOR)),
    base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
)


@pytest.mark.parametrize("cursor", GARBAGE, ids=range(len(GARBAGE)))
@pytest.mark.parametrize("query", EVERY_LIST.values(), ids=EVERY_LIST)
async def test_what_is_no_cursor_is_refused(world: World, query: str, cursor: str) -> None:
    await assert_refused(world, query, "BAD_CURSOR", ["after"], after=cursor)


NOT_A_TEXT: tuple[object, ...] = (1, 1.5, True, [], {}, "\x00", "\ud800")
NOT_A_MOMENT: tuple[object, ...] = (
    "x",
    "2025-06-30T12:00:00Z",
    1.5,
    True,
    [],
    {},
    10**15,
    -(10**15),
    10**400,
)
NOT_AN_ID: tuple[object, ...] = (None, 1, True, [], {}, "", "x", "0" * 31, "0" * 33)
NOT_A_COUNT: tuple[object, ...] = ("1", 1.5, True, [], {}, -1, 2**31)


@pytest.mark.parametrize(
    ("query", "order", "place", "value"),
    [
        *((USERS, by("EMAIL"), 1, value) for value in NOT_A_TEXT),
        *((USERS, by("STATUS", "LAST_NAME"), 2, value) for value in NOT_A_TEXT),
        *((USERS, by("CREATED_AT"), 1, value) for value in NOT_A_MOMENT),
        *((USERS, by("FIRST_NAME", "UPDATED_AT"), 2, value) for value in NOT_A_MOMENT),
        *((ASSIGNMENTS, None, 1, value) for value in NOT_A_MOMENT),
        *((ROLES, by("HOLDER_COUNT"), 1, value) for value in NOT_A_COUNT),
        *((ROLES, by("KEY"), 1, value) for value in NOT_A_TEXT),
        # What every row has.
        *((USERS, by(field), 1, None) for field in ("CREATED_AT", "UPDATED_AT", "DISPLAY_NAME", "STATUS")),
        *((ROLES, by(field), 1, None) for field in ("KEY", "NAME", "CREATED_AT", "HOLDER_COUNT")),
        (ASSIGNMENTS, None, 1, None),
        # The id.
        *((USERS, by("EMAIL"), 2, value) for value in NOT_AN_ID),
        # Whose order it is of.
        *((USERS, by("EMAIL"), 0, value) for value in NOT_AN_ID),
    ],
)
async def test_a_cursor_with_a_made_up_value_is_refused(
    world: World, query: str, order: list[Json] | None, place: int, value: object
) -> None:
    content = decoded(await a_cursor(world, query, order))
    content[place] = value
    ordering = {"orderBy": order} if order else {}
    for argument in ("after", "before"):
        await assert_refused(
            world, query, "BAD_CURSOR", [argument], **ordering, **{argument: encoded(content)}
        )


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[:-1],
        lambda content: content[:1] + content[2:],
        lambda content: [*content, content[-1]],
        lambda content: [*content[:1], None, *content[1:]],
        lambda content: content[:1],
        lambda content: [content],
        lambda content: dict.fromkeys(map(str, content)),
    ],
)
@pytest.mark.parametrize(
    ("query", "order"), [(USERS, by("EMAIL")), (USERS, by("EMAIL", "CREATED_AT")), (ASSIGNMENTS, None)]
)
async def test_a_cursor_with_another_number_of_values_is_refused(
    world: World, query: str, order: list[Json] | None, change: Callable[[list[Any]], object]
) -> None:
    cursor = encoded(change(decoded(await a_cursor(world, query, order))))
    ordering = {"orderBy": order} if order else {}
    await assert_refused(world, query, "BAD_CURSOR", ["after"], **ordering, after=cursor)


async def test_a_cursor_may_be_null(world: World) -> None:
    assert "errors" not in await answer(world, USERS, after=None, before=None)


async def test_nothing_lies_between_a_cursor_and_itself(world: World) -> None:
    cursor = await a_cursor(world, USERS, None)
    found = (await answer(world, USERS, first=5, after=cursor, before=cursor))["data"]["users"]
    assert (found["nodes"], found["totalCount"]) == ([], 42)


ID = UUID("0190163d-8694-739b-aea5-966c26f8ad91")
WRITTEN_ID = "0190163d8694739baea5966c26f8ad91"
MOMENT = datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
CREATED = UserOrderField.CREATED_AT


@pytest.mark.parametrize(
    ("fields", "cursor", "text"),
    [
        ([CREATED], (MOMENT, ID), f'["users.CREATED_AT.ASC",-1,"{WRITTEN_ID}"]'),
        ([UserOrderField.EMAIL], (None, UUID(int=1)), f'["users.EMAIL.ASC",null,"{1:032x}"]'),
        (
            [UserOrderField.LAST_NAME, CREATED],
            ('~?>\xff"\n', MOMENT, ID),
            f'["users.LAST_NAME.ASC,users.CREATED_AT.ASC","~?>\xff\\"\\n",-1,"{WRITTEN_ID}"]',
        ),
        ([RoleOrderField.HOLDER_COUNT], (0, ID), f'["roles.HOLDER_COUNT.ASC",0,"{WRITTEN_ID}"]'),
        (
            [AssignmentOrderField.ASSIGNED_AT],
            (MOMENT, ID),
            f'["assignments.ASSIGNED_AT.ASC",-1,"{WRITTEN_ID}"]',
        ),
        (
            [EventOrderField.EPOCH, EventOrderField.TRANSACTION, EventOrderField.SEQUENCE],
            (0, 2**40, 7, ID),
            f'["events.EPOCH.ASC,events.TRANSACTION.ASC,events.SEQUENCE.ASC",0,{2**40},7,"{WRITTEN_ID}"]',
        ),
    ],
)
def test_a_cursor_is_written_as_ever(fields: list[Any], cursor: Cursor, text: str) -> None:
    """Whoever follows a list keeps one, for longer than a release."""
    order = [OrderKey(field=field, direction=OrderDirection.ASC) for field in fields]
    written = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    assert cursor_writer(order)([cursor, cursor]) == [written, written]
    assert decode_cursor(written, order, "after") == cursor
