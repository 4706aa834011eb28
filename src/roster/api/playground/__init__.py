"""The playground: GraphiQL, served from here alone, so that it works offline and under a strict policy.

`static/` is built from `source/` and committed, so that neither installing nor serving Roster needs Node.
To rebuild it after a change: `npm ci && npm run build` in `source/`.
"""

import gzip
from pathlib import Path, PurePath

from starlette.responses import Response

_STATIC = Path(__file__).parent / "static"

# What may be served, listed once: a name that is not here never becomes a path.
_ASSETS = frozenset(path.name.removesuffix(".gz") for path in (_STATIC / "assets").iterdir())
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".ttf": "font/ttf"}

# Monaco styles itself from script, hence 'unsafe-inline' for styles and for nothing else.
# The assets carry the policy too, as a worker obeys that of its own script, not that of the page.
_SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page() -> Response:
    """The page itself: never cached unasked, as it names the assets of this version."""
    html = (_STATIC / "index.html").read_bytes()
    return Response(html, media_type="text/html", headers={**_SECURITY, "Cache-Control": "no-cache"})


def asset(name: str, accept_encoding: str) -> Response:
    """One asset of the page, cached for good, as its name changes with its content."""
    if name not in _ASSETS:
        return Response("Not found", status_code=404, media_type="text/plain")
    content = (_STATIC / "assets" / f"{name}.gz").read_bytes()
    headers = {
        **_SECURITY,
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
    }
    if _accepts_gzip(accept_encoding):
        headers["Content-Encoding"] = "gzip"
    else:
        content = gzip.decompress(content)
    return Response(content, media_type=_MEDIA_TYPES[PurePath(name).suffix], headers=headers)


def _accepts_gzip(accept_encoding: str) -> bool:
    """Whether the header names gzip, or `*`, with a weight above zero (RFC 9110, 12.5.3)."""
    weights = {}
    for item in accept_encoding.lower().split(","):
        token, _, weight = item.partition(";")
        weights[token.strip()] = weight.strip().removeprefix("q=").strip() or "1"
    return weights.get("gzip", weights.get("*", "0")).strip("0.") != ""
