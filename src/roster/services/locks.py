"""The order of locks and what they guard: roles by id, then users by id, whatever the mutation.

Roles are locked shared by whoever only relies on them, and alone by whoever changes one or takes a holder from a
protected one. Whether that is so is looked up first and looked at again under the lock: if it has changed, the
transaction begins again.

A caller who is a user is locked too, shared, with the roles that permit what is done: what the caller may is decided
under these locks, so that nobody does anything after they were told that they may no more.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from roster.data import assignments as assignment_data
from roster.data import locks as lock_data
from roster.data import roles as role_data
from roster.data.connections import Writer
from roster.data.db import BeginAgain
from roster.data.row_locks import ToLock
from roster.domain.actors import SYSTEM
from roster.domain.assignments import AssignmentState, Change, RoleAssignment
from roster.domain.callers import Call
from roster.domain.errors import EscalationError, MutationError, Path, Rejected, TooFewHoldersError
from roster.domain.events import Event, EventType, changes_between, of_role
from roster.domain.permissions import WHO_HOLDS_WHAT, Permission, missing
from roster.domain.roles import ADMIN, Role
from roster.domain.users import LIVE_STATUSES, User, UserRef, UserStatus
from roster.services import refs


class Locks:
    """The locks of one transaction that `needs` these permissions.

    Either `roles_and_users`, or first `role_to_change` and then `users`: each once.
    """

    def __init__(self, writer: Writer, call: Call, needs: Iterable[Permission]) -> None:
        self.writer, self._caller, self._now, self._needs = writer, call.caller, call.now, tuple(needs)
        self._roles: Mapping[UUID, Role] = {}
        self._held: Sequence[RoleAssignment] = ()
        self.found: Mapping[UserRef, User] = {}

    async def roles_and_users(  # noqa: PLR0913 -- what there is to say of either
        self,
        roles: Mapping[UUID, Role | None],
        users: Mapping[UUID, User | None],
        *,
        losing: Collection[UUID] = (),
        gaining: Collection[UUID] = (),
        beside: Collection[UUID] = (),
        to_change: bool = True,
        named: Sequence[UserRef] = (),
    ) -> tuple[Mapping[UUID, Role], Mapping[UUID, User]]:
        """Locks the roles, and the users as `users` does, and answers both. Neither need have been seen.

        `losing` may lose a lasting holder, `gaining` may gain one; those `beside` are locked with them. Whom
        `named` names then is in `found`.
        """

        def alone(role: Role) -> bool:
            loses = role.min_holders > 0 and role.id in losing
            return loses or (_awaits_first_holder(role) and role.id in gaining)

        changed = {role.id for role in roles.values() if role and alone(role)}
        to_lock = ToLock(alone=changed, shared=self._caller.role_ids.union(roles, beside))
        locked = await lock_data.lock(
            self.writer, roles=to_lock, users=self._to_lock(users, to_change=to_change), refs=named
        )
        self._roles, self.found = locked.roles, locked.found
        found = {role_id: self._roles[role_id] for role_id in roles if role_id in self._roles}
        if any(alone(role) for role in found.values() if role.id not in changed):
            raise BeginAgain
        return found, self._looked_at(users, locked)

    async def role_to_change(self, role_id: UUID) -> Role:
        """With the roles that permit, shared."""
        self._roles = await role_data.lock(self.writer, alone={role_id}, shared=self._caller.role_ids)
        return self._roles[role_id]

    async def roles_of(self, users: Collection[UUID]) -> frozenset[UUID]:
        """The roles that tell whether one of the users may more than the caller: those to lock `beside` others."""
        others = [user_id for user_id in users if not self._caller.is_user(user_id)]
        if not others or not missing(Permission, self._caller.permissions):
            return frozenset()
        held = await assignment_data.open_of_users(self.writer, others)
        return frozenset(assignment.role_id for assignment in held)

    async def users(self, seen: Mapping[UUID, User | None]) -> Mapping[UUID, User]:
        """Locks the users, and answers them; raises ForbiddenError if the caller may this no more.

        Begins again if what can name one of them has changed since they were seen: its address may be another's, or
        nobody's, now. One who is named by id need not have been seen, and is left out if there is no such user.
        """
        locked = await lock_data.lock(self.writer, users=self._to_lock(seen, to_change=True))
        return self._looked_at(seen, locked)

    def _to_lock(self, users: Collection[UUID], *, to_change: bool) -> ToLock:
        """With the caller, shared."""
        caller = self._caller.user_id
        beside = () if caller is None else (caller,)
        return ToLock(alone=users, shared=beside) if to_change else ToLock(shared={*users, *beside})

    def _looked_at(self, seen: Mapping[UUID, User | None], locked: lock_data.Locked) -> Mapping[UUID, User]:
        users, self._held = locked.users, locked.held
        if any(user and _names(user) != _names(users[user_id]) for user_id, user in seen.items()):
            raise BeginAgain
        if caller := self._caller.user_id:
            permissions = self._permissions_of(caller, self._held)
            active = users[caller].status is UserStatus.ACTIVE
            self._caller = replace(self._caller, permissions=permissions if active else frozenset())
            self._caller.require(*self._needs)
        return {user_id: users[user_id] for user_id in seen if user_id in users}

    def held(self, users: Collection[UUID]) -> Sequence[RoleAssignment]:
        """What those of the locked users hold, expired or not."""
        return [assignment for assignment in self._held if assignment.user_id in users]

    def _permissions_of(self, user_id: UUID, held: Iterable[RoleAssignment]) -> frozenset[str]:
        """Of the roles in force that are locked, whatever the user's status."""
        labels: set[str] = set()
        for assignment in held:
            if assignment.user_id == user_id and assignment.state(self._now) is AssignmentState.ACTIVE:
                if assignment.role_id in self._roles:
                    labels.update(self._roles[assignment.role_id].permissions)
                elif not self._caller.is_user(user_id):
                    raise BeginAgain  # assigned meanwhile
        return frozenset(labels)

    def escalation(self, permissions: Iterable[str], path: Path) -> list[EscalationError]:
        """For what is handed out, or taken away: an error if the caller does not hold all of it."""
        lacking = missing(permissions, self._caller.permissions)
        message = f"You do not hold {', '.join(lacking)} and so cannot give or take it."
        return [EscalationError(message=message, path=path, missing_permissions=lacking)] if lacking else []

    def takeovers(self, paths: Mapping[UUID, Path]) -> list[EscalationError]:
        """For users who are changed, by the path of each: an error for each who may more than the caller.

        What it is that they may is told only to those who may see it anyway.
        """
        if not missing(Permission, self._caller.permissions):
            return []
        errors = []
        for user_id, path in paths.items():
            lacking = missing(self._permissions_of(user_id, self._held), self._caller.permissions)
            if lacking:
                told = lacking if self._caller.may(*WHO_HOLDS_WHAT) else ()
                message = f"This user may do what you may not{': ' if told else ''}{', '.join(told)}."
                errors.append(EscalationError(message=message, path=path, missing_permissions=told))
        return errors

    async def check_holders_left(
        self, roles: Mapping[UUID, Role], lost: Collection[UUID], paths: Mapping[UUID, Path]
    ) -> None:
        """After the writes: refuses them if a role that lost a lasting holder is left with fewer than it must have.

        Which role that is, and so who holds it, is told only to those who may read roles.
        """
        protected = sorted(
            (role_id for role_id in lost if roles[role_id].min_holders > 0), key=lambda id_: roles[id_].key
        )
        if not protected:
            return
        counts = await assignment_data.lasting_holder_counts(self.writer, protected)
        errors: list[MutationError] = []
        for role_id in protected:
            role, left, path = roles[role_id], counts[role_id], paths[role_id]
            if left >= role.min_holders:
                continue
            if self._caller.may(Permission.ROLES_READ):
                errors.append(too_few_holders(role, role.min_holders, left, path))
            else:
                errors.append(refs.not_allowed("A role would be left with too few holders.", path))
        if errors:
            raise Rejected(*errors)


