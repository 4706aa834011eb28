"""Finding out who calls, from the Authorization header of a request."""

import logging
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn, TypeVar

from roster.data import callers as caller_data
from roster.data import tokens as token_data
from roster.data.assumptions import Assumption, assuming
from roster.data.callers import TokenCaller
from roster.data.connections import Writer
from roster.data.db import Database
from roster.domain.callers import Caller, nobody
from roster.domain.errors import RequestError, UnauthenticatedError, UnavailableError
from roster.domain.tokens import digest, is_secret
from roster.services.oidc import BadTokenError, Issuer

T = TypeVar("T")

logger = logging.getLogger("roster.callers")

# The scheme in any case, then one blank or more (RFC 9110, 11.4; RFC 6750, 2.1).
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", flags=re.ASCII | re.IGNORECASE)
_USE_NOTED_EVERY = timedelta(minutes=1)
_REMEMBERED = 1000


class Callers:
    """Tells callers by API tokens and, if there is an issuer, its JWTs. `anonymous` is what whoever shows none may.

    Whoever showed an API token is remembered for a while, as what must still hold of them can be asked beside the
    first statement of a request: it costs no round trip of its own.
    """

    def __init__(
        self, *, db: Database, anonymous: frozenset[str], issuer: Issuer | None, match_email: bool
    ) -> None:
        self._db, self._anonymous, self._issuer, self._match_email = db, anonymous, issuer, match_email
        self._remembered: OrderedDict[bytes, TokenCaller] = OrderedDict()

    async def answer(
        self, authorization: Sequence[str], now: datetime, work: Callable[[Caller], Awaitable[T]]
    ) -> T:
        """What the work answers to whoever shows a token in the headers, or to nobody if there is none.

        Work may be begun again, before any of its statements did anything, if the caller is not who they were. Raises
        UnauthenticatedError for whatever is wrong with a token or its owner: which it is would help who guesses.
        """
        token = _token_in(authorization)
        if token and (known := self._known(key := digest(token), now)):
            assumption = Assumption(known.assumption)
            outcome = await self._outcome(assumption, known.caller, work)
            if await self._held(assumption):
                return outcome()
            self._remembered.pop(key, None)  # unless a request beside this one has seen it first
        return await work(await self.of_headers(authorization, now))

    def _known(self, key: bytes, now: datetime) -> TokenCaller | None:
        known = self._remembered.get(key)
        if known is None or known.expires_at <= now or _is_to_be_noted(known, now):
            return None
        self._remembered.move_to_end(key)
        return known

    async def _outcome(
        self, assumption: Assumption, caller: Caller, work: Callable[[Caller], Awaitable[T]]
    ) -> Callable[[], T]:
        """What returns the answer or raises the refusal, once it is known that the caller is who they were."""
        with assuming(assumption):
            try:
                answer = await work(caller)
            except RequestError as error:
                return partial(_refuse, error)
        return lambda: answer

    async def _held(self, assumption: Assumption) -> bool:
        if assumption.held is None:  # nothing relied on it
            async with self._db.read() as reader:
                return bool(await reader.execute(*assumption.asked))
        return assumption.held

    async def of_headers(self, authorization: Sequence[str], now: datetime) -> Caller:
        """The caller, looked up now."""
        if not authorization:
            return nobody(self._anonymous)
        token = _token_in(authorization)
        caller = await self._of_token(token, now) if token else None
        if caller is None:
            raise UnauthenticatedError("The token is not valid.")
        return caller

    async def _of_token(self, token: str, now: datetime) -> Caller | None:
        if is_secret(token):
            return await self._of_secret(token, now)
        if self._issuer is None:
            return None
        try:
            claims = await self._issuer.claims(token)
        except BadTokenError as error:
            logger.info("a token was refused", extra={"reason": str(error)})
            return None
        email = claims.verified_email if self._match_email else None
        async with self._db.read() as reader:
            return await caller_data.by_subject(reader, claims.subject, email, now)

    async def _of_secret(self, secret: str, now: datetime) -> Caller | None:
        async with self._db.read() as reader:
            found = await caller_data.by_token(reader, digest(secret), now)
        if found is None:
            return None
        if _is_to_be_noted(found, now):
            await self._note_use(found, now)
            found = replace(found, last_used_at=now)
        self._remember(digest(secret), found)
        return found.caller

    def _remember(self, key: bytes, found: TokenCaller) -> None:
        self._remembered[key] = found
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)

    async def _note_use(self, found: TokenCaller, now: datetime) -> None:
        try:
            await self._db.write(partial(_note_use, found, now))
        except UnavailableError:
            # Who can still read from a full or read-only database is not to be kept from it by this.
            logger.warning("the use of a token could not be noted")


def _token_in(authorization: Sequence[str]) -> str | None:
    shown = _BEARER.fullmatch(authorization[0]) if len(authorization) == 1 else None
    return shown[1] if shown else None


def _is_to_be_noted(found: TokenCaller, now: datetime) -> bool:
    return found.last_used_at is None or found.last_used_at <= now - _USE_NOTED_EVERY


def _refuse(error: RequestError) -> NoReturn:
    raise error


async def _note_use(found: TokenCaller, now: datetime, writer: Writer) -> None:
    await token_data.note_use(writer, found.token_id, now, unless_after=now - _USE_NOTED_EVERY)
