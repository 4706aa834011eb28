"""The filter of events."""

import strawberry

from roster.api.filters import DateTimeFilterInput, Place
from roster.api.refs import RoleRefInput, UserRefInput
from roster.domain.events import EventType
from roster.domain.filters import EventFilter


@strawberry.input(
    name="EventFilter", description="Conditions on an event; the members of one object are ANDed."
)
class EventFilterInput:
    type: list[EventType] | None = strawberry.field(
        default=strawberry.UNSET, description="Is one of these; [] matches nothing."
    )
    user: UserRefInput | None = strawberry.field(
        default=strawberry.UNSET, description="Happened to this user."
    )
    role: RoleRefInput | None = strawberry.field(
        default=strawberry.UNSET, description="Happened to this role, or to who holds it."
    )
    actor: UserRefInput | None = strawberry.field(
        default=strawberry.UNSET, description="Was done by this user."
    )
    at: DateTimeFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="When it happened."
    )

    def to_domain(self, at: Place) -> EventFilter:
        types = at.values("type", self.type)
        return EventFilter(
            type=None if types is None else tuple(types),
            user=at.inner("user", self.user, UserRefInput.to_filter),
            role=at.inner("role", self.role, RoleRefInput.to_filter),
            actor=at.inner("actor", self.actor, UserRefInput.to_filter),
            at=at.inner("at", self.at, DateTimeFilterInput.to_domain),
        )
