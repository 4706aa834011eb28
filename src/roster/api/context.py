"""What one request has: the services of its caller at one moment, and loaders that batch what its fields ask for."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from roster.domain.assignments import RoleAssignment
from roster.domain.instants import now
from roster.domain.roles import Role
from roster.domain.users import User
from roster.services.services import Services

T = TypeVar("T")
Batch = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, T]]]


class Context:
    """`make_services` builds the services of the caller for a moment."""

    def __init__(self, make_services: Callable[[datetime], Services]) -> None:
        self._make_services = make_services
        self.forget()

    def forget(self) -> None:
        """After a write: what was loaded may be stale, and what follows happens later."""
        self.services = self._make_services(now())
        self._loaders: dict[Hashable, DataLoader[UUID, Any]] = {}

    def load(self, key: Hashable, batch: Batch[T], id_: UUID) -> Awaitable[T]:
        """The batch's value for the id; every id asked for under an equal key goes in one call of the batch.

        Shielded: a field that fails has those beside it cancelled, and fields elsewhere may wait for the same value.
        """
        return asyncio.shield(self._loader(key, batch).load(id_))

    def _loader(self, key: Hashable, batch: Batch[T]) -> DataLoader[UUID, T]:
        if key not in self._loaders:

            async def load(ids: list[UUID]) -> list[T]:
                found = await batch(ids)
                return [found[id_] for id_ in ids]

            self._loaders[key] = DataLoader(load)
        return self._loaders[key]

    def user(self, id_: UUID) -> Awaitable[User | None]:
        return self.load("user", _or_none(self.services.users.by_ids), id_)

    def role(self, id_: UUID) -> Awaitable[Role | None]:
        return self.load("role", _or_none(self.services.roles.by_ids), id_)

    def assignment(self, id_: UUID) -> Awaitable[RoleAssignment | None]:
        return self.load("assignment", _or_none(self.services.assignments.by_ids), id_)


Info = strawberry.Info[Context, None]


def _or_none(batch: Batch[T]) -> Batch[T | None]:
    async def found_or_none(ids: Sequence[UUID]) -> Mapping[UUID, T | None]:
        found = await batch(ids)
        return {id_: found.get(id_) for id_ in ids}

    return found_or_none
