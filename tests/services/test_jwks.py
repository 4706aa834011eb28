"""The keys of an issuer: how often it is asked, whatever callers send and whatever it answers, and what of it is used."""

import asyncio
import gzip
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from issuer import DISCOVERY, JWKS, LocalIssuer, local_issuer, make_certificate, new_key, rsa_key
from roster.domain.errors import UnavailableError
from roster.services import jwks
from roster.services.jwks import IssuerKeys

UNKNOWN = "unknown"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time passes when a test says so."""
    made = Clock()
    monkeypatch.setattr(jwks, "monotonic", made)
    return made


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with local_issuer() as made:
        yield made


@pytest.fixture
async def keys(issuer: LocalIssuer) -> AsyncIterator[IssuerKeys]:
    made = IssuerKeys(issuer.url)
    yield made
    await made.close()
    assert not fetches()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    assert jwks.FETCH_SECONDS <= 5
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 0.3)


async def ids(keys: IssuerKeys, kid: str | None = None) -> list[str | None]:
    return [key.kid for key in await keys.find(kid)]


def fetches() -> list[asyncio.Task[Any]]:
    """Those under way, of anybody."""
    return [task for task in asyncio.all_tasks() if "IssuerKeys._fetch" in repr(task.get_coro())]


async def refreshed() -> None:
    """What goes on behind the callers' backs is done."""
    if under_way := fetches():
        await asyncio.wait(under_way, timeout=10)
    assert not fetches()


# ---- how often ----


async def test_all_who_need_them_first_share_one_fetch(issuer: LocalIssuer, keys: IssuerKeys) -> None:
    assert issuer.requests == {}
    found = await asyncio.gather(*(ids(keys, issuer.keys[0].kid) for _ in range(50)))
    assert found == [[issuer.keys[0].kid]] * 50
    assert issuer.requests == {DISCOVERY: 1, JWKS: 1}


async def test_they_are_fresh_for_ten_minutes(issuer: LocalIssuer, keys: IssuerKeys, clock: Clock) -> None:
    await keys.find(None)
    clock.now += 599
    await keys.find(None)
    await refreshed()
    assert issuer.requests[JWKS] == 1
    clock.now += 1
    await keys.find(None)
    await refreshed()
    assert issuer.requests[JWKS] == 2


async def test_stale_ones_are_served_while_one_slow_refresh_runs(
    issuer: LocalIssuer, keys: IssuerKeys, clock: Clock
) -> None:
    await keys.find(None)
    old = issuer.rotate()
    clock.now += 600
    with issuer.held():
        for _ in range(20):
            async with asyncio.timeout(2):
                assert await ids(keys) == [old.kid]
        await asyncio.to_thread(issuer.wait_until_asked, 2)
        assert await ids(keys, old.kid) == [old.kid]
    await refreshed()
    assert await ids(keys) == [issuer.keys[0].kid]
    assert issuer.requests == {DISCOVERY: 2, JWKS: 2}


async def test_one_that_vanished_is_gone_after_the_refresh(
    issuer: LocalIssuer, keys: IssuerKeys, clock: Clock
) -> None:
    await keys.find(None)
    old = issuer.rotate()
    assert await ids(keys, old.kid) == [old.kid]
    clock.now += 600
    await keys.find(old.kid)
    await refreshed()
    assert await ids(keys, old.kid) == []


async def test_a_failed_refresh_keeps_them_and_is_tried_again_after_a_pause(
    issuer: LocalIssuer, keys: IssuerKeys, clock: Clock
) -> None:
    (kid,) = await ids(keys)
    issuer.is_down = True
    clock.now += 600
    for passed, requests in [(0, 2), (29, 2), (1, 3), (29, 3), (3600, 4)]:
        clock.now += passed
        assert await ids(keys) == [kid]
        await refreshed()
        assert issuer.requests[DISCOVERY] == requests, passed
    issuer.is_down = False
    clock.now += 30
    await keys.find(None)
    await refreshed()
    clock.now += 599
    await keys.find(None)
    await refreshed()
    assert issuer.requests[JWKS] == 2


async def test_an_unknown_id_is_looked_for_once_in_a_while(
    issuer: LocalIssuer, keys: IssuerKeys, clock: Clock
) -> None:
    await keys.find(None)
    for passed, requests in [(0, 2), (0, 2), (29.9, 2), (0.1, 3), (29, 3), (1, 4)]:
        clock.now += passed
        assert await ids(keys, UNKNOWN) == []
        assert issuer.requests[JWKS] == requests, passed


