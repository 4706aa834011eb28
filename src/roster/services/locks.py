"""The order of locks and what they guard: roles by id, then users by id, whatever the mutation.

Roles are locked shared by whoever only relies on them, and alone by whoever changes one or takes a holder from a
protected one. Whether that is so is looked up first and looked at again under the lock: if it has changed, the
transaction begins again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from roster.data import assignments as assignment_data
from roster.data import roles as role_data
from roster.data import users as user_data
from roster.data.db import BeginAgain, Writer
from roster.domain.assignments import RoleAssignment
from roster.domain.errors import Path, Rejected, TooFewHoldersError
from roster.domain.roles import ADMIN, Role
from roster.domain.users import LIVE_STATUSES, User


async def lock_roles(
    writer: Writer,
    seen: Mapping[UUID, Role],
    *,
    losing: Collection[UUID] = (),
    gaining: Collection[UUID] = (),
) -> Mapping[UUID, Role]:
    """Locks the roles seen. `losing` may lose a lasting holder, `gaining` may gain one."""
    if not seen:
        return {}

    def alone(role: Role) -> bool:
        loses = role.min_holders > 0 and role.id in losing
        return loses or (_awaits_first_holder(role) and role.id in gaining)

    to_change = any(alone(role) for role in seen.values())
    locked = await role_data.lock(writer, list(seen), to_change=to_change)
    if not to_change and any(alone(role) for role in locked.values()):
        raise BeginAgain
    return locked


def _awaits_first_holder(role: Role) -> bool:
    return role.key == ADMIN and role.min_holders == 0 and role.archived_at is None


async def lock_users(
    writer: Writer, seen: Mapping[UUID, User]
) -> tuple[Mapping[UUID, User], Sequence[RoleAssignment]]:
    """Locks the users seen and answers them with what they hold, expired or not.

    Begins again if what can name one of them has changed meanwhile: its address may be another's, or nobody's, now.
    """
    locked = await user_data.lock(writer, list(seen))
    if any(_names(user) != _names(locked[user_id]) for user_id, user in seen.items()):
        raise BeginAgain
    return locked, await assignment_data.open_of_users(writer, list(seen))


def _names(user: User) -> tuple[bool, str | None, str | None, str | None]:
    return user.status in LIVE_STATUSES, user.email, user.username, user.external_id


def check_all_locked(held: Iterable[RoleAssignment], locked_roles: Collection[UUID]) -> None:
    """For what looks at every role that a user holds: begins again if one of them was assigned meanwhile."""
    if not {assignment.role_id for assignment in held} <= set(locked_roles):
        raise BeginAgain


def moment_of(now: datetime, changed: Iterable[User | Role]) -> datetime:
    """When a write happens: now, but never before what it follows, whatever the clocks of other servers say."""
    return max([now, *(thing.updated_at for thing in changed)])


async def check_holders_left(
    writer: Writer, roles: Mapping[UUID, Role], lost: Collection[UUID], paths: Mapping[UUID, Path]
) -> None:
    """After the writes: refuses them if a role that lost a lasting holder is left with fewer than it must have."""
    protected = sorted(
        (role_id for role_id in lost if roles[role_id].min_holders > 0), key=lambda id_: roles[id_].key
    )
    if not protected:
        return
    counts = await assignment_data.lasting_holder_counts(writer, protected)
    errors = [
        too_few_holders(roles[role_id], roles[role_id].min_holders, counts[role_id], paths[role_id])
        for role_id in protected
        if counts[role_id] < roles[role_id].min_holders
    ]
    if errors:
        raise Rejected(*errors)


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
) -> None:
    """After the writes: a first lasting holder of ADMIN makes it protected."""
    for role_id in gained:
        role = roles[role_id]
        if _awaits_first_holder(role):
            changed = replace(
                role, min_holders=1, version=role.version + 1, updated_at=max(moment, role.updated_at)
            )
            await role_data.change(writer, changed)
