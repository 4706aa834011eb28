"""Who did something."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import strawberry

from roster.api.context import Info
from roster.api.execution import batched
from roster.domain.actors import Actor, ActorKind
from roster.domain.users import User

if TYPE_CHECKING:
    from roster.api.users.types import UserType

LazyUser = Annotated["UserType", strawberry.lazy("roster.api.users.types")]


_LABELS = {ActorKind.USER: "A user", ActorKind.CLI: "Local operator", ActorKind.SYSTEM: "Roster"}


async def _user(actors: Sequence[Actor], info: Info) -> list[User | None]:
    return await info.context.visible_users([actor.user_id for actor in actors])


async def _label(actors: Sequence[Actor], info: Info) -> list[str]:
    return [
        user.display_name if user else _LABELS[actor.kind]
        for actor, user in zip(actors, await _user(actors, info), strict=True)
    ]


@strawberry.type(
    name="Actor",
    description="Who did it. The label of a user is looked up, so that it is gone when the user is erased.",
)
class ActorType:
    kind: ActorKind = strawberry.field(description="What did it.")
    label = batched(
        _label, graphql_type=str, description="What to show; 'A user' for one whom you may not see."
    )
    user = batched(
        _user,
        graphql_type=LazyUser | None,
        description="The user, if one did it, and you may see it.",
    )
