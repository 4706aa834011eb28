"""The type User: its fields are those of the domain's record, its relations are batched."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, cast

import strawberry

from roster.api import ids
from roster.api.assignments.pages import ORDER, assignments_of_users, read_selection
from roster.api.assignments.scope import ActiveAt, States, read_scope
from roster.api.context import Info
from roster.api.events.pages import ORDER as EVENT_ORDER
from roster.api.events.pages import events_of_users
from roster.api.execution import asks_below, batched, resolves_on
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
)
from roster.api.scalars import JSON, DateTime, Email
from roster.domain.assignments import IN_FORCE, AssignmentState, Scope
from roster.domain.roles import Role
from roster.domain.users import Holder, User, UserKind, UserStatus

if TYPE_CHECKING:
    from roster.api.assignments.types import RoleAssignmentType
    from roster.api.events.types import EventConnectionType
    from roster.api.roles.types import RoleType

LazyRole = Annotated["RoleType", strawberry.lazy("roster.api.roles.types")]
LazyAssignment = Annotated["RoleAssignmentType", strawberry.lazy("roster.api.assignments.types")]
LazyEventConnection = Annotated["EventConnectionType", strawberry.lazy("roster.api.events.types")]


# For what they answer, users may come with their roles.
_OF_ROLES = ("roles", "permissions")


def asks_for_roles(info: Info) -> bool:
    """Whether it is worth reading the users that the field answers with their roles in force."""
    return asks_below(info, _OF_ROLES)


async def _roles_in(users: Sequence[User], info: Info, scope: Scope) -> Sequence[Sequence[Role]]:
    if scope == IN_FORCE and all(type(user) is Holder for user in users):
        return [user.roles for user in cast("Sequence[Holder]", users)]
    return await info.context.load_of_users(
        ("roles of user", scope),
        partial(info.context.services.roles.by_users, scope=scope),
        [user.id for user in users],
    )


def _roles_with(user: User) -> Sequence[Role] | None:
    return user.roles if isinstance(user, Holder) else None


async def _roles(
    users: Sequence[User], info: Info, active_at: ActiveAt = strawberry.UNSET
) -> Sequence[Sequence[Role]]:
    return await _roles_in(users, info, read_scope(None, active_at))


async def _permissions(users: Sequence[User], info: Info) -> list[list[str]]:
    active = [user for user in users if user.status is UserStatus.ACTIVE]
    held = await _roles_in(active, info, IN_FORCE)
    found = {
        user.id: sorted({label for role in roles for label in role.permissions})
        for user, roles in zip(active, held, strict=True)
    }
    return [found.get(user.id, []) for user in users]


async def _assignments(
    users: Sequence[User],
    info: Info,
    states: States = [AssignmentState.ACTIVE],  # noqa: B006 -- Strawberry prints it as the default, nobody changes it
    active_at: ActiveAt = strawberry.UNSET,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
) -> list[ConnectionValue]:
    which = read_selection(None, states, active_at)
    request = page_request(ORDER, first=first, after=after, last=last, before=before)
    return await assignments_of_users(users, info, which, request)


async def _events(
    users: Sequence[User],
    info: Info,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
) -> list[PageValue]:
    request = page_request(EVENT_ORDER, first=first, after=after, last=last, before=before)
    return await events_of_users(users, info, request)


@strawberry.type(name="User", description="Someone, or some service, that can hold roles.")
class UserType(NodeType):
    is_type_of = resolves_on(User)

    id: strawberry.ID = id_field(ids.Kind.USER)
    kind: UserKind = strawberry.field(description="Someone or something. Never changes.")
    email: Email | None = strawberry.field(
        description="Unique among live users. Null for a SERVICE without one, and once ERASED."
    )
    email_verified_at: DateTime | None = strawberry.field(
        description="When the address was shown to be the user's own. Cleared when the address changes."
    )
    username: str | None = strawberry.field(
        description="Unique among live users: ^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$."
    )
    first_name: str | None = strawberry.field(description="At most 100 characters.")
    last_name: str | None = strawberry.field(description="At most 100 characters.")
    display_name: str = strawberry.field(
        description="What to show, always present: as given, else from the names, else the username, else the local"
        " part of the address; 'Erased user' once ERASED."
    )
    phone: str | None = strawberry.field(description="E.164: + and up to 15 digits.")
    locale: str | None = strawberry.field(description="BCP 47, such as de-CH.")
    timezone: str | None = strawberry.field(description="IANA, such as Europe/Berlin.")
    avatar_url: str | None = strawberry.field(description="An https address.")
    external_id: str | None = strawberry.field(
        description="The join key to an identity provider's subject or an HR system. Exact case; unique among live users."
    )
    attributes: JSON = strawberry.field(
        description="Whatever else you keep of the user: at most 16 KiB, 5 deep."
    )
    status: UserStatus = strawberry.field(description="Where the user is in its lifecycle.")
    version: int = strawberry.field(
        description="+1 for every change of the user or of its assignments (not by expiry). For expectedVersion."
    )
    created_at: DateTime = strawberry.field(description="When the user was created.")
    updated_at: DateTime = strawberry.field(description="When the version last grew.")
    roles = batched(
        _roles,
        ready=_roles_with,
        graphql_type=list[LazyRole],
        description="Roles in force, by key: now, or at the moment given. Bounded: a user holds at most 100 at once.",
    )
    assignments = batched(
        _assignments,
        graphql_type=ConnectionType[LazyAssignment],
        description="What the user holds and held, oldest first: since when, until when, by whom and why.",
    )
    permissions = batched(
        _permissions,
        graphql_type=list[str],
        description="Union of the permissions of the roles in force, sorted; empty unless the status is ACTIVE.",
    )
    events = batched(
        _events,
        graphql_type=LazyEventConnection,
        description="What happened to the user and what it holds, oldest first. Needs roster:events:read.",
    )
