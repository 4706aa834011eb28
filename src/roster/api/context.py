"""What one request has: the services of its caller at one moment, and loaders that batch what its fields ask for."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from roster.domain.assignments import RoleAssignment
from roster.domain.events import Event
from roster.domain.instants import now
from roster.domain.permissions import WHO_HOLDS_WHAT, Permission
from roster.domain.roles import Role
from roster.domain.tokens import ApiToken
from roster.domain.users import User
from roster.services.services import Services

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
Batch = Callable[[Sequence[K]], Awaitable[Mapping[K, T]]]


class Context:
    """`make_services` builds the services of the caller for a moment."""

    def __init__(self, make_services: Callable[[datetime], Services]) -> None:
        self._make_services = make_services
        self.forget()

    def forget(self) -> None:
        """After a write: what was loaded may be stale, and what follows happens later."""
        self.services = self._make_services(now())
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}

    def load(self, key: Hashable, batch: Batch[K, T], what: K) -> Awaitable[T]:
        """The batch's value for what is asked for; all that is, under an equal key, goes in one call of the batch.

        Shielded: a field that fails has those beside it cancelled, and fields elsewhere may wait for the same value.
        """
        return asyncio.shield(self._loader(key, batch).load(what))

    def _loader(self, key: Hashable, batch: Batch[K, T]) -> DataLoader[K, T]:
        if key not in self._loaders:

            async def load(asked: list[K]) -> list[T]:
                found = await batch(asked)
                return [found[one] for one in asked]

            self._loaders[key] = DataLoader(load)
        return self._loaders[key]

    def apart(self, user_id: UUID) -> bool:
        """Whether it goes in a batch of its own: what is the caller's own is not to be refused because of others'."""
        caller = self.services.call.caller
        return caller.is_user(user_id) and not caller.may(*WHO_HOLDS_WHAT)

    def user(self, id_: UUID) -> Awaitable[User | None]:
        return self.load(("user", self.apart(id_)), _or_none(self.services.users.by_ids), id_)

    def visible_user(self, id_: UUID) -> Awaitable[User | None]:
        """None as well for one whom the caller may not see."""
        if self.services.call.caller.may(Permission.USERS_READ):
            return self.user(id_)
        return self.load("visible user", _or_none(self.services.users.visible), id_)

    def role(self, id_: UUID) -> Awaitable[Role | None]:
        return self.load("role", _or_none(self.services.roles.by_ids), id_)

    def role_of(self, held: RoleAssignment) -> Awaitable[Role | None]:
        """Of one's own assignment whatever one may read."""
        if self.services.call.caller.may(Permission.ROLES_READ):
            return self.role(held.role_id)
        return self.load("role of assignment", _or_none(self.services.roles.of_assignments), held)

    def assignment(self, id_: UUID) -> Awaitable[RoleAssignment | None]:
        return self.load("assignment", _or_none(self.services.assignments.by_ids), id_)

    def event(self, id_: UUID) -> Awaitable[Event | None]:
        return self.load("event", _or_none(self.services.events.by_ids), id_)

    def token(self, id_: UUID) -> Awaitable[ApiToken | None]:
        return self.load("token", _or_none(self.services.tokens.by_ids), id_)


Info = strawberry.Info[Context, None]


def _or_none(batch: Batch[K, T]) -> Batch[K, T | None]:
    async def found_or_none(asked: Sequence[K]) -> Mapping[K, T | None]:
        found = await batch(asked)
        return {one: found.get(one) for one in asked}

    return found_or_none
