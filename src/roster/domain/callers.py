"""Who calls, and what they may."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from roster.domain.actors import Actor, ActorKind
from roster.domain.errors import ForbiddenError, UnauthenticatedError
from roster.domain.permissions import EVERY_PERMISSION, Permission
from roster.domain.users import User, UserRef

_WHO = "Say who you are, with a token."


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """`user` is None for an operator, and for nobody.

    `role_ids` are the roles in force that give the user its `permissions`.
    """

    kind: ActorKind | None
    user: User | None
    permissions: frozenset[str]
    role_ids: frozenset[UUID]

    @property
    def actor(self) -> Actor:
        """Raises UnauthenticatedError for nobody, who can do nothing that would be recorded."""
        if self.kind is None:
            raise UnauthenticatedError(_WHO)
        return Actor(kind=self.kind, user_id=self.user_id)

    def may(self, *permissions: Permission) -> bool:
        return self.permissions.issuperset(permissions)

    def require(self, *permissions: Permission) -> None:
        """Raises ForbiddenError if one of them is missing, and UnauthenticatedError if the caller is nobody."""
        if lacking := [permission for permission in permissions if permission not in self.permissions]:
            if self.kind is None:
                raise UnauthenticatedError(_WHO)
            raise ForbiddenError(f"This needs {' and '.join(lacking)}.")

    @property
    def user_id(self) -> UUID | None:
        return self.user.id if self.user else None

    def is_user(self, user_id: UUID) -> bool:
        return self.user_id == user_id

    def is_named(self, ref: UserRef) -> bool:
        """Whether the reference finds the caller, who is live."""
        return self.user is not None and getattr(self.user, ref.key.value) == ref.value

    def require_of_others(self, user_ids: Iterable[UUID], *permissions: Permission) -> None:
        """The same, but for what is the caller's own, which everyone may read."""
        if not all(map(self.is_user, user_ids)):
            self.require(*permissions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: by whom, at what moment, in which request."""

    caller: Caller
    now: datetime
    request_id: str | None


OPERATOR = Caller(kind=ActorKind.CLI, user=None, permissions=EVERY_PERMISSION, role_ids=frozenset())


def nobody(permissions: frozenset[str]) -> Caller:
    """Whoever shows no token."""
    return Caller(kind=None, user=None, permissions=permissions, role_ids=frozenset())
