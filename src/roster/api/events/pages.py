"""Pages of events: the feed, and those of a user and of a role."""

from uuid import UUID

from roster.api.context import Info
from roster.api.pages import PageValue
from roster.domain.filters import EventFilter
from roster.domain.pages import EventOrderField, OrderDirection, OrderKey, PageRequest

ORDER = tuple(OrderKey(field=field, direction=OrderDirection.ASC) for field in EventOrderField)


async def every_event(
    info: Info, which: EventFilter | None, request: PageRequest[EventOrderField]
) -> PageValue:
    return PageValue(page=await info.context.services.events.page(which, request), order=ORDER)


async def events_of_user(info: Info, user_id: UUID, request: PageRequest[EventOrderField]) -> PageValue:
    events = info.context.services.events
    page = await info.context.load(
        ("events of user", request), lambda user_ids: events.pages_by_users(user_ids, request), user_id
    )
    return PageValue(page=page, order=ORDER)


async def events_of_role(info: Info, role_id: UUID, request: PageRequest[EventOrderField]) -> PageValue:
    events = info.context.services.events
    page = await info.context.load(
        ("events of role", request), lambda role_ids: events.pages_by_roles(role_ids, request), role_id
    )
    return PageValue(page=page, order=ORDER)
