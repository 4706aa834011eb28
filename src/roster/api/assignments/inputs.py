"""The inputs of the mutations of assignments, and how several users are named."""

from datetime import datetime

import strawberry

from roster.api.mutations import or_none
from roster.api.refs import RoleRefInput, UserRefInput
from roster.api.scalars import DateTime
from roster.domain.assignment_input import (
    RoleGrantInput,
    RolesToAssign,
    RolesToRevoke,
    UserRoles,
    check_roles_to_assign,
    check_roles_to_revoke,
    check_user_roles,
)
from roster.domain.errors import Path
from roster.domain.roles import RoleRef
from roster.domain.users import UserRef

EXPIRES_AT = "Until when: in the future, at most 10 years ahead. Absent or null: for good."
REASON = "Why, for the record: at most 500 characters."


@strawberry.input(name="UserSelector", one_of=True, description="Names several users.")
class UserSelectorInput:
    refs: list[UserRefInput] | None = strawberry.field(
        default=strawberry.UNSET, description="At most 200; one that is named twice counts once."
    )

    def to_domain(self, path: Path) -> tuple[UserRef, ...]:
        return tuple(ref.to_domain((*path, "refs", str(index))) for index, ref in enumerate(self.refs or ()))


@strawberry.input(name="RoleAssignmentInput", description="A role to hold.")
class RoleAssignmentInput:
    role: RoleRefInput = strawberry.field(description="Which.")
    expires_at: DateTime | None = strawberry.field(default=strawberry.UNSET, description=EXPIRES_AT)

    def to_domain(self, path: Path) -> RoleGrantInput:
        return RoleGrantInput(role=self.role.to_domain((*path, "role")), expires_at=or_none(self.expires_at))


def _roles(refs: list[RoleRefInput]) -> tuple[RoleRef, ...]:
    return tuple(ref.to_domain(("roles", str(index))) for index, ref in enumerate(refs))


@strawberry.input(
    name="AssignRolesInput",
    description="Every one of these users is to hold every one of these roles: all of it or nothing.",
)
class AssignRolesInput:
    users: UserSelectorInput = strawberry.field(description="Who.")
    roles: list[RoleRefInput] = strawberry.field(
        description="What: at most 100. Who holds one already has its expiry set to this one."
    )
    expires_at: DateTime | None = strawberry.field(default=strawberry.UNSET, description=EXPIRES_AT)
    reason: str | None = strawberry.field(default=strawberry.UNSET, description=REASON)

    def to_domain(self, now: datetime) -> RolesToAssign:
        return check_roles_to_assign(
            users=self.users.to_domain(("users",)),
            roles=_roles(self.roles),
            expires_at=or_none(self.expires_at),
            why=or_none(self.reason),
            now=now,
        )


@strawberry.input(
    name="RevokeRolesInput",
    description="Not one of these users is to hold one of these roles: all of it or nothing.",
)
class RevokeRolesInput:
    users: UserSelectorInput = strawberry.field(description="Who.")
    roles: list[RoleRefInput] = strawberry.field(description="What.")
    reason: str | None = strawberry.field(default=strawberry.UNSET, description=REASON)

    def to_domain(self) -> RolesToRevoke:
        users = self.users.to_domain(("users",))
        return check_roles_to_revoke(users=users, roles=_roles(self.roles), why=or_none(self.reason))


@strawberry.input(
    name="SetUserRolesInput",
    description="The user is to hold these roles and no others: what is missing is assigned, what has another expiry"
    " changed, what is not named revoked.",
)
class SetUserRolesInput:
    user: UserRefInput = strawberry.field(description="Who.")
    roles: list[RoleAssignmentInput] = strawberry.field(
        description="What: at most 100, each once; [] for none."
    )
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The version that you decided from: another one is refused with the user as it is now.",
    )
    reason: str | None = strawberry.field(default=strawberry.UNSET, description=REASON)

    def to_domain(self, now: datetime) -> UserRoles:
        roles = [role.to_domain(("roles", str(index))) for index, role in enumerate(self.roles)]
        return check_user_roles(
            user=self.user.to_domain(("user",)),
            roles=roles,
            expected_version=or_none(self.expected_version),
            why=or_none(self.reason),
            now=now,
        )
