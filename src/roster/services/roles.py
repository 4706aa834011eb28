"""Roles: lists and, in one transaction each, adding, updating and archiving."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from roster.data import assignments as assignment_data
from roster.data import roles as role_data
from roster.data import users as user_data
from roster.data.connections import Writer
from roster.data.db import Database
from roster.domain.assignments import Change, RoleAssignment, Scope
from roster.domain.callers import Call
from roster.domain.errors import (
    EscalationError,
    InvalidInputError,
    LimitExceededError,
    MutationError,
    Rejected,
    RoleInUseError,
    TakenError,
    UniqueField,
)
from roster.domain.events import EventType, changes_between, of_role
from roster.domain.filters import RoleSelection
from roster.domain.pages import Page, PageRequest, RoleOrderField
from roster.domain.permissions import EVERY_PERMISSION, WHO_HOLDS_WHAT, Permission
from roster.domain.role_input import RoleChanges, RoleToArchive, changed_role
from roster.domain.roles import ADMIN, MAX_LIVE_ROLES, Role, RoleKey, RoleRef
from roster.services import locks, refs
from roster.services.filters import Filters
from roster.services.locks import Locks
from roster.services.plans import Plan
from roster.services.recording import Recorder
from roster.services.versions import check_version

# What is written to a role is answered with the rest of it, and so may be read.
_TO_CHANGE = (Permission.ROLES_WRITE, Permission.ROLES_READ)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleArchived:
    """`revoked` assignments were in force until then."""

    role: Role
    revoked: int


class Roles:
    def __init__(self, db: Database, call: Call, filters: Filters) -> None:
        self._db, self._call, self._filters = db, call, filters

    async def by_ids(self, ids: Sequence[UUID]) -> Mapping[UUID, Role]:
        self._call.caller.require(Permission.ROLES_READ)
        async with self._db.read() as reader:
            return await role_data.by_ids(reader, ids)

    async def of_assignments(self, held: Sequence[RoleAssignment]) -> Mapping[RoleAssignment, Role]:
        self._call.caller.require_of_others({one.user_id for one in held}, Permission.ROLES_READ)
        async with self._db.read() as reader:
            found = await role_data.by_ids(reader, list({one.role_id for one in held}))
        return {one: found[one.role_id] for one in held}

    async def by_ref(self, ref: RoleRef) -> Role | None:
        self._call.caller.require(Permission.ROLES_READ)
        async with self._db.read() as reader:
            return (await role_data.by_refs(reader, [ref])).get(ref)

    async def by_users(self, user_ids: Sequence[UUID], scope: Scope) -> Mapping[UUID, Sequence[Role]]:
        self._call.caller.require_of_others(user_ids, *WHO_HOLDS_WHAT)
        async with self._db.read() as reader:
            return await role_data.by_users(reader, user_ids, scope, self._call.now)

    async def page(self, which: RoleSelection, request: PageRequest[RoleOrderField]) -> Page[Role]:
        self._call.caller.require(Permission.ROLES_READ)
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await role_data.page(reader, which, match, request)

    async def count(self, which: RoleSelection, cap: int) -> int:
        self._call.caller.require(Permission.ROLES_READ)
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await role_data.count(reader, which, match, cap)

    async def add(self, role: Role) -> Role:
        self._call.caller.require(Permission.ROLES_WRITE)
        return await self._db.write(partial(self._add, role, Recorder(self._call.request_id)))

    async def _add(self, role: Role, recorder: Recorder, writer: Writer) -> Role:
        errors: list[MutationError] = []
        lock = Locks(writer, self._call, [Permission.ROLES_WRITE])
        await lock.roles_and_users({}, {})
        if await role_data.lock_count(writer) >= MAX_LIVE_ROLES:
            message = f"There are at most {MAX_LIVE_ROLES} live roles: archive one first."
            errors.append(LimitExceededError(message=message, path=(), limit=MAX_LIVE_ROLES))
        ref = RoleRef(key=RoleKey.KEY, value=role.key)
        if other := (await role_data.by_refs(writer, [ref])).get(ref):
            message = "Another role has this key already."
            errors.append(
                TakenError(message=message, path=("key",), field=UniqueField.ROLE_KEY, existing_id=other.id)
            )
        errors += lock.escalation(role.permissions, ("permissions",))
        if errors:
            raise Rejected(*errors)
        await role_data.add(writer, role)
        change = Change(by=self._call.caller.actor, at=role.created_at, reason=None)
        changes = changes_between(None, role)
        await recorder.write(writer, [of_role(EventType.ROLE_CREATED, role, change, changes)])
        return role

    async def update(self, given: RoleChanges) -> Role:
        self._call.caller.require(*_TO_CHANGE)
        return await self._db.write(partial(self._update, given, Recorder(self._call.request_id)))

    async def _update(self, given: RoleChanges, recorder: Recorder, writer: Writer) -> Role:
        lock = Locks(writer, self._call, _TO_CHANGE)
        before = await _locked(lock, given.role)
        await lock.users({})
        check_version(before, given.expected_version)
        if before.archived_at is not None:
            raise Rejected(refs.not_allowed("This role is archived.", ("role",)))
        after = changed_role(before, given)
        if after == before:
            return before
        if errors := [*_escalations(lock, before, after), *_check_admin(after)]:
            raise Rejected(*errors)
        if after.min_holders > before.min_holders:
            counts = await assignment_data.lasting_holder_counts(writer, [before.id])
            if counts[before.id] < after.min_holders:
                raise Rejected(
                    locks.too_few_holders(before, after.min_holders, counts[before.id], ("min_holders",))
                )
        moment = locks.moment_of(self._call.now, [before])
        after = replace(after, version=before.version + 1, updated_at=moment)
        await role_data.change(writer, after)
        change = Change(by=self._call.caller.actor, at=moment, reason=given.reason)
        changes = changes_between(before, after)
        await recorder.write(writer, [of_role(EventType.ROLE_UPDATED, after, change, changes)])
        return after

    async def archive(self, given: RoleToArchive) -> RoleArchived:
        self._call.caller.require(*_to_archive(given))
        return await self._db.write(partial(self._archive, given, Recorder(self._call.request_id)))

    async def _archive(self, given: RoleToArchive, recorder: Recorder, writer: Writer) -> RoleArchived:
        lock = Locks(writer, self._call, _to_archive(given))
        role = await _locked(lock, given.role)
        seen = await assignment_data.open_of_role(writer, role.id)
        users = await lock.users(await user_data.by_ids(writer, list({held.user_id for held in seen})))
        check_version(role, given.expected_version)
        if role.archived_at is not None:
            return RoleArchived(role=role, revoked=0)
        if role.key == ADMIN:
            raise Rejected(refs.not_allowed("ADMIN is Roster's own and stays.", ("role",)))
        if errors := lock.escalation(role.permissions, ("role",)):
            raise Rejected(*errors)
        moment = locks.moment_of(self._call.now, [role, *users.values()])
        change = Change(by=self._call.caller.actor, at=moment, reason=given.reason)
        plan = Plan(users, seen, {}, change)
        plan.drop_everything()
        if plan.revoked and not given.revoke_assignments:
            raise Rejected(_in_use(role, plan.revoked))
        events = await plan.write(writer, {role.id: role})
        await user_data.touch(writer, plan.touched, moment)
        await lock.check_holders_left({role.id: role}, plan.lost, {role.id: ("role",)})
        after = replace(role, archived_at=moment, version=role.version + 1, updated_at=moment)
        await role_data.change(writer, after)
        events.append(of_role(EventType.ROLE_ARCHIVED, after, change, changes_between(role, after)))
        await recorder.write(writer, events)
        return RoleArchived(role=after, revoked=len(plan.revoked))


def _to_archive(given: RoleToArchive) -> Sequence[Permission]:
    return (*_TO_CHANGE, Permission.ROLES_ASSIGN) if given.revoke_assignments else _TO_CHANGE


async def _locked(lock: Locks, ref: RoleRef) -> Role:
    """The role, locked to change it. It may have been archived between the look and the lock."""
    found = (await role_data.by_refs(lock.writer, [ref])).get(ref)
    if found is None:
        raise Rejected(refs.no_role(("role",)))
    return await lock.role_to_change(found.id)


def _check_admin(after: Role) -> list[InvalidInputError]:
    """Nobody else could give back what ADMIN lost, and `roster admin create` relies on what it is."""
    if after.key == ADMIN and not set(after.permissions) >= EVERY_PERMISSION:
        return [refs.not_allowed("ADMIN keeps every permission of Roster's own.", ("permissions",))]
    return []


def _escalations(lock: Locks, before: Role, after: Role) -> list[EscalationError]:
    """Whoever changes a role gives and takes what it permits, to and from all who hold it, or will by default."""
    return lock.escalation(before.permissions, ("role",)) or lock.escalation(
        after.permissions, ("permissions",)
    )


def _in_use(role: Role, held: Sequence[RoleAssignment]) -> RoleInUseError:
    message = (
        f"{role.key} is held by {len(held)}: revoke it from them, or ask for that with revokeAssignments."
    )
    return RoleInUseError(message=message, path=("revoke_assignments",), role=role, holder_count=len(held))
