"""The playground as its users see it, signed in. Each visit fails if anything is asked for elsewhere, forbidden by
the policy, or complained of in the console.

PLAYGROUND_PICTURE=docs/playground.png writes the picture of the README anew.
"""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

import browsing
import serving
from browsing import ITS_OWN, Visit, visit
from serving import Served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not browsing.CHROMIUM.exists(), reason="needs Chromium"),
]

TABS = ["[PageWithRoles]", "FilterByRole", "CreateUser", "AssignUntil", "WhoHeldItThen", "ErrorsAsData"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing.chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Served]:
    with serving.serve("--demo", "--data-dir", place / "data") as served:
        yield served


@pytest.fixture
def visited(browser: Browser, server: Served) -> Iterator[Visit]:
    with visit(browser, server.url, token=server.token) as opened:
        yield opened


def run(visited: Visit, tab: str, pictures: Path) -> Any:
    """Chooses a tab, presses play; the data that is shown, of which there is a picture to look at."""
    visited.show(tab)
    shown = visited.run()
    visited.page.screenshot(path=pictures / f"{tab}.png")
    assert "errors" not in shown, shown
    return shown["data"]


def test_it_opens_with_the_examples_and_runs_nothing(visited: Visit) -> None:
    expect(visited.page).to_have_title("Roster playground")
    assert visited.tabs() == TABS
    assert sorted(map(str, visited.operations)) == ITS_OWN


def test_a_page_with_roles_and_the_next(visited: Visit, tmp_path: Path) -> None:
    page = run(visited, "PageWithRoles", tmp_path)["users"]
    assert len(page["nodes"]) == 10
    expect(visited.page.locator(".graphiql-response")).to_contain_text('"displayName": "Ada Lovelace"')
    visited.write("Variables", f'{{"after": "{page["pageInfo"]["endCursor"]}"}}')
    following = visited.run()["data"]["users"]
    assert len({user["email"] for user in page["nodes"] + following["nodes"]}) == 20


def test_filters_by_role_by_permission_and_by_words(visited: Visit, tmp_path: Path) -> None:
    found = run(visited, "FilterByRole", tmp_path)
    admins = {user["displayName"] for user in found["admins"]["nodes"]}
    assert admins == {"Ada Lovelace", "Grace Hopper", "Katherine Johnson", "Local administrator"}
    assert found["otherWriters"]["totalCount"] > 0
    assert [user["displayName"] for user in found["emilie"]["nodes"]] == ["Émilie du Châtelet"]


def test_a_user_is_created_once(visited: Visit, tmp_path: Path) -> None:
    created = run(visited, "CreateUser", tmp_path)["createUser"]
    assert created["user"]["displayName"] == "Mary Somerville"
    (taken,) = visited.run()["data"]["createUser"]["errors"]
    assert (taken["code"], taken["existingId"]) == ("TAKEN", created["user"]["id"])


