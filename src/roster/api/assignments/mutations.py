"""Mutations of who holds what."""

from typing import Annotated

import strawberry

from roster.api.assignments.inputs import AssignRolesInput, RevokeRolesInput, SetUserRolesInput
from roster.api.assignments.types import RoleAssignmentType
from roster.api.context import Info
from roster.api.mutations import Outcome, errors_field, outcome, part
from roster.api.users.types import UserType
from roster.services.assignments import Assigned, Revoked, RolesSet

_USERS = "The users as they are now, in the order named; [] if there are errors."


def _matched(root: strawberry.Parent[Outcome[Assigned | Revoked]]) -> int:
    return len(root.value.users) if root.value else 0


@strawberry.type(
    name="AssignRolesPayload", description="What assignRoles did. Counts are of pairs of a user and a role."
)
class AssignRolesPayload:
    matched = strawberry.field(resolver=_matched, graphql_type=int, description="How many users were named.")
    assigned = strawberry.field(
        resolver=part("assigned", 0), graphql_type=int, description="How many were assigned anew."
    )
    changed = strawberry.field(
        resolver=part("changed", 0), graphql_type=int, description="How many had another expiry before."
    )
    unchanged = strawberry.field(
        resolver=part("unchanged", 0), graphql_type=int, description="How many were so already."
    )
    users = strawberry.field(resolver=part("users", ()), graphql_type=list[UserType], description=_USERS)
    errors = errors_field()


@strawberry.type(
    name="RevokeRolesPayload", description="What revokeRoles did. Counts are of pairs of a user and a role."
)
class RevokeRolesPayload:
    matched = strawberry.field(resolver=_matched, graphql_type=int, description="How many users were named.")
    revoked = strawberry.field(
        resolver=part("revoked", 0), graphql_type=int, description="How many were in force until now."
    )
    unchanged = strawberry.field(
        resolver=part("unchanged", 0), graphql_type=int, description="How many were not in force."
    )
    users = strawberry.field(resolver=part("users", ()), graphql_type=list[UserType], description=_USERS)
    errors = errors_field()


@strawberry.type(name="SetUserRolesPayload", description="What setUserRoles did.")
class SetUserRolesPayload:
    user = strawberry.field(
        resolver=part("user", None),
        graphql_type=UserType | None,
        description="The user as it is now; null if there are errors.",
    )
    assigned = strawberry.field(
        resolver=part("assigned", ()),
        graphql_type=list[RoleAssignmentType],
        description="What was assigned anew.",
    )
    changed = strawberry.field(
        resolver=part("changed", ()),
        graphql_type=list[RoleAssignmentType],
        description="What had another expiry before.",
    )
    revoked = strawberry.field(
        resolver=part("revoked", ()), graphql_type=list[RoleAssignmentType], description="What was revoked."
    )
    errors = errors_field()


async def _assign_roles(
    info: Info,
    input: Annotated[AssignRolesInput, strawberry.argument(description="Who, and what.")],  # noqa: A002 -- the contract's name
) -> Outcome[Assigned]:
    services = info.context.services
    return await outcome(info, lambda: services.assignments.assign(input.to_domain(services.call.now)))


async def _revoke_roles(
    info: Info,
    input: Annotated[RevokeRolesInput, strawberry.argument(description="Who, and what.")],  # noqa: A002 -- the contract's name
) -> Outcome[Revoked]:
    return await outcome(info, lambda: info.context.services.assignments.revoke(input.to_domain()))


async def _set_user_roles(
    info: Info,
    input: Annotated[SetUserRolesInput, strawberry.argument(description="Who, and what.")],  # noqa: A002 -- the contract's name
) -> Outcome[RolesSet]:
    services = info.context.services
    return await outcome(info, lambda: services.assignments.set_roles(input.to_domain(services.call.now)))


@strawberry.type
class AssignmentMutations:
    assign_roles = strawberry.field(
        resolver=_assign_roles,
        graphql_type=AssignRolesPayload,
        description="Assigns roles to users, all of it or nothing; what is so already stays as it is.",
    )
    revoke_roles = strawberry.field(
        resolver=_revoke_roles,
        graphql_type=RevokeRolesPayload,
        description="Revokes roles from users, all of it or nothing; what is so already stays as it is.",
    )
    set_user_roles = strawberry.field(
        resolver=_set_user_roles,
        graphql_type=SetUserRolesPayload,
        description="Makes the roles of a user exactly these.",
    )
