"""Calls of the services, short: what is not said is as a caller leaves it. And short looks at what they left behind."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest

from roster.data.db import Database
from roster.domain.assignment_input import RoleGrant, RolesToAssign, RolesToRevoke, StatusToSet, UserRoles
from roster.domain.assignments import AssignmentState, RoleAssignment, Scope
from roster.domain.callers import OPERATOR, Call, Caller
from roster.domain.checks import ABSENT
from roster.domain.errors import MutationError, Path, Rejected
from roster.domain.filters import AssignmentSelection
from roster.domain.pages import AssignmentOrderField, PageRequest
from roster.domain.role_input import (
    NewRoleInput,
    RoleChangesInput,
    RoleToArchive,
    check_new_role,
    check_role_changes,
)
from roster.domain.roles import Role, RoleKey, RoleRef
from roster.domain.user_input import (
    NewUserInput,
    UserChangesInput,
    check_new_user,
    check_user_erasure,
)
from roster.domain.users import User, UserKey, UserKind, UserRef, UserStatus
from roster.services.assignments import Assigned, Revoked, RolesSet
from roster.services.lifecycle import StatusSet
from roster.services.roles import RoleArchived
from roster.services.services import Services

T = TypeVar("T")
# When the services are called, unless a test says otherwise: after everything that `make` makes.
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
REQUEST_ID = "the-request"
EVERY_STATE = Scope(states=frozenset(AssignmentState), active_at=None)
_USER_FIELDS = (
    "email",
    "username",
    "first_name",
    "last_name",
    "display_name",
    "phone",
    "locale",
    "timezone",
    "avatar_url",
    "external_id",
    "attributes",
    "email_verified_at",
)
_ROLE_FIELDS = ("name", "description", "permissions", "is_default", "min_holders")


def user_ref(user: User | UserRef) -> UserRef:
    return user if isinstance(user, UserRef) else UserRef(key=UserKey.ID, value=user.id)


def role_ref(role: Role | RoleRef) -> RoleRef:
    return role if isinstance(role, RoleRef) else RoleRef(key=RoleKey.ID, value=role.id)


def _grants(wanted: Mapping[Role, datetime | None]) -> tuple[RoleGrant, ...]:
    return tuple(RoleGrant(role=role_ref(role), expires_at=expiry) for role, expiry in wanted.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """Each method is one mutation, with the arguments of its input."""

    services: Services

    async def create(
        self,
        *,
        kind: UserKind = UserKind.PERSON,
        status: UserStatus = UserStatus.ACTIVE,
        grants: Mapping[Role, datetime | None] | None = None,
        **fields: Any,
    ) -> User:
        values = dict.fromkeys(_USER_FIELDS) | fields
        given = NewUserInput(kind=kind, status=status, roles=None, **values)
        checked = check_new_user(given, self.services.call.now)
        return await self.services.users.create(
            replace(checked, grants=None if grants is None else _grants(grants))
        )

    async def update(
        self, user: User | UserRef, *, expected_version: int | None = None, **fields: Any
    ) -> User:
        values = dict.fromkeys(_USER_FIELDS, ABSENT) | fields
        given = UserChangesInput(
            user=user_ref(user), expected_version=expected_version, reason=None, **values
        )
        return await self.services.users.update(given)

    async def set_status(
        self, status: UserStatus, *users: User | UserRef, reason: str | None = None
    ) -> StatusSet:
        named = tuple(user_ref(user) for user in users)
        return await self.services.users.set_status(StatusToSet(users=named, status=status, reason=reason))

    async def erase(self, user: User | UserRef, confirm: str) -> User:
        given = check_user_erasure(user=user_ref(user), confirm=confirm, why="Asked for")
        return await self.services.users.erase(given)

    async def add_role(self, key: str, **fields: Any) -> Role:
        values: dict[str, Any] = {
            "name": None,
            "description": None,
            "permissions": (),
            "is_default": False,
            "min_holders": 0,
        }
        given = NewRoleInput(key=key, **(values | fields))
        return await self.services.roles.add(check_new_role(given, self.services.call.now))

    async def update_role(
        self, role: Role | RoleRef, *, expected_version: int | None = None, **fields: Any
    ) -> Role:
        values = dict.fromkeys(_ROLE_FIELDS, ABSENT) | fields
        given = RoleChangesInput(
            role=role_ref(role), expected_version=expected_version, reason=None, **values
        )
        return await self.services.roles.update(check_role_changes(given))

    async def archive_role(
        self,
        role: Role | RoleRef,
        *,
        expected_version: int | None = None,
        revoke_assignments: bool = False,
        reason: str | None = None,
    ) -> RoleArchived:
        given = RoleToArchive(
            role=role_ref(role),
            expected_version=expected_version,
            revoke_assignments=revoke_assignments,
            reason=reason,
        )
        return await self.services.roles.archive(given)

    async def assign(
        self,
        users: Sequence[User | UserRef],
        roles: Sequence[Role | RoleRef],
        *,
        expires_at: datetime | None = None,
        reason: str | None = None,
    ) -> Assigned:
        given = RolesToAssign(
            users=tuple(user_ref(user) for user in users),
            roles=tuple(role_ref(role) for role in roles),
            expires_at=expires_at,
            reason=reason,
        )
        return await self.services.assignments.assign(given)

    async def revoke(
        self,
        users: Sequence[User | UserRef],
        roles: Sequence[Role | RoleRef],
        *,
        reason: str | None = None,
    ) -> Revoked:
        given = RolesToRevoke(
            users=tuple(user_ref(user) for user in users),
            roles=tuple(role_ref(role) for role in roles),
            reason=reason,
        )
        return await self.services.assignments.revoke(given)

    async def set_roles(
        self,
        user: User | UserRef,
        wanted: Mapping[Role, datetime | None],
        *,
        expected_version: int | None = None,
        reason: str | None = None,
    ) -> RolesSet:
        given = UserRoles(
            user=user_ref(user), grants=_grants(wanted), expected_version=expected_version, reason=reason
        )
        return await self.services.assignments.set_roles(given)


def acting(db: Database, now: datetime = NOW, caller: Caller = OPERATOR) -> Acting:
    return Acting(services=Services.of(db, Call(caller=caller, now=now, request_id=REQUEST_ID)))


LATER = NOW + timedelta(days=1)
# Each way in which one user ceases to be a lasting holder of a role, and where TooFewHoldersError says so.
WAYS_TO_LOSE: Mapping[str, tuple[Path, Callable[[Acting, User, Role], Awaitable[object]]]] = {
    "revokeRoles": (("roles", "0"), lambda act, user, role: act.revoke([user], [role])),
    "setUserRoles without it": (("roles",), lambda act, user, _: act.set_roles(user, {})),
    "setUserRoles with an expiry": (
        ("roles", "0", "role"),
        lambda act, user, role: act.set_roles(user, {role: LATER}),
    ),
    "assignRoles with an expiry": (
        ("roles", "0"),
        lambda act, user, role: act.assign([user], [role], expires_at=LATER),
    ),
    "suspended": (("users", "refs", "0"), lambda act, user, _: act.set_status(UserStatus.SUSPENDED, user)),
    "archived": (("users", "refs", "0"), lambda act, user, _: act.set_status(UserStatus.ARCHIVED, user)),
}


async def refusal(work: Awaitable[object]) -> tuple[MutationError, ...]:
    """The errors of a mutation that must be refused."""
    with pytest.raises(Rejected) as raised:
        await work
    return raised.value.errors


async def one_refusal(work: Awaitable[object]) -> MutationError:
    """The one error of a mutation that must be refused."""
    (error,) = await refusal(work)
    return error


async def stored_user(db: Database, user: User) -> User:
    return (await acting(db).services.users.by_ids([user.id]))[user.id]


async def stored_role(db: Database, role: Role) -> Role:
    return (await acting(db).services.roles.by_ids([role.id]))[role.id]


async def history(
    db: Database, user: User, scope: Scope = EVERY_STATE, now: datetime = NOW
) -> list[RoleAssignment]:
    """Every assignment of the user in the scope, oldest first."""
    which = AssignmentSelection(filter=None, scope=scope)
    request: PageRequest[AssignmentOrderField] = PageRequest(
        order=(), size=200, backward=False, after=None, before=None
    )
    pages = await acting(db, now).services.assignments.pages_by_users([user.id], which, request)
    return [edge.node for edge in pages[user.id].edges]


async def role_ids_at(db: Database, user: User, moment: datetime) -> list[UUID]:
    """The roles that the user holds at the moment, by key."""
    scope = Scope(states=frozenset(), active_at=moment)
    held = await acting(db).services.roles.by_users([user.id], scope)
    return [role.id for role in held[user.id]]
