"""The lifecycle of users: which steps there are, and what each takes along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from roster.data import assignments as assignment_data
from roster.data import roles as role_data
from roster.data import tokens as token_data
from roster.data import users as user_data
from roster.data.connections import Writer
from roster.domain.assignment_input import USER_REFS, StatusToSet
from roster.domain.assignments import Change, RoleAssignment
from roster.domain.callers import Call
from roster.domain.errors import InvalidTransitionError, MutationError, Path, Rejected
from roster.domain.events import Event, EventType, changes_of, of_token, of_user
from roster.domain.permissions import Permission
from roster.domain.roles import Role
from roster.domain.users import LIVE_STATUSES, TRANSITIONS, User, UserStatus
from roster.services import locks, refs
from roster.services.identifiers import taken
from roster.services.locks import Locks
from roster.services.plans import Plan
from roster.services.recording import Recorder


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSet:
    """`users` are as they are now, in the order named; `changed` of them were in another status before."""

    users: Sequence[User]
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """The users named, locked, where each is named, and what they hold with the roles of that, locked too."""

    users: Mapping[UUID, User]
    paths: Mapping[UUID, Path]
    held: Sequence[RoleAssignment]
    roles: Mapping[UUID, Role]


async def set_status(
    given: StatusToSet, call: Call, needs: Sequence[Permission], recorder: Recorder, writer: Writer
) -> StatusSet:
    lock = Locks(writer, call, needs)
    named = await _lock(given, lock)
    await _check_transitions(writer, named, given.status)
    changing = {id_: user for id_, user in named.users.items() if user.status is not given.status}
    if errors := lock.takeovers({id_: named.paths[id_] for id_ in changing}):
        raise Rejected(*errors)
    if not changing:
        return StatusSet(users=list(named.users.values()), changed=0)
    moment = locks.moment_of(call.now, changing.values())
    change = Change(by=call.caller.actor, at=moment, reason=given.reason)
    after, events = await _move(writer, given.status, changing, named, change)
    lost = _lasting_roles(named.held, changing)
    where = {role_id: named.paths[user_id] for role_id, user_id in lost.items()}
    await lock.check_holders_left(named.roles, lost, where)
    gained = _lasting_roles(named.held, after)
    events += await locks.protect_first_holder(writer, named.roles, gained, moment)
    await recorder.write(writer, events)
    return StatusSet(users=[after.get(id_, user) for id_, user in named.users.items()], changed=len(changing))


async def _lock(given: StatusToSet, lock: Locks) -> _Named:
    errors: list[MutationError] = []
    found = await refs.find_users(lock.writer, given.users, USER_REFS, errors)
    if errors:
        raise Rejected(*errors)
    seen = await assignment_data.open_of_users(lock.writer, list(found))
    role_ids = {assignment.role_id for assignment in seen}
    held_roles = await role_data.by_ids(lock.writer, list(role_ids)) if role_ids else {}
    leaves = given.status is not UserStatus.ACTIVE
    roles, users = await lock.roles_and_users(
        held_roles,
        {id_: user for id_, (user, _) in found.items()},
        losing=held_roles if leaves else (),
        gaining=() if leaves else held_roles,
    )
    held = lock.held(users)
    locks.check_all_locked(held, roles)
    paths = {user_id: path for user_id, (_, path) in found.items()}
    return _Named(users=users, paths=paths, held=held, roles=roles)


async def _move(
    writer: Writer, status: UserStatus, users: Mapping[UUID, User], named: _Named, change: Change
) -> tuple[Mapping[UUID, User], list[Event]]:
    """The users as they are then, and what is to be recorded."""
    events = [
        of_user(EventType.USER_STATUS_CHANGED, user.id, change, changes_of({"status": (user.status, status)}))
        for user in users.values()
    ]
    if status is UserStatus.ARCHIVED:
        held = [assignment for assignment in named.held if assignment.user_id in users]
        plan = Plan(users, held, {}, change)
        plan.drop_everything()
        events += await plan.write(writer, named.roles)
        # One that came back would otherwise find its old tokens working.
        revoked = await token_data.revoke_all_of(writer, list(users), change.at)
        events += [of_token(EventType.TOKEN_REVOKED, token, change) for token in revoked]
    return await user_data.touch(writer, users.values(), change.at, status=status), events


async def _check_transitions(writer: Writer, named: _Named, status: UserStatus) -> None:
    errors: list[MutationError] = []
    restored: list[User] = []
    for user_id, path in named.paths.items():
        user = named.users[user_id]
        if user.status is status:
            continue
        if status not in TRANSITIONS[user.status] or status is UserStatus.ERASED:
            errors.append(_transition_error(user, status, path))
        elif user.status not in LIVE_STATUSES:
            restored.append(user)
    for user_id, found in (await taken(writer, restored)).items():
        errors += [replace(error, path=named.paths[user_id]) for error in found]
    if errors:
        raise Rejected(*errors)


def check_erasure(user: User, confirm: str) -> None:
    if user.status is not UserStatus.ARCHIVED:
        raise Rejected(_transition_error(user, UserStatus.ERASED, ("user",)))
    if confirm not in {user.email, user.username}:
        message = "This is not the stored address, nor the username, of the user."
        raise Rejected(refs.not_allowed(message, ("confirm",)))


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
