"""Tokens of an issuer: which are believed, what is read from them, and that all others are refused as such."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from issuer import AUDIENCE, DISCOVERY, JWKS, LocalIssuer, SigningKey, compact, local_issuer, new_key, rsa_key
from roster.domain.errors import UnavailableError
from roster.services import jwks, oidc
from roster.services.oidc import BadTokenError, Claims, Issuer

RSA = rsa_key()
EC = new_key("ES256")
KEYS = {
    **dict.fromkeys(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], RSA),
    "ES256": EC,
    "ES384": new_key("ES384"),
    "ES512": new_key("ES512"),
    "EdDSA": new_key("EdDSA"),
}
ADA = Claims(subject="ada", verified_email=None)


class In(float):
    """So many seconds after the token is made, which is long after this file is read."""


def dated(claims: Mapping[str, Any]) -> dict[str, Any]:
    now = time.time()
    return {name: now + value if isinstance(value, In) else value for name, value in claims.items()}


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    """It never changes, so that its keys need not be fetched for every test."""
    with local_issuer() as made:
        made.keys = list(dict.fromkeys(KEYS.values()))
        yield made


@pytest.fixture(scope="module")
async def ours(issuer: LocalIssuer) -> AsyncIterator[Issuer]:
    made = Issuer(issuer.url, AUDIENCE)
    yield made
    await made.close()


@pytest.fixture
def other() -> Iterator[LocalIssuer]:
    """One that a test may change."""
    with local_issuer() as made:
        yield made


@pytest.fixture
async def its(other: LocalIssuer) -> AsyncIterator[Issuer]:
    made = Issuer(other.url, AUDIENCE)
    yield made
    await made.close()


async def refusal(ours: Issuer, token: str) -> str:
    """What is wrong with it, in words that have nothing of it."""
    with pytest.raises(BadTokenError) as told:
        await ours.claims(token)
    message = str(told.value)
    assert message
    assert not any(part in message for part in [token, *token.split(".")] if len(part) > 3)
    return message


# ---- good ones ----


@pytest.mark.parametrize("algorithm", KEYS)
async def test_a_good_token_of_each_algorithm_says_who_bears_it(
    algorithm: str, issuer: LocalIssuer, ours: Issuer
) -> None:
    token = issuer.token(key=KEYS[algorithm], algorithm=algorithm)
    assert await ours.claims(token) == ADA
    head, body, signature = token.split(".")
    changed = f"{signature[:8]}{'A' if signature[8] != 'A' else 'B'}{signature[9:]}"
    assert await refusal(ours, f"{head}.{body}.{changed}") == "Signature verification failed"


def test_those_are_all() -> None:
    assert set(KEYS) == {each for of_kind in jwks.ALGORITHMS.values() for each in of_kind}


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [AUDIENCE]},
        {"aud": ["other", AUDIENCE]},
        {"iat": None},
        {"iat": In(-86400)},
        {"iat": In(0.5)},
        {"nbf": In(0)},
        {"exp": In(1e9)},
        # Clocks that differ by a little.
        {"exp": In(-10)},
        {"iat": In(10), "nbf": In(10)},
        {"scope": "x", "azp": "y", "crit": ["z"], "jwk": {}},
    ],
)
async def test_claims_that_are_as_they_may_be_are_believed(
    claims: dict[str, Any], issuer: LocalIssuer, ours: Issuer
) -> None:
    assert await ours.claims(issuer.token(**dated(claims))) == ADA


@pytest.mark.parametrize("subject", ["ada", "Ada", "auth0|507f", "\u00e4", "a" * 255, "7"])
async def test_the_subject_is_left_as_it_is(subject: str, issuer: LocalIssuer, ours: Issuer) -> None:
    assert (await ours.claims(issuer.token(sub=subject))).subject == subject


@pytest.mark.parametrize(
    ("email", "verified", "believed"),
    [
        ("ada@example.org", True, "ada@example.org"),
        (" Ada.L@B\u00fccher.EXAMPLE", True, "ada.l@xn--bcher-kva.example"),
        ("ada@example.org", "true", None),
        ("ada@example.org", 1, None),
        ("ada@example.org", False, None),
        ("ada@example.org", None, None),
        ("ada@example.org", [True], None),
        ("ada", True, None),
        ("", True, None),
        ("ada@localhost", True, None),
        ("ada\ud800@example.org", True, None),
        ("\u00e4@example.org", True, None),
        ("a" * 300 + "@example.org", True, None),
        (["ada@example.org"], True, None),
        (5, True, None),
        (None, True, None),
    ],
)
async def test_an_address_counts_only_if_the_issuer_says_by_a_boolean_that_it_is_verified(
    email: object, verified: object, believed: str | None, issuer: LocalIssuer, ours: Issuer
) -> None:
    found = await ours.claims(issuer.token(email=email, email_verified=verified))
    assert found == Claims(subject="ada", verified_email=believed)


# ---- claims ----

TOO_LATE, TOO_EARLY = "Signature has expired", "The token is not yet valid"
NO_SUBJECT = "Its subject can be nobody's external id."
BAD_CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://login.example.org"}, "Invalid issuer"),
    ({"iss": None}, 'Token is missing the "iss" claim'),
    ({"iss": ["x"]}, "Payload Issuer (iss) must be a string"),
    ({"aud": "other"}, "Audience doesn't match"),
    ({"aud": AUDIENCE.upper()}, "Audience doesn't match"),
    ({"aud": ["other", "another"]}, "Audience doesn't match"),
    ({"aud": []}, 'Token is missing the "aud" claim'),
    ({"aud": None}, 'Token is missing the "aud" claim'),
    ({"aud": {AUDIENCE: AUDIENCE}}, "Invalid claim format in token"),
    ({"aud": [AUDIENCE, 5]}, "Invalid claim format in token"),
    ({"exp": In(-60)}, TOO_LATE),
    ({"exp": 0}, TOO_LATE),
    ({"exp": -1e300}, TOO_LATE),
    ({"exp": True}, TOO_LATE),
    ({"exp": None}, 'Token is missing the "exp" claim'),
    ({"exp": "soon"}, "Expiration Time claim (exp) must be an integer."),
    ({"exp": float("inf")}, "Expiration Time claim (exp) must be an integer."),
    ({"exp": float("nan")}, "Expiration Time claim (exp) must be an integer."),
    ({"exp": [2**40]}, "Expiration Time claim (exp) must be an integer."),
    ({"nbf": In(60)}, f"{TOO_EARLY} (nbf)"),
    ({"nbf": "now"}, "Not Before claim (nbf) must be an integer."),
    ({"iat": In(60)}, f"{TOO_EARLY} (iat)"),
    ({"iat": {}}, "Issued At claim (iat) must be an integer."),
    ({"sub": None}, 'Token is missing the "sub" claim'),
    ({"sub": 5}, "Subject must be a string"),
    ({"sub": ["ada"]}, "Subject must be a string"),
    ({"sub": ""}, f"{NO_SUBJECT} The text is blank."),
    ({"sub": " \t"}, f"{NO_SUBJECT} The text is blank."),
    ({"sub": "a" * 256}, f"{NO_SUBJECT} At most 255 characters are allowed."),
    ({"sub": "ada\x00"}, f"{NO_SUBJECT} The character U+0000 is not allowed."),
    ({"sub": "\ud800"}, f"{NO_SUBJECT} The character U+D800 is not allowed."),
]


@pytest.mark.parametrize(("claims", "told"), BAD_CLAIMS)
async def test_claims_that_are_wrong_are_refused(
    claims: dict[str, Any], told: str, issuer: LocalIssuer, ours: Issuer
) -> None:
    assert await refusal(ours, issuer.token(**dated(claims))) == told


async def test_the_issuer_is_named_to_the_letter(issuer: LocalIssuer, ours: Issuer) -> None:
    for name in (issuer.url + "/", issuer.url.replace("127.0.0.1", "localhost"), issuer.url.upper()):
        assert await refusal(ours, issuer.token(iss=name)) == "Invalid issuer"


@pytest.mark.parametrize("claims", [[], "ada", 5, None, True])
async def test_claims_that_are_no_object_are_refused(claims: object, ours: Issuer) -> None:
    token = compact({"alg": "ES256", "kid": EC.kid}, claims, signing(EC))
    assert await refusal(ours, token) == "Invalid payload string: must be a json object"


# ---- headers and keys ----


def signing(key: SigningKey, algorithm: str | None = None) -> Callable[[bytes], bytes]:
    how = jwt.get_algorithm_by_name(algorithm or key.algorithm)
    return lambda data: how.sign(data, key.private)


def signing_with(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda data: hmac.digest(secret, data, hashlib.sha256)


def good_claims(issuer: LocalIssuer) -> dict[str, Any]:
    return {"iss": issuer.url, "aud": AUDIENCE, "sub": "ada", "exp": time.time() + 300}


NOT_OURS = "Its algorithm is none of ES256, ES384, ES512, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512."


@pytest.mark.parametrize(
    "algorithm",
    ["none", "None", "NONE", "HS256", "HS512", "ES256K", "es256", "ES256 ", "", 5, ["ES256"], {}, True],
)
async def test_other_algorithms_are_refused_whatever_is_signed(
    algorithm: object, issuer: LocalIssuer, ours: Issuer
) -> None:
    for sign in (signing(EC), lambda _: b""):
        token = compact({"alg": algorithm, "kid": EC.kid}, good_claims(issuer), sign)
        assert await refusal(ours, token) == NOT_OURS
    token = compact({"kid": EC.kid}, good_claims(issuer), signing(EC))
    assert await refusal(ours, token) == NOT_OURS


@pytest.mark.parametrize("key", [RSA, EC], ids=["RSA", "EC"])
async def test_a_public_key_is_no_secret_to_sign_with(
    key: SigningKey, issuer: LocalIssuer, ours: Issuer
) -> None:
    """The confusion of RS256 with HS256: whoever knows the public key could sign."""
    secrets = [key.pem(), key.pem().strip(), json.dumps(key.jwk()).encode(), b""]
    for secret in secrets:
        for algorithm in ("HS256", key.algorithm):
            token = compact(
                {"alg": algorithm, "kid": key.kid},
                good_claims(issuer),
                signing_with(secret),
            )
            told = NOT_OURS if algorithm == "HS256" else "Signature verification failed"
            assert await refusal(ours, token) == told


@pytest.mark.parametrize("crit", [["b64"], ["exp"], ["urn:example:x"], [], "b64", None, True], ids=ascii)
async def test_headers_with_extensions_are_refused(crit: object, issuer: LocalIssuer, ours: Issuer) -> None:
    header = {"alg": "ES256", "kid": EC.kid, "b64": True, "urn:example:x": 1, "crit": crit}
    assert "header" in await refusal(ours, compact(header, good_claims(issuer), signing(EC)))


async def test_claims_that_are_not_encoded_are_refused(issuer: LocalIssuer, ours: Issuer) -> None:
    """RFC 7797."""
    header = {"alg": "ES256", "kid": EC.kid, "b64": False, "crit": ["b64"]}
    token = compact(header, good_claims(issuer), signing(EC))
    await refusal(ours, token)
    head, _, signature = token.split(".")
    await refusal(ours, f"{head}..{signature}")


async def test_a_key_that_the_token_brings_is_not_used(
    issuer: LocalIssuer, ours: Issuer, other: LocalIssuer
) -> None:
    attacker = other.keys[0]
    places = {"jku": other.url + JWKS, "x5u": other.url + JWKS, "jwk": attacker.jwk(), "x5c": ["MII"]}
    for kid in (attacker.kid, EC.kid, other.url + JWKS):
        token = issuer.token(key=attacker, headers={**places, "kid": kid})
        assert await refusal(ours, token) in {"The issuer has no such key.", "Signature verification failed"}
    assert other.requests == {}
    # Nor is who has them refused, if the key is one of the issuer's.
    assert await ours.claims(issuer.token(headers=places)) == ADA


async def test_the_id_of_another_key_is_refused(issuer: LocalIssuer, ours: Issuer) -> None:
    token = issuer.token(key=RSA, headers={"kid": EC.kid})
    assert await refusal(ours, token) == "Its key is not for its algorithm."
    token = issuer.token(key=new_key(kid=EC.kid))
    assert await refusal(ours, token) == "Signature verification failed"


async def test_an_algorithm_that_is_not_the_keys_is_refused(other: LocalIssuer, its: Issuer) -> None:
    """Though the signature be right."""
    pinned, large = rsa_key(), new_key("ES384")
    other.publish(pinned.jwk(alg="PS256"), large.jwk())
    told = "Its key is not for its algorithm."
    assert await its.claims(other.token(key=pinned, algorithm="PS256")) == ADA
    assert await refusal(its, other.token(key=pinned, algorithm="RS256")) == told
    assert await refusal(its, other.token(key=large, algorithm="ES256")) == told


async def test_secrets_and_short_keys_of_the_issuer_are_not_used(other: LocalIssuer, its: Issuer) -> None:
    short = rsa_key(bits=1024)
    other.publish(short.jwk(), {"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"})
    assert await refusal(its, other.token(key=short)) == "The issuer has no such key."
    token = compact(
        {"alg": "HS256", "kid": "secret"},
        good_claims(other),
        signing_with(b"secret"),
    )
    assert await refusal(its, token) == NOT_OURS


async def test_who_names_no_key_is_believed_if_one_alone_fits(other: LocalIssuer, its: Issuer) -> None:
    nameless, curve = new_key(kid=None), new_key("ES384")
    other.keys = [nameless, curve]
    assert await its.claims(other.token()) == ADA
    assert await its.claims(other.token(key=curve, headers={"kid": None})) == ADA
    assert await refusal(its, other.token(headers={"kid": "key"})) == "The issuer has no such key."


async def test_who_names_none_of_several_keys_is_refused(other: LocalIssuer, its: Issuer) -> None:
    other.keys = [new_key(kid=None), new_key(kid=None)]
    for key in other.keys:
        told = await refusal(its, other.token(key=key))
        assert told == "It does not say by which of several keys it is signed."


async def test_keys_of_two_kinds_may_share_an_id(other: LocalIssuer, its: Issuer) -> None:
    """RFC 7517, section 4.5."""
    other.keys = [new_key(kid="same"), new_key("EdDSA", kid="same")]
    for key in other.keys:
        assert await its.claims(other.token(key=key)) == ADA


ZEROS = encode_dss_signature(0, 0)


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"\xff" * 64, ZEROS, b"\0" * 63, b"\0" * 2000])
async def test_signatures_that_are_none_are_refused(
    signature: bytes, issuer: LocalIssuer, ours: Issuer
) -> None:
    for algorithm, key in KEYS.items():
        token = compact({"alg": algorithm, "kid": key.kid}, good_claims(issuer), lambda _: signature)
        assert await refusal(ours, token) == "Signature verification failed"


# ---- what is no token ----


def encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


KIDS: list[object] = [5, None, [], {}, True, "\ud800", ""]
GARBAGE = [
    "",
    ".",
    "..",
    "....",
    "a.b.c",
    "Bearer x",
    "\x00.\x00.\x00",
    "\ud800",
    "\u00e4.\u00e4.\u00e4",
    "\uff0e\uff0e",
    f"{encoded(b'{}')}..",
    f"{encoded(b'[]')}.{encoded(b'{}')}.",
    f"{encoded(b'null')}.{encoded(b'{}')}.",
    f"{encoded(b'{')}.{encoded(b'{}')}.",
    f"{encoded(bytes([255]))}.{encoded(b'{}')}.",
    f"{encoded(b'1' * 5000)}.{encoded(b'{}')}.",
    f"{encoded(b'[' * 5000)}.{encoded(b'{}')}.",
    f"{encoded(b'ES256')}.{encoded(b'{}')}.",
    *(f"{encoded(json.dumps({'alg': 'ES256', 'kid': kid}).encode())}.{encoded(b'{}')}." for kid in KIDS),
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda value: ascii(value)[:30])
async def test_what_is_no_token_is_refused(garbage: str, ours: Issuer) -> None:
    await refusal(ours, garbage)


async def test_an_encrypted_token_is_refused(issuer: LocalIssuer, ours: Issuer) -> None:
    token = issuer.token()
    for wrong in (
        f"{token}.x.y",
        token.rpartition(".")[0],
        f".{token}",
        f"{token}.",
        f" {token}",
        f"{token}\n",
    ):
        await refusal(ours, wrong)


async def test_what_is_too_long_is_not_read(
    issuer: LocalIssuer, ours: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert oidc.MAX_TOKEN == 8192
    assert await refusal(ours, "a.b." + "c" * 10_000_000) == "It is longer than 8192 characters."
    assert await ours.claims(issuer.token(groups=["group"] * 500)) == ADA
    token = issuer.token()
    monkeypatch.setattr(oidc, "MAX_TOKEN", len(token))
    assert await ours.claims(token) == ADA
    assert "longer" in await refusal(ours, token + "A")


async def test_what_cannot_be_good_asks_the_issuer_for_nothing(other: LocalIssuer, its: Issuer) -> None:
    for token in (*GARBAGE[:16], other.token(headers={"alg": "none"}), other.token(headers={"crit": []})):
        await refusal(its, token)
    assert other.requests == {}


TEXT = st.text(st.characters(), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
PART = (
    st.binary(max_size=40).map(encoded) | JSON.map(lambda value: encoded(json.dumps(value).encode())) | TEXT
)
HEADERS = ["alg", "kid", "typ", "cty", "crit", "b64", "zip", "jwk", "enc", "x5t"]
CLAIMS = ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "email", "email_verified"]


@given(text=st.text(st.characters()) | st.lists(PART, max_size=5).map(".".join))
async def test_any_text_is_refused_as_a_bad_token(ours: Issuer, text: str) -> None:
    with pytest.raises(BadTokenError):
        await ours.claims(text)


@given(
    headers=st.dictionaries(st.sampled_from(HEADERS), JSON, max_size=3),
    claims=st.dictionaries(st.sampled_from(CLAIMS), JSON, max_size=3),
    signature=st.none() | st.binary(max_size=100),
)
async def test_any_token_is_believed_or_refused_as_a_bad_one(
    issuer: LocalIssuer, ours: Issuer, headers: Any, claims: Any, signature: bytes | None
) -> None:
    token = compact(
        {"alg": "ES256", "kid": EC.kid} | headers,
        good_claims(issuer) | claims,
        signing(EC) if signature is None else lambda _: signature or b"",
    )
    try:
        found = await ours.claims(token)
    except BadTokenError:
        return
    assert signature is None
    assert isinstance(found.subject, str)
    assert found.subject


# ---- keys that change, and issuers that do not answer ----


async def test_a_new_key_is_believed_at_once_and_the_old_one_no_more(other: LocalIssuer, its: Issuer) -> None:
    await its.claims(other.token())
    old = other.rotate("EdDSA")
    assert await its.claims(other.token(key=old)) == ADA
    assert await its.claims(other.token()) == ADA
    assert await refusal(its, other.token(key=old)) == "The issuer has no such key."
    assert other.requests == {DISCOVERY: 2, JWKS: 2}


async def test_a_flood_of_made_up_keys_keeps_nobody_waiting(other: LocalIssuer, its: Issuer) -> None:
    await its.claims(other.token())
    made_up = [other.token(key=new_key()) for _ in range(200)]
    with other.held():
        flood = [asyncio.create_task(refusal(its, token)) for token in made_up]
        await asyncio.to_thread(other.wait_until_asked, 2)
        async with asyncio.timeout(2):
            for _ in range(20):
                assert await its.claims(other.token()) == ADA
    assert set(await asyncio.gather(*flood)) == {"The issuer has no such key."}
    assert other.requests[JWKS] == 2


async def test_an_issuer_that_is_down_makes_no_difference_once_its_keys_are_known(
    other: LocalIssuer, its: Issuer
) -> None:
    await its.claims(other.token())
    other.is_down = True
    assert await its.claims(other.token()) == ADA
    assert await refusal(its, other.token(key=new_key())) == "The issuer has no such key."
    assert await its.claims(other.token()) == ADA


async def test_without_keys_nobody_is_believed_nor_refused(other: LocalIssuer, its: Issuer) -> None:
    other.is_down = True
    token = other.token()
    with pytest.raises(UnavailableError) as told:
        await its.claims(token)
    assert not any(part in told.value.message for part in token.split("."))
