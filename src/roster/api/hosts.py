"""Answers only who asks for this host by a name that is its own, against DNS rebinding.

A page of another site can have its own name resolve to 127.0.0.1: to the browser we are that site then, and it reads
our answers to it. What it cannot do is send another Host than its name. Starlette's TrustedHostMiddleware would stop it
too, but takes the first of two Host headers, and answers in words that no GraphQL client reads.
"""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from roster.api.http import refusal
from roster.domain.errors import BadRequestError

_OURS = re.compile(rb"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_REFUSED = (
    "This server answers to the hosts localhost, 127.0.0.1 and [::1] only:"
    " by any other name, a page of another site could read from it."
)


class LoopbackHosts:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_ours(scope):
            await self._app(scope, receive, send)
        else:
            await refusal(BadRequestError(_REFUSED), status=421)(scope, receive, send)


def _is_ours(scope: Scope) -> bool:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return len(hosts) == 1 and _OURS.fullmatch(hosts[0]) is not None
