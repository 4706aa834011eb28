"""Pages of events: the feed, and those of a user and of a role."""

from collections.abc import Sequence
from functools import partial

from roster.api.context import Info
from roster.api.pages import PageValue
from roster.domain.filters import EventFilter
from roster.domain.pages import EventOrderField, OrderDirection, OrderKey, PageRequest
from roster.domain.roles import Role
from roster.domain.users import User

ORDER = tuple(OrderKey(field=field, direction=OrderDirection.ASC) for field in EventOrderField)


async def every_event(
    info: Info, which: EventFilter | None, request: PageRequest[EventOrderField]
) -> PageValue:
    return PageValue(page=await info.context.services.events.page(which, request), order=ORDER)


async def events_of_users(
    users: Sequence[User], info: Info, request: PageRequest[EventOrderField]
) -> list[PageValue]:
    batch = partial(info.context.services.events.pages_by_users, request=request)
    pages = await info.context.load(("events of user", request), batch, [user.id for user in users])
    return [PageValue(page=page, order=ORDER) for page in pages]


async def events_of_roles(
    roles: Sequence[Role], info: Info, request: PageRequest[EventOrderField]
) -> list[PageValue]:
    batch = partial(info.context.services.events.pages_by_roles, request=request)
    pages = await info.context.load(("events of role", request), batch, [role.id for role in roles])
    return [PageValue(page=page, order=ORDER) for page in pages]
