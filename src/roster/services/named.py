"""The users and roles that a mutation names, locked."""

from collections.abc import Mapping
from uuid import UUID

from roster.data import locks as lock_data
from roster.domain.assignment_input import USER_REFS, RolesToAssign, RolesToRevoke
from roster.domain.errors import MutationError, Path, Rejected
from roster.domain.roles import Role, RoleKey, RoleRef
from roster.domain.users import User, UserKey, UserRef
from roster.services import refs
from roster.services.locks import Locks


async def locked(
    lock: Locks, given: RolesToAssign | RolesToRevoke, *, loses: bool, unseen: bool = False
) -> tuple[Mapping[UUID, User], Mapping[UUID, Role], Mapping[UUID, Path]]:
    """The users and roles named, locked, and where each is named. Raises Rejected for every one that is not there.

    The roles may lose a lasting holder, or else gain one. `unseen` saves a round trip where all are named by ids: begins
    again if one of the roles turns out to be one that is locked alone, which only a look at it beforehand tells.
    """
    user_ids, role_ids = refs.ids_in(given.users), refs.ids_in(given.roles)
    users: Mapping[UUID, User | None]
    roles: Mapping[UUID, Role | None]
    if unseen := unseen and user_ids is not None and role_ids is not None:
        users, roles = dict.fromkeys(user_ids or ()), dict.fromkeys(role_ids or ())
    else:
        found = await lock_data.by_refs(lock.writer, given.users, given.roles)
        users, roles, paths = _named(given, *found)
    locked_roles, locked_users = await lock.roles_and_users(
        roles, users, losing=roles if loses else (), gaining=() if loses else roles
    )
    if unseen:
        _, _, paths = _named(
            given,
            {UserRef(key=UserKey.ID, value=id_): user for id_, user in locked_users.items()},
            {RoleRef(key=RoleKey.ID, value=id_): role for id_, role in locked_roles.items()},
        )
    return locked_users, locked_roles, paths


def _named(
    given: RolesToAssign | RolesToRevoke,
    found_users: Mapping[UserRef, User],
    found_roles: Mapping[RoleRef, Role],
) -> tuple[Mapping[UUID, User], Mapping[UUID, Role], Mapping[UUID, Path]]:
    errors: list[MutationError] = []
    users = refs.users_named(found_users, given.users, USER_REFS, errors)
    roles = refs.roles_named(found_roles, given.roles, ("roles",), errors)
    if errors:
        raise Rejected(*errors)
    return (
        {user_id: user for user_id, (user, _) in users.items()},
        {role_id: role for role_id, (role, _) in roles.items()},
        {id_: path for id_, (_, path) in (*users.items(), *roles.items())},
    )
