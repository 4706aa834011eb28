"""Who did it."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    USER = "USER"
    CLI = "CLI"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """`user_id` is set if and only if the kind is USER."""

    kind: ActorKind
    user_id: UUID | None


# Whoever can reach a server that answers on the loopback address only.
LOCAL_OPERATOR = Actor(kind=ActorKind.CLI, user_id=None)
