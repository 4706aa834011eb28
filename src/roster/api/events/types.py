"""The type Event: its fields are those of the domain's record, its relations are batched."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from roster.api import ids
from roster.api.actors import ActorType
from roster.api.context import Info
from roster.api.execution import batched, resolves_on
from roster.api.nodes import NodeType, id_field
from roster.api.pages import FeedType
from roster.api.scalars import DateTime, JSONValue
from roster.domain.events import Event, EventType, FieldChange
from roster.domain.roles import Role
from roster.domain.users import User

if TYPE_CHECKING:
    from roster.api.roles.types import RoleType
    from roster.api.users.types import UserType

LazyUser = Annotated["UserType", strawberry.lazy("roster.api.users.types")]
LazyRole = Annotated["RoleType", strawberry.lazy("roster.api.roles.types")]


def _field(root: strawberry.Parent[FieldChange]) -> str:
    return to_camel_case(root.field)


@strawberry.type(name="FieldChange", description="What a field was before, and what it is after.")
class FieldChangeType:
    field = strawberry.field(resolver=_field, graphql_type=str, description="As the schema calls it.")
    before: JSONValue | None = strawberry.field(
        description="Null if there was nothing, or it was personal to a user who is erased."
    )
    after: JSONValue | None = strawberry.field(
        description="Null if there is nothing, or it was personal to a user who is erased."
    )


def _user_id(root: strawberry.Parent[Event]) -> str | None:
    return ids.to_text(ids.Kind.USER, root.user_id) if root.user_id else None


def _role_id(root: strawberry.Parent[Event]) -> str | None:
    return ids.to_text(ids.Kind.ROLE, root.role_id) if root.role_id else None


async def _user(events: Sequence[Event], info: Info) -> list[User | None]:
    return await info.context.users([event.user_id for event in events])


async def _role(events: Sequence[Event], info: Info) -> list[Role | None]:
    return await info.context.roles([event.role_id for event in events])


def _changes(root: strawberry.Parent[Event]) -> list[Any]:
    return list(root.changes)


@strawberry.type(name="Event", description="One change, recorded with it and never altered since.")
class EventNodeType(NodeType):
    is_type_of = resolves_on(Event)

    id: strawberry.ID = id_field(ids.Kind.EVENT)
    type: EventType = strawberry.field(description="What happened.")
    at: DateTime = strawberry.field(description="When.")
    actor: ActorType = strawberry.field(description="Who did it.")
    reason: str | None = strawberry.field(description="Why, if they said so.")
    request_id: str | None = strawberry.field(
        description="The X-Request-Id of the request that it was done in, if there was one."
    )
    user_id = strawberry.field(
        resolver=_user_id, graphql_type=strawberry.ID | None, description="The user that it happened to."
    )
    user = batched(_user, graphql_type=LazyUser | None, description="The user, as it is now.")
    role_id = strawberry.field(
        resolver=_role_id, graphql_type=strawberry.ID | None, description="The role that it is about."
    )
    role_key: str | None = strawberry.field(description="The key of the role.")
    role = batched(_role, graphql_type=LazyRole | None, description="The role, as it is now.")
    changes = strawberry.field(
        resolver=_changes,
        graphql_type=list[FieldChangeType],
        description="Every field that changed; of something new, every field that has a value.",
    )


@strawberry.type(name="EventConnection", description="A page of events.")
class EventConnectionType(FeedType[EventNodeType]):
    pass
