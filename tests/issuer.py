"""An issuer of tokens of the tests' own: HTTP on loopback, and keys that it makes."""

import base64
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

DISCOVERY, JWKS = "/.well-known/openid-configuration", "/keys"
AUDIENCE = "roster"
_LONGEST_HOLD = 20.0
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """`algorithm` is the one that it signs by unless told otherwise."""

    kid: str | None
    algorithm: str
    private: Any

    def jwk(self, **changes: object) -> dict[str, Any]:
        """What is published of it; a member that is changed to None is left out."""
        public = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private.public_key(), as_dict=True)
        members = {**public, "kid": self.kid, "use": "sig", **changes}
        return {name: value for name, value in members.items() if value is not None}

    def private_jwk(self) -> dict[str, Any]:
        """What must never be published."""
        members: dict[str, Any] = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private, as_dict=True)
        return members | {"kid": self.kid}

    def pem(self) -> bytes:
        public: PublicKeyTypes = self.private.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


_CURVES: dict[str, Callable[[], PrivateKeyTypes]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ES256K": lambda: ec.generate_private_key(ec.SECP256K1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def new_key(algorithm: str = "ES256", *, bits: int = 2048, kid: str | None = "") -> SigningKey:
    """One with an id that no other has, unless told otherwise."""
    private = _CURVES[algorithm]() if algorithm in _CURVES else rsa.generate_private_key(65537, bits)
    return SigningKey(kid=f"key-{next(_numbers)}" if kid == "" else kid, algorithm=algorithm, private=private)


@cache
def rsa_key(number: int = 0, *, bits: int = 2048) -> SigningKey:
    """Made once, as it takes long."""
    return new_key("RS256", bits=bits, kid=f"rsa-{number}-{bits}")


def compact(header: Mapping[str, Any], claims: object, sign: Callable[[bytes], bytes]) -> str:
    """A token by hand: libraries do not make the bad ones."""
    parts = [_encoded(json.dumps(part).encode()) for part in (header, claims)]
    return ".".join([*parts, _encoded(sign(".".join(parts).encode()))])


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class LocalIssuer:
    """Describes itself, and publishes the keys that it has. A test says with `answers` what it says instead."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys = [new_key()]
        self.answers: dict[str, tuple[int, Mapping[str, str], bytes]] = {}
        self.requests: Counter[str] = Counter()
        self.is_down = False
        self.delay = 0.0
        self._free = threading.Event()
        self._free.set()

    def token(
        self,
        *,
        key: SigningKey | None = None,
        algorithm: str | None = None,
        headers: Mapping[str, Any] | None = None,
        **claims: object,
    ) -> str:
        """A good one, but for what is said otherwise; what is None is left out."""
        key = key or self.keys[0]
        signed_by = algorithm or key.algorithm
        now = int(time.time())
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 300}
        header = {"alg": signed_by, "typ": "JWT", "kid": key.kid, **(headers or {})}
        how = jwt.get_algorithm_by_name(signed_by)
        return compact(_given(header), _given(usual | claims), lambda data: how.sign(data, key.private))

    def rotate(self, algorithm: str = "ES256") -> SigningKey:
        """Sign by a new key from now on. Return the old one, which is published no more."""
        old, self.keys = self.keys[0], [new_key(algorithm)]
        return old

    def wait_until_asked(self, times: int) -> None:
        """So often for its description, which whoever wants its keys asks for first."""
        deadline = time.monotonic() + 10
        while self.requests[DISCOVERY] < times:
            assert time.monotonic() < deadline
            time.sleep(0.002)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Whoever asks meanwhile waits."""
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    def publish(self, *jwks: object) -> None:
        """These, instead of those of its keys."""
        self.answer(JWKS, {"keys": jwks})

    def describe(self, **changes: object) -> None:
        self.answer(DISCOVERY, self._described() | changes)

    def answer(self, path: str, document: object, *, status: int = 200, **headers: str) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.answers[path] = (status, headers, body)

    def answer_of(self, path: str) -> tuple[int, Mapping[str, str], bytes] | None:
        """None if it is down."""
        self.requests[path] += 1
        time.sleep(self.delay)
        assert self._free.wait(_LONGEST_HOLD)
        if self.is_down:
            return None
        if path in self.answers:
            return self.answers[path]
        usual = {DISCOVERY: self._described(), JWKS: {"keys": [key.jwk() for key in self.keys]}}
        return (200, {}, json.dumps(usual[path]).encode()) if path in usual else (404, {}, b"")

    def _described(self) -> dict[str, object]:
        return {"issuer": self.url, "jwks_uri": self.url + JWKS}


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # Closing waits for them: no thread outlives its test.
    issuer: LocalIssuer

    def handle_error(self, *_: object) -> None:
        """Who asked may have given up."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        answer = self.server.issuer.answer_of(self.path)
        if answer is None:
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        """As a proxy would be asked; it reaches nobody."""
        self.server.issuer.requests[self.path] += 1
        self.send_error(502)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def local_issuer(certificate: Path | None = None) -> Iterator[LocalIssuer]:
    """With a certificate, and its key in the same file, it is asked by TLS."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.issuer = LocalIssuer(f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}")
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.issuer
        finally:
            server.shutdown()
            thread.join()


def make_certificate(place: Path) -> Path:
    """A file with a key and a certificate for 127.0.0.1, of no authority but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = place / "certificate.pem"
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return file
