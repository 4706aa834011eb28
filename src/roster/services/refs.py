"""Finding whom and what a mutation names, with a NotFoundError for each reference that finds nothing."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from roster.data import users as user_data
from roster.data.connections import Writer
from roster.domain.errors import InvalidInputError, InvalidReason, MutationError, NotFoundError, Path
from roster.domain.roles import Role, RoleRef
from roster.domain.users import LIVE_STATUSES, User, UserRef, UserStatus


async def find_users(
    writer: Writer, refs: Sequence[UserRef], path: Path, errors: list[MutationError]
) -> dict[UUID, tuple[User, Path]]:
    """Each user found, once, with the path of the first reference to it."""
    return users_named(await user_data.by_refs(writer, refs), refs, path, errors)


async def find_user(writer: Writer, ref: UserRef, errors: list[MutationError]) -> User | None:
    user = (await user_data.by_refs(writer, [ref])).get(ref)
    if user is None:
        errors.append(no_user(("user",)))
    return user


def ids_in(refs: Sequence[UserRef] | Sequence[RoleRef]) -> list[UUID] | None:
    """None if one of them names by something else."""
    ids = [ref.value for ref in refs if isinstance(ref.value, UUID)]
    return ids if len(ids) == len(refs) else None


def users_named(
    found: Mapping[UserRef, User], refs: Sequence[UserRef], path: Path, errors: list[MutationError]
) -> dict[UUID, tuple[User, Path]]:
    """What `find_users` answers where this is what the references find."""
    users: dict[UUID, tuple[User, Path]] = {}
    for index, ref in enumerate(refs):
        where = (*path, str(index))
        if user := found.get(ref):
            users.setdefault(user.id, (user, where))
        else:
            errors.append(no_user(where))
    return users


def roles_named(
    found: Mapping[RoleRef, Role], refs: Sequence[RoleRef], path: Path, errors: list[MutationError]
) -> dict[UUID, tuple[Role, Path]]:
    """The same for roles."""
    roles: dict[UUID, tuple[Role, Path]] = {}
    for index, ref in enumerate(refs):
        where = (*path, str(index))
        if role := found.get(ref):
            roles.setdefault(role.id, (role, where))
        else:
            errors.append(no_role(where))
    return roles


def no_user(path: Path) -> NotFoundError:
    return NotFoundError(message="There is no such user.", path=path)


def no_role(path: Path) -> NotFoundError:
    return NotFoundError(message="There is no such role.", path=path)


def check_live(
    users: Mapping[UUID, User], roles: Mapping[UUID, Role], paths: Mapping[UUID, Path]
) -> list[MutationError]:
    """Only live users can hold roles, and only live roles can be held."""
    errors: list[MutationError] = []
    for user in users.values():
        if user.status not in LIVE_STATUSES:
            state = "erased" if user.status is UserStatus.ERASED else "archived: restore it first"
            errors.append(not_allowed(f"This user is {state}.", paths[user.id]))
    errors += [
        not_allowed("This role is archived.", paths[role.id])
        for role in roles.values()
        if role.archived_at is not None
    ]
    return errors


def not_allowed(message: str, path: Path) -> InvalidInputError:
    return InvalidInputError(message=message, path=path, reason=InvalidReason.NOT_ALLOWED)
