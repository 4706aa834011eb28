"""Pages of users: all of them, and the holders of a role."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import strawberry

from roster.api.context import Info
from roster.api.filters import Place
from roster.api.pages import ConnectionValue, connections, total_of
from roster.api.users.filters import UserFilterInput
from roster.domain.filters import UserSelection
from roster.domain.pages import OrderDirection, OrderKey, PageRequest, UserOrderField
from roster.domain.roles import Role

DEFAULT_ORDER = (OrderKey(field=UserOrderField.CREATED_AT, direction=OrderDirection.ASC),)


@strawberry.input(name="UserOrder", description="One field to order users by.")
class UserOrderInput:
    field: UserOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")


Filter = Annotated[UserFilterInput | None, strawberry.argument(description="Only users who match.")]
IncludeArchived = Annotated[
    bool, strawberry.argument(description="Whether ARCHIVED and ERASED users are in the list.")
]
OrderBy = Annotated[
    list[UserOrderInput] | None,
    strawberry.argument(description="At most 2; the oldest user first if not given. The id breaks ties."),
]


def read_selection(given: UserFilterInput | None, *, include_archived: bool) -> UserSelection:
    read = given.to_domain(Place(("filter",))) if given else None
    return UserSelection(filter=read, include_archived=include_archived)


async def every_user(
    info: Info, which: UserSelection, request: PageRequest[UserOrderField], *, with_roles: bool
) -> ConnectionValue:
    users = info.context.services.users
    page = await users.page(which, request, with_roles=with_roles)
    totals = total_of(info, which, users.count)
    return ConnectionValue(page=page, order=request.order, totals=totals, owner=None)


async def holders_of_roles(
    roles: Sequence[Role], info: Info, which: UserSelection, request: PageRequest[UserOrderField]
) -> list[ConnectionValue]:
    load, users = info.context.load, info.context.services.users
    role_ids = [role.id for role in roles]
    pages = await load(
        ("users of role", which, request),
        partial(users.pages_by_roles, which=which, request=request),
        role_ids,
    )

    async def totals(role_ids: Sequence[Any], cap: int) -> list[int]:
        counts = partial(users.counts_by_roles, which=which, cap=cap)
        return await load(("number of users of role", which, cap), counts, role_ids)

    return connections(pages, request.order, role_ids, totals)