async def test_a_flood_of_unknown_ids_causes_one_fetch_and_keeps_nobody_waiting(
    issuer: LocalIssuer, keys: IssuerKeys
) -> None:
    (kid,) = await ids(keys)
    with issuer.held():
        flood = [asyncio.create_task(ids(keys, f"{UNKNOWN}-{number}")) for number in range(200)]
        await asyncio.to_thread(issuer.wait_until_asked, 2)
        async with asyncio.timeout(2):
            assert await ids(keys, kid) == [kid]
    assert await asyncio.gather(*flood) == [[]] * 200
    assert await asyncio.gather(*(ids(keys, f"{UNKNOWN}-{number}") for number in range(200))) == [[]] * 200
    assert issuer.requests == {DISCOVERY: 2, JWKS: 2}


async def test_a_flood_before_there_are_any_causes_one_fetch(issuer: LocalIssuer, keys: IssuerKeys) -> None:
    found = await asyncio.gather(*(ids(keys, f"{UNKNOWN}-{number}") for number in range(200)))
    assert found == [[]] * 200
    assert issuer.requests[JWKS] == 1


async def test_a_new_one_is_known_after_one_fetch_and_the_old_one_gone(
    issuer: LocalIssuer, keys: IssuerKeys
) -> None:
    await keys.find(None)
    old = issuer.rotate()
    new = issuer.keys[0].kid
    assert await asyncio.gather(*(ids(keys, new) for _ in range(20))) == [[new]] * 20
    assert issuer.requests[JWKS] == 2
    assert await ids(keys, old.kid) == []


async def test_a_refresh_under_way_serves_who_looks_for_an_unknown_one(
    issuer: LocalIssuer, keys: IssuerKeys, clock: Clock
) -> None:
    await keys.find(None)
    issuer.rotate()
    clock.now += 600
    new = issuer.keys[0].kid
    assert await ids(keys, new) == [new]
    assert issuer.requests[JWKS] == 2
    issuer.rotate()
    new = issuer.keys[0].kid
    assert await ids(keys, new) == [new], "and that was not the fetch for unknown ones"


# ---- when it fails ----


async def test_without_any_yet_and_none_to_be_had_nobody_can_be_answered(
    issuer: LocalIssuer, keys: IssuerKeys, clock: Clock
) -> None:
    issuer.is_down = True
    for _ in range(20):
        with pytest.raises(UnavailableError):
            await keys.find(None)
    assert issuer.requests[DISCOVERY] == 1, "nor is it asked without a pause"
    issuer.is_down = False
    clock.now += 1
    assert await ids(keys) == [issuer.keys[0].kid]


async def test_one_that_nobody_listens_at_is_unavailable() -> None:
    keys = IssuerKeys("http://127.0.0.1:1")
    with pytest.raises(UnavailableError):
        await keys.find(None)
    await keys.close()


@pytest.mark.usefixtures("impatient")
async def test_one_that_hangs_keeps_nobody_waiting_for_long(
    issuer: LocalIssuer, keys: IssuerKeys, clock: Clock
) -> None:
    began = time.perf_counter()
    with issuer.held():
        with pytest.raises(UnavailableError):
            await keys.find(None)
        assert time.perf_counter() - began < 2
    clock.now += 1
    (kid,) = await ids(keys)
    began = time.perf_counter()
    with issuer.held():
        assert await ids(keys, UNKNOWN) == []
        assert await ids(keys, kid) == [kid]
        assert time.perf_counter() - began < 2


@pytest.mark.usefixtures("impatient")
async def test_the_time_is_that_of_all_its_answers(issuer: LocalIssuer, keys: IssuerKeys) -> None:
    issuer.delay = 0.2
    with pytest.raises(UnavailableError):
        await keys.find(None)
    assert issuer.requests == {DISCOVERY: 1, JWKS: 1}


async def test_a_caller_who_gives_up_does_not_end_the_fetch(issuer: LocalIssuer, keys: IssuerKeys) -> None:
    with issuer.held():
        first, second = (asyncio.create_task(ids(keys)) for _ in range(2))
        await asyncio.to_thread(issuer.wait_until_asked, 1)
        first.cancel()
        await asyncio.wait({first})
        assert first.cancelled()
    assert await second == [issuer.keys[0].kid]
    assert issuer.requests[JWKS] == 1


async def test_closing_ends_the_fetch_under_way(issuer: LocalIssuer) -> None:
    keys = IssuerKeys(issuer.url)
    with issuer.held():
        waiting = asyncio.create_task(ids(keys))
        await asyncio.to_thread(issuer.wait_until_asked, 1)
        async with asyncio.timeout(1):
            await keys.close()
            assert not fetches()
            with pytest.raises(UnavailableError):
                await waiting


