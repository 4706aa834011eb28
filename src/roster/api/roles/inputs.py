"""The inputs of the mutations of roles."""

from datetime import datetime

import strawberry

from roster.api.mutations import or_absent, or_none
from roster.api.refs import RoleRefInput
from roster.domain.role_input import (
    NewRoleInput,
    RoleChanges,
    RoleChangesInput,
    RoleToArchive,
    check_new_role,
    check_role_changes,
    check_role_to_archive,
)
from roster.domain.roles import Role

EXPECTED_VERSION = "The version that you decided from: another one is refused with the role as it is now."
REASON = "Why, for the record: at most 500 characters."
PERMISSIONS = "Labels: at most 200 of at most 128 characters; order and repetition do not matter."


@strawberry.input(name="AddRoleInput", description="A new role in the list of possible ones.")
class AddRoleInput:
    key: str = strawberry.field(description="Upper-cased: ^[A-Z][A-Z0-9_]{0,63}$. Never changes.")
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="At most 100 characters. Made from the key if not given."
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="At most 1,000 characters."
    )
    permissions: list[str] = strawberry.field(default_factory=list, description=PERMISSIONS)
    is_default: bool = strawberry.field(
        default=False,
        description="Whether it is assigned to every new user unless its creator says otherwise.",
    )
    min_holders: int = strawberry.field(
        default=0, description="What would leave fewer lasting holders than this fails: 0 to 1,000."
    )

    def to_domain(self, now: datetime) -> Role:
        given = NewRoleInput(
            key=self.key,
            name=or_none(self.name),
            description=or_none(self.description),
            permissions=tuple(self.permissions),
            is_default=self.is_default,
            min_holders=self.min_holders,
        )
        return check_new_role(given, now)


@strawberry.input(
    name="UpdateRoleInput",
    description="Changes to a role. What is absent stays; null clears what can be cleared.",
)
class UpdateRoleInput:
    role: RoleRefInput = strawberry.field(description="Which.")
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=EXPECTED_VERSION)
    name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 100 characters.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="At most 1,000 characters. Null clears it."
    )
    permissions: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="All of them anew. " + PERMISSIONS
    )
    is_default: bool | None = strawberry.field(
        default=strawberry.UNSET, description="For users created from now on."
    )
    min_holders: int | None = strawberry.field(
        default=strawberry.UNSET, description="0 to 1,000, and no more than hold it now."
    )
    reason: str | None = strawberry.field(default=strawberry.UNSET, description=REASON)

    def to_domain(self) -> RoleChanges:
        given = RoleChangesInput(
            role=self.role.to_domain(("role",)),
            expected_version=or_none(self.expected_version),
            name=or_absent(self.name),
            description=or_absent(self.description),
            permissions=or_absent(self.permissions),
            is_default=or_absent(self.is_default),
            min_holders=or_absent(self.min_holders),
            reason=or_none(self.reason),
        )
        return check_role_changes(given)


@strawberry.input(
    name="ArchiveRoleInput", description="Takes a role out of the list of possible ones; its history stays."
)
class ArchiveRoleInput:
    role: RoleRefInput = strawberry.field(description="Which.")
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=EXPECTED_VERSION)
    revoke_assignments: bool = strawberry.field(
        default=False, description="Revoke it from everyone who holds it: required when anyone does."
    )
    reason: str | None = strawberry.field(default=strawberry.UNSET, description=REASON)

    def to_domain(self) -> RoleToArchive:
        return check_role_to_archive(
            role=self.role.to_domain(("role",)),
            expected_version=or_none(self.expected_version),
            revoke_assignments=self.revoke_assignments,
            why=or_none(self.reason),
        )
