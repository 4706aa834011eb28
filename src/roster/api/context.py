"""What one request has: the services of its caller at one moment, and loaders that batch what its fields ask for."""

import asyncio
from asyncio import Task
from collections import ChainMap
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import strawberry

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


class DataLoader(Generic[K, T]):
    """Answers for keys: all that are asked for before the event loop goes on are in one call, and none in two calls.

    What a call answered is kept, also if it raised: who asks again is told the same. Strawberry's own makes a future for
    each key; a page of users asks for two hundred.
    """

    def __init__(self, batch: Batch[K, T]) -> None:
        self._batch = batch
        self._calls: dict[K, Task[Mapping[K, T]]] = {}
        self._next: list[K] = []

    def calls(self, asked: Sequence[K]) -> Mapping[K, Task[Mapping[K, T]]]:
        """The call that answers each key, perhaps still to begin; those of other keys may be there too."""
        keys = dict.fromkeys(asked)
        if new := [key for key in keys if key not in self._calls] if self._calls else keys:
            if not self._next:
                self._call = asyncio.create_task(self._run())
            self._next += new
            self._calls.update(dict.fromkeys(new, self._call))
        return self._calls

    async def _run(self) -> Mapping[K, T]:
        keys, self._next = self._next, []
        return await self._batch(keys)


class Context:
    """`make_services` builds the services of the caller for a moment."""

    def __init__(self, make_services: Callable[[datetime], Services]) -> None:
        self._make_services = make_services
        self.forget()

    def forget(self) -> None:
        """After a write: what was loaded may be stale, and what follows happens later."""
        self._services: Services | None = None
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}

    @property
    def services(self) -> Services:
        """Of the moment at which they are asked for first."""
        if self._services is None:
            self._services = self._make_services(now())
        return self._services

    async def load(self, key: Hashable, batch: Batch[K, T], asked: Sequence[K]) -> list[T]:
        """The batch's values for what is asked for; all that is, under an equal key, goes in one call of the batch."""
        return await _answers(asked, self._loader(key, batch).calls(asked))

    async def load_of_users(self, key: Hashable, batch: Batch[K, T], asked: Sequence[K]) -> list[T]:
        """The same for ids of users, but that of the caller goes in a call of its own if others' might be refused."""
        caller = self.services.call.caller
        if caller.user_id is None or caller.may(*WHO_HOLDS_WHAT) or caller.user_id not in asked:
            return await self.load(key, batch, asked)
        others = self._loader(key, batch).calls([one for one in asked if one != caller.user_id])
        own = self._loader((key, "own"), batch).calls([one for one in asked if one == caller.user_id])
        return await _answers(asked, {**others, **own})

    def _loader(self, key: Hashable, batch: Batch[K, T]) -> DataLoader[K, T]:
        loader = self._loaders.get(key)
        if loader is None:
            loader = self._loaders[key] = DataLoader(batch)
        return loader

    async def users(self, ids: Sequence[UUID | None]) -> list[User | None]:
        """None for what is not there, here and in all that follows, and for None."""
        return await self.load_of_users("user", _or_none(self.services.users.by_ids), ids)

    async def visible_users(self, ids: Sequence[UUID | None]) -> list[User | None]:
        """None as well for those whom the caller may not see."""
        if self.services.call.caller.may(Permission.USERS_READ):
            return await self.users(ids)
        return await self.load("visible user", _or_none(self.services.users.visible), ids)

    async def roles(self, ids: Sequence[UUID | None]) -> list[Role | None]:
        return await self.load("role", _or_none(self.services.roles.by_ids), ids)

    async def roles_of(self, held: Sequence[RoleAssignment]) -> Sequence[Role | None]:
        """Of one's own assignments whatever one may read."""
        if self.services.call.caller.may(Permission.ROLES_READ):
            return await self.roles([one.role_id for one in held])
        return await self.load("role of assignment", self.services.roles.of_assignments, held)

    async def assignments(self, ids: Sequence[UUID | None]) -> list[RoleAssignment | None]:
        return await self.load("assignment", _or_none(self.services.assignments.by_ids), ids)

    async def events(self, ids: Sequence[UUID | None]) -> list[Event | None]:
        return await self.load("event", _or_none(self.services.events.by_ids), ids)

    async def tokens(self, ids: Sequence[UUID | None]) -> list[ApiToken | None]:
        return await self.load("token", _or_none(self.services.tokens.by_ids), ids)


Info = strawberry.Info[Context, None]


async def _answers(asked: Sequence[K], calls: Mapping[K, Task[Mapping[K, T]]]) -> list[T]:
    """Raises what the first call raised that did; every call has ended then, and goes on if who waits is cancelled."""
    errors: list[Exception] = []
    found: list[Mapping[K, T]] = []
    for call in dict.fromkeys(map(calls.__getitem__, asked)):
        try:
            found.append(await asyncio.shield(call))
        except Exception as error:  # noqa: BLE001 -- raised below
            errors.append(error)
    if errors:
        raise errors[0]
    answers = found[0] if len(found) == 1 else ChainMap(*map(dict, found))
    return list(map(answers.__getitem__, asked))


def _or_none(batch: Batch[K, T]) -> Batch[K | None, T | None]:
    async def found_or_none(asked: Sequence[K | None]) -> Mapping[K | None, T | None]:
        real = [one for one in asked if one is not None]
        found = await batch(real) if real else {}
        return {one: None if one is None else found.get(one) for one in asked}

    return found_or_none
