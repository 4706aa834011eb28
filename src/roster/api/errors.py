"""Errors as data: a GraphQL type for each cause that a caller can mend. Their fields resolve on the domain's values."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from roster.api import ids
from roster.api.execution import resolves_on
from roster.api.nodes import NodeType
from roster.domain import errors
from roster.domain.errors import ErrorCode, InvalidReason, UniqueField
from roster.domain.users import UserStatus

if TYPE_CHECKING:
    from roster.api.roles.types import RoleType

LazyRole = Annotated["RoleType", strawberry.lazy("roster.api.roles.types")]


def camel_path(path: Iterable[str]) -> list[str]:
    """A path in the names that the caller used."""
    return [to_camel_case(name) for name in path]


def _path(root: strawberry.Parent[errors.MutationError]) -> list[str]:
    return camel_path(root.path)


@strawberry.interface(
    name="MutationError",
    description="What the caller can mend. Handle `... on MutationError` and `code`: new types may come.",
)
class MutationErrorType:
    code: ErrorCode = strawberry.field(description="The cause, one for each type.")
    message: str = strawberry.field(description="For people. Says what is wrong and what would be right.")
    path = strawberry.field(
        resolver=_path,
        graphql_type=list[str],
        description="Leads into the mutation's input, such as [users, refs, 3, email].",
    )


@strawberry.type(name="InvalidInputError", description="A value breaks a rule.")
class InvalidInputErrorType(MutationErrorType):
    is_type_of = resolves_on(errors.InvalidInputError)

    reason: InvalidReason = strawberry.field(description="Which rule.")
    limit: int | None = strawberry.field(description="The limit that was passed, where the rule has one.")


def _existing_id(root: strawberry.Parent[errors.TakenError]) -> str | None:
    kind = ids.Kind.ROLE if root.field is UniqueField.ROLE_KEY else ids.Kind.USER
    return ids.to_text(kind, root.existing_id) if root.existing_id else None


@strawberry.type(name="TakenError", description="Another live user or role has this already.")
class TakenErrorType(MutationErrorType):
    is_type_of = resolves_on(errors.TakenError)

    field: UniqueField = strawberry.field(description="What must be unique.")
    existing_id = strawberry.field(
        resolver=_existing_id, graphql_type=strawberry.ID | None, description="Who has it, when known."
    )


@strawberry.type(name="NotFoundError", description="There is no such user, role or token.")
class NotFoundErrorType(MutationErrorType):
    is_type_of = resolves_on(errors.NotFoundError)


@strawberry.type(
    name="StaleVersionError",
    description="It has changed since you looked: decide again from `current`, and send its version.",
)
class StaleVersionErrorType(MutationErrorType):
    is_type_of = resolves_on(errors.StaleVersionError)

    expected_version: int = strawberry.field(description="The version that was sent.")
    current_version: int = strawberry.field(description="The version that it has.")
    current: NodeType | None = strawberry.field(description="The user or role as it is now.")


def _allowed(root: strawberry.Parent[errors.InvalidTransitionError]) -> list[UserStatus]:
    return list(root.allowed)


@strawberry.type(name="InvalidTransitionError", description="The lifecycle of a user has no such step.")
class InvalidTransitionErrorType(MutationErrorType):
    is_type_of = resolves_on(errors.InvalidTransitionError)

    current: UserStatus = strawberry.field(description="Where the user is.")
    requested: UserStatus = strawberry.field(description="Where it was to go.")
    allowed = strawberry.field(
        resolver=_allowed,
        graphql_type=list[UserStatus],
        description="Where it can go; ERASED by eraseUser only.",
    )


@strawberry.type(
    name="TooFewHoldersError",
    description="A protected role would be left with fewer ACTIVE users who hold it without expiry than it must have.",
)
class TooFewHoldersErrorType(MutationErrorType):
    is_type_of = resolves_on(errors.TooFewHoldersError)

    role: LazyRole = strawberry.field(description="The role.")
    min_holders: int = strawberry.field(description="How many it must have.")
    holders: int = strawberry.field(description="How many it would be left with.")


@strawberry.type(name="RoleInUseError", description="Someone holds the role.")
class RoleInUseErrorType(MutationErrorType):
    is_type_of = resolves_on(errors.RoleInUseError)

    role: LazyRole = strawberry.field(description="The role.")
    holder_count: int = strawberry.field(description="How many hold it.")


@strawberry.type(name="LimitExceededError", description="More than there may be.")
class LimitExceededErrorType(MutationErrorType):
    is_type_of = resolves_on(errors.LimitExceededError)

    limit: int = strawberry.field(description="How many there may be.")


def _missing(root: strawberry.Parent[errors.EscalationError]) -> list[str]:
    return list(root.missing_permissions)


@strawberry.type(
    name="EscalationError",
    description="You may not give or take permissions that you do not hold, nor change a user who has them.",
)
class EscalationErrorType(MutationErrorType):
    is_type_of = resolves_on(errors.EscalationError)

    missing_permissions = strawberry.field(
        resolver=_missing,
        graphql_type=list[str],
        description="Those that you do not hold, sorted; [] if you may not see what the user may.",
    )


# Behind an interface they are not found by themselves: the schema is told of them.
ERROR_TYPES: tuple[type[Any], ...] = (
    InvalidInputErrorType,
    TakenErrorType,
    NotFoundErrorType,
    StaleVersionErrorType,
    InvalidTransitionErrorType,
    TooFewHoldersErrorType,
    RoleInUseErrorType,
    LimitExceededErrorType,
    EscalationErrorType,
)
