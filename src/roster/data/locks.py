"""Users, roles and what is held, found and locked together: in the order of all locks, and in one round trip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from roster.data import assignments as assignment_data
from roster.data import roles as role_data
from roster.data import users as user_data
from roster.data.connections import Reader, Writer
from roster.data.row_locks import NOTHING_TO_LOCK, ToLock
from roster.domain.assignments import RoleAssignment
from roster.domain.roles import Role, RoleRef
from roster.domain.users import User, UserRef


async def by_refs(
    reader: Reader | Writer, users: Sequence[UserRef], roles: Sequence[RoleRef]
) -> tuple[Mapping[UserRef, User], Mapping[RoleRef, Role]]:
    """What `users.by_refs` and `roles.by_refs` answer, in one round trip."""
    of_users = user_data.asking_for(users)
    answers = await reader.execute_all([*of_users, *role_data.asking_for(roles)])
    return (
        user_data.found_by(users, answers[: len(of_users)]),
        role_data.found_by(roles, answers[len(of_users) :]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """What is locked, as it is then; what the users hold, expired or not, which is as stable; and whom the `refs` found."""

    roles: Mapping[UUID, Role]
    users: Mapping[UUID, User]
    held: Sequence[RoleAssignment]
    found: Mapping[UserRef, User]


async def lock(
    writer: Writer, *, roles: ToLock = NOTHING_TO_LOCK, users: ToLock, refs: Sequence[UserRef] = ()
) -> Locked:
    """Locks the roles, then the users, until the transaction ends, and looks up `refs` then: all in one round trip."""
    of_roles, of_users = role_data.locking(roles), user_data.locking(users)
    of_held = [assignment_data.asking_for_open([*{*users.alone, *users.shared}])] if of_users else []
    answers = await writer.execute_all([*of_roles, *of_users, *of_held, *user_data.asking_for(refs)])
    after_roles, after_users = len(of_roles), len(of_roles) + len(of_users)
    after_held = after_users + len(of_held)
    return Locked(
        roles=role_data.records_by_id(answers[:after_roles]),
        users=user_data.records_by_id(answers[after_roles:after_users]),
        held=assignment_data.records(answers[after_users:after_held]),
        found=user_data.found_by(refs, answers[after_held:]),
    )
