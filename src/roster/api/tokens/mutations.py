"""Mutations of API tokens."""

from typing import Annotated

import strawberry

from roster.api.context import Info
from roster.api.mutations import Outcome, errors_field, outcome, part, value
from roster.api.tokens.inputs import CreateApiTokenInput, RevokeApiTokenInput
from roster.api.tokens.types import ApiTokenType
from roster.domain.tokens import ApiToken
from roster.services.tokens import TokenCreated


@strawberry.type(name="CreateApiTokenPayload", description="What createApiToken did.")
class CreateApiTokenPayload:
    token = strawberry.field(
        resolver=part("token", None),
        graphql_type=ApiTokenType | None,
        description="The new token; null if there are errors.",
    )
    secret = strawberry.field(
        resolver=part("secret", None),
        graphql_type=str | None,
        description="What to send as `Authorization: Bearer …`. Shown now and never again; null if there are errors.",
    )
    errors = errors_field()


@strawberry.type(name="RevokeApiTokenPayload", description="What revokeApiToken did.")
class RevokeApiTokenPayload:
    token = strawberry.field(
        resolver=value,
        graphql_type=ApiTokenType | None,
        description="The token as it is now; null if there are errors.",
    )
    errors = errors_field()


async def _create_api_token(
    info: Info,
    input: Annotated[CreateApiTokenInput, strawberry.argument(description="Whose, and what for.")],  # noqa: A002 -- the contract's name
) -> Outcome[TokenCreated]:
    services = info.context.services
    return await outcome(info, lambda: services.tokens.create(input.to_domain(services.call.now)))


async def _revoke_api_token(
    info: Info,
    input: Annotated[RevokeApiTokenInput, strawberry.argument(description="Which.")],  # noqa: A002 -- the contract's name
) -> Outcome[ApiToken]:
    return await outcome(info, lambda: info.context.services.tokens.revoke(input.to_domain()))


@strawberry.type
class TokenMutations:
    create_api_token = strawberry.field(
        resolver=_create_api_token,
        graphql_type=CreateApiTokenPayload,
        description="Makes an API token for a user, at most 100 that can be used at once.",
    )
    revoke_api_token = strawberry.field(
        resolver=_revoke_api_token,
        graphql_type=RevokeApiTokenPayload,
        description="Ends an API token, from the next request on. One that can no longer be used stays as it is.",
    )
