"""Users: lists and, in one transaction each, creating, updating, moving through the lifecycle and erasing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from roster.data import assignments as assignment_data
from roster.data import events as event_data
from roster.data import holders as holder_data
from roster.data import roles as role_data
from roster.data import tokens as token_data
from roster.data import users as user_data
from roster.data import users_of_roles
from roster.data.connections import Writer
from roster.data.db import Database
from roster.domain.assignment_input import RoleGrant, StatusToSet
from roster.domain.assignments import Change
from roster.domain.callers import Call
from roster.domain.errors import MutationError, Path, Rejected
from roster.domain.events import EventType, changes_between, changes_of, of_user
from roster.domain.filters import UserSelection, looks_at_roles
from roster.domain.ids import new_id
from roster.domain.pages import Page, PageRequest, UserOrderField
from roster.domain.permissions import WHO_HOLDS_WHAT, Permission
from roster.domain.roles import ADMIN, Role, RoleKey, RoleRef
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
from roster.domain.users import Holder, User, UserRef, UserStatus
from roster.services import lifecycle, locks, refs
from roster.services.assignments import find_granted_roles, too_many_roles
from roster.services.filters import Filters
from roster.services.identifiers import identifiers_of, newly_taken, taken_from
from roster.services.lifecycle import StatusSet
from roster.services.locks import Locks
from roster.services.plans import Pair, Plan
from roster.services.recording import Recorder
from roster.services.versions import check_version

# What is written to a user is answered with the rest of it, and so may be read.
_TO_WRITE = (Permission.USERS_WRITE, Permission.USERS_READ)
_TO_ERASE = (Permission.USERS_ERASE, Permission.USERS_READ)
_THERE_IS_ONE = "There is an administrator already: `roster token create --owner …` makes a token for them."


class Users:
    def __init__(self, db: Database, call: Call, filters: Filters) -> None:
        self._db, self._call, self._filters = db, call, filters

    async def by_ids(self, ids: Sequence[UUID]) -> Mapping[UUID, User]:
        self._call.caller.require_of_others(ids, Permission.USERS_READ)
        async with self._db.read() as reader:
            return await user_data.by_ids(reader, ids)

    async def visible(self, ids: Sequence[UUID]) -> Mapping[UUID, User]:
        """Those of them whom the caller may see. The others are not there, and are not asked for."""
        caller = self._call.caller
        if not caller.may(Permission.USERS_READ):
            ids = [id_ for id_ in ids if caller.is_user(id_)]
        if not ids:
            return {}
        async with self._db.read() as reader:
            return await user_data.by_ids(reader, ids)

    async def by_ref(self, ref: UserRef, *, with_roles: bool = False) -> User | None:
        """A Holder if it is asked for with its roles and the caller may see them."""
        if not self._call.caller.is_named(ref):
            self._call.caller.require(Permission.USERS_READ)
        async with self._db.read() as reader:
            if with_roles and self._call.caller.may(*WHO_HOLDS_WHAT):
                return await holder_data.by_ref(reader, ref, self._call.now, self._db.known_roles)
            found = (await user_data.by_refs(reader, [ref])).get(ref)
        if found:  # what named the caller may be another's by now
            self._call.caller.require_of_others([found.id], Permission.USERS_READ)
        return found

    async def page(
        self, which: UserSelection, request: PageRequest[UserOrderField], *, with_roles: bool = False
    ) -> Page[User] | Page[Holder]:
        """Of Holders if they are asked for with their roles and the caller may see them."""
        self._call.caller.require(*_to_read(which))
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            if with_roles and self._call.caller.may(*WHO_HOLDS_WHAT):
                return await holder_data.page(reader, which, match, request, self._db.known_roles)
            return await user_data.page(reader, which, match, request)

    async def count(self, which: UserSelection, cap: int) -> int:
        self._call.caller.require(*_to_read(which))
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await user_data.count(reader, which, match, cap)

    async def pages_by_roles(
        self, role_ids: Sequence[UUID], which: UserSelection, request: PageRequest[UserOrderField]
    ) -> Mapping[UUID, Page[User]]:
        self._call.caller.require(*WHO_HOLDS_WHAT)
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await users_of_roles.pages(reader, role_ids, which, match, request)

    async def counts_by_roles(
        self, role_ids: Sequence[UUID], which: UserSelection, cap: int
    ) -> Mapping[UUID, int]:
        self._call.caller.require(*WHO_HOLDS_WHAT)
        async with self._db.read() as reader:
            match = await self._filters.matcher(reader, which.filter)
            return await users_of_roles.counts(reader, role_ids, which, match, cap)

    async def create(self, given: NewUser) -> User:
        needs = (Permission.USERS_WRITE, *((Permission.ROLES_ASSIGN,) if given.grants else ()))
        self._call.caller.require(*needs)
        recorder = Recorder(self._call.request_id)
        return await self._db.write(partial(self._create, given, needs, defaultdict(new_id), recorder))

    async def _create(
        self,
        given: NewUser,
        needs: Sequence[Permission],
        ids: Mapping[Pair, UUID],
        recorder: Recorder,
        writer: Writer,
    ) -> User:
        user = given.user
        errors: list[MutationError] = []
        granted, paths = await _granted(writer, given.grants, errors)
        lasting = {role_id for role_id, (_, grant) in granted.items() if grant.expires_at is None}
        seen = {role_id: role for role_id, (role, _) in granted.items()}
        lock = Locks(writer, self._call, needs)
        locked_roles, _ = await lock.roles_and_users(seen, {}, gaining=lasting, named=identifiers_of(user))
        errors += taken_from(lock.found, [user])[user.id]
        if given.grants is None:
            # A role may have stopped being a default, or been archived, while we waited.
            locked_roles = {
                id_: role
                for id_, role in locked_roles.items()
                if role.is_default and role.archived_at is None
            }
        errors += refs.check_live({}, locked_roles, paths)
        change = Change(by=self._call.caller.actor, at=user.created_at, reason=None)
        plan = Plan({user.id: user}, (), ids, change)
        for role_id, role in locked_roles.items():
            plan.hold(user.id, role_id, granted[role_id][1].expires_at)
            errors += lock.escalation(role.permissions, paths.get(role_id, ("roles",)))
        if plan.overloaded:
            errors.append(too_many_roles(("roles",)))
        if errors:
            raise Rejected(*errors)
        await user_data.add(writer, user)
        events = [of_user(EventType.USER_CREATED, user.id, change, changes_between(None, user))]
        events += await plan.write(writer, locked_roles)
        events += await locks.protect_first_holder(writer, locked_roles, plan.gained, change.at)
        await recorder.write(writer, events)
        return user

    async def create_first_administrator(self, given: NewUser) -> User:
        """One who holds ADMIN, as long as no ACTIVE user holds it for good."""
        self._call.caller.require(*Permission)
        recorder = Recorder(self._call.request_id)
        return await self._db.write(
            partial(self._create_first_administrator, given, defaultdict(new_id), recorder)
        )

    async def _create_first_administrator(
        self, given: NewUser, ids: Mapping[Pair, UUID], recorder: Recorder, writer: Writer
    ) -> User:
        ref = RoleRef(key=RoleKey.KEY, value=ADMIN)
        admin = (await role_data.by_refs(writer, [ref]))[ref]
        await role_data.lock(writer, alone=[admin.id])
        if (await assignment_data.lasting_holder_counts(writer, [admin.id]))[admin.id]:
            raise Rejected(refs.not_allowed(_THERE_IS_ONE, ()))
        return await self._create(given, tuple(Permission), ids, recorder, writer)

    async def update(self, given: UserChangesInput) -> User:
        self._call.caller.require(*_TO_WRITE)
        try:
            changes = check_user_changes(given)
        except Rejected as rejected:
            # What the kind of the user requires is told in the same answer.
            user = await self.by_ref(given.user)
            required = required_of(user.kind, given) if user else ()
            raise Rejected(*required, *rejected.errors) from None
        return await self._db.write(partial(self._update, changes, Recorder(self._call.request_id)))

    async def _update(self, given: UserChanges, recorder: Recorder, writer: Writer) -> User:
        before = await self._locked(writer, given.user, _TO_WRITE)
        check_version(before, given.expected_version)
        if before.status is UserStatus.ERASED:
            raise Rejected(refs.not_allowed("This user is erased.", ("user",)))
        after = changed_user(before, given.fields)
        if same_user(before, after):
            return before
        if errors := await newly_taken(writer, before, after):
            raise Rejected(*errors)
        moment = locks.moment_of(self._call.now, [before])
        after = replace(after, version=before.version + 1, updated_at=moment)
        await user_data.change(writer, after)
        change = Change(by=self._call.caller.actor, at=moment, reason=given.reason)
        changes = changes_between(before, after)
        await recorder.write(writer, [of_user(EventType.USER_UPDATED, after.id, change, changes)])
        return after

    async def _locked(self, writer: Writer, ref: UserRef, needs: Sequence[Permission]) -> User:
        """The user, locked; refused if the user may more than the caller."""
        seen: User | None = None
        if isinstance(ref.value, UUID):
            user_id = ref.value
        else:
            seen = (await user_data.by_refs(writer, [ref])).get(ref)
            if seen is None:
                raise Rejected(refs.no_user(("user",)))
            user_id = seen.id
        lock = Locks(writer, self._call, needs)
        _, locked = await lock.roles_and_users({}, {user_id: seen}, beside=await lock.roles_of([user_id]))
        if user_id not in locked:
            raise Rejected(refs.no_user(("user",)))
        if taken_over := lock.takeovers({user_id: ("user",)}):
            raise Rejected(*taken_over)
        return locked[user_id]

    async def set_status(self, given: StatusToSet) -> StatusSet:
        self._call.caller.require(*_TO_WRITE)
        recorder = Recorder(self._call.request_id)
        return await self._db.write(partial(lifecycle.set_status, given, self._call, _TO_WRITE, recorder))

    async def erase(self, given: UserErasure) -> User:
        self._call.caller.require(*_TO_ERASE)
        return await self._db.write(partial(self._erase, given, Recorder(self._call.request_id)))

    async def _erase(self, given: UserErasure, recorder: Recorder, writer: Writer) -> User:
        before = await self._locked(writer, given.user, _TO_ERASE)
        if before.status is UserStatus.ERASED:
            return before
        lifecycle.check_erasure(before, given.confirm)
        moment = locks.moment_of(self._call.now, [before])
        after = replace(erased_user(before), version=before.version + 1, updated_at=moment)
        await user_data.change(writer, after)
        await event_data.erase(writer, after.id)
        await token_data.erase(writer, after.id)
        change = Change(by=self._call.caller.actor, at=moment, reason=given.reason)
        changes = changes_of({"status": (before.status, after.status)})
        await recorder.write(writer, [of_user(EventType.USER_ERASED, after.id, change, changes)])
        return after


def _to_read(which: UserSelection) -> Sequence[Permission]:
    """A filter that looks at roles tells who holds what."""
    return WHO_HOLDS_WHAT if looks_at_roles(which.filter) else (Permission.USERS_READ,)


async def _granted(
    writer: Writer, grants: Sequence[RoleGrant] | None, errors: list[MutationError]
) -> tuple[Mapping[UUID, tuple[Role, RoleGrant]], Mapping[UUID, Path]]:
    if grants is not None:
        return await find_granted_roles(writer, grants, errors)
    roles = await role_data.defaults(writer)
    return {
        role.id: (role, RoleGrant(role=RoleRef(key=RoleKey.ID, value=role.id), expires_at=None))
        for role in roles
    }, {}
