"""Whatever has an id of its own, found by it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry

from roster.api import ids
from roster.api.context import Context, Info
from roster.domain.assignments import RoleAssignment
from roster.domain.errors import BadUserInputError, RequestError
from roster.domain.events import Event
from roster.domain.filters import MAX_VALUES
from roster.domain.roles import Role
from roster.domain.tokens import ApiToken
from roster.domain.users import User

Node = User | Role | RoleAssignment | Event | ApiToken


@strawberry.interface(name="Node", description="Whatever has an id of its own.")
class NodeType:
    id: strawberry.ID = strawberry.field(
        description="A prefix for the kind (usr_, rol_, asg_, evt_, tok_) and 32 hex digits. Opaque: store it, compare it, and no more."
    )


def id_field(kind: ids.Kind) -> Any:  # noqa: ANN401 -- as strawberry.field has it
    """The field `id` of a type whose records are of the kind."""
    form = f"{kind}_%032x"

    def id_(root: strawberry.Parent[Any]) -> strawberry.ID:
        # Every row of a list has one: twice as fast as to_text.
        return cast("strawberry.ID", form % root.id.int)

    return strawberry.field(resolver=id_, description=f"{kind}_ and 32 hex digits. Opaque.")


async def _load(context: Context, text: str) -> Node | None:
    kind, id_ = ids.parse(text)
    loads: Mapping[ids.Kind, Callable[[Sequence[UUID]], Awaitable[Sequence[Node | None]]]] = {
        ids.Kind.USER: context.users,
        ids.Kind.ROLE: context.roles,
        ids.Kind.ASSIGNMENT: context.assignments,
        ids.Kind.EVENT: context.events,
        ids.Kind.TOKEN: context.tokens,
    }
    (found,) = await loads[kind]([id_])
    return found


async def _node(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Any id.")],  # noqa: A002 -- the contract's name
) -> Node | None:
    return await _load(info.context, id)


async def _nodes(
    info: Info,
    ids: Annotated[list[strawberry.ID], strawberry.argument(description="Any ids, at most 200.")],
) -> list[Node | RequestError | None]:
    if len(ids) > MAX_VALUES:
        raise BadUserInputError(f"At most {MAX_VALUES} ids at once.", ("ids",))
    return await asyncio.gather(*(_node_or_error(info.context, id_) for id_ in ids))


async def _node_or_error(context: Context, text: str) -> Node | RequestError | None:
    """An error in a list of results is that item's own: the others are answered."""
    try:
        return await _load(context, text)
    except RequestError as error:
        return error


@strawberry.type
class NodeQueries:
    node = strawberry.field(
        resolver=_node, graphql_type=NodeType | None, description="Whatever has this id; null if nothing has."
    )
    nodes = strawberry.field(
        resolver=_nodes,
        graphql_type=list[NodeType | None],
        description="Whatever has these ids, in their order, null for what nothing has. At most 200.",
    )
