"""A new user's first visit: `roster serve --demo`, and the address that it prints, whose token stays between the two."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import browsing
import serving
from browsing import Visit, visit
from serving import Served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not browsing.CHROMIUM.exists(), reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing.chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Served]:
    """It logs all that it ever does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROSTER_LOG_LEVEL", "debug")
        with serving.serve("--demo", "--data-dir", place / "data") as served:
            yield served


@pytest.fixture(scope="module")
def printed(server: Served) -> str:
    """The address, from stdout."""
    assert server.process.stdout
    told, _, address = server.process.stdout.readline().strip().rpartition(" ")
    assert told == "API and playground:"
    return address


@pytest.fixture
def token(printed: str) -> str:
    return printed.partition("#token=")[2]


@pytest.fixture
def visited(browser: Browser, server: Served, token: str) -> Iterator[Visit]:
    with visit(browser, server.url, token=token) as opened:
        yield opened


def codes_by_tab(visited: Visit) -> dict[str, list[str]]:
    """Runs every example by click; the codes of what was refused altogether."""
    codes = {}
    for tab in visited.tabs():
        name = tab.strip("[]")
        visited.show(name)
        codes[name] = [error["extensions"]["code"] for error in visited.run().get("errors", [])]
    return codes


def test_the_address_that_is_printed_opens_it_signed_in_and_every_example_runs(
    visited: Visit, server: Served, printed: str
) -> None:
    assert visited.address == printed
    assert visited.page.url == f"{server.url}/graphql"
    visited.settles("Signed in as Local administrator")
    codes = codes_by_tab(visited)
    assert len(codes) == 6
    assert set(map(tuple, codes.values())) == {()}


def test_after_a_reload_one_signs_out_and_in_again(visited: Visit, printed: str, tmp_path: Path) -> None:
    visited.reload()
    visited.settles("Signed in as Local administrator")
    visited.sign_out()
    visited.settles("Not signed in")
    visited.page.screenshot(path=tmp_path / "signed-out.png")
    codes = codes_by_tab(visited)
    # What is wrong with an input is wrong whoever asks.
    assert codes.pop("ErrorsAsData") == []
    assert set().union(*codes.values()) == {"UNAUTHENTICATED"}
    assert all(codes.values())
    assert len(codes) == 5
    visited.page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(visited.page.locator(".graphiql-plugin")).to_contain_text("Root Types")
    visited.sign_in(printed)
    visited.settles("Signed in as Local administrator")
    assert "errors" not in visited.run()


def test_the_token_goes_to_the_api_and_nowhere_else(
    visited: Visit, server: Served, token: str, place: Path
) -> None:
    assert visited.page.evaluate("history.length") == 2  # The blank page, and this.
    visited.run()
    visited.reload()
    visited.sign_out()
    visited.sign_in(token)
    visited.settles("Signed in as Local administrator")
    visited.page.get_by_role("button", name="Show History").click()
    assert_only_authorization_has(token, visited)
    page = visited.page.content()
    assert "Signed in as Local administrator" in page
    assert token not in page
    # Cookies, localStorage and IndexedDB.
    kept = json.dumps(visited.context.storage_state(indexed_db=True))
    assert "PageWithRoles" in kept
    assert token not in kept
    assert "/graphql/assets/" in server.logged()
    assert token not in server.logged()
    of_postgresql = (place / "data/server.log").read_text()
    assert "ready to accept connections" in of_postgresql
    assert token not in of_postgresql


def assert_only_authorization_has(token: str, visited: Visit) -> None:
    """Of all that was requested, and only to the API."""
    shown = 0
    for request in visited.requests:
        # Of what is cut off, or is for a worker, Chromium may never tell the rest.
        is_done = request.timing["responseEnd"] >= 0
        headers = request.all_headers() if is_done else dict(request.headers)
        if request.method == "POST" and headers.pop("authorization", None) == f"Bearer {token}":
            shown += 1
        assert token not in f"{request.url} {headers} {request.post_data}"
        assert not headers.get("referer")
    assert shown > 2
