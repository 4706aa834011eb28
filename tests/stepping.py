"""Small directories and random calls in them, for tests that look at whatever comes of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import text

import make
from acting import NOW, Acting, acting
from powers import OWN_LABELS, State, look
from roster.data.db import Database
from roster.domain.callers import Caller
from roster.domain.ids import new_id
from roster.domain.permissions import Permission
from roster.domain.roles import Role
from roster.domain.tokens import ApiTokenToRevoke
from roster.domain.users import User, UserStatus
from service_calls import ASSIGN, READ_USERS, WRITE_ROLES, WRITE_USERS, new_token

P = Permission
STATUSES = [one for one in UserStatus if one is not UserStatus.ERASED]
# What goes together, so that not every call is refused at once.
_BUNDLES: list[frozenset[str]] = [ASSIGN, WRITE_USERS, WRITE_ROLES, READ_USERS | {P.TOKENS_WRITE}]
_LABELS = [*sorted(OWN_LABELS), "a:b", "c:d"]
LABELS = st.builds(
    lambda bundles, more: frozenset[str]().union(*bundles, more),
    st.lists(st.sampled_from(_BUNDLES), min_size=1, max_size=3),
    st.sets(st.sampled_from(_LABELS), max_size=2),
)
PLACES = st.integers(0, 4)
UNTIL = st.none() | st.integers(1, 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`caller`, `users` and `roles` are places in the world, `until` is in minutes from then."""

    kind: str
    caller: int
    users: list[int]
    roles: list[int]
    labels: frozenset[str]
    status: UserStatus
    until: int | None
    flag: bool
    stale: bool
    minutes: int


@dataclass(slots=True)
class World:
    db: Database
    users: list[User]
    roles: list[Role]
    archived: User
    secrets: list[str]
    found: dict[int, Caller] = field(default_factory=dict)
    tokens: list[UUID] = field(default_factory=list)

    def __repr__(self) -> str:
        return "World(...)"

    def somebody(self, step: Step) -> list[User]:
        places = dict.fromkeys(place % len(self.users) for place in step.users)
        return [self.users[place] for place in places]

    def some_roles(self, step: Step) -> list[Role]:
        places = dict.fromkeys(place % len(self.roles) for place in step.roles)
        return [self.roles[place] for place in places]

    def was_archived(self, place: int, now: State) -> bool:
        """Once, and so the token was revoked."""
        return any(one.revoked_at for one in now.tokens if one.owner_id == self.users[place].id)

    async def state(self) -> State:
        return await look(self.db, [one.id for one in self.users], [one.id for one in self.roles])


def _expiry(act: Acting, step: Step) -> datetime | None:
    return None if step.until is None else act.services.call.now + timedelta(minutes=step.until)


async def _assign(act: Acting, world: World, step: Step) -> None:
    await act.assign(world.somebody(step), world.some_roles(step), expires_at=_expiry(act, step))


async def _revoke(act: Acting, world: World, step: Step) -> None:
    await act.revoke(world.somebody(step), world.some_roles(step))


async def _set_roles(act: Acting, world: World, step: Step) -> None:
    await act.set_roles(world.somebody(step)[0], dict.fromkeys(world.some_roles(step), _expiry(act, step)))


async def _create(act: Acting, world: World, step: Step) -> None:
    grants = dict.fromkeys(world.some_roles(step), _expiry(act, step)) if step.flag else None
    world.users.append(await act.create(email=f"{new_id().hex}@example.org", grants=grants))


async def _update(act: Acting, world: World, step: Step) -> None:
    given: dict[str, Any] = {"external_id": new_id().hex} if step.flag else {"first_name": new_id().hex}
    await act.update(world.somebody(step)[0], **given)


async def _set_status(act: Acting, world: World, step: Step) -> None:
    await act.set_status(step.status, *world.somebody(step))


async def _erase(act: Acting, world: World, step: Step) -> None:
    user = world.archived if step.flag else world.somebody(step)[0]
    await act.erase(user, str(user.email))


async def _add_role(act: Acting, world: World, step: Step) -> None:
    key = f"R{new_id().hex}".upper()
    world.roles.append(await act.add_role(key, permissions=tuple(step.labels), is_default=step.flag))


async def _update_role(act: Acting, world: World, step: Step) -> None:
    given: dict[str, Any] = {"permissions": tuple(step.labels)}
    if step.flag:
        given = {"is_default": step.until is None, "min_holders": len(step.users) - 1}
    await act.update_role(world.some_roles(step)[0], **given)


