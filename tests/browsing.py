"""The playground in Chromium, as its users open it. Whatever the browser complains of fails the test.

The browser is the system's own: CHROMIUM names it, if it is not where Debian puts it.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Request, expect, sync_playwright

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

    def __init__(self, browser: Browser, origin: str, **options: Any) -> None:
        self.origin = origin
        self.complaints: list[str] = []
        self.operations: list[str | None] = []
        self.context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        self.context.add_init_script(_TELL_VIOLATIONS)
        self.context.on("request", self._note_request)
        self.context.on("console", self._note_console)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page = self.context.new_page()
        self.open()

    def open(self) -> None:
        """Goes there, and waits until it shows an operation and knows the schema."""
        with self.page.expect_response(lambda response: response.request.method == "POST"):
            self.page.goto(f"{self.origin}/graphql")
        self.page.locator(".graphiql-query-editor .view-line").first.wait_for()
        expect(self.page.get_by_role("button", name="Re-fetch GraphQL schema")).to_be_enabled()

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
        self.page.get_by_role("region", name=editor).locator(".view-lines").first.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)
        if editor == "Operation Editor":
            self._wait_until_noted()

    def run(self) -> Any:
        """What the play button brings to the screen."""
        with self.page.expect_response(f"{self.origin}/graphql"):
            self.page.get_by_role("button", name="Execute query").click()
        self.page.wait_for_function(f"() => {_text_of('response.json')} !== ''")
        return json.loads(self.text("response.json"))

    def text(self, editor: str) -> str:
        """All that an editor holds, though it shows only some lines of it."""
        text: str = self.page.evaluate(_text_of(editor))
        return text

    def _wait_until_noted(self) -> None:
        """Until then, a tenth of a second, GraphiQL would run this operation under the name of the one before."""
        noted = f"() => sessionStorage['graphiql:query'] === {_text_of('operation.graphql')}"
        self.page.wait_for_function(noted)

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "data:")):
            self.complaints.append(f"asked for {request.url}")
        if request.method == "POST":
            self.operations.append(json.loads(request.post_data or "{}").get("operationName"))

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


def _text_of(editor: str) -> str:
    return f"__MONACO.editor.getModels().find((model) => model.uri.path.endsWith('{editor}')).getValue()"


@contextmanager
def visit(browser: Browser, origin: str, **options: Any) -> Iterator[Visit]:
    """The options are those of a browser context."""
    visited = Visit(browser, origin, **options)
    yield visited
    visited.context.close()
    assert not visited.complaints, visited.complaints
