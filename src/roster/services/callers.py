"""Finding out who calls, from the Authorization header of a request."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from roster.data import callers as caller_data
from roster.data import tokens as token_data
from roster.data.callers import TokenCaller
from roster.data.db import Database, Writer
from roster.domain.callers import Caller, nobody
from roster.domain.errors import UnauthenticatedError, UnavailableError
from roster.domain.tokens import digest, is_secret
from roster.services.oidc import BadTokenError, Issuer

logger = logging.getLogger("roster.callers")

# The scheme in any case, then one blank or more (RFC 9110, 11.4; RFC 6750, 2.1).
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", flags=re.ASCII | re.IGNORECASE)
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """Tells callers by API tokens and, if there is an issuer, its JWTs. `anonymous` is what whoever shows none may."""

    db: Database
    anonymous: frozenset[str]
    issuer: Issuer | None
    match_email: bool

    async def of_headers(self, authorization: Sequence[str], now: datetime) -> Caller:
        """Whoever shows a token in the headers, or nobody if there is none.

        Raises UnauthenticatedError for whatever is wrong with a token or its owner: which it is would help who guesses.
        """
        if not authorization:
            return nobody(self.anonymous)
        shown = _BEARER.fullmatch(authorization[0]) if len(authorization) == 1 else None
        caller = await self._of_token(shown[1], now) if shown else None
        if caller is None:
            raise UnauthenticatedError("The token is not valid.")
        return caller

    async def _of_token(self, token: str, now: datetime) -> Caller | None:
        if is_secret(token):
            return await self._of_secret(token, now)
        if self.issuer is None:
            return None
        try:
            claims = await self.issuer.claims(token)
        except BadTokenError as error:
            logger.info("a token was refused", extra={"reason": str(error)})
            return None
        email = claims.verified_email if self.match_email else None
        async with self.db.read() as reader:
            return await caller_data.by_subject(reader, claims.subject, email, now)

    async def _of_secret(self, secret: str, now: datetime) -> Caller | None:
        async with self.db.read() as reader:
            found = await caller_data.by_token(reader, digest(secret), now)
        if found is None:
            return None
        if found.last_used_at is None or found.last_used_at <= now - _USE_NOTED_EVERY:
            await self._note_use(found, now)
        return found.caller

    async def _note_use(self, found: TokenCaller, now: datetime) -> None:
        try:
            await self.db.write(partial(_note_use, found, now))
        except UnavailableError:
            # Who can still read from a full or read-only database is not to be kept from it by this.
            logger.warning("the use of a token could not be noted")


async def _note_use(found: TokenCaller, now: datetime, writer: Writer) -> None:
    await token_data.note_use(writer, found.token_id, now, unless_after=now - _USE_NOTED_EVERY)