async def _archive_role(act: Acting, world: World, step: Step) -> None:
    await act.archive_role(world.some_roles(step)[0], revoke_assignments=step.flag)


async def _create_token(act: Acting, world: World, step: Step) -> None:
    given = new_token(world.somebody(step)[0])
    world.tokens.append((await act.services.tokens.create(given)).token.id)


async def _revoke_token(act: Acting, world: World, step: Step) -> None:
    token = world.tokens[step.users[0] % len(world.tokens)]
    await act.services.tokens.revoke(ApiTokenToRevoke(token_id=token, reason=None))


Work = Callable[[Acting, World, Step], Awaitable[None]]
NEEDS: Mapping[str, tuple[frozenset[Permission], Work]] = {
    "assign": (ASSIGN, _assign),
    "revoke": (ASSIGN, _revoke),
    "set_roles": (ASSIGN, _set_roles),
    "create": (frozenset({P.USERS_WRITE}), _create),
    "update": (WRITE_USERS, _update),
    "set_status": (WRITE_USERS, _set_status),
    "erase": (READ_USERS | {P.USERS_ERASE}, _erase),
    "add_role": (frozenset({P.ROLES_WRITE}), _add_role),
    "update_role": (WRITE_ROLES, _update_role),
    "archive_role": (WRITE_ROLES, _archive_role),
    "create_token": (frozenset({P.TOKENS_WRITE}), _create_token),
    "revoke_token": (frozenset({P.TOKENS_WRITE}), _revoke_token),
}


def needs_of(world: World, step: Step) -> frozenset[str]:
    """Of the step as it is: some need more by what is in them."""
    needs: set[str] = set(NEEDS[step.kind][0])
    if step.flag and step.kind in {"create", "archive_role"}:
        needs.add(P.ROLES_ASSIGN)
    if step.kind == "create_token" and world.somebody(step)[0].id != world.users[step.caller].id:
        needs.add(P.USERS_READ)
    return frozenset(needs)


STEPS = st.builds(
    Step,
    kind=st.sampled_from([*NEEDS, "assign", "update_role", "set_status"]),
    caller=PLACES,
    users=st.lists(PLACES, min_size=1, max_size=3),
    roles=st.lists(PLACES, min_size=1, max_size=2),
    labels=LABELS,
    status=st.sampled_from(STATUSES),
    until=UNTIL,
    flag=st.booleans(),
    stale=st.integers(0, 3).map(lambda number: number == 0),
    minutes=st.integers(0, 15),
)
# The first role permits everything, and is held by the first user for good.
WORLDS = st.tuples(
    st.lists(LABELS, min_size=4, max_size=4),
    st.lists(st.lists(st.tuples(st.integers(1, 4), UNTIL), min_size=1, max_size=3), min_size=4, max_size=4),
    st.integers(0, 1),
)


async def made(db: Database, drawn: Any) -> World:
    labels, holdings, protected = drawn
    users, roles = (
        [make.a_user() for _ in range(5)],
        [make.a_role(permissions=tuple(sorted(OWN_LABELS)), min_holders=1)],
    )
    roles += [make.a_role(permissions=tuple(sorted(one)), min_holders=0) for one in labels]
    held = [make.an_assignment(users[0], roles[0])]
    for user, holding in zip(users[1:], holdings, strict=True):
        for place, until in dict(holding).items():
            expires_at = None if until is None else NOW + timedelta(minutes=until)
            held.append(make.an_assignment(user, roles[place], expires_at=expires_at))
    if protected and (lasting := [one for one in held[1:] if one.expires_at is None]):
        place = next(place for place, role in enumerate(roles) if role.id == lasting[0].role_id)
        roles[place] = replace(roles[place], min_holders=1)
    async with (
        db.engine.begin() as connection
    ):  # what an example before this one left is not given to new users
        await connection.execute(text("UPDATE roles SET is_default = false"))
    archived = make.a_user(status=UserStatus.ARCHIVED)
    await make.store(db, *users, archived, *roles, *held)
    world = World(db, [*users, archived], roles, archived, [])
    for user in users:
        created = await acting(db).services.tokens.create(new_token(user))
        world.secrets.append(created.secret)
        world.tokens.append(created.token.id)
    return world
