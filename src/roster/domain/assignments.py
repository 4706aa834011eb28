"""An assignment: a user holds a role, since when, until when, given by whom and why, and how it ended.

In force at t: assigned_at <= t < the first of ended_at and expires_at. A row whose expiry has passed ends by itself:
it may still be open (`ended_at` null), or have been closed at its expiry when the role was assigned again.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from roster.domain.actors import Actor


class AssignmentState(StrEnum):
    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAssignment:
    """`ended_at` without `revoked_by` means that it expired."""

    id: UUID
    user_id: UUID
    role_id: UUID
    assigned_at: datetime
    assigned_by: Actor
    reason: str | None
    expires_at: datetime | None
    ended_at: datetime | None
    revoked_by: Actor | None
    revoke_reason: str | None

    @property
    def revoked_at(self) -> datetime | None:
        return self.ended_at if self.revoked_by else None

    def state(self, now: datetime) -> AssignmentState:
        if self.revoked_by:
            return AssignmentState.REVOKED
        if self.ended_at or (self.expires_at and self.expires_at <= now):
            return AssignmentState.EXPIRED
        return AssignmentState.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changes what is held, when and why."""

    by: Actor
    at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which assignments are looked at: those in force at `active_at`, or, when that is None, those now in `states`."""

    states: frozenset[AssignmentState]
    active_at: datetime | None


IN_FORCE = Scope(states=frozenset({AssignmentState.ACTIVE}), active_at=None)