def test_a_role_is_assigned_until_a_moment(visited: Visit, tmp_path: Path) -> None:
    done = run(visited, "AssignUntil", tmp_path)["assignRoles"]
    assert (done["assigned"], done["errors"]) == (1, [])
    (assignment,) = done["users"][0]["assignments"]["nodes"]
    ahead = datetime.fromisoformat(assignment["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=28) < ahead < timedelta(days=31)
    assert visited.run()["data"]["assignRoles"]["unchanged"] == 1


def test_who_held_a_role_then_who_gave_it_why_and_who_took_it_away(visited: Visit, tmp_path: Path) -> None:
    role = run(visited, "WhoHeldItThen", tmp_path)["role"]
    then, now = (
        {held["user"]["displayName"]: held for held in role[when]["nodes"]} for when in ("then", "now")
    )
    assert now.keys() - then.keys() == {"Katherine Johnson", "Local administrator"}
    assert then.keys() - now.keys() == {"Alan Turing"}
    gone = then["Alan Turing"]
    half_a_year_ago = datetime.now(UTC) - timedelta(days=182)
    assert datetime.fromisoformat(gone.pop("assignedAt")) < half_a_year_ago
    assert half_a_year_ago < datetime.fromisoformat(gone.pop("revokedAt")) < datetime.now(UTC)
    assert gone == {
        "user": {"displayName": "Alan Turing"},
        "state": "REVOKED",
        "assignedBy": {"label": "Ada Lovelace"},
        "reason": "Migration of the directory",
        "revokedBy": {"label": "Ada Lovelace"},
        "revokeReason": "The migration is done",
    }


def test_errors_are_data(visited: Visit, tmp_path: Path) -> None:
    wrong = run(visited, "ErrorsAsData", tmp_path)["createUser"]
    assert wrong["user"] is None
    assert len(wrong["errors"]) == 5
    assert wrong["errors"][-1]["path"] == ["roles", "0", "expiresAt"]


def test_the_docs_tell_what_the_schema_says(visited: Visit, tmp_path: Path) -> None:
    visited.page.get_by_role("button", name="Show Documentation Explorer").click()
    docs = visited.page.locator(".graphiql-plugin")
    docs.get_by_role("link", name="Mutation", exact=True).click()
    expect(docs).to_contain_text("Adds a user, with its roles or the default ones.")
    visited.page.screenshot(path=tmp_path / "docs.png")


def test_what_may_stand_at_the_cursor_is_offered(visited: Visit, tmp_path: Path) -> None:
    visited.page.get_by_role("button", name="New tab").click()
    visited.write("Operation Editor", "{ users { nodes { disp")
    visited.page.keyboard.press("Control+Space")
    expect(visited.page.locator(".suggest-widget")).to_contain_text("displayName")
    visited.page.screenshot(path=tmp_path / "offered.png")
    workers = {worker.url.rpartition("/")[2].partition("-")[0] for worker in visited.page.workers}
    assert workers == {"editor.worker", "json.worker", "graphql.worker"}


def test_prettify_keeps_the_comments(visited: Visit) -> None:
    """What it needs is fetched only now."""
    visited.page.get_by_role("button", name="New tab").click()
    visited.write("Operation Editor", "# Mine.\n{ users { totalCount } }")
    visited.page.get_by_role("button", name="Prettify query").click()
    visited.page.wait_for_function(
        "(pretty) => sessionStorage['graphiql:query'] === pretty",
        arg="# Mine.\n{\n  users {\n    totalCount\n  }\n}\n",
    )


def test_a_reload_finds_the_tabs_again(visited: Visit) -> None:
    mine = "query Mine { users { totalCount } }"
    visited.show("FilterByRole")
    visited.write("Operation Editor", mine)
    visited.page.wait_for_function("() => sessionStorage['graphiql:tabState'].includes('query Mine')")
    visited.reload()
    assert visited.tabs() == ["PageWithRoles", "[Mine]", *TABS[2:]]
    assert visited.text("operation.graphql") == mine


def test_the_next_visit_begins_with_the_examples_and_knows_what_was_run(visited: Visit) -> None:
    visited.write("Operation Editor", "query Mine { users { totalCount } }")
    visited.run()
    visited.page = visited.context.new_page()
    visited.open()
    assert visited.tabs() == TABS
    visited.page.get_by_role("button", name="Show History").click()
    expect(visited.page.locator(".graphiql-plugin")).to_contain_text("Mine")


# The background, and Monaco's theme, which colours the text.
LOOKS = {"light": ("rgb(255, 255, 255)", r"\bvs$"), "dark": ("rgb(33, 42, 59)", r"\bvs-dark$")}


def looks_like(visited: Visit, scheme: str) -> None:
    background, theme = LOOKS[scheme]
    expect(visited.page.locator(".graphiql-container")).to_have_css("background-color", background)
    expect(visited.page.locator(".monaco-editor").first).to_have_class(re.compile(theme))


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_it_is_light_or_dark_as_the_system_is_and_goes_with_it(
    browser: Browser, server: Served, tmp_path: Path, scheme: Any, other: Any
) -> None:
    with visit(browser, server.url, token=server.token, color_scheme=scheme) as visited:
        visited.run()
        looks_like(visited, scheme)
        visited.page.screenshot(path=tmp_path / f"{scheme}.png")
        visited.page.emulate_media(color_scheme=other)
        looks_like(visited, other)
        visited.page.screenshot(path=tmp_path / f"{scheme}-then-{other}.png")


def test_the_picture_of_the_readme(visited: Visit, tmp_path: Path) -> None:
    picture = Path(os.environ.get("PLAYGROUND_PICTURE", tmp_path / "playground.png"))
    visited.run()
    visited.page.screenshot(path=picture)
    assert picture.stat().st_size < 200_000
