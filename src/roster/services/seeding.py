"""Filling an empty directory with the sample: all of it, or nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice

from roster.data import roles as role_data
from roster.data import seeding
from roster.data.db import Database
from roster.data.engine import EngineConnection
from roster.domain.actors import LOCAL_OPERATOR
from roster.domain.assignments import Change, RoleAssignment
from roster.domain.events import Event, EventType, changes_between, of_role
from roster.domain.roles import ADMIN, Role, RoleKey, RoleRef
from roster.domain.sample.company import Company, Member
from roster.domain.sample.directory import company_at, members
from roster.domain.sample.log import archived_roles, created_role, events_of_assignments, events_of_user
from roster.domain.users import User
from roster.services.recording import Recorder

# What is done, how much of it, and how much there is.
Progress = Callable[[str, int, int], None]
_BATCH = 5_000


class NotEmptyError(Exception):
    """There is something in the directory already; the message is for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """How much there is now."""

    users: int
    roles: int
    assignments: int


async def seed(db: Database, users: int, now: datetime, progress: Progress) -> Seeded:
    """Fills the directory with so many users, the same ones all day. Raises NotEmptyError, and UnavailableError.

    It is one transaction: whatever interrupts it, nothing was written. Whoever reads meanwhile waits for it.
    """
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return await db.fill(partial(_seed, users, today, progress))


async def _seed(users: int, today: datetime, progress: Progress, writer: EngineConnection) -> Seeded:
    # Before anything is locked, so that a directory in use goes on; and again when nobody can write to it.
    await _refuse_unless_empty(writer)
    await seeding.lock(writer)
    await _refuse_unless_empty(writer)
    admin = await _admin(writer)
    company = company_at(today, admin)
    await Recorder(None).write(writer, await _add_roles(writer, admin, company))
    place = await seeding.place_of_this(writer)
    await seeding.prepare(writer)
    roles = {role.id: role for role in company.roles.values()}
    everyone, assignments = members(company, users), 0
    for done in range(0, users, _BATCH):
        progress("Users", done, users)
        held: list[RoleAssignment] = []
        events: list[Event] = []
        await seeding.add_users(writer, _apart(islice(everyone, _BATCH), held, events))
        await seeding.add_assignments(writer, held)
        events += events_of_assignments(held, roles)
        await seeding.add_events(writer, sorted(events, key=lambda event: event.at), place)
        assignments += len(held)
    await Recorder(None).write(writer, list(archived_roles(company)))
    progress("Users", users, users)
    await seeding.finish(writer, partial(progress, "Indexes"))
    return Seeded(users=users, roles=len(roles), assignments=assignments)


async def _add_roles(writer: EngineConnection, admin: Role, company: Company) -> list[Event]:
    events = []
    for role in company.roles.values():
        if role.key == ADMIN:
            await role_data.change(writer, role)
            change = Change(by=LOCAL_OPERATOR, at=role.created_at, reason=None)
            events.append(of_role(EventType.ROLE_UPDATED, role, change, changes_between(admin, role)))
        else:
            await role_data.add(writer, role)
            events.append(created_role(role))
    return events


async def _refuse_unless_empty(writer: EngineConnection) -> None:
    if not await seeding.is_empty(writer):
        raise NotEmptyError("There are users or roles already: only an empty directory can be filled.")


async def _admin(writer: EngineConnection) -> Role:
    ref = RoleRef(key=RoleKey.KEY, value=ADMIN)
    return (await role_data.by_refs(writer, [ref]))[ref]


def _apart(batch: Iterable[Member], held: list[RoleAssignment], events: list[Event]) -> Iterator[User]:
    """The users as they are asked for; what they hold goes to `held`, what happened to themselves to `events`."""
    for user, assignments in batch:
        held += assignments
        events += events_of_user(user)
        yield user
