"""Queries for roles."""

from typing import Annotated

import strawberry

from roster.api.context import Info
from roster.api.pages import (
    After,
    Before,
    ConnectionType,
    ConnectionValue,
    First,
    Last,
    page_request,
    read_order,
)
from roster.api.refs import RoleRefInput
from roster.api.roles.pages import (
    DEFAULT_ORDER,
    Filter,
    IncludeArchived,
    OrderBy,
    every_role,
    read_selection,
)
from roster.api.roles.types import RoleType
from roster.domain.roles import Role


async def _role(
    info: Info, by: Annotated[RoleRefInput, strawberry.argument(description="Which.")]
) -> Role | None:
    return await info.context.services.roles.by_ref(by.to_domain(("by",)))


async def _roles(
    info: Info,
    filter: Filter = strawberry.UNSET,  # noqa: A002 -- the contract's name
    include_archived: IncludeArchived = False,  # noqa: FBT002 -- the contract's default
    order_by: OrderBy = strawberry.UNSET,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
) -> ConnectionValue:
    which = read_selection(filter, include_archived=include_archived)
    request = page_request(
        read_order(order_by, DEFAULT_ORDER), first=first, after=after, last=last, before=before
    )
    return await every_role(info, which, request)


@strawberry.type
class RoleQueries:
    role = strawberry.field(
        resolver=_role, graphql_type=RoleType | None, description="One role; null if there is none."
    )
    roles = strawberry.field(
        resolver=_roles, graphql_type=ConnectionType[RoleType], description="Roles, by any mix of conditions."
    )
