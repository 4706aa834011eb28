"""Pages of assignments: all of them, a user's and a role's."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import strawberry

from roster.api.assignments.filters import RoleAssignmentFilterInput
from roster.api.assignments.scope import read_scope
from roster.api.context import Info
from roster.api.filters import Place
from roster.api.pages import ConnectionValue, connections, total_of
from roster.api.scalars import DateTime
from roster.domain.assignments import AssignmentState
from roster.domain.filters import AssignmentSelection
from roster.domain.pages import AssignmentOrderField, OrderDirection, OrderKey, PageRequest
from roster.domain.roles import Role
from roster.domain.users import User

ORDER = (OrderKey(field=AssignmentOrderField.ASSIGNED_AT, direction=OrderDirection.ASC),)

AssignmentFilter = Annotated[
    RoleAssignmentFilterInput | None, strawberry.argument(description="Only assignments that match.")
]


def read_selection(
    given: RoleAssignmentFilterInput | None, states: list[AssignmentState], active_at: DateTime | None
) -> AssignmentSelection:
    read = given.to_domain(Place(("filter",))) if given else None
    return AssignmentSelection(filter=read, scope=read_scope(states, active_at))


async def every_assignment(
    info: Info, which: AssignmentSelection, request: PageRequest[AssignmentOrderField]
) -> ConnectionValue:
    assignments = info.context.services.assignments
    page = await assignments.page(which, request)
    totals = total_of(info, which, assignments.count)
    return ConnectionValue(page=page, order=ORDER, totals=totals, owner=None)


async def assignments_of_users(
    users: Sequence[User],
    info: Info,
    which: AssignmentSelection,
    request: PageRequest[AssignmentOrderField],
) -> list[ConnectionValue]:
    load, assignments = info.context.load_of_users, info.context.services.assignments
    user_ids = [user.id for user in users]
    pages = await load(
        ("assignments of user", which, request),
        partial(assignments.pages_by_users, which=which, request=request),
        user_ids,
    )

    async def totals(user_ids: Sequence[Any], cap: int) -> list[int]:
        counts = partial(assignments.counts_by_users, which=which, cap=cap)
        return await load(("number of assignments of user", which, cap), counts, user_ids)

    return connections(pages, ORDER, user_ids, totals)


async def assignments_of_roles(
    roles: Sequence[Role],
    info: Info,
    which: AssignmentSelection,
    request: PageRequest[AssignmentOrderField],
) -> list[ConnectionValue]:
    load, assignments = info.context.load, info.context.services.assignments
    role_ids = [role.id for role in roles]
    pages = await load(
        ("assignments of role", which, request),
        partial(assignments.pages_by_roles, which=which, request=request),
        role_ids,
    )

    async def totals(role_ids: Sequence[Any], cap: int) -> list[int]:
        counts = partial(assignments.counts_by_roles, which=which, cap=cap)
        return await load(("number of assignments of role", which, cap), counts, role_ids)

    return connections(pages, ORDER, role_ids, totals)
