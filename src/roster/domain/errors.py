"""What can go wrong, told apart by who can mend it.

    MutationError           a value: what the caller of a mutation can mend, one class per cause, each with a path
    ├── InvalidInputError
    ├── TakenError
    ├── NotFoundError
    ├── StaleVersionError
    ├── InvalidTransitionError
    ├── TooFewHoldersError
    ├── RoleInUseError
    ├── LimitExceededError
    └── EscalationError

    Rejected                raised: carries every MutationError of a mutation; nothing was written

    RequestError            raised: what is wrong with the request itself, one class per code
    ├── BadRequestError
    ├── BadUserInputError
    ├── BadIdError
    ├── BadCursorError
    ├── FilterTooComplexError
    ├── UnauthenticatedError
    ├── ForbiddenError
    └── UnavailableError

A path leads into the input as the caller sees it, in our own names: ("users", "refs", "3", "external_id").
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from roster.domain.roles import Role
from roster.domain.users import User, UserStatus

Path = tuple[str, ...]


class ErrorCode(StrEnum):
    INVALID_INPUT = "INVALID_INPUT"
    TAKEN = "TAKEN"
    NOT_FOUND = "NOT_FOUND"
    STALE_VERSION = "STALE_VERSION"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    TOO_FEW_HOLDERS = "TOO_FEW_HOLDERS"
    ROLE_IN_USE = "ROLE_IN_USE"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    ESCALATION = "ESCALATION"


class InvalidReason(StrEnum):
    REQUIRED = "REQUIRED"
    BLANK = "BLANK"
    TOO_SHORT = "TOO_SHORT"
    TOO_LONG = "TOO_LONG"
    BAD_FORMAT = "BAD_FORMAT"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    NOT_ALLOWED = "NOT_ALLOWED"
    EMPTY_FILTER = "EMPTY_FILTER"
    IN_THE_PAST = "IN_THE_PAST"


class UniqueField(StrEnum):
    EMAIL = "EMAIL"
    USERNAME = "USERNAME"
    EXTERNAL_ID = "EXTERNAL_ID"
    ROLE_KEY = "ROLE_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class MutationError:
    """What a caller can mend. The root of its kind: only its subclasses are made."""

    code: ClassVar[ErrorCode]
    message: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidInputError(MutationError):
    code = ErrorCode.INVALID_INPUT
    reason: InvalidReason
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenError(MutationError):
    code = ErrorCode.TAKEN
    field: UniqueField
    existing_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFoundError(MutationError):
    code = ErrorCode.NOT_FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleVersionError(MutationError):
    code = ErrorCode.STALE_VERSION
    expected_version: int
    current_version: int
    current: User | Role


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidTransitionError(MutationError):
    code = ErrorCode.INVALID_TRANSITION
    current: UserStatus
    requested: UserStatus
    allowed: tuple[UserStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TooFewHoldersError(MutationError):
    code = ErrorCode.TOO_FEW_HOLDERS
    role: Role
    min_holders: int
    holders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleInUseError(MutationError):
    code = ErrorCode.ROLE_IN_USE
    role: Role
    holder_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitExceededError(MutationError):
    code = ErrorCode.LIMIT_EXCEEDED
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationError(MutationError):
    """`missing_permissions` are those that the caller does not hold, sorted; none if the caller may not see them."""

    code = ErrorCode.ESCALATION
    missing_permissions: tuple[str, ...]


class Rejected(Exception):
    """A mutation that was refused, with every reason at once. Nothing was written."""

    def __init__(self, *errors: MutationError) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


class RequestError(Exception):
    """What is wrong with the request itself. The root of its kind: only its subclasses are raised."""

    code: ClassVar[str]

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class BadRequestError(RequestError):
    code = "BAD_REQUEST"


class BadUserInputError(RequestError):
    code = "BAD_USER_INPUT"


class BadIdError(RequestError):
    code = "BAD_ID"


class BadCursorError(RequestError):
    code = "BAD_CURSOR"


class FilterTooComplexError(RequestError):
    code = "FILTER_TOO_COMPLEX"


class UnauthenticatedError(RequestError):
    """Nobody knows who asks. What is wrong with a token is never said: it would help who guesses."""

    code = "UNAUTHENTICATED"


class ForbiddenError(RequestError):
    code = "FORBIDDEN"


class UnavailableError(RequestError):
    """The database cannot be reached, or answered too late; or the server is busy, or ends."""

    code = "UNAVAILABLE"
