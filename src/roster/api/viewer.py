"""Who calls, as they see themselves."""

from dataclasses import dataclass

import strawberry

from roster.api.actors import ActorType
from roster.api.context import Info
from roster.domain.actors import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Viewer:
    actor: Actor
    permissions: list[str]


def _viewer(info: Info) -> _Viewer:
    caller = info.context.services.call.caller
    return _Viewer(actor=caller.actor, permissions=sorted(caller.permissions))


@strawberry.type(name="Viewer", description="You.")
class ViewerType:
    actor: ActorType = strawberry.field(description="Who you are to others.")
    permissions: list[str] = strawberry.field(description="What you may, sorted.")


@strawberry.type
class ViewerQueries:
    viewer = strawberry.field(resolver=_viewer, graphql_type=ViewerType, description="Who asks.")
