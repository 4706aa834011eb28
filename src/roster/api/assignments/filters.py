"""The filter of assignments."""

import strawberry

from roster.api.filters import DateTimeFilterInput, Place
from roster.api.refs import UserRefInput
from roster.api.roles.filters import RoleFilterInput
from roster.api.users.filters import UserFilterInput
from roster.domain.filters import RoleAssignmentFilter


@strawberry.input(
    name="RoleAssignmentFilter",
    description="Conditions on an assignment; the members of one object are ANDed.",
)
class RoleAssignmentFilterInput:
    and_: list["RoleAssignmentFilterInput"] | None = strawberry.field(
        name="and", default=strawberry.UNSET, description="All of these match; [] matches everything."
    )
    or_: list["RoleAssignmentFilterInput"] | None = strawberry.field(
        name="or", default=strawberry.UNSET, description="At least one of these matches; [] matches nothing."
    )
    not_: "RoleAssignmentFilterInput | None" = strawberry.field(
        name="not",
        default=strawberry.UNSET,
        description="A true complement: what is not matched by the inner filter, unknown included.",
    )
    role: RoleFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="The role, live or archived."
    )
    user: UserFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="Who holds or held it, whatever the status."
    )
    assigned_at: DateTimeFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="When it was assigned."
    )
    assigned_by: UserRefInput | None = strawberry.field(
        default=strawberry.UNSET, description="The user who assigned it."
    )
    expires_at: DateTimeFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="Until when it holds; missing if for good."
    )

    def to_domain(self, at: Place) -> RoleAssignmentFilter:
        return RoleAssignmentFilter(
            and_=at.levels("and", self.and_, RoleAssignmentFilterInput.to_domain),
            or_=at.levels("or", self.or_, RoleAssignmentFilterInput.to_domain),
            not_=at.level("not", self.not_, RoleAssignmentFilterInput.to_domain),
            role=at.level("role", self.role, RoleFilterInput.to_domain),
            user=at.level("user", self.user, UserFilterInput.to_domain),
            assigned_at=at.inner("assigned_at", self.assigned_at, DateTimeFilterInput.to_domain),
            assigned_by=at.inner("assigned_by", self.assigned_by, UserRefInput.to_filter),
            expires_at=at.inner("expires_at", self.expires_at, DateTimeFilterInput.to_domain),
        )
