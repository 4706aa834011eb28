"""Who bears a token of the OpenID Connect issuer: a JWT that is verified as RFC 8725 demands.

Its header chooses among the keys that we fetched from the issuer, and nothing else: where to find a key, or a key
itself (`jku`, `x5u`, `jwk`, `x5c`), is never read from it (section 3.10).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from roster.domain import user_values
from roster.domain.checks import Invalid
from roster.services.jwks import ALGORITHMS, IssuerKeys, Key

MAX_TOKEN = 8 * 1024
# Clocks differ; a token lives for minutes.
LEEWAY_SECONDS = 30

# Signatures by a private key, and no other (RFC 8725, sections 3.1 and 3.2): not `none`, nor those by a secret, for which
# a public key might be taken.
_ALLOWED = frozenset(algorithm for each in ALGORITHMS.values() for algorithm in each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What the issuer says of the bearer. `subject` is one that a user may have as external id."""

    subject: str
    verified_email: str | None


class BadTokenError(Exception):
    """What is wrong with a token, in words for our log. Nothing of the token is in them."""


class Issuer:
    """`url` is its name, as in the claim `iss`, and where it is asked."""

    def __init__(self, url: str, audience: str) -> None:
        self._url, self._audience = url, audience
        self._keys = IssuerKeys(url)

    async def claims(self, token: str) -> Claims:
        """Raises BadTokenError, and UnavailableError while there are no keys to verify it with."""
        algorithm, kid = _header(token)
        key = _the_one(await self._keys.find(kid), algorithm)
        try:
            claims = jwt.decode(
                token,
                key.key,
                # Those of the key, whatever the header says (RFC 8725, section 3.1).
                algorithms=key.algorithms,
                # Whose token it is and whom it is for (RFC 8725, sections 3.8 and 3.9).
                issuer=self._url,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "aud", "sub", "exp"]},
            )
        except jwt.PyJWTError as error:
            raise BadTokenError(str(error)) from None
        return Claims(subject=_subject(claims), verified_email=_verified_email(claims))

    async def close(self) -> None:
        await self._keys.close()


def _header(token: str) -> tuple[str, str | None]:
    """The algorithm and the id of the key."""
    if len(token) > MAX_TOKEN:
        raise BadTokenError(f"It is longer than {MAX_TOKEN} characters.")
    if not token.isascii():
        raise BadTokenError("It is not a JWT.")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise BadTokenError("It is not a JWT, or its header is not as RFC 7515 has it.") from None
    # Who does not understand all of it has to refuse (RFC 7515, section 4.1.11), and we know no extension.
    if "crit" in header:
        raise BadTokenError("Its header has extensions.")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _ALLOWED:
        raise BadTokenError(f"Its algorithm is none of {', '.join(sorted(_ALLOWED))}.")
    return algorithm, header.get("kid")


def _the_one(keys: Sequence[Key], algorithm: str) -> Key:
    if not keys:
        raise BadTokenError("The issuer has no such key.")
    fitting = [key for key in keys if algorithm in key.algorithms]
    if not fitting:
        raise BadTokenError("Its key is not for its algorithm.")
    # Who has several must say which (OpenID Connect Core 1.0, section 10.1); we do not try them one by one.
    if len(fitting) > 1:
        raise BadTokenError("It does not say by which of several keys it is signed.")
    return fitting[0]


def _subject(claims: Mapping[str, Any]) -> str:
    try:
        return user_values.external_id(claims["sub"])
    except Invalid as problem:
        raise BadTokenError(f"Its subject can be nobody's external id. {problem.message}") from None


def _verified_email(claims: Mapping[str, Any]) -> str | None:
    """As we store addresses; None as well for one that we could not store, which is nobody's."""
    email = claims.get("email")
    # The boolean (OpenID Connect Core 1.0, section 5.1): some say "false" in words.
    if claims.get("email_verified") is not True or not isinstance(email, str):
        return None
    try:
        return user_values.email(email)
    except Invalid:
        return None
