"""Pages of roles."""

from typing import Annotated

import strawberry

from roster.api.context import Info
from roster.api.filters import Place
from roster.api.pages import ConnectionValue, total_of
from roster.api.roles.filters import RoleFilterInput
from roster.domain.filters import RoleSelection
from roster.domain.pages import OrderDirection, OrderKey, PageRequest, RoleOrderField

DEFAULT_ORDER = (OrderKey(field=RoleOrderField.KEY, direction=OrderDirection.ASC),)


@strawberry.input(name="RoleOrder", description="One field to order roles by.")
class RoleOrderInput:
    field: RoleOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")


Filter = Annotated[RoleFilterInput | None, strawberry.argument(description="Only roles that match.")]
IncludeArchived = Annotated[bool, strawberry.argument(description="Whether archived roles are in the list.")]
OrderBy = Annotated[
    list[RoleOrderInput] | None,
    strawberry.argument(description="At most 2; by key if not given. The id breaks ties."),
]


def read_selection(given: RoleFilterInput | None, *, include_archived: bool) -> RoleSelection:
    read = given.to_domain(Place(("filter",))) if given else None
    return RoleSelection(filter=read, include_archived=include_archived)


async def every_role(
    info: Info, which: RoleSelection, request: PageRequest[RoleOrderField]
) -> ConnectionValue:
    roles = info.context.services.roles
    page = await roles.page(which, request)
    totals = total_of(info, which, roles.count)
    return ConnectionValue(page=page, order=request.order, totals=totals, owner=None)
