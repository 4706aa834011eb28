"""The examples that the playground opens with: valid, and of use on the demo data as on an empty directory."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse, validate

from client import Client
from roster.api import playground
from roster.api.schema import sdl
from roster.services.seeding import seed

EXAMPLES = {
    path.stem: path.read_text()
    for path in sorted((Path(playground.__file__).parent / "source/examples").iterdir())
}
NOW = datetime.now(UTC)
# What the page computes when it is opened. Variables that an operation does not have are ignored.
VARIABLES = {
    "expiresAt": (NOW + timedelta(days=30)).isoformat(),
    "then": (NOW - timedelta(days=182)).isoformat(),
}


async def run(api: Client, name: str, **variables: Any) -> Any:
    """The data; fails if there are errors."""
    answer = await api.answer(EXAMPLES[name], **VARIABLES, **variables)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


@pytest.fixture
async def demo(api: Client) -> Client:
    """With the data of `roster serve --demo`."""
    await seed(api.db, 1000, NOW, lambda *_: None)
    return api


def test_there_is_a_tour_of_six() -> None:
    assert list(EXAMPLES) == [
        "1-page-with-roles",
        "2-filter-by-role",
        "3-create-user",
        "4-assign-until",
        "5-who-held-it-then",
        "6-errors-as-data",
    ]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_fits_the_schema(name: str) -> None:
    assert validate(build_schema(sdl()), parse(EXAMPLES[name])) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_begins_with_what_it_shows_in_lines_that_need_no_scrolling(name: str) -> None:
    lines = EXAMPLES[name].splitlines()
    assert lines[0].startswith("# ")
    assert [line for line in lines if line.startswith("#") and len(line) > 49] == []


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_runs_on_an_empty_directory(api: Client, name: str) -> None:
    await run(api, name)


async def test_a_page_with_roles_and_the_next(demo: Client) -> None:
    page = (await run(demo, "1-page-with-roles"))["users"]
    assert page["nodes"][0]["displayName"] == "Ada Lovelace"
    assert {"key": "ADMIN", "name": "Administrator"} in page["nodes"][0]["roles"]
    assert page["pageInfo"]["hasNextPage"]
    following = (await run(demo, "1-page-with-roles", after=page["pageInfo"]["endCursor"]))["users"]
    emails = {user["email"] for user in page["nodes"] + following["nodes"]}
    assert len(emails) == 20


async def test_filters_by_role_by_permission_and_by_words(demo: Client) -> None:
    found = await run(demo, "2-filter-by-role")
    names = [user["displayName"] for user in found["admins"]["nodes"]]
    assert names == ["Ada Lovelace", "Grace Hopper", "Katherine Johnson"]
    assert len(found["otherWriters"]["nodes"]) == 5
    assert all("roster:users:write" in user["permissions"] for user in found["otherWriters"]["nodes"])
    assert [user["displayName"] for user in found["emilie"]["nodes"]] == ["Émilie du Châtelet"]


async def test_a_user_is_created_once(demo: Client) -> None:
    first = await run(demo, "3-create-user")
    assert first["addRole"]["errors"] == first["createUser"]["errors"] == []
    created = first["createUser"]["user"]
    assert created["roles"] == [{"key": "TOUR_GUIDE"}]
    assert created["permissions"] == ["tours:lead", "tours:read"]
    again = await run(demo, "3-create-user")
    assert [error["code"] for error in again["addRole"]["errors"]] == ["TAKEN"]
    (taken,) = again["createUser"]["errors"]
    assert (taken["code"], taken["path"], taken["existingId"]) == ("TAKEN", ["email"], created["id"])


async def test_a_role_is_assigned_until_a_moment(demo: Client) -> None:
    first = (await run(demo, "4-assign-until"))["assignRoles"]
    assert (first["assigned"], first["unchanged"], first["errors"]) == (1, 0, [])
    (assignment,) = first["users"][0]["assignments"]["nodes"]
    assert assignment["role"] == {"key": "ON_CALL"}
    assert assignment["expiresAt"][:19] == VARIABLES["expiresAt"][:19]
    again = (await run(demo, "4-assign-until"))["assignRoles"]
    assert (again["assigned"], again["unchanged"], again["errors"]) == (0, 1, [])


async def test_who_held_a_role_then_and_who_does_now(demo: Client) -> None:
    role = (await run(demo, "5-who-held-it-then"))["role"]
    then = {held["user"]["displayName"]: held for held in role["then"]["nodes"]}
    now = {held["user"]["displayName"] for held in role["now"]["nodes"]}
    assert set(then) == {"Ada Lovelace", "Grace Hopper", "Alan Turing"}
    assert now == {"Ada Lovelace", "Grace Hopper", "Katherine Johnson"}
    assert then["Alan Turing"]["state"] == "REVOKED"
    assert then["Alan Turing"]["revokedBy"] == {"label": "Ada Lovelace"}
    assert then["Alan Turing"]["revokeReason"]


async def test_everything_that_is_wrong_is_told_at_once_and_then_what_only_the_directory_knows(
    demo: Client,
) -> None:
    wrong = (await run(demo, "6-errors-as-data"))["createUser"]
    assert wrong["user"] is None
    assert [(error["reason"], error["path"]) for error in wrong["errors"]] == [
        ("BAD_FORMAT", ["email"]),
        ("BLANK", ["firstName"]),
        ("BAD_FORMAT", ["phone"]),
        ("NOT_ALLOWED", ["timezone"]),
        ("IN_THE_PAST", ["roles", "0", "expiresAt"]),
    ]
    mended = EXAMPLES["6-errors-as-data"]
    for old, new in {
        "ada.lovelace at": "ada.lovelace@",
        "@ ": "@",
        '" "': '"Ada"',
        "0123": "+442079460958",
        "Atlantis": "Athens",
        "1999-12-31T23:59:59Z": VARIABLES["expiresAt"],
    }.items():
        mended = mended.replace(old, new)
    told = (await demo.answer(mended))["data"]["createUser"]["errors"]
    assert {(error["code"], *error["path"]) for error in told} == {
        ("TAKEN", "email"),
        ("NOT_FOUND", "roles", "0", "role"),
    }
