"""Ids as clients see them: a prefix that tells the kind, and the 32 hex digits of a UUID."""

import re
from enum import StrEnum
from uuid import UUID

from roster.domain.errors import BadIdError, Path

_ID = re.compile(r"([a-z]{3})_([0-9a-f]{32})", flags=re.ASCII)


class Kind(StrEnum):
    USER = "usr"
    ROLE = "rol"
    ASSIGNMENT = "asg"
    EVENT = "evt"
    TOKEN = "tok"  # noqa: S105 -- no secret


_KINDS: dict[str, Kind] = {kind.value: kind for kind in Kind}


def to_text(kind: Kind, id_: UUID) -> str:
    return f"{kind}_{id_.hex}"


def from_text(kind: Kind, text: str, path: Path = ()) -> UUID:
    """Raises BadIdError for what is not an id of that kind."""
    found, id_ = parse(text, path)
    if found is not kind:
        message = f"This is the id of another kind: one of this kind starts with {kind}_."
        raise BadIdError(message, path)
    return id_


def parse(text: str, path: Path = ()) -> tuple[Kind, UUID]:
    """Raises BadIdError for what is not an id of any kind."""
    match = _ID.fullmatch(text)
    kind = _KINDS.get(match[1]) if match else None
    if match is None or kind is None:
        raise BadIdError("This is not an id.", path)
    return kind, UUID(int=int(match[2], 16))