DEEP = b'{"keys": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
LONG = json.dumps({"keys": [], "": " " * 256 * 1024}).encode()
BAD_ANSWERS: list[tuple[str, object, dict[str, Any]]] = [
    (DISCOVERY, {}, {}),
    (DISCOVERY, {}, {"status": 404}),
    (DISCOVERY, {}, {"status": 302, "location": "/elsewhere"}),
    (JWKS, {"keys": []}, {"status": 301, "location": "/elsewhere"}),
    (JWKS, {"keys": []}, {"status": 203}),
    (JWKS, {"keys": []}, {"status": 503}),
    (JWKS, {}, {}),
    (JWKS, {"keys": None}, {}),
    (JWKS, {"keys": {"kid": "a"}}, {}),
    (JWKS, {"keys": [{}] * 101}, {}),
    (JWKS, [], {}),
    (JWKS, b"", {}),
    (JWKS, b"\xff", {}),
    (JWKS, b'{"keys": [', {}),
    (JWKS, b"1" * 5000, {}),
    (JWKS, DEEP, {}),
    (JWKS, LONG, {}),
    (DISCOVERY, LONG, {}),
    # Nobody asked for it, and how long it is shows only when it is unpacked.
    (JWKS, gzip.compress(b'{"keys": []}', mtime=0), {"content_encoding": "gzip"}),
    (JWKS, b"x", {"content_length": "2"}),
]


@pytest.mark.parametrize(("path", "document", "how"), BAD_ANSWERS, ids=lambda value: ascii(value)[:40])
async def test_an_answer_that_is_not_as_it_should_be_changes_nothing(
    path: str,
    document: object,
    how: dict[str, Any],
    issuer: LocalIssuer,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    keys = IssuerKeys(issuer.url)
    issuer.answer(path, document, **how)
    with pytest.raises(UnavailableError):
        await keys.find(None)
    issuer.answers.clear()
    clock.now += 1
    (kid,) = await ids(keys)
    issuer.answer(path, document, **how)
    assert await ids(keys, UNKNOWN) == []
    assert await ids(keys) == [kid]
    assert set(issuer.requests) <= {DISCOVERY, JWKS}
    logged = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(logged) == 2
    assert all(line.startswith(f"The keys of {issuer.url} cannot be fetched: ") for line in logged)
    assert max(map(len, logged)) < 200
    await keys.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": 5},
        {"jwks_uri": "/keys"},
        {"jwks_uri": ""},
        {"jwks_uri": "http://localhost:1/keys"},
        {"jwks_uri": "http://192.0.2.1/keys"},
        {"jwks_uri": "ftp://127.0.0.1/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://["},
        {"jwks_uri": "https://127.0.0.1:99999/keys"},
        {"jwks_uri": "https://xn--/keys"},
    ],
    ids=str,
)
async def test_a_wrong_description_is_not_believed(
    changes: dict[str, object], issuer: LocalIssuer, keys: IssuerKeys
) -> None:
    issuer.describe(**changes)
    with pytest.raises(UnavailableError):
        await keys.find(None)
    assert issuer.requests == {DISCOVERY: 1}


async def test_no_other_host_is_asked_without_tls(issuer: LocalIssuer, keys: IssuerKeys) -> None:
    with local_issuer() as other:
        issuer.describe(jwks_uri=other.url.replace("127.0.0.1", "localhost") + JWKS)
        with pytest.raises(UnavailableError):
            await keys.find(None)
        assert other.requests == {}


async def test_a_slash_at_the_end_is_part_of_its_name(issuer: LocalIssuer) -> None:
    named = issuer.url + "/"
    keys = IssuerKeys(named)
    with pytest.raises(UnavailableError):
        await keys.find(None)
    await keys.close()
    issuer.describe(issuer=named)
    keys = IssuerKeys(named)
    assert await ids(keys) == [issuer.keys[0].kid]
    await keys.close()


# ---- the way to it ----


async def test_it_is_asked_by_tls_with_the_certificates_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    with local_issuer(certificate) as issuer, local_issuer() as bare:
        stranger = IssuerKeys(issuer.url)
        with pytest.raises(UnavailableError):
            await stranger.find(None)
        await stranger.close()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        issuer.describe(jwks_uri=bare.url + JWKS)
        unsafe = IssuerKeys(issuer.url)
        with pytest.raises(UnavailableError):
            await unsafe.find(None)
        await unsafe.close()
        assert bare.requests == {}
        issuer.answers.clear()
        keys = IssuerKeys(issuer.url)
        assert await ids(keys) == [issuer.keys[0].kid]
        await keys.close()


