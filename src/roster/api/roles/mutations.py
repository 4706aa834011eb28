"""Mutations of roles."""

from typing import Annotated

import strawberry

from roster.api.context import Info
from roster.api.mutations import Outcome, errors_field, outcome, part, value
from roster.api.roles.inputs import AddRoleInput, ArchiveRoleInput, UpdateRoleInput
from roster.api.roles.types import RoleType
from roster.domain.roles import Role
from roster.services.roles import RoleArchived


@strawberry.type(name="AddRolePayload", description="What addRole did.")
class AddRolePayload:
    role = strawberry.field(
        resolver=value, graphql_type=RoleType | None, description="The new role; null if there are errors."
    )
    errors = errors_field()


@strawberry.type(name="UpdateRolePayload", description="What updateRole did.")
class UpdateRolePayload:
    role = strawberry.field(
        resolver=value,
        graphql_type=RoleType | None,
        description="The role as it is now; null if there are errors.",
    )
    errors = errors_field()


@strawberry.type(name="ArchiveRolePayload", description="What archiveRole did.")
class ArchiveRolePayload:
    role = strawberry.field(
        resolver=part("role", None),
        graphql_type=RoleType | None,
        description="The role as it is now; null if there are errors.",
    )
    revoked = strawberry.field(
        resolver=part("revoked", 0), graphql_type=int, description="From how many users it was revoked."
    )
    errors = errors_field()


async def _add_role(
    info: Info,
    input: Annotated[AddRoleInput, strawberry.argument(description="The role.")],  # noqa: A002 -- the contract's name
) -> Outcome[Role]:
    services = info.context.services
    return await outcome(info, lambda: services.roles.add(input.to_domain(services.call.now)))


async def _update_role(
    info: Info,
    input: Annotated[UpdateRoleInput, strawberry.argument(description="Which, and what.")],  # noqa: A002 -- the contract's name
) -> Outcome[Role]:
    return await outcome(info, lambda: info.context.services.roles.update(input.to_domain()))


async def _archive_role(
    info: Info,
    input: Annotated[ArchiveRoleInput, strawberry.argument(description="Which.")],  # noqa: A002 -- the contract's name
) -> Outcome[RoleArchived]:
    return await outcome(info, lambda: info.context.services.roles.archive(input.to_domain()))


@strawberry.type
class RoleMutations:
    add_role = strawberry.field(
        resolver=_add_role,
        graphql_type=AddRolePayload,
        description="Adds a role to the list of possible ones: at most 2,000 are live.",
    )
    update_role = strawberry.field(
        resolver=_update_role, graphql_type=UpdateRolePayload, description="Changes a role; never its key."
    )
    archive_role = strawberry.field(
        resolver=_archive_role,
        graphql_type=ArchiveRolePayload,
        description="Takes a role out of the list of possible ones and frees its key. An archived role again does"
        " nothing.",
    )
