"""What a caller says of the roles of users, checked and normalised before any transaction opens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from roster.domain.checks import Problems, expiry, reason
from roster.domain.errors import LimitExceededError, Path
from roster.domain.roles import MAX_LIVE_ROLES, RoleRef
from roster.domain.users import MAX_LIVE_ASSIGNMENTS, MAX_USERS_A_MUTATION, UserRef, UserStatus

# Where the users of a mutation on several stand in its input.
USER_REFS: Path = ("users", "refs")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGrantInput:
    role: RoleRef
    expires_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGrant:
    """A role to hold until `expires_at`, or for good."""

    role: RoleRef
    expires_at: datetime | None


def check_grants(
    problems: Problems, path: Path, grants: Sequence[RoleGrantInput], now: datetime
) -> tuple[RoleGrant, ...]:
    if len(grants) > MAX_LIVE_ASSIGNMENTS:
        problems.errors.append(too_many(path, MAX_LIVE_ASSIGNMENTS, "roles"))
        return ()
    return tuple(
        RoleGrant(
            role=grant.role,
            expires_at=problems.check(
                (*path, str(index), "expires_at"), partial(expiry, now=now), grant.expires_at
            ),
        )
        for index, grant in enumerate(grants)
    )


def too_many(path: Path, limit: int, things: str) -> LimitExceededError:
    return LimitExceededError(message=f"At most {limit} {things} at once.", path=path, limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesToAssign:
    users: tuple[UserRef, ...]
    roles: tuple[RoleRef, ...]
    expires_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesToRevoke:
    users: tuple[UserRef, ...]
    roles: tuple[RoleRef, ...]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRoles:
    """Every role that a user is to hold; what is not among them is revoked."""

    user: UserRef
    grants: tuple[RoleGrant, ...]
    expected_version: int | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusToSet:
    users: tuple[UserRef, ...]
    status: UserStatus
    reason: str | None


def check_roles_to_assign(
    *,
    users: Sequence[UserRef],
    roles: Sequence[RoleRef],
    expires_at: str | None,
    why: str | None,
    now: datetime,
) -> RolesToAssign:
    problems = Problems()
    _check_count(problems, USER_REFS, len(users), MAX_USERS_A_MUTATION, "users")
    _check_count(problems, ("roles",), len(roles), MAX_LIVE_ASSIGNMENTS, "roles")
    checked = RolesToAssign(
        users=tuple(users),
        roles=tuple(roles),
        expires_at=problems.check(("expires_at",), partial(expiry, now=now), expires_at),
        reason=problems.check(("reason",), reason, why),
    )
    problems.raise_if_any()
    return checked


def check_roles_to_revoke(
    *, users: Sequence[UserRef], roles: Sequence[RoleRef], why: str | None
) -> RolesToRevoke:
    problems = Problems()
    _check_count(problems, USER_REFS, len(users), MAX_USERS_A_MUTATION, "users")
    _check_count(problems, ("roles",), len(roles), MAX_LIVE_ROLES, "roles")
    checked = RolesToRevoke(
        users=tuple(users), roles=tuple(roles), reason=problems.check(("reason",), reason, why)
    )
    problems.raise_if_any()
    return checked


def check_user_roles(
    *,
    user: UserRef,
    roles: Sequence[RoleGrantInput],
    expected_version: int | None,
    why: str | None,
    now: datetime,
) -> UserRoles:
    problems = Problems()
    checked = UserRoles(
        user=user,
        grants=check_grants(problems, ("roles",), roles, now),
        expected_version=expected_version,
        reason=problems.check(("reason",), reason, why),
    )
    problems.raise_if_any()
    return checked


def check_status_to_set(*, users: Sequence[UserRef], status: UserStatus, why: str | None) -> StatusToSet:
    problems = Problems()
    _check_count(problems, USER_REFS, len(users), MAX_USERS_A_MUTATION, "users")
    checked = StatusToSet(users=tuple(users), status=status, reason=problems.check(("reason",), reason, why))
    problems.raise_if_any()
    return checked


def _check_count(problems: Problems, path: Path, count: int, limit: int, things: str) -> None:
    if count > limit:
        problems.errors.append(too_many(path, limit, things))
