"""Filling an empty directory with the sample: all of it, or nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice

from roster.data import roles as role_data
from roster.data import seeding
from roster.data.db import Database, Writer
from roster.domain.assignments import RoleAssignment
from roster.domain.roles import ADMIN, Role, RoleKey, RoleRef
from roster.domain.sample.company import Member
from roster.domain.sample.directory import company_at, members
from roster.domain.users import User

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
    return await db.write(partial(_seed, users, today, progress))


async def _seed(users: int, today: datetime, progress: Progress, writer: Writer) -> Seeded:
    # Before anything is locked, so that a directory in use goes on; and again when nobody can write to it.
    await _refuse_unless_empty(writer)
    await seeding.lock(writer)
    await _refuse_unless_empty(writer)
    company = company_at(today, await _admin(writer))
    for role in company.roles.values():
        if role.key == ADMIN:
            await role_data.change(writer, role)
        else:
            await role_data.add(writer, role)
    await seeding.prepare(writer)
    everyone, assignments = members(company, users), 0
    for done in range(0, users, _BATCH):
        progress("Users", done, users)
        held: list[RoleAssignment] = []
        await seeding.add_users(writer, _apart(islice(everyone, _BATCH), held))
        await seeding.add_assignments(writer, held)
        assignments += len(held)
    progress("Users", users, users)
    await seeding.finish(writer, partial(progress, "Indexes"))
    return Seeded(users=users, roles=len(company.roles), assignments=assignments)


async def _refuse_unless_empty(writer: Writer) -> None:
    if not await seeding.is_empty(writer):
        raise NotEmptyError("There are users or roles already: only an empty directory can be filled.")


async def _admin(writer: Writer) -> Role:
    ref = RoleRef(key=RoleKey.KEY, value=ADMIN)
    return (await role_data.by_refs(writer, [ref]))[ref]


def _apart(batch: Iterable[Member], held: list[RoleAssignment]) -> Iterator[User]:
    """The users as they are asked for; what they hold goes to `held`."""
    for user, assignments in batch:
        held += assignments
        yield user
