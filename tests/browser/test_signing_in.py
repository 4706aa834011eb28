"""Whom the playground speaks for: its token comes in the address or is pasted, and lasts as long as the tab."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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

CREATE = """mutation ($owner: Email!, $until: DateTime!) {
  createApiToken(input: { owner: { email: $owner }, label: "Browser", expiresAt: $until }) { secret token { id } }
}"""
REVOKE = "mutation ($token: ID!) { revokeApiToken(input: { token: $token }) { token { state } } }"
WHO = "query Mine { viewer { actor { label } } }"
UNKNOWN = f"rst_{'0' * 72}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing.chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Served]:
    with serving.serve("--demo", "--data-dir", place / "data") as served:
        yield served


@pytest.fixture
def origin(server: Served) -> str:
    return server.url


def make_token(server: Served, owner: str) -> tuple[str, str]:
    """The secret, and the id by which it is revoked."""
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = server.ask(CREATE, owner=owner, until=until)["createApiToken"]
    return made["secret"], made["token"]["id"]


@pytest.fixture(scope="module")
def ada(server: Served) -> str:
    secret, _ = make_token(server, "ada.lovelace@example.org")
    return secret


@pytest.fixture(scope="module")
def grace(server: Served) -> str:
    secret, _ = make_token(server, "grace.hopper@example.org")
    return secret


def authorizations(visited: Visit) -> list[str | None]:
    """What came with each operation since they were last asked for."""
    sent = [request.headers.get("authorization") for request in visited.requests if request.method == "POST"]
    visited.requests.clear()
    return sent


def stored(visited: Visit, storage: str) -> str:
    """All of it."""
    text: str = visited.page.evaluate(f"JSON.stringify({storage})")
    return text


def forget_refusals(visited: Visit) -> None:
    """The browser complains of every 401."""
    assert {complaint for complaint in visited.complaints if "401" not in complaint} == set()
    visited.complaints.clear()


def test_it_leaves_the_address_before_all_else_is_loaded(browser: Browser, origin: str, ada: str) -> None:
    """What loads the page is here; the page itself never comes."""
    first = re.compile("/assets/(index|preload)-")
    page = browser.new_page()
    page.route("**/assets/*", lambda route: route.continue_() if first.search(route.request.url) else None)
    page.goto(f"{origin}/graphql?of=mine#token={ada}", wait_until="commit")
    page.wait_for_url(f"{origin}/graphql?of=mine", wait_until="commit")
    page.close()


def test_another_fragment_is_left_alone(browser: Browser, origin: str) -> None:
    with visit(browser, origin) as visited:
        visited.page, visited.address = visited.context.new_page(), f"{origin}/graphql#tokens"
        visited.open()
        visited.settles("Not signed in")
        assert visited.page.url == f"{origin}/graphql#tokens"
        assert set(authorizations(visited)) == {None}


def test_an_address_pasted_into_an_open_tab_signs_in(
    browser: Browser, origin: str, ada: str, grace: str
) -> None:
    with visit(browser, origin) as visited:
        assert authorizations(visited) == [None, None]
        for token, name in ((ada, "Ada Lovelace"), (grace, "Grace Hopper")):
            visited.address = f"{origin}/graphql#token={token}"
            visited.open()
            visited.settles(f"Signed in as {name}")
            assert visited.page.url == f"{origin}/graphql"
            assert set(authorizations(visited)) == {f"Bearer {token}"}


def test_a_reload_keeps_it_and_another_tab_has_none(browser: Browser, origin: str, ada: str) -> None:
    with visit(browser, origin, token=ada) as visited:
        authorizations(visited)
        visited.reload()
        visited.settles("Signed in as Ada Lovelace")
        assert set(authorizations(visited)) == {f"Bearer {ada}"}
        visited.page, visited.address = visited.context.new_page(), f"{origin}/graphql"
        visited.open()
        visited.settles("Not signed in")
        assert set(authorizations(visited)) == {None}


def test_who_signs_out_is_forgotten(browser: Browser, origin: str, ada: str) -> None:
    with visit(browser, origin, token=ada) as visited:
        authorizations(visited)
        visited.sign_out()
        visited.settles("Not signed in")
        assert ada not in stored(visited, "sessionStorage")
        visited.run()
        assert authorizations(visited) == [None] * 3


def test_who_clears_the_storage_is_signed_out(browser: Browser, origin: str, ada: str) -> None:
    with visit(browser, origin, token=ada) as visited:
        visited.page.get_by_role("button", name="Open settings dialog").click()
        visited.page.get_by_role("button", name="Clear data").click()
        visited.page.keyboard.press("Escape")
        visited.settles("Not signed in")


@pytest.mark.parametrize("text", ["{}", " Bearer {}\n", "http://127.0.0.1:8000/graphql#token={}"])
def test_a_token_is_pasted(browser: Browser, origin: str, ada: str, text: str) -> None:
    with visit(browser, origin) as visited:
        authorizations(visited)
        visited.sign_in(text.format(ada))
        visited.settles("Signed in as Ada Lovelace")
        expect(visited.page.get_by_role("dialog")).to_be_hidden()
        visited.run()
        assert authorizations(visited) == [f"Bearer {ada}"] * 3
        assert ada not in stored(visited, "localStorage")
        assert ada not in visited.page.content()


def test_the_dialog_is_masked_labelled_and_left_by_escape(browser: Browser, origin: str, ada: str) -> None:
    with visit(browser, origin) as visited:
        button = visited.page.get_by_role("button", name="Sign in")
        button.press("Enter")
        dialog = visited.page.get_by_role("dialog", name="Sign in")
        field = dialog.get_by_label("API token")
        expect(field).to_be_focused()
        expect(field).to_have_attribute("type", "password")
        field.fill(ada)
        field.press("Escape")
        expect(dialog).to_be_hidden()
        expect(button).to_be_focused()
        expect(visited.page.locator("input[type=password]")).to_have_value("")


def test_what_is_no_token_is_said_and_not_sent(browser: Browser, origin: str) -> None:
    with visit(browser, origin) as visited:
        visited.sign_in("correct horse battery staple")
        expect(visited.page.get_by_role("dialog")).to_contain_text("Not valid")
        expect(visited.page.get_by_label("API token")).to_be_focused()
        assert set(authorizations(visited)) == {None}


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_a_header_of_ones_own_wins(browser: Browser, origin: str, ada: str, grace: str, name: str) -> None:
    with visit(browser, origin, token=ada) as visited:
        visited.page.get_by_role("button", name="Headers").click()
        visited.write("Headers", f'{{"{name}": "Bearer {grace}"}}')
        visited.write("Operation Editor", WHO)
        authorizations(visited)
        assert visited.run() == {"data": {"viewer": {"actor": {"label": "Grace Hopper"}}}}
        visited.page.get_by_role("button", name="Re-fetch GraphQL schema").click()
        visited.settles("Signed in as Ada Lovelace")
        assert authorizations(visited) == [f"Bearer {grace}"] * 2


def test_a_bad_header_of_ones_own_signs_nobody_out(browser: Browser, origin: str, ada: str) -> None:
    with visit(browser, origin, token=ada) as visited:
        visited.page.get_by_role("button", name="Headers").click()
        visited.write("Headers", f'{{"Authorization": "Bearer {UNKNOWN}"}}')
        assert visited.run()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        visited.settles("Signed in as Ada Lovelace")
        forget_refusals(visited)


def test_it_says_who_one_is(browser: Browser, origin: str, ada: str, grace: str, tmp_path: Path) -> None:
    with visit(browser, origin) as visited:
        visited.sign_in(ada)
        visited.settles("Signed in as Ada Lovelace")
        visited.page.screenshot(path=tmp_path / "signed-in.png")
        visited.sign_out()
        visited.sign_in(grace)
        visited.settles("Signed in as Grace Hopper")


def test_a_token_that_is_revoked_is_said_and_another_taken(
    browser: Browser, server: Served, grace: str, tmp_path: Path
) -> None:
    secret, token_id = make_token(server, "ada.lovelace@example.org")
    with visit(browser, server.url, token=secret) as visited:
        visited.settles("Signed in as Ada Lovelace")
        revoked = server.ask(REVOKE, token=token_id)
        assert revoked == {"revokeApiToken": {"token": {"state": "REVOKED"}}}
        assert visited.run()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        visited.settles("The token is not valid")
        visited.page.screenshot(path=tmp_path / "revoked.png")
        assert secret not in stored(visited, "sessionStorage")
        # Pasted again it is refused again, while the dialog is open.
        visited.sign_in(secret)
        expect(visited.page.get_by_role("dialog")).to_contain_text("Not valid")
        visited.page.screenshot(path=tmp_path / "refused.png")
        visited.page.get_by_label("API token").fill(grace)
        visited.page.keyboard.press("Enter")
        visited.settles("Signed in as Grace Hopper")
        expect(visited.page.get_by_role("dialog")).to_be_hidden()
        assert "errors" not in visited.run()
        forget_refusals(visited)


def test_a_bad_token_in_the_address_is_said_and_the_docs_are_there(browser: Browser, origin: str) -> None:
    with visit(browser, origin, token=UNKNOWN) as visited:
        visited.settles("The token is not valid")
        visited.page.get_by_role("button", name="Show Documentation Explorer").click()
        expect(visited.page.locator(".graphiql-plugin")).to_contain_text("Root Types")
        forget_refusals(visited)
