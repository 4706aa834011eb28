"""Roles: lists and, in one transaction each, adding, updating and archiving."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

from roster.data import assignments as assignment_data
from roster.data import roles as role_data
from roster.data import users as user_data
from roster.data.db import Database, Writer
from roster.domain.actors import Actor
from roster.domain.assignments import Change, RoleAssignment, Scope
from roster.domain.errors import (
    LimitExceededError,
    MutationError,
    Rejected,
    RoleInUseError,
    TakenError,
    UniqueField,
)
from roster.domain.filters import RoleSelection
from roster.domain.pages import Page, PageRequest, RoleOrderField
from roster.domain.role_input import RoleChanges, RoleToArchive, changed_role
from roster.domain.roles import ADMIN, MAX_LIVE_ROLES, Role, RoleKey, RoleRef
from roster.services import locks, refs
from roster.services.filters import Filters
from roster.services.plans import Plan
from roster.services.versions import check_version


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleArchived:
    """`revoked` assignments were in force until then."""

    role: Role
    revoked: int


class Roles:
    def __init__(self, db: Database, actor: Actor, now: datetime, filters: Filters) -> None:
        self._db, self._actor, self._now, self._filters = db, actor, now, filters

    async def by_ids(self, ids: Sequence[UUID]) -> Mapping[UUID, Role]:
        async with self._db.read() as reader:
            return await role_data.by_ids(reader, ids)

    async def by_ref(self, ref: RoleRef) -> Role | None:
        async with self._db.read() as reader:
            return (await role_data.by_refs(reader, [ref])).get(ref)

    async def by_users(self, user_ids: Sequence[UUID], scope: Scope) -> Mapping[UUID, Sequence[Role]]:
        async with self._db.read() as reader:
            return await role_data.by_users(reader, user_ids, scope, self._now)

    async def page(self, which: RoleSelection, request: PageRequest[RoleOrderField]) -> Page[Role]:
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await role_data.page(reader, which, match, request)

    async def count(self, which: RoleSelection, cap: int) -> int:
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await role_data.count(reader, which, match, cap)

    async def add(self, role: Role) -> Role:
        return await self._db.write(partial(self._add, role))

    async def _add(self, role: Role, writer: Writer) -> Role:
        errors: list[MutationError] = []
        if await role_data.lock_count(writer) >= MAX_LIVE_ROLES:
            message = f"There are at most {MAX_LIVE_ROLES} live roles: archive one first."
            errors.append(LimitExceededError(message=message, path=(), limit=MAX_LIVE_ROLES))
        ref = RoleRef(key=RoleKey.KEY, value=role.key)
        if other := (await role_data.by_refs(writer, [ref])).get(ref):
            message = "Another role has this key already."
            errors.append(
                TakenError(message=message, path=("key",), field=UniqueField.ROLE_KEY, existing_id=other.id)
            )
        if errors:
            raise Rejected(*errors)
        await role_data.add(writer, role)
        return role

    async def update(self, given: RoleChanges) -> Role:
        return await self._db.write(partial(self._update, given))

    async def _update(self, given: RoleChanges, writer: Writer) -> Role:
        before = await _locked(writer, given.role)
        check_version(before, given.expected_version)
        if before.archived_at is not None:
            raise Rejected(refs.not_allowed("This role is archived.", ("role",)))
        after = changed_role(before, given)
        if after == before:
            return before
        if after.min_holders > before.min_holders:
            counts = await assignment_data.lasting_holder_counts(writer, [before.id])
            if counts[before.id] < after.min_holders:
                raise Rejected(
                    locks.too_few_holders(before, after.min_holders, counts[before.id], ("min_holders",))
                )
        moment = locks.moment_of(self._now, [before])
        after = replace(after, version=before.version + 1, updated_at=moment)
        await role_data.change(writer, after)
        return after

    async def archive(self, given: RoleToArchive) -> RoleArchived:
        return await self._db.write(partial(self._archive, given))

    async def _archive(self, given: RoleToArchive, writer: Writer) -> RoleArchived:
        role = await _locked(writer, given.role)
        check_version(role, given.expected_version)
        if role.archived_at is not None:
            return RoleArchived(role=role, revoked=0)
        if role.key == ADMIN:
            raise Rejected(refs.not_allowed("ADMIN is Roster's own and stays.", ("role",)))
        seen = await assignment_data.open_of_role(writer, role.id)
        users = await user_data.lock(writer, list({assignment.user_id for assignment in seen}))
        moment = locks.moment_of(self._now, [role, *users.values()])
        plan = Plan(users, seen, {}, Change(by=self._actor, at=moment, reason=given.reason))
        plan.drop_everything()
        if plan.revoked and not given.revoke_assignments:
            raise Rejected(_in_use(role, plan.revoked))
        await plan.write(writer)
        await user_data.touch(writer, plan.touched, moment)
        await locks.check_holders_left(writer, {role.id: role}, plan.lost, {role.id: ("role",)})
        after = replace(role, archived_at=moment, version=role.version + 1, updated_at=moment)
        await role_data.change(writer, after)
        return RoleArchived(role=after, revoked=len(plan.revoked))


async def _locked(writer: Writer, ref: RoleRef) -> Role:
    """The role, locked to change it. It may have been archived between the look and the lock."""
    found = (await role_data.by_refs(writer, [ref])).get(ref)
    if found is None:
        raise Rejected(refs.no_role(("role",)))
    return (await role_data.lock(writer, [found.id], to_change=True))[found.id]


def _in_use(role: Role, held: Sequence[RoleAssignment]) -> RoleInUseError:
    message = (
        f"{role.key} is held by {len(held)}: revoke it from them, or ask for that with revokeAssignments."
    )
    return RoleInUseError(message=message, path=("revoke_assignments",), role=role, holder_count=len(held))
