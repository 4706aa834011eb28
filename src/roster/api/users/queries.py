"""Queries for users."""

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
from roster.api.refs import UserRefInput
from roster.api.users.pages import (
    DEFAULT_ORDER,
    Filter,
    IncludeArchived,
    OrderBy,
    every_user,
    read_selection,
)
from roster.api.users.types import UserType, asks_for_roles
from roster.domain.users import User


async def _user(
    info: Info, by: Annotated[UserRefInput, strawberry.argument(description="Who.")]
) -> User | None:
    return await info.context.services.users.by_ref(by.to_domain(("by",)), with_roles=asks_for_roles(info))


async def _users(
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
    return await every_user(info, which, request, with_roles=asks_for_roles(info))


@strawberry.type
class UserQueries:
    user = strawberry.field(
        resolver=_user, graphql_type=UserType | None, description="One user; null if there is none."
    )
    users = strawberry.field(
        resolver=_users, graphql_type=ConnectionType[UserType], description="Users, by any mix of conditions."
    )
