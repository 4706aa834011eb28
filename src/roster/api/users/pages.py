"""Pages of users: all of them, and the holders of a role."""

from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from roster.api.context import Info
from roster.api.filters import Place
from roster.api.pages import ConnectionValue
from roster.api.users.filters import UserFilterInput
from roster.domain.filters import UserSelection
from roster.domain.pages import OrderDirection, OrderKey, PageRequest, UserOrderField

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
    info: Info, which: UserSelection, request: PageRequest[UserOrderField]
) -> ConnectionValue:
    users = info.context.services.users
    page = await users.page(which, request)
    return ConnectionValue(page=page, order=request.order, total=partial(users.count, which))


async def holders_of_role(
    info: Info, role_id: UUID, which: UserSelection, request: PageRequest[UserOrderField]
) -> ConnectionValue:
    context, users = info.context, info.context.services.users
    page = await context.load(
        ("users of role", which, request),
        lambda role_ids: users.pages_by_roles(role_ids, which, request),
        role_id,
    )

    async def total(cap: int) -> int:
        return await context.load(
            ("number of users of role", which, cap),
            lambda role_ids: users.counts_by_roles(role_ids, which, cap),
            role_id,
        )

    return ConnectionValue(page=page, order=request.order, total=total)
