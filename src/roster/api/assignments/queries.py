"""Queries for assignments."""

import strawberry

from roster.api.assignments.pages import ORDER, AssignmentFilter, every_assignment, read_selection
from roster.api.assignments.scope import ActiveAt, States
from roster.api.assignments.types import RoleAssignmentType
from roster.api.context import Info
from roster.api.pages import After, Before, ConnectionType, ConnectionValue, First, Last, page_request
from roster.domain.assignments import AssignmentState


async def _assignments(
    info: Info,
    filter: AssignmentFilter = strawberry.UNSET,  # noqa: A002 -- the contract's name
    states: States = [AssignmentState.ACTIVE],  # noqa: B006 -- printed as the default, never changed
    active_at: ActiveAt = strawberry.UNSET,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
) -> ConnectionValue:
    which = read_selection(filter, states, active_at)
    request = page_request(ORDER, first=first, after=after, last=last, before=before)
    return await every_assignment(info, which, request)


@strawberry.type
class AssignmentQueries:
    assignments = strawberry.field(
        resolver=_assignments,
        graphql_type=ConnectionType[RoleAssignmentType],
        description="Who holds and held what, oldest first.",
    )
