"""A user: someone, or some service, that can hold roles."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from roster.domain.roles import Role

ERASED_NAME = "Erased user"
MAX_LIVE_ASSIGNMENTS = 100
MAX_USERS_A_MUTATION = 200


class UserKind(StrEnum):
    PERSON = "PERSON"
    SERVICE = "SERVICE"


class UserStatus(StrEnum):
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    ARCHIVED = "ARCHIVED"
    ERASED = "ERASED"


# The whole lifecycle. A user is made as a FIRST_STATUSES; the present status again is a no-op.
# ERASED is reached by eraseUser alone, which asks for a confirmation.
FIRST_STATUSES = (UserStatus.PENDING, UserStatus.ACTIVE)
TRANSITIONS: Mapping[UserStatus, tuple[UserStatus, ...]] = MappingProxyType(
    {
        UserStatus.PENDING: (UserStatus.ACTIVE, UserStatus.ARCHIVED),
        UserStatus.ACTIVE: (UserStatus.SUSPENDED, UserStatus.ARCHIVED),
        UserStatus.SUSPENDED: (UserStatus.ACTIVE, UserStatus.ARCHIVED),
        UserStatus.ARCHIVED: (UserStatus.SUSPENDED, UserStatus.ERASED),
        UserStatus.ERASED: (),
    }
)
# Users who keep their email, username and externalId to themselves, and who can hold roles.
LIVE_STATUSES = (UserStatus.PENDING, UserStatus.ACTIVE, UserStatus.SUSPENDED)
GONE_STATUSES = (UserStatus.ARCHIVED, UserStatus.ERASED)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`display_name` is what to show; `display_name_given` says that it was chosen, not derived."""

    id: UUID
    kind: UserKind
    email: str | None
    email_verified_at: datetime | None
    username: str | None
    first_name: str | None
    last_name: str | None
    display_name: str
    display_name_given: bool
    phone: str | None
    locale: str | None
    timezone: str | None
    avatar_url: str | None
    external_id: str | None
    attributes: Mapping[str, Any]
    status: UserStatus
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder(User):
    """A user who was read together with the roles in force then, by key."""

    roles: tuple[Role, ...]


class UserKey(StrEnum):
    """What a user can be named by: the identifiers find live users, the id finds all."""

    ID = "id"
    EMAIL = "email"
    USERNAME = "username"
    EXTERNAL_ID = "external_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRef:
    """`value` is a UUID if and only if the key is ID; an email or username is normalised."""

    key: UserKey
    value: UUID | str


def with_display_name(user: User) -> User:
    """What to call the user, unless that was given: the names, else the username, else the local part of the address."""
    if user.display_name_given:
        return user
    names = " ".join(name for name in (user.first_name, user.last_name) if name)
    derived = names or user.username or (user.email or "").partition("@")[0]
    return user if user.display_name == derived else replace(user, display_name=derived)
