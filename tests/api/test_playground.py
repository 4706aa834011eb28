"""The playground: one page and its assets, all from here, under a strict policy, small and cached for good."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from client import Client
from roster.api import playground

ASSETS = Path(playground.__file__).parent / "static/assets"
# As they are asked for.
NAMES = sorted(path.name.removesuffix(".gz") for path in ASSETS.iterdir())
SCRIPT = next(name for name in NAMES if re.fullmatch(r"index-.+\.js", name))

SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Page(HTMLParser):
    """What a page refers to, and the scripts that stand in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.inline_scripts: list[str] = []
        self._in_script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_script = tag == "script"
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action", "srcset"}]

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.inline_scripts.append(data)


async def test_the_page_is_html_under_a_strict_policy(api: Client) -> None:
    response = await api.http.get("/graphql")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert {name: response.headers[name] for name in SECURITY} == SECURITY


async def test_the_page_refers_to_nothing_elsewhere_and_holds_no_script(api: Client) -> None:
    html = (await api.http.get("/graphql")).text
    assert "//" not in html
    page = Page(html)
    elsewhere = [link for link in page.links if not link.startswith("/graphql/assets/")]
    assert elsewhere == ["data:,"]  # The icon: an empty one.
    assert page.inline_scripts == []
    assert {name for name in page.attributes if name.startswith("on")} == set()


async def test_what_the_page_refers_to_is_there(api: Client) -> None:
    links = [link for link in Page((await api.http.get("/graphql")).text).links if link.startswith("/")]
    assert f"/graphql/assets/{SCRIPT}" in links
    statuses = {link: (await api.http.get(link)).status_code for link in links}
    assert statuses == dict.fromkeys(links, 200)


async def test_what_the_assets_refer_to_is_there(api: Client) -> None:
    """Chunks, workers and fonts, which are fetched as they are needed."""
    reference = re.compile(r"""["'`(](?:\./|/graphql/assets/|assets/)([\w-]+-[\w-]{8}\.(?:js|css|ttf))\b""")
    named: set[str] = set()
    for name in NAMES:
        named |= set(reference.findall((await api.http.get(f"/graphql/assets/{name}")).text))
    assert {name.rpartition(".")[2] for name in named} == {"js", "css", "ttf"}
    assert named - set(NAMES) == set()


@pytest.mark.parametrize("name", NAMES)
async def test_an_asset_is_cached_for_good_compressed_or_not(api: Client, name: str) -> None:
    media_type = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "ttf": "font/ttf"}
    plain, compressed = [
        await api.http.get(f"/graphql/assets/{name}", headers={"accept-encoding": coding})
        for coding in ("identity", "gzip")
    ]
    for response in (plain, compressed):
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["content-type"] == media_type[name.rpartition(".")[2]]
        assert response.headers["vary"] == "Accept-Encoding"
        assert {header: response.headers[header] for header in SECURITY} == SECURITY
    assert "content-encoding" not in plain.headers
    assert compressed.headers["content-encoding"] == "gzip"
    assert compressed.headers["content-length"] == str((ASSETS / f"{name}.gz").stat().st_size)
    assert plain.content == compressed.content  # As httpx unpacks it.


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "gzip"),
        ("br, gzip;q=0.1", "gzip"),
        ("GZIP", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0.000, br", None),
        ("gzip;q=0, *", None),
        ("*;q=0", None),
        ("br", None),
        ("identity", None),
        ("", None),
    ],
)
async def test_the_coding_is_one_that_the_client_accepts(
    api: Client, accepted: str, coding: str | None
) -> None:
    response = await api.http.get(f"/graphql/assets/{SCRIPT}", headers={"accept-encoding": accepted})
    assert response.headers.get("content-encoding") == coding


@pytest.mark.parametrize(
    "name",
    ["nothing.js", f"{SCRIPT}.gz", "index.html", "..%2Findex.html", "%2e%2e/index.html", ""],
)
async def test_what_is_no_asset_is_not_found(api: Client, name: str) -> None:
    assert (await api.http.get(f"/graphql/assets/{name}")).status_code == 404


def test_the_licences_of_what_is_shipped_lie_beside_it() -> None:
    text = (ASSETS.parent / "THIRD_PARTY.txt").read_text()
    assert {name for name in ("graphiql", "monaco-editor", "react") if name not in text} == set()
