"""Who holds which role: lists and, in one transaction each, assigning, revoking and setting."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from uuid import UUID

from roster.data import assignments as assignment_data
from roster.data import roles as role_data
from roster.data import users as user_data
from roster.data.connections import Writer
from roster.data.db import Database
from roster.domain.assignment_input import RoleGrant, RolesToAssign, RolesToRevoke, UserRoles
from roster.domain.assignments import Change, RoleAssignment
from roster.domain.callers import Call
from roster.domain.errors import LimitExceededError, MutationError, Path, Rejected
from roster.domain.filters import AssignmentSelection
from roster.domain.ids import new_id
from roster.domain.pages import AssignmentOrderField, Page, PageRequest
from roster.domain.permissions import WHO_HOLDS_WHAT, Permission
from roster.domain.roles import Role
from roster.domain.users import MAX_LIVE_ASSIGNMENTS, User
from roster.services import locks, named, refs
from roster.services.filters import Filters
from roster.services.locks import Locks
from roster.services.plans import Pair, Plan
from roster.services.recording import Recorder
from roster.services.versions import check_version

_NEEDS = (Permission.ROLES_ASSIGN, *WHO_HOLDS_WHAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """Counts are of pairs of a user and a role; `users` are as they are now, in the order named."""

    users: Sequence[User]
    assigned: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    users: Sequence[User]
    revoked: int
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesSet:
    """The assignments as they are now."""

    user: User
    assigned: Sequence[RoleAssignment]
    changed: Sequence[RoleAssignment]
    revoked: Sequence[RoleAssignment]


class Assignments:
    def __init__(self, db: Database, call: Call, filters: Filters) -> None:
        self._db, self._call, self._filters = db, call, filters

    async def by_ids(self, ids: Sequence[UUID]) -> Mapping[UUID, RoleAssignment]:
        self._call.caller.require(*WHO_HOLDS_WHAT)
        async with self._db.read() as reader:
            return await assignment_data.by_ids(reader, ids)

    async def page(
        self, which: AssignmentSelection, request: PageRequest[AssignmentOrderField]
    ) -> Page[RoleAssignment]:
        self._call.caller.require(*WHO_HOLDS_WHAT)
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await assignment_data.page(reader, which, match, request)

    async def count(self, which: AssignmentSelection, cap: int) -> int:
        self._call.caller.require(*WHO_HOLDS_WHAT)
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await assignment_data.count(reader, which, match, cap)

    async def pages_by_users(
        self,
        user_ids: Sequence[UUID],
        which: AssignmentSelection,
        request: PageRequest[AssignmentOrderField],
    ) -> Mapping[UUID, Page[RoleAssignment]]:
        self._call.caller.require_of_others(user_ids, *WHO_HOLDS_WHAT)
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await assignment_data.pages_by_users(reader, user_ids, which, match, request)

    async def counts_by_users(
        self, user_ids: Sequence[UUID], which: AssignmentSelection, cap: int
    ) -> Mapping[UUID, int]:
        self._call.caller.require_of_others(user_ids, *WHO_HOLDS_WHAT)
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await assignment_data.counts_by_users(reader, user_ids, which, match, cap)

    async def pages_by_roles(
        self,
        role_ids: Sequence[UUID],
        which: AssignmentSelection,
        request: PageRequest[AssignmentOrderField],
    ) -> Mapping[UUID, Page[RoleAssignment]]:
        self._call.caller.require(*WHO_HOLDS_WHAT)
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await assignment_data.pages_by_roles(reader, role_ids, which, match, request)

    async def counts_by_roles(
        self, role_ids: Sequence[UUID], which: AssignmentSelection, cap: int
    ) -> Mapping[UUID, int]:
        self._call.caller.require(*WHO_HOLDS_WHAT)
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await assignment_data.counts_by_roles(reader, role_ids, which, match, cap)

    async def holder_counts(self, role_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        self._call.caller.require(Permission.ROLES_READ)
        async with self._db.read() as reader:
            return await assignment_data.holder_counts(reader, role_ids, self._call.now)

    async def assign(self, given: RolesToAssign) -> Assigned:
        self._call.caller.require(*_NEEDS)
        recorder = Recorder(self._call.request_id)
        return await self._db.write(partial(self._assign, given, defaultdict(new_id), recorder, count()))

    async def _assign(
        self,
        given: RolesToAssign,
        ids: Mapping[Pair, UUID],
        recorder: Recorder,
        begun: Iterator[int],
        writer: Writer,
    ) -> Assigned:
        lasting = given.expires_at is None
        lock = Locks(writer, self._call, _NEEDS)
        # Of those that lose nobody only ADMIN is ever locked alone, until somebody holds it: then the work begins again.
        unseen = lasting and next(begun) == 0
        users, roles, paths = await named.locked(lock, given, loses=not lasting, unseen=unseen)
        if errors := refs.check_live(users, roles, paths):
            raise Rejected(*errors)
        plan = Plan(users, lock.held(users), ids, self._change(users, given.reason))
        for user_id in users:
            for role_id in roles:
                plan.hold(user_id, role_id, given.expires_at)
        touched = await self._carry_out(lock, plan, roles, paths, recorder)
        return Assigned(
            users=[touched.get(user_id, user) for user_id, user in users.items()],
            assigned=len(plan.assigned),
            changed=len(plan.changed),
            unchanged=plan.unchanged,
        )

    async def revoke(self, given: RolesToRevoke) -> Revoked:
        self._call.caller.require(*_NEEDS)
        return await self._db.write(partial(self._revoke, given, Recorder(self._call.request_id)))

    async def _revoke(self, given: RolesToRevoke, recorder: Recorder, writer: Writer) -> Revoked:
        lock = Locks(writer, self._call, _NEEDS)
        users, roles, paths = await named.locked(lock, given, loses=True)
        plan = Plan(users, lock.held(users), {}, self._change(users, given.reason))
        for user_id in users:
            for role_id in roles:
                plan.drop(user_id, role_id)
        touched = await self._carry_out(lock, plan, roles, paths, recorder)
        return Revoked(
            users=[touched.get(user_id, user) for user_id, user in users.items()],
            revoked=len(plan.revoked),
            unchanged=plan.unchanged,
        )

    async def set_roles(self, given: UserRoles) -> RolesSet:
        self._call.caller.require(*_NEEDS)
        recorder = Recorder(self._call.request_id)
        return await self._db.write(partial(self._set_roles, given, defaultdict(new_id), recorder))

    async def _set_roles(
        self, given: UserRoles, ids: Mapping[Pair, UUID], recorder: Recorder, writer: Writer
    ) -> RolesSet:
        user, wanted, paths = await _find_grants(writer, given)
        seen = await assignment_data.open_of_users(writer, [user.id])
        dropped = {held.role_id for held in seen} - set(wanted)
        lasting = {role_id for role_id, expires_at in wanted.items() if expires_at is None}
        lock = Locks(writer, self._call, _NEEDS)
        locked_roles, locked = await lock.roles_and_users(
            await role_data.by_ids(writer, [*dropped, *wanted]),
            {user.id: user},
            losing=dropped | (set(wanted) - lasting),
            gaining=lasting,
        )
        held = lock.held(locked)
        locks.check_all_locked(held, locked_roles)
        check_version(locked[user.id], given.expected_version)
        wanted_roles = {role_id: locked_roles[role_id] for role_id in wanted}
        if errors := refs.check_live(locked, wanted_roles, paths):
            raise Rejected(*errors)
        plan = Plan(locked, held, ids, self._change(locked, given.reason))
        plan.hold_exactly(user.id, wanted)
        paths = defaultdict(lambda: ("roles",), paths)
        touched = await self._carry_out(lock, plan, locked_roles, paths, recorder)
        return RolesSet(
            user=touched.get(user.id, locked[user.id]),
            assigned=plan.assigned,
            changed=plan.changed,
            revoked=plan.revoked,
        )

    def _change(self, users: Mapping[UUID, User], reason: str | None) -> Change:
        moment = locks.moment_of(self._call.now, users.values())
        return Change(by=self._call.caller.actor, at=moment, reason=reason)

    @staticmethod
    async def _carry_out(
        lock: Locks,
        plan: Plan,
        roles: Mapping[UUID, Role],
        paths: Mapping[UUID, Path],
        recorder: Recorder,
    ) -> Mapping[UUID, User]:
        """Writes the plan and answers the users that it touched, as they are then."""
        errors: list[MutationError] = [too_many_roles(paths[user_id]) for user_id in plan.overloaded]
        for role_id in roles:
            if role_id in plan.touched_roles:
                errors += lock.escalation(roles[role_id].permissions, paths[role_id])
        if errors:
            raise Rejected(*errors)
        if not plan.touched:
            return {}
        events = await plan.write(lock.writer, roles)
        touched = await user_data.touch(lock.writer, plan.touched, plan.change.at)
        await lock.check_holders_left(roles, plan.lost, paths)
        events += await locks.protect_first_holder(lock.writer, roles, plan.gained, plan.change.at)
        await recorder.write(lock.writer, events)
        return touched


def too_many_roles(path: Path) -> LimitExceededError:
    message = f"A user holds at most {MAX_LIVE_ASSIGNMENTS} roles at once."
    return LimitExceededError(message=message, path=path, limit=MAX_LIVE_ASSIGNMENTS)


async def _find_grants(
    writer: Writer, given: UserRoles
) -> tuple[User, Mapping[UUID, datetime | None], Mapping[UUID, Path]]:
    """The user, the expiry for each role wanted, and where each is named."""
    errors: list[MutationError] = []
    user = await refs.find_user(writer, given.user, errors)
    wanted, paths = await find_granted_roles(writer, given.grants, errors)
    if user is None or errors:
        raise Rejected(*errors)
    expiries = {role_id: grant.expires_at for role_id, (_, grant) in wanted.items()}
    return user, expiries, {**paths, user.id: ("user",)}


async def find_granted_roles(
    writer: Writer, grants: Sequence[RoleGrant], errors: list[MutationError]
) -> tuple[Mapping[UUID, tuple[Role, RoleGrant]], Mapping[UUID, Path]]:
    """Each role granted, with its grant and path; one that is granted twice has no one expiry, and is refused."""
    found = await role_data.by_refs(writer, [grant.role for grant in grants])
    wanted: dict[UUID, tuple[Role, RoleGrant]] = {}
    paths: dict[UUID, Path] = {}
    for index, grant in enumerate(grants):
        path = ("roles", str(index), "role")
        role = found.get(grant.role)
        if role is None:
            errors.append(refs.no_role(path))
        elif role.id in wanted:
            errors.append(refs.not_allowed("This role is named twice.", path))
        else:
            wanted[role.id], paths[role.id] = (role, grant), path
    return wanted, paths
