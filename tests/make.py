"""Makes users, roles and assignments straight in the database: each as wanted, the rest believable."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID

from roster.data import assignments as assignment_data
from roster.data import events as event_data
from roster.data import roles as role_data
from roster.data import tokens as token_data
from roster.data import users as user_data
from roster.data.connections import Writer
from roster.data.db import Database
from roster.domain.actors import LOCAL_OPERATOR, ActorKind
from roster.domain.assignments import RoleAssignment
from roster.domain.callers import Caller
from roster.domain.events import Event, EventType
from roster.domain.ids import new_id
from roster.domain.permissions import EVERY_PERMISSION
from roster.domain.roles import Role
from roster.domain.tokens import ApiToken, digest, new_secret
from roster.domain.users import User, UserKind, UserStatus

_numbers = count(1)
# Long enough ago that a test can end, and let expire, what it makes.
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2100, 1, 1, tzinfo=UTC)


def a_user(**given: Any) -> User:
    """A record, in no database yet."""
    number = next(_numbers)
    made = User(
        id=new_id(),
        kind=UserKind.PERSON,
        email=f"user{number}@example.org",
        email_verified_at=None,
        username=None,
        first_name="Given",
        last_name=f"Name{number}",
        display_name=f"Given Name{number}",
        display_name_given=False,
        phone=None,
        locale=None,
        timezone=None,
        avatar_url=None,
        external_id=None,
        attributes={},
        status=UserStatus.ACTIVE,
        version=1,
        created_at=LONG_AGO + timedelta(minutes=number),
        updated_at=LONG_AGO + timedelta(minutes=number),
    )
    return replace(made, **given)


def a_role(**given: Any) -> Role:
    """A record, in no database yet."""
    number = next(_numbers)
    made = Role(
        id=new_id(),
        key=f"ROLE_{number}",
        name=f"Role {number}",
        description=None,
        permissions=(),
        is_default=False,
        min_holders=0,
        archived_at=None,
        version=1,
        created_at=LONG_AGO + timedelta(minutes=number),
        updated_at=LONG_AGO + timedelta(minutes=number),
    )
    return replace(made, **given)


def an_assignment(user: User, role: Role, **given: Any) -> RoleAssignment:
    """A record, in no database yet."""
    made = RoleAssignment(
        id=new_id(),
        user_id=user.id,
        role_id=role.id,
        assigned_at=LONG_AGO,
        assigned_by=LOCAL_OPERATOR,
        reason=None,
        expires_at=None,
        ended_at=None,
        revoked_by=None,
        revoke_reason=None,
    )
    return replace(made, **given)


async def store(db: Database, *things: User | Role | RoleAssignment) -> None:
    """Writes records as they are, users and roles first."""

    async def work(writer: Writer) -> None:
        for thing in things:
            if isinstance(thing, User):
                await user_data.add(writer, thing)
            elif isinstance(thing, Role):
                await role_data.add(writer, thing)
        await assignment_data.add(writer, [thing for thing in things if isinstance(thing, RoleAssignment)])

    await db.write(work)


async def user(db: Database, **given: Any) -> User:
    made = a_user(**given)
    await store(db, made)
    return made


async def role(db: Database, **given: Any) -> Role:
    made = a_role(**given)
    await store(db, made)
    return made


async def assignment(db: Database, holder: User, held: Role, **given: Any) -> RoleAssignment:
    made = an_assignment(holder, held, **given)
    await store(db, made)
    return made


async def caller(db: Database, permissions: Iterable[str] = EVERY_PERMISSION, **given: Any) -> Caller:
    """A user who may this, by one role."""
    made, held = a_user(**given), a_role(permissions=tuple(sorted(permissions)))
    await store(db, made, held, an_assignment(made, held))
    return Caller(
        kind=ActorKind.USER,
        user=made,
        permissions=frozenset(held.permissions),
        role_ids=frozenset({held.id}),
    )


async def token(db: Database, owner: User, *, secret: str | None = None, **given: Any) -> ApiToken:
    """One that works until long after every test; `secret` is what to show."""
    made = ApiToken(
        id=new_id(),
        owner_id=owner.id,
        label="For a test",
        created_at=LONG_AGO,
        expires_at=FAR_AHEAD,
        last_used_at=None,
        revoked_at=None,
    )
    made = replace(made, **given)
    await db.write(partial(token_data.add, token=made, digest=digest(secret or new_secret())))
    return made


async def event(db: Database, **given: Any) -> Event:
    """One of its own; it must be about a user or a role."""
    made = Event(
        id=new_id(),
        type=EventType.USER_UPDATED,
        at=LONG_AGO,
        actor=LOCAL_OPERATOR,
        user_id=None,
        role_id=None,
        role_key=None,
        changes=(),
        reason=None,
        request_id=None,
    )
    made = replace(made, **given)
    await db.write(partial(event_data.add, events=[made]))
    return made


async def admin_role(db: Database) -> Role:
    """The role that the migrations make."""
    async with db.read() as reader:
        meant = await role_data.meant_by_keys(reader, ["ADMIN"])
        (found,) = (await role_data.by_ids(reader, meant["ADMIN"].ids)).values()
        return found


def user_id(id_: UUID) -> str:
    return f"usr_{id_.hex}"


def role_id(id_: UUID) -> str:
    return f"rol_{id_.hex}"


def assignment_id(id_: UUID) -> str:
    return f"asg_{id_.hex}"


def event_id(id_: UUID) -> str:
    return f"evt_{id_.hex}"


def token_id(id_: UUID) -> str:
    return f"tok_{id_.hex}"
