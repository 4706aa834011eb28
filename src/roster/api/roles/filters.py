"""The filter of roles."""

import strawberry

from roster.api import ids
from roster.api.filters import DateTimeFilterInput, IntFilterInput, LabelsFilterInput, Place, TextFilterInput
from roster.domain.filters import RoleFilter


@strawberry.input(name="RoleFilter", description="Conditions on a role; the members of one object are ANDed.")
class RoleFilterInput:
    and_: list["RoleFilterInput"] | None = strawberry.field(
        name="and", default=strawberry.UNSET, description="All of these match; [] matches everything."
    )
    or_: list["RoleFilterInput"] | None = strawberry.field(
        name="or", default=strawberry.UNSET, description="At least one of these matches; [] matches nothing."
    )
    not_: "RoleFilterInput | None" = strawberry.field(
        name="not",
        default=strawberry.UNSET,
        description="A true complement: what is not matched by the inner filter, unknown included.",
    )
    search: str | None = strawberry.field(
        default=strawberry.UNSET, description="Words, all of which must occur in key, name or description."
    )
    id: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="Is one of these, at most 200; [] matches nothing."
    )
    key: TextFilterInput | None = strawberry.field(default=strawberry.UNSET, description="The key.")
    name: TextFilterInput | None = strawberry.field(default=strawberry.UNSET, description="The name.")
    description: TextFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="The description."
    )
    permissions: LabelsFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="The permissions that come with the role."
    )
    is_default: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether new users are given it."
    )
    created_at: DateTimeFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="When it was added."
    )
    updated_at: DateTimeFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="When it last changed."
    )
    holder_count: IntFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="How many users hold it now, whatever their status."
    )

    def to_domain(self, at: Place) -> RoleFilter:
        return RoleFilter(
            and_=at.levels("and", self.and_, RoleFilterInput.to_domain),
            or_=at.levels("or", self.or_, RoleFilterInput.to_domain),
            not_=at.level("not", self.not_, RoleFilterInput.to_domain),
            search=at.words("search", self.search, shortest=1),
            id=at.ids("id", self.id, ids.Kind.ROLE),
            key=at.inner("key", self.key, TextFilterInput.to_domain),
            name=at.inner("name", self.name, TextFilterInput.to_domain),
            description=at.inner("description", self.description, TextFilterInput.to_domain),
            permissions=at.inner("permissions", self.permissions, LabelsFilterInput.to_domain),
            is_default=at.value("is_default", self.is_default),
            created_at=at.inner("created_at", self.created_at, DateTimeFilterInput.to_domain),
            updated_at=at.inner("updated_at", self.updated_at, DateTimeFilterInput.to_domain),
            holder_count=at.inner("holder_count", self.holder_count, IntFilterInput.to_domain),
        )
