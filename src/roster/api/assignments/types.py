"""The type RoleAssignment: its fields are those of the domain's record, its relations are batched."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import strawberry

from roster.api import ids
from roster.api.actors import ActorType
from roster.api.context import Info
from roster.api.execution import batched, resolves_on
from roster.api.nodes import NodeType, id_field
from roster.api.scalars import DateTime
from roster.domain.assignments import AssignmentState, RoleAssignment
from roster.domain.roles import Role
from roster.domain.users import User

if TYPE_CHECKING:
    from roster.api.roles.types import RoleType
    from roster.api.users.types import UserType

LazyUser = Annotated["UserType", strawberry.lazy("roster.api.users.types")]
LazyRole = Annotated["RoleType", strawberry.lazy("roster.api.roles.types")]


async def _user(held: Sequence[RoleAssignment], info: Info) -> list[User | None]:
    return await info.context.users([one.user_id for one in held])


async def _role(held: Sequence[RoleAssignment], info: Info) -> Sequence[Role | None]:
    return await info.context.roles_of(held)


def _state(root: strawberry.Parent[RoleAssignment], info: Info) -> AssignmentState:
    return root.state(info.context.services.call.now)


@strawberry.type(
    name="RoleAssignment",
    description="That a user holds a role, or held it. In force from assignedAt until the first of revokedAt and"
    " expiresAt.",
)
class RoleAssignmentType(NodeType):
    is_type_of = resolves_on(RoleAssignment)

    id: strawberry.ID = id_field(ids.Kind.ASSIGNMENT)
    user = batched(_user, graphql_type=LazyUser, description="Who holds it.")
    role = batched(_role, graphql_type=LazyRole, description="What is held.")
    state = strawberry.field(
        resolver=_state, graphql_type=AssignmentState, description="What has become of it by now."
    )
    assigned_at: DateTime = strawberry.field(description="Since when.")
    assigned_by: ActorType = strawberry.field(description="Who assigned it.")
    reason: str | None = strawberry.field(description="Why it was assigned.")
    expires_at: DateTime | None = strawberry.field(description="Until when; null for good.")
    revoked_at: DateTime | None = strawberry.field(description="When it was revoked, if it was.")
    revoked_by: ActorType | None = strawberry.field(description="Who revoked it, if anyone did.")
    revoke_reason: str | None = strawberry.field(description="Why it was revoked.")