async def test_a_proxy_is_for_issuers_elsewhere(issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with local_issuer() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        here, elsewhere = IssuerKeys(issuer.url), IssuerKeys("https://login.example.org")
        assert await ids(here) == [issuer.keys[0].kid]
        with pytest.raises(UnavailableError):
            await elsewhere.find(None)
        assert proxy.requests == {"login.example.org:443": 1}
        await here.close()
        await elsewhere.close()


# ---- what is used of them ----

RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
GOOD = rsa_key()
P256 = new_key()
RAW = (Encoding.Raw, PublicFormat.Raw)
X448 = ed448.Ed448PrivateKey.generate().public_key().public_bytes(*RAW).hex()
X25519 = x25519.X25519PrivateKey.generate().public_key().public_bytes(*RAW).hex()


@pytest.mark.parametrize(
    ("jwk", "algorithms"),
    [
        (GOOD.jwk(), RSA),
        (GOOD.jwk(use=None, key_ops=["verify"]), RSA),
        (GOOD.jwk(key_ops=["sign", "verify"], x5c=["MII"], x5u="https://other.example/"), RSA),
        (GOOD.jwk(alg="RS256"), ("RS256",)),
        (GOOD.jwk(alg="PS512"), ("PS512",)),
        (GOOD.jwk(crv="P-256"), RSA),
        (P256.jwk(), ("ES256",)),
        (P256.jwk(alg="ES256"), ("ES256",)),
        (new_key("ES384").jwk(), ("ES384",)),
        (new_key("ES512").jwk(), ("ES512",)),
        (new_key("EdDSA").jwk(), ("EdDSA",)),
    ],
)
async def test_a_key_is_for_the_algorithms_of_its_kind(
    jwk: dict[str, Any], algorithms: tuple[str, ...], issuer: LocalIssuer, keys: IssuerKeys
) -> None:
    issuer.publish(jwk)
    (key,) = await keys.find(jwk["kid"])
    assert (key.kid, key.algorithms) == (jwk["kid"], algorithms)


UNFIT: list[object] = [
    GOOD.jwk(use="enc"),
    GOOD.jwk(use=5),
    GOOD.jwk(use=None, key_ops=["encrypt"]),
    GOOD.jwk(key_ops=[]),
    GOOD.jwk(key_ops="verify"),
    GOOD.jwk(alg="RSA-OAEP"),
    GOOD.jwk(alg="ES256"),
    GOOD.jwk(alg="HS256"),
    GOOD.jwk(alg="none"),
    GOOD.jwk(alg=["RS256"]),
    GOOD.jwk(kty="oct", k="c2VjcmV0"),
    GOOD.jwk(kty="EC", crv="P-256"),
    GOOD.jwk(kty=["RSA"]),
    GOOD.jwk(n=None),
    GOOD.jwk(n=5),
    GOOD.jwk(n="=", e="="),
    GOOD.jwk(e="AQ"),
    GOOD.jwk(e="_" * 4000),
    GOOD.jwk(kid=5),
    GOOD.jwk(d="AQAB"),
    P256.private_jwk(),
    rsa_key(bits=1024).jwk(),
    P256.jwk(alg="ES384"),
    P256.jwk(crv="P-384"),
    P256.jwk(crv=["P-256"]),
    P256.jwk(crv={}),
    P256.jwk(crv=None),
    P256.jwk(kty="OKP"),
    P256.jwk(x=P256.jwk()["y"]),  # A point that is not on the curve.
    new_key("ES256K").jwk(),
    new_key("EdDSA").jwk(x="AA"),
    {"kty": "OKP", "crv": "Ed448", "x": X448},
    {"kty": "OKP", "crv": "X25519", "x": X25519},
    {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
    {"kty": "new", "crv": "new"},
    {},
    None,
    "RSA",
    [GOOD.jwk()],
]


# The keys are others in each process, and the names of tests must not be.
@pytest.mark.parametrize("unfit", UNFIT, ids=map(str, range(len(UNFIT))))
async def test_one_that_is_not_for_us_is_left_out_and_no_other(
    unfit: object, issuer: LocalIssuer, keys: IssuerKeys
) -> None:
    issuer.publish(unfit, P256.jwk())
    assert await ids(keys) == [P256.kid]


async def test_as_many_as_allowed_are_used(issuer: LocalIssuer, keys: IssuerKeys) -> None:
    issuer.publish(*(P256.jwk(kid=str(number)) for number in range(100)))
    assert len(await keys.find(None)) == 100


async def test_an_issuer_may_have_none(
    issuer: LocalIssuer, keys: IssuerKeys, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """So nothing is accepted any more."""
    (kid,) = await ids(keys)
    issuer.publish()
    clock.now += 600
    await keys.find(kid)
    await refreshed()
    assert await ids(keys, kid) == []
    assert f"{issuer.url} has no keys that can verify tokens." in caplog.text


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
MEMBERS = ["kty", "crv", "alg", "use", "key_ops", "kid", "n", "e", "x", "y", "d"]


@given(
    key=st.sampled_from([GOOD, P256, new_key("EdDSA")]),
    changes=st.dictionaries(st.sampled_from(MEMBERS), ANY_JSON, min_size=1),
)
def test_whatever_is_in_one_it_is_used_or_left_out(key: Any, changes: dict[str, Any]) -> None:
    jwks._read_key(key.jwk() | changes)  # noqa: SLF001 -- by HTTP it would take too long
