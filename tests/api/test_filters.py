"""How far a filter may go, and not one step further: 5 levels, 50 conditions, 200 values in a list."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from asking import ALL_MEMBERS, assert_answered, assert_refused, at
from population import World, populated
from roster.data.db import Database

Json = dict[str, Any]

NOBODY, NO_ROLE = f"usr_{0:032x}", f"rol_{0:032x}"


@pytest.fixture(scope="module")
async def world(shared_db: Database) -> AsyncIterator[World]:
    async with populated(shared_db) as made:
        yield made


# ---- depth -----------------------------------------------------------------------------------------------------------

STEPS = {
    "and": ("and", "0"),
    "or": ("or", "0"),
    "not": ("not",),
    "some": ("roles", "some"),
    "every": ("roles", "every"),
    "none": ("roles", "none"),
    "role": ("role",),
    "user": ("user",),
}


@pytest.mark.parametrize(
    ("noun", "steps"),
    [
        ("users", "and and and and and"),
        ("users", "or or or or or"),
        ("users", "not not not not not"),
        ("users", "not and or some role"),
        ("users", "every role and or not"),
        ("users", "or none role not and"),
        ("users", "and and and not some"),
        ("roles", "not or and not or"),
        ("roles", "and not or and not"),
        ("assignments", "user every role or and"),
        ("assignments", "role not not and not"),
        ("assignments", "not and or user none"),
        ("assignments", "and or not not role"),
        ("assignments", "or or or and user"),
    ],
)
async def test_a_filter_is_five_deep_and_no_deeper(world: World, noun: str, steps: str) -> None:
    *four, fifth = [STEPS[step] for step in steps.split()]
    path = [name for step in four for name in step]
    await assert_answered(world, noun, at(path, {}))
    too_deep = at([*path, *fifth], {})
    where = [*path, *(name for name in fifth if not name.isdecimal())]
    await assert_refused(world, noun, too_deep, "FILTER_TOO_COMPLEX", where)


# ---- conditions ------------------------------------------------------------------------------------------------------

PERSON = {"kind": "PERSON"}
WORDS = " ".join(f"word{number}" for number in range(48))
MOMENT = {"gt": "2025-01-01T00:00:00Z", "lt": "2025-01-01T00:00:00Z", "isNull": False}


@pytest.mark.parametrize(
    ("noun", "fifty", "one_more", "path"),
    [
        ("users", {"or": [PERSON] * 24, **PERSON}, {"or": [PERSON] * 24, **PERSON, "status": []}, []),
        ("users", {"and": [PERSON] * 24, **PERSON}, {"and": [PERSON] * 25}, ["and", "24"]),
        ("users", {"and": [{}] * 49}, {"and": [{}] * 50}, ["and"]),
        ("users", {"not": {"or": [{}] * 48}}, {"not": {"or": [{}] * 48, **PERSON}}, ["not"]),
        ("users", {"search": f"{WORDS} ana", **PERSON}, {"search": f"{WORDS} ana bob", **PERSON}, []),
        # A word that is there twice is one condition.
        ("users", {"search": f"{WORDS} ana ANA ána", **PERSON}, {"search": f"{WORDS} a1a a2a a3a"}, []),
        (
            "users",
            {"or": [{}] * 45, "createdAt": MOMENT},
            {"or": [{}] * 45, "createdAt": {**MOMENT, "gte": "2025-01-01T00:00:00Z"}},
            ["createdAt"],
        ),
        (
            "users",
            {"or": [{}] * 45, "roles": {"states": [], "anyOf": [], "isEmpty": True}},
            {"or": [{}] * 45, "roles": {"states": [], "anyOf": [], "allOf": [], "isEmpty": True}},
            ["roles"],
        ),
        (
            "users",
            {"or": [{}] * 45, "roles": {"some": {"role": {"isDefault": True}}}},
            {"or": [{}] * 46, "roles": {"some": {"role": {"isDefault": True}}}},
            ["roles", "some", "role"],
        ),
        (
            "roles",
            {"or": [{"isDefault": True}] * 24, "id": []},
            {"or": [{"isDefault": True}] * 25},
            ["or", "24"],
        ),
        (
            "assignments",
            {"and": [{}] * 47, "assignedBy": {"id": NOBODY}, "user": {}},
            {"and": [{}] * 47, "assignedBy": {"id": NOBODY}, "user": PERSON},
            [],
        ),
    ],
)
async def test_a_filter_has_fifty_conditions_and_no_more(
    world: World, noun: str, fifty: Json, one_more: Json, path: list[str]
) -> None:
    await assert_answered(world, noun, fifty)
    await assert_refused(world, noun, one_more, "FILTER_TOO_COMPLEX", path)


# ---- values ----------------------------------------------------------------------------------------------------------

VALUES = {"ID": NOBODY, "String": "ana", "UserStatus": "ACTIVE", "AssignmentState": "ACTIVE"}


@pytest.mark.parametrize(
    ("noun", "path", "type_"),
    [(noun, path, type_) for noun, path, type_, listed in ALL_MEMBERS if listed and type_ in VALUES],
)
async def test_a_list_has_two_hundred_values_and_no_more(
    world: World, noun: str, path: tuple[str, ...], type_: str
) -> None:
    of_role = type_ == "ID" and (noun == "roles" or "role" in path)
    value = NO_ROLE if of_role else VALUES[type_]
    await assert_answered(world, noun, at(path, [value] * 200))
    await assert_refused(world, noun, at(path, [value] * 201), "FILTER_TOO_COMPLEX", path)
