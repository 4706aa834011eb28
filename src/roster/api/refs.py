"""References: the ways to name one user, or one role."""

from collections.abc import Callable

import strawberry

from roster.api import ids
from roster.api.filters import Place
from roster.api.scalars import Email
from roster.domain import role_input, user_values
from roster.domain.checks import Invalid
from roster.domain.errors import BadUserInputError, Path
from roster.domain.roles import RoleKey, RoleRef
from roster.domain.text import is_storable
from roster.domain.users import UserKey, UserRef


def _storable(text: str, path: Path) -> str:
    if not is_storable(text):
        raise BadUserInputError("A text has no U+0000 and no lone surrogate.", path)
    return text


def _normalised(rule: Callable[[str], str], text: str, path: Path) -> str:
    try:
        return rule(text)
    except Invalid:
        return _storable(text, path)


@strawberry.input(
    name="UserRef",
    one_of=True,
    description="Names one user. email, username and externalId find live users (not ARCHIVED, not ERASED); id finds all.",
)
class UserRefInput:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="User.id.")
    email: Email | None = strawberry.field(default=strawberry.UNSET, description="User.email, in any case.")
    username: str | None = strawberry.field(
        default=strawberry.UNSET, description="User.username, in any case."
    )
    external_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="User.externalId, exactly."
    )

    def to_domain(self, path: Path) -> UserRef:
        """Raises BadIdError for a malformed id. An address that cannot be one is looked up, and found to be nobody's."""
        if self.id is not None and self.id is not strawberry.UNSET:
            return UserRef(key=UserKey.ID, value=ids.from_text(ids.Kind.USER, self.id, (*path, "id")))
        for key, given, rule in (
            (UserKey.EMAIL, self.email, user_values.email),
            (UserKey.USERNAME, self.username, user_values.username),
        ):
            if given is not None and given is not strawberry.UNSET:
                return UserRef(key=key, value=_normalised(rule, given, (*path, key.value)))
        return UserRef(
            key=UserKey.EXTERNAL_ID, value=_storable(self.external_id or "", (*path, "external_id"))
        )

    def to_filter(self, at: Place) -> UserRef:
        return self.to_domain(at.path)


@strawberry.input(
    name="RoleRef", one_of=True, description="Names one role. key finds live roles; id finds all."
)
class RoleRefInput:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Role.id.")
    key: str | None = strawberry.field(default=strawberry.UNSET, description="Role.key, in any case.")

    def to_domain(self, path: Path) -> RoleRef:
        """Raises BadIdError for a malformed id. A key that cannot be one is looked up, and found to be no role's."""
        if self.id is not None and self.id is not strawberry.UNSET:
            return RoleRef(key=RoleKey.ID, value=ids.from_text(ids.Kind.ROLE, self.id, (*path, "id")))
        return RoleRef(key=RoleKey.KEY, value=_normalised(role_input.key, self.key or "", (*path, "key")))

    def to_filter(self, at: Place) -> RoleRef:
        return self.to_domain(at.path)
