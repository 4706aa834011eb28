"""The feed of events."""

from typing import Annotated

import strawberry

from roster.api.context import Info
from roster.api.events.filters import EventFilterInput
from roster.api.events.pages import ORDER, every_event
from roster.api.events.types import EventConnectionType
from roster.api.filters import Place
from roster.api.pages import After, Before, First, Last, PageValue, page_request


async def _events(
    info: Info,
    filter: Annotated[  # noqa: A002 -- the contract's name
        EventFilterInput | None, strawberry.argument(description="Only events that match.")
    ] = strawberry.UNSET,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
) -> PageValue:
    which = filter.to_domain(Place(("filter",))) if filter else None
    request = page_request(ORDER, first=first, after=after, last=last, before=before)
    return await every_event(info, which, request)


@strawberry.type
class EventQueries:
    events = strawberry.field(
        resolver=_events,
        graphql_type=EventConnectionType,
        description="What happened, in the order in which it was recorded, and never anything before what was read: poll"
        " it from the last cursor to keep another system in step. Needs roster:events:read, roster:users:read and"
        " roster:roles:read.",
    )
