"""The type Role: its fields are those of the domain's record, its relations are batched."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import strawberry

from roster.api import ids
from roster.api.assignments.pages import ORDER, AssignmentFilter, assignments_of_roles, read_selection
from roster.api.assignments.scope import ActiveAt, States
from roster.api.context import Info
from roster.api.events.pages import ORDER as EVENT_ORDER
from roster.api.events.pages import events_of_roles
from roster.api.execution import batched, resolves_on
from roster.api.nodes import NodeType, id_field
from roster.api.pages import (
    After,
    Before,
    ConnectionType,
    ConnectionValue,
    First,
    Last,
    PageValue,
    page_request,
    read_order,
)
from roster.api.scalars import DateTime
from roster.api.users import pages as user_pages
from roster.domain.assignments import AssignmentState
from roster.domain.roles import Role

if TYPE_CHECKING:
    from roster.api.assignments.types import RoleAssignmentType
    from roster.api.events.types import EventConnectionType
    from roster.api.users.types import UserType

LazyUser = Annotated["UserType", strawberry.lazy("roster.api.users.types")]
LazyAssignment = Annotated["RoleAssignmentType", strawberry.lazy("roster.api.assignments.types")]
LazyEventConnection = Annotated["EventConnectionType", strawberry.lazy("roster.api.events.types")]


def _permissions(root: strawberry.Parent[Role]) -> list[str]:
    return list(root.permissions)


async def _holder_count(roles: Sequence[Role], info: Info) -> list[int]:
    counts = info.context.services.assignments.holder_counts
    return await info.context.load("number of holders", counts, [role.id for role in roles])


async def _users(
    roles: Sequence[Role],
    info: Info,
    filter: user_pages.Filter = strawberry.UNSET,  # noqa: A002 -- the contract's name
    include_archived: user_pages.IncludeArchived = False,  # noqa: FBT002 -- the contract's default
    order_by: user_pages.OrderBy = strawberry.UNSET,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
) -> list[ConnectionValue]:
    which = user_pages.read_selection(filter, include_archived=include_archived)
    order = read_order(order_by, user_pages.DEFAULT_ORDER)
    request = page_request(order, first=first, after=after, last=last, before=before)
    return await user_pages.holders_of_roles(roles, info, which, request)


async def _assignments(
    roles: Sequence[Role],
    info: Info,
    filter: AssignmentFilter = strawberry.UNSET,  # noqa: A002 -- the contract's name
    states: States = [AssignmentState.ACTIVE],  # noqa: B006 -- printed as the default, never changed
    active_at: ActiveAt = strawberry.UNSET,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
) -> list[ConnectionValue]:
    which = read_selection(filter, states, active_at)
    request = page_request(ORDER, first=first, after=after, last=last, before=before)
    return await assignments_of_roles(roles, info, which, request)


async def _events(
    roles: Sequence[Role],
    info: Info,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
) -> list[PageValue]:
    request = page_request(EVENT_ORDER, first=first, after=after, last=last, before=before)
    return await events_of_roles(roles, info, request)


@strawberry.type(name="Role", description="What a user can be, and the permissions that come with it.")
class RoleType(NodeType):
    is_type_of = resolves_on(Role)

    id: strawberry.ID = id_field(ids.Kind.ROLE)
    key: str = strawberry.field(
        description="What code calls it: ^[A-Z][A-Z0-9_]{0,63}$. Immutable; unique among live roles."
    )
    name: str = strawberry.field(description="What people call it: at most 100 characters.")
    description: str | None = strawberry.field(description="What it is for: at most 1,000 characters.")
    permissions = strawberry.field(
        resolver=_permissions,
        graphql_type=list[str],
        description="Labels, sorted: ^[a-z0-9]+([:._-][a-z0-9]+)*$. Those that start with roster: are Roster's own and"
        " must be known; all others are opaque to it.",
    )
    is_default: bool = strawberry.field(
        description="Whether it is assigned to every new user unless its creator says otherwise."
    )
    min_holders: int = strawberry.field(
        description="ACTIVE users who must hold it without expiry: what would leave fewer fails. Expiring assignments"
        " do not count."
    )
    archived_at: DateTime | None = strawberry.field(
        description="When it was archived; null while it is live."
    )
    version: int = strawberry.field(description="+1 for every change of the role. For expectedVersion.")
    created_at: DateTime = strawberry.field(description="When the role was added.")
    updated_at: DateTime = strawberry.field(description="When the version last grew.")
    holder_count = batched(
        _holder_count,
        graphql_type=int,
        description="Users with the role in force, whatever their status; equals users.totalCount with includeArchived.",
    )
    users = batched(
        _users, graphql_type=ConnectionType[LazyUser], description="Users with the role in force."
    )
    assignments = batched(
        _assignments,
        graphql_type=ConnectionType[LazyAssignment],
        description="Who holds and held it, oldest first: since when, until when, by whom and why.",
    )
    events = batched(
        _events,
        graphql_type=LazyEventConnection,
        description="What happened to the role and who holds it, oldest first. Needs roster:events:read.",
    )
