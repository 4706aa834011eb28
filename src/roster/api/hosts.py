"""Answers only who asks for this host by a name that is its own, against DNS rebinding.

A page of another site can have its own name resolve to 127.0.0.1: to the browser we are that site then, and it reads
our answers to it. What it cannot do is send another Host than its name. Starlette's TrustedHostMiddleware would stop it
too, but takes the first of two Host headers, and answers in words that no GraphQL client reads.
"""

import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from roster.api.http import refusal
from roster.domain.errors import BadRequestError

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class OwnHosts:
    """`hosts` are ours beside those of loopback."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        ours = tuple(dict.fromkeys((*LOOPBACK, *(f"[{host}]" if ":" in host else host for host in hosts))))
        self._ours = re.compile(
            rf"({'|'.join(map(re.escape, ours))})(:[0-9]{{1,5}})?".encode(), re.IGNORECASE
        )
        self._refused = (
            f"This server answers to the hosts {', '.join(ours[:-1])} and {ours[-1]} only:"
            " by any other name, a page of another site could read from it. ROSTER_ALLOWED_HOSTS can name more."
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._is_ours(scope):
            await self._app(scope, receive, send)
        else:
            await refusal(BadRequestError(self._refused), status=421)(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        return len(hosts) == 1 and self._ours.fullmatch(hosts[0]) is not None
