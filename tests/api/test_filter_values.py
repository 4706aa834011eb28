"""What is refused in a filter wherever it stands, with its code and its place: nulls, texts, ids, moments, attributes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from asking import ALL_MEMBERS, ASK, ROOTS, answer, assert_answered, assert_refused, at
from population import World, populated
from roster.data.db import Database

Json = dict[str, Any]

NOBODY, NO_ROLE = f"usr_{0:032x}", f"rol_{0:032x}"
NUL, LONE_SURROGATE = "\x00", "\ud800"


@pytest.fixture(scope="module")
async def world(shared_db: Database) -> AsyncIterator[World]:
    async with populated(shared_db) as made:
        yield made


@pytest.mark.parametrize(("noun", "path"), [(noun, path) for noun, path, *_ in ALL_MEMBERS])
async def test_a_null_is_refused_wherever_it_stands(world: World, noun: str, path: tuple[str, ...]) -> None:
    await assert_refused(world, noun, at(path, None), "BAD_USER_INPUT", path)


async def test_no_filter_at_all_is_as_good_as_an_empty_one(world: World) -> None:
    for noun in ROOTS:
        await assert_answered(world, noun, None)
        await assert_answered(world, noun, {})


TEXT_MEMBERS = [
    *((noun, path, listed) for noun, path, type_, listed in ALL_MEMBERS if type_ == "String"),
    *(("assignments", ("assignedBy", name), False) for name in ("email", "username", "externalId")),
    *(("users", ("roles", "some", "assignedBy", name), False) for name in ("email", "externalId")),
]


@pytest.mark.parametrize("character", [NUL, LONE_SURROGATE])
@pytest.mark.parametrize(("noun", "path", "listed"), TEXT_MEMBERS)
async def test_what_cannot_be_stored_is_refused_in_every_text(
    world: World, noun: str, path: tuple[str, ...], listed: bool, character: str
) -> None:
    text = f"an{character}a"
    given = at(path, ["ana", text] if listed else text)
    await assert_refused(world, noun, given, "BAD_USER_INPUT", path)


CONTAINS = [(noun, path) for noun, path, *_ in ALL_MEMBERS if path[-1] == "contains"]


@pytest.mark.parametrize(("noun", "path"), CONTAINS)
@pytest.mark.parametrize("text", ["", "an", "e\u0301\u0301", "\u0301\u0301\u0301"])
async def test_less_than_three_characters_once_folded_are_not_looked_for_within_a_text(
    world: World, noun: str, path: tuple[str, ...], text: str
) -> None:
    await assert_refused(world, noun, at(path, text), "BAD_USER_INPUT", path)


@pytest.mark.parametrize(("noun", "path"), CONTAINS)
@pytest.mark.parametrize("text", ["ana", "%_\\", "   ", "\ufb03", "\u00dfe"])
async def test_three_characters_once_folded_are(
    world: World, noun: str, path: tuple[str, ...], text: str
) -> None:
    await assert_answered(world, noun, at(path, text))


@pytest.mark.parametrize(
    ("noun", "path", "text"),
    [
        ("users", ["search"], ""),
        ("users", ["search"], " \u00a0 "),
        ("users", ["search"], "an"),
        ("users", ["search"], "ana b\u00f3"),
        ("roles", ["search"], ""),
        ("roles", ["search"], "\u0301"),
        ("users", ["roles", "some", "role", "search"], " "),
        ("assignments", ["user", "search"], "an"),
    ],
)
async def test_a_search_has_words_that_are_long_enough(
    world: World, noun: str, path: list[str], text: str
) -> None:
    await assert_refused(world, noun, at(path, text), "BAD_USER_INPUT", path)


# ---- ids, moments, attributes ----------------------------------------------------------------------------------------

BAD_IDS = (
    "",
    "x",
    NOBODY.upper(),
    NOBODY[:-1],
    f"{NOBODY}0",
    NOBODY[4:],
    f"usr_{'g' * 32}",
    f" {NOBODY}",
    "42",
)


@pytest.mark.parametrize("text", [*BAD_IDS, NO_ROLE, f"asg_{0:032x}", f"evt_{0:032x}", NUL, LONE_SURROGATE])
@pytest.mark.parametrize(
    ("noun", "path"),
    [
        ("users", ["id", "0"]),
        ("assignments", ["assignedBy", "id"]),
        ("users", ["roles", "every", "assignedBy", "id"]),
        ("assignments", ["user", "not", "id", "0"]),
    ],
)
async def test_what_is_not_the_id_of_a_user_is_refused(
    world: World, noun: str, path: list[str], text: str
) -> None:
    await assert_refused(world, noun, at(path, text), "BAD_ID", path)


@pytest.mark.parametrize("text", [NOBODY, "x", "rol_", "ADMIN"])
@pytest.mark.parametrize(
    ("noun", "path"), [("roles", ["id", "0"]), ("users", ["roles", "none", "role", "id", "0"])]
)
async def test_what_is_not_the_id_of_a_role_is_refused(
    world: World, noun: str, path: list[str], text: str
) -> None:
    await assert_refused(world, noun, at(path, text), "BAD_ID", path)


async def test_each_id_is_refused_where_it_stands(world: World) -> None:
    given = {"or": [{}, {"id": [NOBODY, NOBODY, "x"]}]}
    await assert_refused(world, "users", given, "BAD_ID", ["or", "1", "id", "2"])


async def test_the_id_of_nobody_matches_nobody(world: World) -> None:
    await assert_answered(world, "users", {"id": [NOBODY]})


MOMENTS = [(noun, path) for noun, path, type_, _ in ALL_MEMBERS if type_ == "DateTime"]
BAD_MOMENTS = (
    *(
        "",
        "now",
        "2025-06-30",
        "2025-06-30T12:00:00",
        "12:00:00Z",
        "2025-06-30T12:00Z",
        "2025-06-30T12:00:00+2",
    ),
    *("2025-02-29T12:00:00Z", "2025-13-01T12:00:00Z", "2025-06-30T24:00:01Z", "2025-06-30T12:60:00Z"),
    *(
        "2025-06-30T12:00:00.Z",
        "\u0662025-06-30T12:00:00Z",
        "2025-06-30T12:00:00+25:00",
        " 2025-06-30T12:00:00Z",
    ),
    *(
        "1899-12-31T23:59:59.999Z",
        "9001-01-01T00:00:00Z",
        "1900-01-01T00:00:00+00:01",
        "0000-01-01T00:00:00Z",
    ),
)


@pytest.mark.parametrize("text", BAD_MOMENTS)
async def test_what_is_no_moment_from_1900_to_9000_is_refused(world: World, text: str) -> None:
    await assert_refused(world, "users", at(["createdAt", "gt"], text), "BAD_USER_INPUT", ["createdAt", "gt"])


@pytest.mark.parametrize(("noun", "path"), MOMENTS)
async def test_a_moment_is_checked_wherever_it_stands(world: World, noun: str, path: tuple[str, ...]) -> None:
    await assert_refused(world, noun, at(path, "2025-06-30"), "BAD_USER_INPUT", path)
    for edge in ("1900-01-01T00:00:00Z", "9000-12-31T23:59:59.999999Z", "2025-06-30t12:00:00.1+02:00"):
        await assert_answered(world, noun, at(path, edge))


@pytest.mark.parametrize("states", [["EXPIRED"], ["ACTIVE", "REVOKED"], []])
async def test_states_and_active_at_contradict_each_other(world: World, states: list[str]) -> None:
    given = {"roles": {"states": states, "activeAt": "2025-06-30T12:00:00Z", "isEmpty": True}}
    await assert_refused(world, "users", given, "BAD_USER_INPUT", ["roles", "activeAt"])
    await assert_answered(world, "users", at(["roles"], {**given["roles"], "states": ["ACTIVE"]}))


def nested(levels: int) -> Json:
    return {} if levels == 1 else {"a": nested(levels - 1)}


@pytest.mark.parametrize(
    ("fits", "too_much"),
    [
        (nested(5), nested(6)),
        ({"a": [[[[]]]]}, {"a": [[[[[]]]]]}),
        ({"a": 2**53 - 1}, {"a": 2**53}),
        ({"a": -(2.0**53 - 1)}, {"a": -(2.0**53)}),
        # Sixteen kibibytes, of which seven or eight are {"a":""}.
        ({"a": "x" * (16 * 1024 - 8)}, {"a": "x" * (16 * 1024 - 7)}),
        ({"a": "\u00fc" * (8 * 1024 - 4)}, {"a": "\u00fc" * (8 * 1024 - 3)}),
        ({"a": "\x01"}, {"a": NUL}),
        ({"a": ["\U0001f600"]}, {"a": [LONE_SURROGATE]}),
        ({"\u00fc": 1}, {NUL: 1}),
        ({"": 1}, {LONE_SURROGATE: 1}),
    ],
)
async def test_attributes_are_checked_as_when_they_are_stored(
    world: World, fits: Json, too_much: Json
) -> None:
    await assert_answered(world, "users", {"attributes": fits})
    await assert_refused(world, "users", {"attributes": too_much}, "BAD_USER_INPUT", ["attributes"])


@pytest.mark.parametrize(
    ("noun", "filter_"),
    [
        ("users", "x"),
        ("users", []),
        ("users", {"nickname": {"eq": "ana"}}),
        ("users", {"kind": "ROBOT"}),
        ("users", {"and": [None]}),
        ("users", {"status": [None]}),
        ("users", {"email": {"in": [None]}}),
        ("users", {"createdAt": {"gt": 5}}),
        ("users", {"attributes": [1]}),
        ("roles", {"isDefault": "true"}),
        ("roles", {"holderCount": {"eq": 2**31}}),
        ("roles", {"holderCount": {"eq": 1.5}}),
        ("assignments", {"assignedBy": {}}),
        ("assignments", {"assignedBy": {"id": None}}),
        ("assignments", {"assignedBy": {"id": NOBODY, "email": "ana@example.org"}}),
    ],
)
async def test_a_value_of_the_wrong_kind_is_refused_before_anything_is_asked(
    world: World, noun: str, filter_: Any
) -> None:
    found = await answer(world, ASK[noun], filter=filter_)
    assert [error["extensions"] for error in found["errors"]] == [{"code": "BAD_USER_INPUT"}]
    assert "data" not in found
