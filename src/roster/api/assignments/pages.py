"""Pages of assignments: all of them, a user's and a role's."""

from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from roster.api.assignments.filters import RoleAssignmentFilterInput
from roster.api.assignments.scope import read_scope
from roster.api.context import Info
from roster.api.filters import Place
from roster.api.pages import ConnectionValue
from roster.api.scalars import DateTime
from roster.domain.assignments import AssignmentState
from roster.domain.filters import AssignmentSelection
from roster.domain.pages import AssignmentOrderField, OrderDirection, OrderKey, PageRequest

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
    return ConnectionValue(page=page, order=ORDER, total=partial(assignments.count, which))


async def assignments_of_user(
    info: Info, user_id: UUID, which: AssignmentSelection, request: PageRequest[AssignmentOrderField]
) -> ConnectionValue:
    context, assignments = info.context, info.context.services.assignments
    page = await context.load(
        ("assignments of user", context.apart(user_id), which, request),
        lambda user_ids: assignments.pages_by_users(user_ids, which, request),
        user_id,
    )

    async def total(cap: int) -> int:
        return await context.load(
            ("number of assignments of user", context.apart(user_id), which, cap),
            lambda user_ids: assignments.counts_by_users(user_ids, which, cap),
            user_id,
        )

    return ConnectionValue(page=page, order=ORDER, total=total)


async def assignments_of_role(
    info: Info, role_id: UUID, which: AssignmentSelection, request: PageRequest[AssignmentOrderField]
) -> ConnectionValue:
    context, assignments = info.context, info.context.services.assignments
    page = await context.load(
        ("assignments of role", which, request),
        lambda role_ids: assignments.pages_by_roles(role_ids, which, request),
        role_id,
    )

    async def total(cap: int) -> int:
        return await context.load(
            ("number of assignments of role", which, cap),
            lambda role_ids: assignments.counts_by_roles(role_ids, which, cap),
            role_id,
        )

    return ConnectionValue(page=page, order=ORDER, total=total)
