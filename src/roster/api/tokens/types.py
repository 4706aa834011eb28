"""The type ApiToken: its fields are those of the domain's record, its owner is batched."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import strawberry

from roster.api import ids
from roster.api.context import Info
from roster.api.execution import batched, resolves_on
from roster.api.nodes import NodeType, id_field
from roster.api.scalars import DateTime
from roster.domain.tokens import ApiToken, ApiTokenState
from roster.domain.users import User

if TYPE_CHECKING:
    from roster.api.users.types import UserType

LazyUser = Annotated["UserType", strawberry.lazy("roster.api.users.types")]


async def _owner(tokens: Sequence[ApiToken], info: Info) -> list[User | None]:
    return await info.context.users([token.owner_id for token in tokens])


def _state(root: strawberry.Parent[ApiToken], info: Info) -> ApiTokenState:
    return root.state(info.context.services.call.now)


@strawberry.type(
    name="ApiToken",
    description="What a program shows to call as its owner: it may at any moment what the owner may then.",
)
class ApiTokenType(NodeType):
    is_type_of = resolves_on(ApiToken)

    id: strawberry.ID = id_field(ids.Kind.TOKEN)
    label: str = strawberry.field(description="What it is for: at most 100 characters.")
    owner = batched(_owner, graphql_type=LazyUser, description="As whom it calls.")
    state = strawberry.field(
        resolver=_state, graphql_type=ApiTokenState, description="Whether it can be used."
    )
    created_at: DateTime = strawberry.field(description="When it was made.")
    expires_at: DateTime = strawberry.field(description="Until when it can be used.")
    last_used_at: DateTime | None = strawberry.field(
        description="When it was last used, to the minute; null if it never was."
    )
    revoked_at: DateTime | None = strawberry.field(description="When it was revoked, if it was.")
