"""What happened to one user, told as the services would have written it.

Moments are seconds since 1970 until a record is made. They are whole, so that they survive being stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from roster.domain.actors import Actor
from roster.domain.assignments import RoleAssignment
from roster.domain.roles import Role
from roster.domain.users import User, UserKind, UserStatus

DAY = 86_400
# RFC 9562, section 5.7: what of the low 80 bits is random, and what says version 7 and the variant.
_RANDOM = ~(0xF << 76 | 0b11 << 62) & ((1 << 80) - 1)
_VERSION_7 = 7 << 76 | 0b10 << 62


def id_at(moment: int, noise: int) -> UUID:
    """A UUIDv7 of that moment."""
    return UUID(int=moment * 1000 << 80 | noise & _RANDOM | _VERSION_7)


def as_datetime(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """When something ends, by whom and why."""

    at: int
    by: Actor
    reason: str | None


class History:
    """Tell it in the order of the methods. Versions, moments and the status follow from what was told."""

    def __init__(self, *, noise: int, created: int, status: UserStatus, retired: Mapping[str, End]) -> None:
        """`retired` says which roles are archived since when: whoever held one lost it then."""
        self._id, self._noise, self._created, self._retired = id_at(created, noise), noise, created, retired
        self._status = status
        self._verified: datetime | None = None
        self._left: End | None = None
        self._writes: set[int] = set()
        self.assignments: list[RoleAssignment] = []

    def verify(self, moment: int) -> None:
        self._status, self._verified = UserStatus.ACTIVE, as_datetime(moment)
        self._writes.add(moment)

    def suspend(self, moment: int) -> None:
        self._status = UserStatus.SUSPENDED
        self._writes.add(moment)

    def leave(self, end: End) -> None:
        """The user is archived, which ends whatever `hold` says."""
        self._status, self._left = UserStatus.ARCHIVED, end
        self._writes.add(end.at)

    def hold(  # noqa: PLR0913 -- what an assignment is made of
        self,
        role: Role,
        since: int,
        by: Actor,
        reason: str | None,
        *,
        expires: int | None = None,
        revoked: End | None = None,
        renewed: bool = False,
    ) -> None:
        """The role was assigned, unless someone had left, or it was archived, by then.

        `renewed` says that it is assigned again after it expired, which closes this assignment.
        """
        end = self._end(role, revoked)
        if end and end.at <= since:
            return
        if since != self._created:
            self._writes.add(since)
        ended = end.at if end else None
        if expires is not None and (end is None or expires <= end.at):
            # It ran out before anyone ended it; what came after then only closed it.
            ended, end = expires if renewed or end else None, None
        if end:
            self._writes.add(end.at)
        self.assignments.append(
            RoleAssignment(
                id=id_at(since, self._noise + len(self.assignments) + 1),
                user_id=self._id,
                role_id=role.id,
                assigned_at=as_datetime(since),
                assigned_by=by,
                reason=reason,
                expires_at=None if expires is None else as_datetime(expires),
                ended_at=None if ended is None else as_datetime(ended),
                revoked_by=end.by if end else None,
                revoke_reason=end.reason if end else None,
            )
        )

    def _end(self, role: Role, revoked: End | None) -> End | None:
        """What comes first: the assignment is revoked, its role archived, or its user."""
        first = self._left
        for end in (revoked, self._retired.get(role.key)):
            if end and (first is None or end.at < first.at):
                first = end
        return first

    def user(  # noqa: PLR0913 -- what else a user is made of
        self,
        *,
        kind: UserKind,
        display_name: str,
        attributes: Mapping[str, Any],
        email: str | None = None,
        username: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        phone: str | None = None,
        locale: str | None = None,
        timezone: str | None = None,
        external_id: str | None = None,
    ) -> User:
        """The user as all that left it."""
        return User(
            id=self._id,
            kind=kind,
            email=email,
            email_verified_at=self._verified,
            username=username,
            first_name=first_name,
            last_name=last_name,
            display_name=display_name,
            display_name_given=False,
            phone=phone,
            locale=locale,
            timezone=timezone,
            avatar_url=None,
            external_id=external_id,
            attributes=attributes,
            status=self._status,
            version=1 + len(self._writes),
            created_at=as_datetime(self._created),
            updated_at=as_datetime(max(self._writes, default=self._created)),
        )
