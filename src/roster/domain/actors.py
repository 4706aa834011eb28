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


# Whoever runs the command on the machine itself, or reaches a server without access control.
LOCAL_OPERATOR = Actor(kind=ActorKind.CLI, user_id=None)
SYSTEM = Actor(kind=ActorKind.SYSTEM, user_id=None)
