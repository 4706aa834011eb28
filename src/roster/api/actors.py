"""Who did something."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from roster.api.context import Info
from roster.domain.actors import Actor, ActorKind
from roster.domain.users import User

if TYPE_CHECKING:
    from roster.api.users.types import UserType

LazyUser = Annotated["UserType", strawberry.lazy("roster.api.users.types")]


_LABELS = {ActorKind.USER: "A user", ActorKind.CLI: "Local operator", ActorKind.SYSTEM: "Roster"}


async def _user(root: strawberry.Parent[Actor], info: Info) -> User | None:
    return await info.context.visible_user(root.user_id) if root.user_id else None


async def _label(root: strawberry.Parent[Actor], info: Info) -> str:
    user = await _user(root, info)
    return user.display_name if user else _LABELS[root.kind]


@strawberry.type(
    name="Actor",
    description="Who did it. The label of a user is looked up, so that it is gone when the user is erased.",
)
class ActorType:
    kind: ActorKind = strawberry.field(description="What did it.")
    label = strawberry.field(
        resolver=_label, graphql_type=str, description="What to show; 'A user' for one whom you may not see."
    )
    user = strawberry.field(
        resolver=_user,
        graphql_type=LazyUser | None,
        description="The user, if one did it, and you may see it.",
    )
