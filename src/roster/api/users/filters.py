"""The filter of users, and of the roles that they hold."""

from collections.abc import Sequence

import strawberry

from roster.api import ids
from roster.api.assignments.scope import read_scope
from roster.api.filters import DateTimeFilterInput, KeyFilterInput, LabelsFilterInput, Place, TextFilterInput
from roster.api.refs import UserRefInput
from roster.api.roles.filters import RoleFilterInput
from roster.api.scalars import JSON, DateTime
from roster.domain.assignments import AssignmentState
from roster.domain.checks import Invalid
from roster.domain.errors import BadUserInputError
from roster.domain.filters import MIN_CONTAINED, UserAssignmentFilter, UserFilter, UserRolesFilter
from roster.domain.user_values import attributes, canonical_json
from roster.domain.users import UserKind, UserStatus


@strawberry.input(
    name="UserAssignmentFilter",
    description="Conditions on one assignment of a user; the members of one object are ANDed.",
)
class UserAssignmentFilterInput:
    role: RoleFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="The role, live or archived."
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

    def to_domain(self, at: Place) -> UserAssignmentFilter:
        return UserAssignmentFilter(
            role=at.level("role", self.role, RoleFilterInput.to_domain),
            assigned_at=at.inner("assigned_at", self.assigned_at, DateTimeFilterInput.to_domain),
            assigned_by=at.inner("assigned_by", self.assigned_by, UserRefInput.to_filter),
            expires_at=at.inner("expires_at", self.expires_at, DateTimeFilterInput.to_domain),
        )


@strawberry.input(
    name="UserRolesFilter",
    description="Conditions over the user's assignments in the given states (ACTIVE if neither states nor activeAt is"
    " given), or in force at activeAt. anyOf, allOf and noneOf take role keys. The members of one object are ANDed.",
)
class UserRolesFilterInput:
    states: list[AssignmentState] | None = strawberry.field(
        default=strawberry.UNSET, description="Look at assignments in these states now; not with activeAt."
    )
    active_at: DateTime | None = strawberry.field(
        default=strawberry.UNSET, description="Look at assignments in force at this moment."
    )
    any_of: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Holds at least one of these; [] matches nobody."
    )
    all_of: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Holds every one of these; [] matches everybody."
    )
    none_of: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Holds not one of these; [] matches everybody."
    )
    is_empty: bool | None = strawberry.field(default=strawberry.UNSET, description="Whether there are none.")
    some: UserAssignmentFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="At least one assignment matches."
    )
    every: UserAssignmentFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="Every assignment matches: true for users without any."
    )
    none: UserAssignmentFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="No assignment matches."
    )

    def to_domain(self, at: Place) -> UserRolesFilter:
        states = at.values("states", self.states)
        active_at = at.value("active_at", self.active_at)
        return UserRolesFilter(
            scope=read_scope(states, active_at, at.path),
            any_of=_keys(at.texts("any_of", self.any_of)),
            all_of=_keys(at.texts("all_of", self.all_of)),
            none_of=_keys(at.texts("none_of", self.none_of)),
            is_empty=at.value("is_empty", self.is_empty),
            some=at.level("some", self.some, UserAssignmentFilterInput.to_domain),
            every=at.level("every", self.every, UserAssignmentFilterInput.to_domain),
            none=at.level("none", self.none, UserAssignmentFilterInput.to_domain),
        )


@strawberry.input(name="UserFilter", description="Conditions on a user; the members of one object are ANDed.")
class UserFilterInput:
    and_: list["UserFilterInput"] | None = strawberry.field(
        name="and", default=strawberry.UNSET, description="All of these match; [] matches everybody."
    )
    or_: list["UserFilterInput"] | None = strawberry.field(
        name="or", default=strawberry.UNSET, description="At least one of these matches; [] matches nobody."
    )
    not_: "UserFilterInput | None" = strawberry.field(
        name="not",
        default=strawberry.UNSET,
        description="A true complement: who is not matched by the inner filter, unknown included.",
    )
    search: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Words of at least 3 characters, all of which must occur in names, email or username.",
    )
    id: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="Is one of these, at most 200; [] matches nobody."
    )
    kind: UserKind | None = strawberry.field(default=strawberry.UNSET, description="Is of this kind.")
    status: list[UserStatus] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Is in one of these; [] matches nobody. ARCHIVED and ERASED need includeArchived.",
    )
    email: TextFilterInput | None = strawberry.field(default=strawberry.UNSET, description="The address.")
    username: TextFilterInput | None = strawberry.field(default=strawberry.UNSET, description="The username.")
    first_name: TextFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="The first name."
    )
    last_name: TextFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="The last name."
    )
    display_name: TextFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="The display name, given or derived."
    )
    phone: KeyFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="The phone number, as E.164."
    )
    external_id: KeyFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="The external id, in its exact case."
    )
    locale: KeyFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="The locale, in any case."
    )
    timezone: KeyFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="The time zone, in any case."
    )
    email_verified_at: DateTimeFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="When the address was verified."
    )
    created_at: DateTimeFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="When the user was created."
    )
    updated_at: DateTimeFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="When the user last changed."
    )
    attributes: JSON | None = strawberry.field(
        default=strawberry.UNSET, description="Contains this object, as PostgreSQL's jsonb @> has it."
    )
    permissions: LabelsFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="The permissions that the user has now: none unless ACTIVE."
    )
    roles: UserRolesFilterInput | None = strawberry.field(
        default=strawberry.UNSET, description="What the user holds or held."
    )

    def to_domain(self, at: Place) -> UserFilter:
        moment, text = DateTimeFilterInput.to_domain, TextFilterInput.to_domain
        return UserFilter(
            and_=at.levels("and", self.and_, UserFilterInput.to_domain),
            or_=at.levels("or", self.or_, UserFilterInput.to_domain),
            not_=at.level("not", self.not_, UserFilterInput.to_domain),
            search=at.words("search", self.search, shortest=MIN_CONTAINED),
            id=at.ids("id", self.id, ids.Kind.USER),
            kind=at.value("kind", self.kind),
            status=_statuses(at.values("status", self.status)),
            email=at.inner("email", self.email, text),
            username=at.inner("username", self.username, text),
            first_name=at.inner("first_name", self.first_name, text),
            last_name=at.inner("last_name", self.last_name, text),
            display_name=at.inner("display_name", self.display_name, text),
            phone=at.inner("phone", self.phone, KeyFilterInput.to_domain),
            external_id=at.inner("external_id", self.external_id, KeyFilterInput.to_domain_exactly),
            locale=at.inner("locale", self.locale, KeyFilterInput.to_domain),
            timezone=at.inner("timezone", self.timezone, KeyFilterInput.to_domain),
            email_verified_at=at.inner("email_verified_at", self.email_verified_at, moment),
            created_at=at.inner("created_at", self.created_at, moment),
            updated_at=at.inner("updated_at", self.updated_at, moment),
            attributes=at.inner("attributes", self.attributes, _attributes),
            permissions=at.inner("permissions", self.permissions, LabelsFilterInput.to_domain),
            roles=at.inner("roles", self.roles, UserRolesFilterInput.to_domain),
        )


def _keys(texts: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return (
        None if texts is None else tuple(text.strip().upper() if text.isascii() else text for text in texts)
    )


def _statuses(given: Sequence[UserStatus] | None) -> tuple[UserStatus, ...] | None:
    return None if given is None else tuple(given)


def _attributes(given: JSON, at: Place) -> str:
    try:
        return canonical_json(attributes(given))
    except Invalid as problem:
        raise BadUserInputError(problem.message, at.path) from None
