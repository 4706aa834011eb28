"""The inputs of the mutations of API tokens."""

from datetime import datetime

import strawberry

from roster.api import ids
from roster.api.mutations import or_none
from roster.api.refs import UserRefInput
from roster.api.scalars import DateTime
from roster.domain.tokens import ApiTokenToRevoke, NewApiToken, check_new_token, check_token_to_revoke


@strawberry.input(name="CreateApiTokenInput", description="A new API token.")
class CreateApiTokenInput:
    owner: UserRefInput = strawberry.field(description="As whom it calls.")
    label: str = strawberry.field(description="What it is for: at most 100 characters.")
    expires_at: DateTime = strawberry.field(description="Until when it can be used: at most a year ahead.")

    def to_domain(self, now: datetime) -> NewApiToken:
        owner = self.owner.to_domain(("owner",))
        return check_new_token(owner=owner, label=self.label, expires_at=self.expires_at, now=now)


@strawberry.input(name="RevokeApiTokenInput", description="An API token that is to be used no more.")
class RevokeApiTokenInput:
    token: strawberry.ID = strawberry.field(description="ApiToken.id.")
    reason: str | None = strawberry.field(
        default=strawberry.UNSET, description="Why, for the record: at most 500 characters."
    )

    def to_domain(self) -> ApiTokenToRevoke:
        token_id = ids.from_text(ids.Kind.TOKEN, self.token, ("token",))
        return check_token_to_revoke(token_id=token_id, why=or_none(self.reason))
