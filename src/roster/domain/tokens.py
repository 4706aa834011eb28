"""An API token: what a program shows to call as its owner, who may do at any moment what the owner may then.

The secret is `rst_`, 256 random bits and their CRC-32, all in hex: 76 characters that a scanner for leaked secrets can
tell from any other text. It is shown once; what is kept is its SHA-256, which needs no salt, as nobody guesses 256 bits.
"""

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from uuid import UUID

from roster.domain.checks import Problems, expiry, line, reason
from roster.domain.ids import new_id
from roster.domain.users import UserRef

MAX_LABEL = 100
MAX_LIFETIME = timedelta(days=366)
MAX_LIVE_TOKENS = 100
ERASED_LABEL = "Erased"

_SECRET = re.compile(r"rst_([0-9a-f]{64})([0-9a-f]{8})", flags=re.ASCII)


class ApiTokenState(StrEnum):
    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """`last_used_at` is exact to the minute. A token whose owner is not ACTIVE lets nobody in, whatever its state."""

    id: UUID
    owner_id: UUID
    label: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> ApiTokenState:
        if self.revoked_at:
            return ApiTokenState.REVOKED
        return ApiTokenState.EXPIRED if self.expires_at <= now else ApiTokenState.ACTIVE


def new_secret() -> str:
    bits = secrets.token_hex(32)
    return f"rst_{bits}{_checksum(bits)}"


def _checksum(bits: str) -> str:
    return f"{zlib.crc32(bits.encode()):08x}"


def is_secret(text: str) -> bool:
    """Whether it is written as a secret is, so that a text that is mistyped or cut off need not be looked up."""
    match = _SECRET.fullmatch(text)
    return match is not None and _checksum(match[1]) == match[2]


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiToken:
    """One that is stored nowhere yet. `id` is made before it is, so that a write can begin again."""

    id: UUID
    owner: UserRef
    label: str
    expires_at: datetime


def check_new_token(*, owner: UserRef, label: str, expires_at: str, now: datetime) -> NewApiToken:
    """Raises Rejected with every problem of the input."""
    problems = Problems()
    checked_label = problems.check(("label",), partial(line, longest=MAX_LABEL), label)
    until = problems.check(("expires_at",), partial(expiry, now=now, longest=MAX_LIFETIME), expires_at)
    problems.raise_if_any()
    return NewApiToken(id=new_id(), owner=owner, label=checked_label or "", expires_at=until or now)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTokenToRevoke:
    token_id: UUID
    reason: str | None


def check_token_to_revoke(*, token_id: UUID, why: str | None) -> ApiTokenToRevoke:
    problems = Problems()
    checked = ApiTokenToRevoke(token_id=token_id, reason=problems.check(("reason",), reason, why))
    problems.raise_if_any()
    return checked
