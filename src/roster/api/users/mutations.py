"""Mutations of users."""

from typing import Annotated

import strawberry

from roster.api.context import Info
from roster.api.mutations import Outcome, errors_field, outcome, part, value
from roster.api.users.inputs import CreateUserInput, EraseUserInput, SetUserStatusInput, UpdateUserInput
from roster.api.users.types import UserType
from roster.domain.users import User
from roster.services.lifecycle import StatusSet


@strawberry.type(name="CreateUserPayload", description="What createUser did.")
class CreateUserPayload:
    user = strawberry.field(
        resolver=value, graphql_type=UserType | None, description="The new user; null if there are errors."
    )
    errors = errors_field()


@strawberry.type(name="UpdateUserPayload", description="What updateUser did.")
class UpdateUserPayload:
    user = strawberry.field(
        resolver=value,
        graphql_type=UserType | None,
        description="The user as it is now; null if there are errors.",
    )
    errors = errors_field()


@strawberry.type(name="EraseUserPayload", description="What eraseUser did.")
class EraseUserPayload:
    user = strawberry.field(
        resolver=value, graphql_type=UserType | None, description="The tombstone; null if there are errors."
    )
    errors = errors_field()


def _matched(root: strawberry.Parent[Outcome[StatusSet]]) -> int:
    return len(root.value.users) if root.value else 0


@strawberry.type(name="SetUserStatusPayload", description="What setUserStatus did.")
class SetUserStatusPayload:
    matched = strawberry.field(resolver=_matched, graphql_type=int, description="How many users were named.")
    changed = strawberry.field(
        resolver=part("changed", 0), graphql_type=int, description="How many were in another status before."
    )
    users = strawberry.field(
        resolver=part("users", ()),
        graphql_type=list[UserType],
        description="The users as they are now, in the order named; [] if there are errors.",
    )
    errors = errors_field()


async def _create_user(
    info: Info,
    input: Annotated[CreateUserInput, strawberry.argument(description="The user.")],  # noqa: A002 -- the contract's name
) -> Outcome[User]:
    services = info.context.services
    return await outcome(info, lambda: services.users.create(input.to_domain(services.call.now)))


async def _update_user(
    info: Info,
    input: Annotated[UpdateUserInput, strawberry.argument(description="Who, and what.")],  # noqa: A002 -- the contract's name
) -> Outcome[User]:
    return await outcome(info, lambda: info.context.services.users.update(input.to_domain()))


async def _set_user_status(
    info: Info,
    input: Annotated[SetUserStatusInput, strawberry.argument(description="Who, and where to.")],  # noqa: A002 -- the contract's name
) -> Outcome[StatusSet]:
    return await outcome(info, lambda: info.context.services.users.set_status(input.to_domain()))


async def _erase_user(
    info: Info,
    input: Annotated[EraseUserInput, strawberry.argument(description="Who.")],  # noqa: A002 -- the contract's name
) -> Outcome[User]:
    return await outcome(info, lambda: info.context.services.users.erase(input.to_domain()))


@strawberry.type
class UserMutations:
    create_user = strawberry.field(
        resolver=_create_user,
        graphql_type=CreateUserPayload,
        description="Adds a user, with its roles or the default ones.",
    )
    update_user = strawberry.field(
        resolver=_update_user, graphql_type=UpdateUserPayload, description="Changes what is known of a user."
    )
    set_user_status = strawberry.field(
        resolver=_set_user_status,
        graphql_type=SetUserStatusPayload,
        description="Moves users through their lifecycle, all of them or none. The present status again does nothing.",
    )
    erase_user = strawberry.field(
        resolver=_erase_user,
        graphql_type=EraseUserPayload,
        description="Removes everything personal of an archived user, for good.",
    )
