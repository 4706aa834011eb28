"""The keys of an issuer of tokens: fetched when first needed, and again from time to time, behind everyone's back.

OpenID Connect Discovery 1.0 says where they are, RFC 7517 how they are written. What is asked of the issuer does not
grow with what callers send us; how long it takes and how much it answers is bounded.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
from jwt.algorithms import AllowedPublicKeys

from roster.domain.errors import UnavailableError

logger = logging.getLogger("roster.issuer")

FRESH_SECONDS = 600.0
# From a failed refresh to the next, and from one fetch for the sake of an unknown key to the next.
PAUSE_SECONDS = 30.0
# The same while there are no keys: nobody with a token is answered then.
FIRST_PAUSE_SECONDS = 1.0
FETCH_SECONDS = 5.0
MAX_BYTES = 256 * 1024
MAX_KEYS = 100
MIN_RSA_BITS = 2048  # RFC 7518, section 3.3.

# What each kind of key is for, and it alone (RFC 8725, section 3.1): by the curve, or RSA.
ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A public key that verifies signatures by one of the algorithms."""

    kid: str | None
    algorithms: tuple[str, ...]
    key: AllowedPublicKeys


class IssuerKeys:
    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        # As httpx does, by the proxy and the certificates that the environment names, but for an issuer on this machine,
        # whom no proxy reaches. Redirects are not followed: who is asked is what makes the keys the issuer's.
        self._client = httpx.AsyncClient(
            trust_env=issuer.startswith("https:"),
            follow_redirects=False,
            timeout=FETCH_SECONDS,
            # Uncompressed, so that what is received is as long as what is read.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )
        self._keys: Sequence[Key] | None = None
        self._refresh_at = 0.0
        self._look_at = 0.0
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None) -> Sequence[Key]:
        """The keys of that id, or all of them for a token that names none. Waits for one fetch at most.

        Raises UnavailableError if there never were any keys, and there are none to be had now.
        """
        if self._keys is None:
            return await self._find_first(kid)
        if monotonic() >= self._refresh_at:
            self._fetch_in_background()
        if found := _named(kid, self._keys):
            return found
        if not self._is_fetching():
            # Anyone can make up any number of ids: the issuer is asked seldom, and once for all who wait.
            if monotonic() < self._look_at:
                return ()
            self._look_at = monotonic() + PAUSE_SECONDS
        await self._fetched()
        return _named(kid, self._keys)

    async def close(self) -> None:
        if self._fetching:
            self._fetching.cancel()
            await asyncio.wait({self._fetching})
        await self._client.aclose()

    async def _find_first(self, kid: str | None) -> Sequence[Key]:
        if monotonic() >= self._refresh_at:
            await self._fetched()
        if self._keys is None:
            raise UnavailableError("The keys that verify tokens cannot be fetched: try again.")
        return _named(kid, self._keys)

    def _is_fetching(self) -> bool:
        return self._fetching is not None and not self._fetching.done()

    def _fetch_in_background(self) -> asyncio.Task[None]:
        """One fetch at a time: the one under way, or a new one."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetched(self) -> None:
        # Not awaited itself: a caller who gives up would cancel it for all others.
        await asyncio.wait({self._fetch_in_background()})

    async def _fetch(self) -> None:
        """Leaves the keys as they are if there are none to be had."""
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                self._keys = await self._read_keys()
        except Exception as error:  # noqa: BLE001 -- of any library, whatever the issuer sends it
            logger.warning("The keys of %s cannot be fetched: %s", self._issuer, _reason(error))
            pause = FIRST_PAUSE_SECONDS if self._keys is None else PAUSE_SECONDS
            self._refresh_at = max(self._refresh_at, monotonic() + pause)
        else:
            if not self._keys:
                logger.warning("%s has no keys that can verify tokens.", self._issuer)
            self._refresh_at = monotonic() + FRESH_SECONDS

    async def _read_keys(self) -> Sequence[Key]:
        """Raises ValueError for what is not as it should be."""
        # OpenID Connect Discovery 1.0, section 4.1, and section 4.3 for what is to be the same.
        described = await self._read(f"{self._issuer.removesuffix('/')}/.well-known/openid-configuration")
        if described.get("issuer") != self._issuer:
            raise ValueError("it is described as another issuer")
        place = described.get("jwks_uri")
        if not isinstance(place, str) or not self._is_safe(place):
            raise ValueError("its jwks_uri is not an https address")
        keys = (await self._read(place)).get("keys")
        if not isinstance(keys, list) or len(keys) > MAX_KEYS:
            raise ValueError(f"its JWK set does not have 0 to {MAX_KEYS} keys")
        return [key for key in map(_read_key, keys) if key]

    def _is_safe(self, url: str) -> bool:
        """Without TLS only from an issuer who has none either, which is on this machine, and from no other host."""
        parts, own = urlsplit(url), urlsplit(self._issuer)
        return parts.scheme == "https" or (parts.scheme, parts.hostname) == (own.scheme, own.hostname)

    async def _read(self, url: str) -> dict[str, Any]:
        async with self._client.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise ValueError(f"{url} has status {response.status_code}")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ValueError(f"{url} has more than {MAX_BYTES} bytes")
        document = json.loads(body)
        if not isinstance(document, dict):
            raise ValueError(f"{url} is not a JSON object")  # noqa: TRY004 -- wrong data, not a wrong call
        return document


def _named(kid: str | None, keys: Sequence[Key]) -> Sequence[Key]:
    return keys if kid is None else [key for key in keys if key.kid == kid]


def _read_key(jwk: Any) -> Key | None:  # noqa: ANN401 -- any JSON value
    """None for one that we do not use: RFC 7517, section 5, has such ignored."""
    if not isinstance(jwk, dict):
        return None
    kid, kind = jwk.get("kid"), "RSA" if jwk.get("kty") == "RSA" else jwk.get("crv")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(kid, str | None) or not isinstance(kind, str) or not isinstance(operations, list):
        return None
    fitting = tuple(each for each in ALGORITHMS.get(kind, ()) if each == jwk.get("alg", each))
    # Whoever has the private part, and with it everyone if it is published, can sign as the issuer.
    if not fitting or jwk.get("use", "sig") != "sig" or "verify" not in operations or "d" in jwk:
        return None
    try:
        # That a point is on its curve is seen to here (RFC 8725, section 3.4).
        key = jwt.PyJWK(jwk, algorithm=fitting[0]).key
    except jwt.PyJWTError:
        return None
    if kind == "RSA" and key.key_size < MIN_RSA_BITS:
        return None
    return Key(kid=kid, algorithms=fitting, key=key)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {FETCH_SECONDS:g} s"
    return str(error) or type(error).__name__
