"""The playground in Chromium, as its users open it. Whatever the browser complains of fails the test.

The browser is the system's own: CHROMIUM names it, if it is not where Debian puts it.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Request, Response, expect, sync_playwright

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
_ARGUMENTS = (
    "--no-sandbox",  # root has none
    # Only this machine has a name, so that nothing of a page, or of the browser itself, gets out.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
)
# What the page asks for unasked.
ITS_OWN = ["IntrospectionQuery", "WhoAmI"]
# Not 'Signed in' alone: then it has not heard yet as whom.
_KNOWS_WHO = re.compile("^(Signed in as .+|Not signed in|The token is not valid|Local operator)$")
# Those of workers are in the console.
_TELL_VIOLATIONS = """
addEventListener('securitypolicyviolation', (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A browser that was never here before, open at the playground."""

    def __init__(self, browser: Browser, origin: str, token: str | None, **options: Any) -> None:
        self.origin = origin
        self.address = f"{origin}/graphql" if token is None else f"{origin}/graphql#token={token}"
        self.complaints: list[str] = []
        self.requests: list[Request] = []
        self.operations: list[str | None] = []
        self.context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        self.context.add_init_script(_TELL_VIOLATIONS)
        self.context.on("request", self._note_request)
        self.context.on("console", self._note_console)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page = self.context.new_page()
        self.open()

    def open(self) -> None:
        """Goes there, and waits until it shows an operation and knows the schema and who one is."""
        self._load(lambda: self.page.goto(self.address))

    def reload(self) -> None:
        self._load(self.page.reload)

    def settles(self, status: str | re.Pattern[str]) -> None:
        """It says so of who one is, and knows the schema."""
        expect(self.page.get_by_role("status")).to_have_text(status)
        expect(self.page.get_by_role("button", name="Re-fetch GraphQL schema")).to_be_enabled()

    def sign_in(self, pasted: str) -> None:
        self.page.get_by_role("button", name="Sign in").click()
        self.page.keyboard.insert_text(pasted)
        self.page.keyboard.press("Enter")

    def sign_out(self) -> None:
        self.page.get_by_role("button", name="Sign out").click()

    def tabs(self) -> list[str]:
        """Their names; the one that is shown in brackets."""
        return [
            f"[{tab.inner_text()}]" if tab.get_attribute("aria-selected") == "true" else tab.inner_text()
            for tab in self.page.get_by_role("tab").all()
        ]

    def show(self, tab: str) -> None:
        self.page.get_by_role("tab", name=tab).click()
        self._wait_until_noted()

    def write(self, editor: str, text: str) -> None:
        """In place of what is there."""
        self.page.get_by_role("region", name=editor).locator(".view-lines").filter(visible=True).click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)
        if editor == "Operation Editor":
            self._wait_until_noted()

    def run(self) -> Any:
        """What the play button brings to the screen."""
        with self.page.expect_response(_is_of_the_user):
            self.page.get_by_role("button", name="Execute query").click()
        self.page.wait_for_function(f"() => {_text_of('response.json')} !== ''")
        return json.loads(self.text("response.json"))

    def text(self, editor: str) -> str:
        """All that an editor holds, though it shows only some lines of it."""
        text: str = self.page.evaluate(_text_of(editor))
        return text

    def _load(self, load: Callable[[], object]) -> None:
        with self.page.expect_response(lambda response: response.request.method == "POST"):
            load()
        self.page.locator(".graphiql-query-editor .view-line").first.wait_for()
        self.settles(_KNOWS_WHO)

    def _wait_until_noted(self) -> None:
        """Until then, a tenth of a second, GraphiQL would run this operation under the name of the one before."""
        noted = f"() => sessionStorage['graphiql:query'] === {_text_of('operation.graphql')}"
        self.page.wait_for_function(noted)

    def _note_request(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((f"{self.origin}/", "data:")):
            self.complaints.append(f"asked for {request.url}")
        if request.method == "POST":
            self.operations.append(_operation(request))

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


def _operation(request: Request) -> str | None:
    name: str | None = json.loads(request.post_data or "{}").get("operationName")
    return name


def _is_of_the_user(response: Response) -> bool:
    return response.request.method == "POST" and _operation(response.request) not in ITS_OWN


def _text_of(editor: str) -> str:
    return f"__MONACO.editor.getModels().find((model) => model.uri.path.endsWith('{editor}')).getValue()"


@contextmanager
def visit(browser: Browser, origin: str, *, token: str | None = None, **options: Any) -> Iterator[Visit]:
    """With the token in the address, as `roster serve` prints it; the options are those of a browser context."""
    visited = Visit(browser, origin, token, **options)
    yield visited
    visited.context.close()
    assert not visited.complaints, visited.complaints