def _awaits_first_holder(role: Role) -> bool:
    return role.key == ADMIN and role.min_holders == 0 and role.archived_at is None


def _names(user: User) -> tuple[bool, str | None, str | None, str | None]:
    return user.status in LIVE_STATUSES, user.email, user.username, user.external_id


def check_all_locked(held: Iterable[RoleAssignment], locked_roles: Collection[UUID]) -> None:
    """For what looks at every role that a user holds: begins again if one of them was assigned meanwhile."""
    if not {assignment.role_id for assignment in held} <= set(locked_roles):
        raise BeginAgain


def moment_of(now: datetime, changed: Iterable[User | Role]) -> datetime:
    """When a write happens: now, but never before what it follows, whatever the clocks of other servers say."""
    return max([now, *(thing.updated_at for thing in changed)])


def too_few_holders(role: Role, min_holders: int, holders: int, path: Path) -> TooFewHoldersError:
    return TooFewHoldersError(
        message=f"{role.key} must be held by at least {min_holders} active users without expiry;"
        f" this would leave {holders}.",
        path=path,
        role=role,
        min_holders=min_holders,
        holders=holders,
    )


async def protect_first_holder(
    writer: Writer, roles: Mapping[UUID, Role], gained: Collection[UUID], moment: datetime
) -> list[Event]:
    """After the writes: a first lasting holder of ADMIN makes it protected. Answers what is to be recorded of that."""
    events = []
    for role_id in gained:
        role = roles[role_id]
        if _awaits_first_holder(role):
            at = max(moment, role.updated_at)
            after = replace(role, min_holders=1, version=role.version + 1, updated_at=at)
            await role_data.change(writer, after)
            change = Change(by=SYSTEM, at=at, reason=None)
            events.append(of_role(EventType.ROLE_UPDATED, after, change, changes_between(role, after)))
    return events
