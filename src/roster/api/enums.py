"""The enums of the domain as GraphQL enums: each value with what it means."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, cast

import strawberry

from roster.domain.actors import ActorKind
from roster.domain.assignments import AssignmentState
from roster.domain.errors import ErrorCode, InvalidReason, UniqueField
from roster.domain.events import EventType
from roster.domain.pages import OrderDirection, RoleOrderField, UserOrderField
from roster.domain.tokens import ApiTokenState
from roster.domain.users import UserKind, UserStatus


def _describe(enum: type[StrEnum], description: str, values: Mapping[StrEnum, str]) -> None:
    strawberry.enum(enum, description=description)
    for value in cast("Any", enum).__strawberry_definition__.values:
        value.description = values[enum(value.value)]


_describe(
    UserKind,
    "What a user is.",
    {UserKind.PERSON: "Someone, with an email address.", UserKind.SERVICE: "A program, with a username."},
)
_describe(
    UserStatus,
    "Where a user is in its lifecycle. PENDING becomes ACTIVE or ARCHIVED; ACTIVE and SUSPENDED become each other or"
    " ARCHIVED; ARCHIVED becomes SUSPENDED again or, by eraseUser, ERASED.",
    {
        UserStatus.PENDING: "Known, and not yet let in.",
        UserStatus.ACTIVE: "In use: only now do its roles permit anything.",
        UserStatus.SUSPENDED: "Shut out for a while; keeps its roles and identifiers.",
        UserStatus.ARCHIVED: "Gone: every role was revoked; email, username and externalId are free for others.",
        UserStatus.ERASED: "A tombstone: nothing personal is left, and nothing brings it back.",
    },
)
_describe(
    AssignmentState,
    "What has become of an assignment.",
    {
        AssignmentState.ACTIVE: "In force.",
        AssignmentState.EXPIRED: "Its expiry has passed.",
        AssignmentState.REVOKED: "Someone ended it.",
    },
)
_describe(
    ActorKind,
    "What did something.",
    {
        ActorKind.USER: "A user, through the API.",
        ActorKind.CLI: "An operator on the machine itself.",
        ActorKind.SYSTEM: "Roster, of its own accord.",
    },
)
_describe(
    OrderDirection,
    "Which way a list runs.",
    {
        OrderDirection.ASC: "Smallest first, missing values last.",
        OrderDirection.DESC: "Largest first, missing values before them.",
    },
)
_describe(
    UserOrderField,
    "What users are ordered by. Case and accents never matter.",
    {
        UserOrderField.CREATED_AT: "When the user was created.",
        UserOrderField.UPDATED_AT: "When the user, or what it holds, last changed.",
        UserOrderField.EMAIL: "The email address.",
        UserOrderField.USERNAME: "The username.",
        UserOrderField.DISPLAY_NAME: "The display name.",
        UserOrderField.FIRST_NAME: "The first name.",
        UserOrderField.LAST_NAME: "The last name.",
        UserOrderField.STATUS: "The status, by the alphabet.",
    },
)
_describe(
    RoleOrderField,
    "What roles are ordered by. Case and accents never matter.",
    {
        RoleOrderField.KEY: "The key.",
        RoleOrderField.NAME: "The name.",
        RoleOrderField.CREATED_AT: "When the role was added.",
        RoleOrderField.UPDATED_AT: "When the role last changed.",
        RoleOrderField.HOLDER_COUNT: "How many users hold it now.",
    },
)
_describe(
    ErrorCode,
    "The cause of a MutationError, one for each of its types.",
    {
        ErrorCode.INVALID_INPUT: "A value breaks a rule: InvalidInputError.",
        ErrorCode.TAKEN: "Someone else has it: TakenError.",
        ErrorCode.NOT_FOUND: "Nothing there by that name: NotFoundError.",
        ErrorCode.STALE_VERSION: "It has changed since you looked: StaleVersionError.",
        ErrorCode.INVALID_TRANSITION: "The lifecycle has no such step: InvalidTransitionError.",
        ErrorCode.TOO_FEW_HOLDERS: "A protected role would lose too many: TooFewHoldersError.",
        ErrorCode.ROLE_IN_USE: "Someone still holds the role: RoleInUseError.",
        ErrorCode.LIMIT_EXCEEDED: "More than there may be: LimitExceededError.",
        ErrorCode.ESCALATION: "It needs permissions that you do not hold: EscalationError.",
    },
)
_describe(
    InvalidReason,
    "Which rule a value breaks.",
    {
        InvalidReason.REQUIRED: "A value is required here.",
        InvalidReason.BLANK: "There is nothing in it but blanks.",
        InvalidReason.TOO_SHORT: "It has fewer than `limit` characters.",
        InvalidReason.TOO_LONG: "It is longer, or deeper, than `limit`.",
        InvalidReason.BAD_FORMAT: "It is not written the way such a value is.",
        InvalidReason.OUT_OF_RANGE: "It lies outside what is allowed.",
        InvalidReason.NOT_ALLOWED: "It is well-formed, and not allowed here.",
        InvalidReason.EMPTY_FILTER: "A filter that would select everyone.",
        InvalidReason.IN_THE_PAST: "It must lie in the future.",
    },
)
_describe(
    UniqueField,
    "What no two live users, or live roles, share.",
    {
        UniqueField.EMAIL: "User.email.",
        UniqueField.USERNAME: "User.username.",
        UniqueField.EXTERNAL_ID: "User.externalId.",
        UniqueField.ROLE_KEY: "Role.key.",
    },
)
_describe(
    EventType,
    "What happened.",
    {
        EventType.USER_CREATED: "A user was added; the roles that came with it have events of their own.",
        EventType.USER_UPDATED: "What is known of a user changed.",
        EventType.USER_STATUS_CHANGED: "A user moved through its lifecycle.",
        EventType.USER_ERASED: "Everything personal of a user was removed, from its earlier events too.",
        EventType.ROLE_CREATED: "A role was added.",
        EventType.ROLE_UPDATED: "A role changed.",
        EventType.ROLE_ARCHIVED: "A role was archived.",
        EventType.ROLE_ASSIGNED: "A user was given a role.",
        EventType.ROLE_ASSIGNMENT_CHANGED: "Until when a user holds a role changed.",
        EventType.ROLE_REVOKED: "A role was taken from a user.",
        EventType.ROLE_ASSIGNMENT_EXPIRED: "An assignment ended by itself; recorded soon after.",
        EventType.TOKEN_CREATED: "An API token was made for a user.",
        EventType.TOKEN_REVOKED: "An API token of a user was revoked.",
    },
)
_describe(
    ApiTokenState,
    "Whether an API token can be used.",
    {
        ApiTokenState.ACTIVE: "It can, as long as its owner is ACTIVE.",
        ApiTokenState.EXPIRED: "Its expiry has passed.",
        ApiTokenState.REVOKED: "Someone ended it.",
    },
)
