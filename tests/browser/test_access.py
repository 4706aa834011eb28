"""What the playground says to whoever shows no token of Roster's, where the server lets them in."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import browsing
import serving
from browsing import Visit, visit
from issuer import AUDIENCE, local_issuer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not browsing.CHROMIUM.exists(), reason="needs Chromium"),
]

SIGN_IN_OR_OUT = re.compile("^Sign (in|out)$")
WHO = "query Mine { viewer { actor { label } } }"
PEOPLE = "query Mine { users { totalCount } }"
ADD = 'mutation Mine { addRole(input: { key: "CLERK" }) { role { key } } }'
CREATE = """mutation {
  createUser(input: { email: "ada@example.org", firstName: "Ada", lastName: "Lovelace", externalId: "ada" }) {
    user { displayName }
  }
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing.chromium() as launched:
        yield launched


def answer(visited: Visit, operation: str) -> object:
    visited.write("Operation Editor", operation)
    return visited.run()


def test_without_access_control_one_is_the_local_operator_and_need_not_sign_in(
    browser: Browser, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ROSTER_ACCESS_CONTROL", "false")
    with serving.serve("--data-dir", place / "open") as served, visit(browser, served.url) as visited:
        visited.settles("Local operator")
        expect(visited.page.get_by_role("button", name=SIGN_IN_OR_OUT)).to_have_count(0)
        visited.page.screenshot(path=tmp_path / "open.png")
        assert answer(visited, ADD) == {"data": {"addRole": {"role": {"key": "CLERK"}}}}


def test_a_token_of_another_day_is_signed_out_of_where_there_is_no_access_control(
    browser: Browser, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSTER_ACCESS_CONTROL", "false")
    token = f"rst_{'0' * 72}"
    with (
        serving.serve("--data-dir", place / "open again") as served,
        visit(browser, served.url, token=token) as visited,
    ):
        visited.settles("Signed in as Local operator")
        visited.sign_out()
        visited.settles("Local operator")
        expect(visited.page.get_by_role("button", name=SIGN_IN_OR_OUT)).to_have_count(0)


def test_whoever_may_read_without_a_token_reads_and_may_sign_in(
    browser: Browser, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSTER_ANONYMOUS_PERMISSIONS", "roster:users:read")
    with serving.serve("--data-dir", place / "readable") as served, visit(browser, served.url) as visited:
        visited.settles("Not signed in")
        assert answer(visited, PEOPLE) == {"data": {"users": {"totalCount": 1}}}
        expect(visited.page.locator(".signin-refused")).to_have_count(0)
        assert served.token
        visited.sign_in(served.token)
        visited.settles("Signed in as Local administrator")
        assert answer(visited, ADD) == {"data": {"addRole": {"role": {"key": "CLERK"}}}}


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_a_token_of_an_issuer_goes_among_the_headers(
    browser: Browser, place: Path, monkeypatch: pytest.MonkeyPatch, *, is_signed_in: bool
) -> None:
    with local_issuer() as issuer:
        monkeypatch.setenv("ROSTER_OIDC_ISSUER", issuer.url)
        monkeypatch.setenv("ROSTER_OIDC_AUDIENCE", AUDIENCE)
        with serving.serve("--data-dir", place / f"issuer-{is_signed_in}") as served:
            served.ask(CREATE)
            with visit(browser, served.url, token=served.token if is_signed_in else None) as visited:
                visited.page.get_by_role("button", name="Headers").click()
                visited.write("Headers", f'{{"Authorization": "Bearer {issuer.token()}"}}')
                assert answer(visited, WHO) == {"data": {"viewer": {"actor": {"label": "Ada Lovelace"}}}}
                visited.settles("Signed in as Local administrator" if is_signed_in else "Not signed in")
