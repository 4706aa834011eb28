"""Users: lists and, in one transaction each, creating, updating, moving through the lifecycle and erasing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

from roster.data import assignments as assignment_data
from roster.data import roles as role_data
from roster.data import users as user_data
from roster.data.db import BeginAgain, Database, Writer
from roster.domain.actors import Actor
from roster.domain.assignment_input import USER_REFS, RoleGrant, StatusToSet
from roster.domain.assignments import Change, RoleAssignment
from roster.domain.errors import (
    InvalidTransitionError,
    MutationError,
    Path,
    Rejected,
)
from roster.domain.filters import UserSelection
from roster.domain.ids import new_id
from roster.domain.pages import Page, PageRequest, UserOrderField
from roster.domain.roles import Role, RoleKey, RoleRef
from roster.domain.user_input import (
    NewUser,
    UserChanges,
    UserChangesInput,
    UserErasure,
    changed_user,
    check_user_changes,
    erased_user,
    required_of,
    same_user,
)
from roster.domain.users import LIVE_STATUSES, TRANSITIONS, User, UserKey, UserRef, UserStatus
from roster.services import locks, refs
from roster.services.assignments import find_granted_roles, too_many_roles
from roster.services.filters import Filters
from roster.services.identifiers import newly_taken, taken
from roster.services.plans import Pair, Plan
from roster.services.versions import check_version


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSet:
    """`users` are as they are now, in the order named; `changed` of them were in another status before."""

    users: Sequence[User]
    changed: int


class Users:
    def __init__(self, db: Database, actor: Actor, now: datetime, filters: Filters) -> None:
        self._db, self._actor, self._now, self._filters = db, actor, now, filters

    async def by_ids(self, ids: Sequence[UUID]) -> Mapping[UUID, User]:
        async with self._db.read() as reader:
            return await user_data.by_ids(reader, ids)

    async def by_ref(self, ref: UserRef) -> User | None:
        async with self._db.read() as reader:
            return (await user_data.by_refs(reader, [ref])).get(ref)

    async def page(self, which: UserSelection, request: PageRequest[UserOrderField]) -> Page[User]:
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await user_data.page(reader, which, match, request)

    async def count(self, which: UserSelection, cap: int) -> int:
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await user_data.count(reader, which, match, cap)

    async def pages_by_roles(
        self, role_ids: Sequence[UUID], which: UserSelection, request: PageRequest[UserOrderField]
    ) -> Mapping[UUID, Page[User]]:
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await user_data.pages_by_roles(reader, role_ids, which, match, request)

    async def counts_by_roles(
        self, role_ids: Sequence[UUID], which: UserSelection, cap: int
    ) -> Mapping[UUID, int]:
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await user_data.counts_by_roles(reader, role_ids, which, match, cap)

    async def create(self, given: NewUser) -> User:
        return await self._db.write(partial(self._create, given, defaultdict(new_id)))

    async def _create(self, given: NewUser, ids: Mapping[Pair, UUID], writer: Writer) -> User:
        user = given.user
        errors: list[MutationError] = []
        granted, paths = await self._granted(writer, given.grants, errors)
        lasting = {role_id for role_id, (_, grant) in granted.items() if grant.expires_at is None}
        seen = {role_id: role for role_id, (role, _) in granted.items()}
        locked_roles = await locks.lock_roles(writer, seen, gaining=lasting)
        errors += (await taken(writer, [user]))[user.id]
        if given.grants is None:
            # A role may have stopped being a default, or been archived, while we waited.
            locked_roles = {
                id_: role
                for id_, role in locked_roles.items()
                if role.is_default and role.archived_at is None
            }
        errors += refs.check_live({}, locked_roles, paths)
        plan = Plan({user.id: user}, (), ids, Change(by=self._actor, at=self._now, reason=None))
        for role_id in locked_roles:
            plan.hold(user.id, role_id, granted[role_id][1].expires_at)
        if plan.overloaded:
            errors.append(too_many_roles(("roles",)))
        if errors:
            raise Rejected(*errors)
        await user_data.add(writer, user)
        await plan.write(writer)
        await locks.protect_first_holder(writer, locked_roles, plan.gained, self._now)
        return user

    async def _granted(
        self, writer: Writer, grants: Sequence[RoleGrant] | None, errors: list[MutationError]
    ) -> tuple[Mapping[UUID, tuple[Role, RoleGrant]], Mapping[UUID, Path]]:
        if grants is not None:
            return await find_granted_roles(writer, grants, errors)
        roles = await role_data.defaults(writer)
        return {
            role.id: (role, RoleGrant(role=RoleRef(key=RoleKey.ID, value=role.id), expires_at=None))
            for role in roles
        }, {}

    async def update(self, given: UserChangesInput) -> User:
        try:
            changes = check_user_changes(given)
        except Rejected as rejected:
            # What the kind of the user requires is told in the same answer.
            user = await self.by_ref(given.user)
            required = required_of(user.kind, given) if user else ()
            raise Rejected(*required, *rejected.errors) from None
        return await self._db.write(partial(self._update, changes))

    async def _update(self, given: UserChanges, writer: Writer) -> User:
        before = await self._locked(writer, given.user)
        check_version(before, given.expected_version)
        if before.status is UserStatus.ERASED:
            raise Rejected(refs.not_allowed("This user is erased.", ("user",)))
        after = changed_user(before, given.fields)
        if same_user(before, after):
            return before
        if errors := await newly_taken(writer, before, after):
            raise Rejected(*errors)
        moment = locks.moment_of(self._now, [before])
        after = replace(after, version=before.version + 1, updated_at=moment)
        await user_data.change(writer, after)
        return after

    async def _locked(self, writer: Writer, ref: UserRef) -> User:
        """The user, locked. Begins again if an address changed hands between the look and the lock."""
        errors: list[MutationError] = []
        found = await refs.find_user(writer, ref, errors)
        if found is None:
            raise Rejected(*errors)
        locked = (await user_data.lock(writer, [found.id]))[found.id]
        if ref.key is not UserKey.ID:
            named = locked.status in LIVE_STATUSES and getattr(locked, ref.key.value) == ref.value
            if not named:
                raise BeginAgain
        return locked

    async def set_status(self, given: StatusToSet) -> StatusSet:
        return await self._db.write(partial(self._set_status, given))

    async def _set_status(self, given: StatusToSet, writer: Writer) -> StatusSet:
        errors: list[MutationError] = []
        found = await refs.find_users(writer, given.users, USER_REFS, errors)
        if errors:
            raise Rejected(*errors)
        paths = {user_id: path for user_id, (_, path) in found.items()}
        seen = await assignment_data.open_of_users(writer, list(found))
        role_ids = {assignment.role_id for assignment in seen}
        held_roles = await role_data.by_ids(writer, list(role_ids)) if role_ids else {}
        leaves = given.status is not UserStatus.ACTIVE
        roles = await locks.lock_roles(
            writer, held_roles, losing=held_roles if leaves else (), gaining=() if leaves else held_roles
        )
        users, held = await locks.lock_users(writer, {id_: user for id_, (user, _) in found.items()})
        locks.check_all_locked(held, roles)
        await _check_transitions(writer, users, given.status, paths)
        changing = {id_: user for id_, user in users.items() if user.status is not given.status}
        after = await self._move(writer, given, changing, held) if changing else {}
        lost = _lasting_roles(held, changing)
        where = {role_id: paths[user_id] for role_id, user_id in lost.items()}
        await locks.check_holders_left(writer, roles, lost, where)
        await locks.protect_first_holder(writer, roles, _lasting_roles(held, after), self._now)
        return StatusSet(users=[after.get(id_, users[id_]) for id_ in found], changed=len(changing))

    async def _move(
        self,
        writer: Writer,
        given: StatusToSet,
        users: Mapping[UUID, User],
        held: Sequence[RoleAssignment],
    ) -> Mapping[UUID, User]:
        moment = locks.moment_of(self._now, users.values())
        if given.status is UserStatus.ARCHIVED:
            held = [assignment for assignment in held if assignment.user_id in users]
            plan = Plan(users, held, {}, Change(by=self._actor, at=moment, reason=given.reason))
            plan.drop_everything()
            await plan.write(writer)
        return await user_data.touch(writer, list(users), moment, status=given.status)

    async def erase(self, given: UserErasure) -> User:
        return await self._db.write(partial(self._erase, given))

    async def _erase(self, given: UserErasure, writer: Writer) -> User:
        before = await self._locked(writer, given.user)
        if before.status is UserStatus.ERASED:
            return before
        if before.status is not UserStatus.ARCHIVED:
            raise Rejected(_transition_error(before, UserStatus.ERASED, ("user",)))
        if given.confirm not in {before.email, before.username}:
            message = "This is not the stored address, nor the username, of the user."
            raise Rejected(refs.not_allowed(message, ("confirm",)))
        moment = locks.moment_of(self._now, [before])
        after = replace(erased_user(before), version=before.version + 1, updated_at=moment)
        await user_data.change(writer, after)
        return after


async def _check_transitions(
    writer: Writer, users: Mapping[UUID, User], status: UserStatus, paths: Mapping[UUID, Path]
) -> None:
    errors: list[MutationError] = []
    restored: list[User] = []
    for user_id, path in paths.items():
        user = users[user_id]
        if user.status is status:
            continue
        if status not in TRANSITIONS[user.status] or status is UserStatus.ERASED:
            errors.append(_transition_error(user, status, path))
        elif user.status is UserStatus.ARCHIVED:
            restored.append(user)
    for user_id, found in (await taken(writer, restored)).items():
        errors += [replace(error, path=paths[user_id]) for error in found]
    if errors:
        raise Rejected(*errors)


def _transition_error(user: User, requested: UserStatus, path: Path) -> InvalidTransitionError:
    allowed = TRANSITIONS[user.status]
    names = " or ".join(allowed) if allowed else "nothing"
    message = f"A user who is {user.status} can become {names}, not {requested}."
    if requested is UserStatus.ERASED and requested in allowed:
        message = "An archived user is erased by eraseUser, which asks for a confirmation."
    return InvalidTransitionError(
        message=message, path=path, current=user.status, requested=requested, allowed=allowed
    )


def _lasting_roles(held: Sequence[RoleAssignment], users: Mapping[UUID, User]) -> Mapping[UUID, UUID]:
    """The roles that an ACTIVE one of the users holds without expiry, each with the first who does."""
    found: dict[UUID, UUID] = {}
    for assignment in held:
        user = users.get(assignment.user_id)
        if user and user.status is UserStatus.ACTIVE and assignment.expires_at is None:
            found.setdefault(assignment.role_id, user.id)
    return found
