"""The inputs of the mutations of users."""

from datetime import datetime

import strawberry

from roster.api.assignments.inputs import RoleAssignmentInput, UserSelectorInput
from roster.api.mutations import or_absent, or_none
from roster.api.refs import UserRefInput
from roster.api.scalars import JSON, DateTime, Email
from roster.domain.assignment_input import StatusToSet, check_status_to_set
from roster.domain.user_input import (
    NewUser,
    NewUserInput,
    UserChangesInput,
    UserErasure,
    check_new_user,
    check_user_erasure,
)
from roster.domain.users import UserKind, UserStatus

EXPECTED_VERSION = "The version that you decided from: another one is refused with the user as it is now."
REASON = "Why, for the record: at most 500 characters."


@strawberry.input(name="CreateUserInput", description="A new user. Null is as good as absent.")
class CreateUserInput:
    kind: UserKind = strawberry.field(default=UserKind.PERSON, description="Someone or something.")
    email: Email | None = strawberry.field(default=strawberry.UNSET, description="Required for a PERSON.")
    username: str | None = strawberry.field(
        default=strawberry.UNSET, description="Required for a SERVICE. Lower-cased."
    )
    first_name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 100 characters.")
    last_name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 100 characters.")
    display_name: str | None = strawberry.field(
        default=strawberry.UNSET, description="At most 200 characters. Derived if not given."
    )
    phone: str | None = strawberry.field(
        default=strawberry.UNSET, description="With + and country code; stored as E.164."
    )
    locale: str | None = strawberry.field(
        default=strawberry.UNSET, description="A BCP 47 tag: at most 35 characters."
    )
    timezone: str | None = strawberry.field(
        default=strawberry.UNSET, description="A name of the IANA database."
    )
    avatar_url: str | None = strawberry.field(
        default=strawberry.UNSET, description="An https address: at most 2,048 characters."
    )
    external_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 255 characters, kept as they are."
    )
    attributes: JSON | None = strawberry.field(
        default=strawberry.UNSET, description="At most 16 KiB as JSON, and 5 deep; {} if not given."
    )
    email_verified_at: DateTime | None = strawberry.field(
        default=strawberry.UNSET, description="When the address was shown to be the user's own."
    )
    status: UserStatus = strawberry.field(default=UserStatus.ACTIVE, description="PENDING or ACTIVE.")
    roles: list[RoleAssignmentInput] | None = strawberry.field(
        default=strawberry.UNSET, description="Omit for the default roles; [] for none. At most 100."
    )

    def to_domain(self, now: datetime) -> NewUser:
        roles = None
        if self.roles is not None and self.roles is not strawberry.UNSET:
            roles = tuple(role.to_domain(("roles", str(index))) for index, role in enumerate(self.roles))
        given = NewUserInput(
            kind=self.kind,
            email=or_none(self.email),
            username=or_none(self.username),
            first_name=or_none(self.first_name),
            last_name=or_none(self.last_name),
            display_name=or_none(self.display_name),
            phone=or_none(self.phone),
            locale=or_none(self.locale),
            timezone=or_none(self.timezone),
            avatar_url=or_none(self.avatar_url),
            external_id=or_none(self.external_id),
            attributes=or_none(self.attributes),
            email_verified_at=or_none(self.email_verified_at),
            status=self.status,
            roles=roles,
        )
        return check_new_user(given, now)


@strawberry.input(
    name="UpdateUserInput",
    description="Changes to a user. What is absent stays; null clears what can be cleared.",
)
class UpdateUserInput:
    user: UserRefInput = strawberry.field(description="Who.")
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=EXPECTED_VERSION)
    email: Email | None = strawberry.field(
        default=strawberry.UNSET,
        description="Clears emailVerifiedAt unless that is given too. A PERSON keeps one.",
    )
    username: str | None = strawberry.field(default=strawberry.UNSET, description="A SERVICE keeps one.")
    first_name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 100 characters.")
    last_name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 100 characters.")
    display_name: str | None = strawberry.field(
        default=strawberry.UNSET, description="At most 200 characters. Null: derived again."
    )
    phone: str | None = strawberry.field(
        default=strawberry.UNSET, description="With + and country code; stored as E.164."
    )
    locale: str | None = strawberry.field(
        default=strawberry.UNSET, description="A BCP 47 tag: at most 35 characters."
    )
    timezone: str | None = strawberry.field(
        default=strawberry.UNSET, description="A name of the IANA database."
    )
    avatar_url: str | None = strawberry.field(
        default=strawberry.UNSET, description="An https address: at most 2,048 characters."
    )
    external_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 255 characters, kept as they are."
    )
    attributes: JSON | None = strawberry.field(
        default=strawberry.UNSET, description="The whole object anew; null is {}."
    )
    email_verified_at: DateTime | None = strawberry.field(
        default=strawberry.UNSET, description="When the address was shown to be the user's own."
    )
    reason: str | None = strawberry.field(default=strawberry.UNSET, description=REASON)

    def to_domain(self) -> UserChangesInput:
        return UserChangesInput(
            user=self.user.to_domain(("user",)),
            expected_version=or_none(self.expected_version),
            email=or_absent(self.email),
            username=or_absent(self.username),
            first_name=or_absent(self.first_name),
            last_name=or_absent(self.last_name),
            display_name=or_absent(self.display_name),
            phone=or_absent(self.phone),
            locale=or_absent(self.locale),
            timezone=or_absent(self.timezone),
            avatar_url=or_absent(self.avatar_url),
            external_id=or_absent(self.external_id),
            attributes=or_absent(self.attributes),
            email_verified_at=or_absent(self.email_verified_at),
            reason=or_none(self.reason),
        )


@strawberry.input(
    name="SetUserStatusInput", description="A step in the lifecycle of users: all of them or none."
)
class SetUserStatusInput:
    users: UserSelectorInput = strawberry.field(description="Who.")
    status: UserStatus = strawberry.field(
        description="Where to. Not ERASED, which eraseUser does. ARCHIVED revokes every role."
    )
    reason: str | None = strawberry.field(default=strawberry.UNSET, description=REASON)

    def to_domain(self) -> StatusToSet:
        users = self.users.to_domain(("users",))
        return check_status_to_set(users=users, status=self.status, why=or_none(self.reason))


@strawberry.input(
    name="EraseUserInput",
    description="Removes everything personal of an ARCHIVED user, for good. The row stays as a tombstone, so that"
    " history stays true.",
)
class EraseUserInput:
    user: UserRefInput = strawberry.field(description="Who, by id: an archived user has no other name.")
    confirm: str = strawberry.field(description="Must equal the stored address, or the username.")
    reason: str = strawberry.field(description=REASON)

    def to_domain(self) -> UserErasure:
        return check_user_erasure(user=self.user.to_domain(("user",)), confirm=self.confirm, why=self.reason)
