"""What no two live users share: email, username and externalId. The database ends the races."""

from collections.abc import Mapping, Sequence
from itertools import chain
from uuid import UUID

from roster.data import users as user_data
from roster.data.connections import Writer
from roster.domain.errors import TakenError, UniqueField
from roster.domain.users import LIVE_STATUSES, User, UserKey, UserRef

_UNIQUE = {
    UserKey.EMAIL: UniqueField.EMAIL,
    UserKey.USERNAME: UniqueField.USERNAME,
    UserKey.EXTERNAL_ID: UniqueField.EXTERNAL_ID,
}


async def taken(writer: Writer, users: Sequence[User]) -> Mapping[UUID, Sequence[TakenError]]:
    """For each user a TakenError for each identifier that another live user has, or one before it among these is to have."""
    refs = list(chain.from_iterable(identifiers_of(user) for user in users))
    return taken_from(await user_data.by_refs(writer, refs), users)


def identifiers_of(user: User) -> Sequence[UserRef]:
    return [UserRef(key=key, value=value) for key in _UNIQUE if (value := getattr(user, key.value))]


def taken_from(found: Mapping[UserRef, User], users: Sequence[User]) -> Mapping[UUID, Sequence[TakenError]]:
    """What `taken` answers where this is what their identifiers find."""
    refs_of = {user.id: identifiers_of(user) for user in users}
    owners = {ref: owner.id for ref, owner in found.items()}
    return {
        user_id: [
            TakenError(
                message="Another user has this already.",
                path=(ref.key.value,),
                field=_UNIQUE[ref.key],
                existing_id=owners[ref],
            )
            for ref in user_refs
            if owners.setdefault(ref, user_id) != user_id
        ]
        for user_id, user_refs in refs_of.items()
    }


async def newly_taken(writer: Writer, before: User, after: User) -> Sequence[TakenError]:
    """The same for a live user whose identifiers change; most updates change none, and look up nothing."""
    changed = any(getattr(before, key.value) != getattr(after, key.value) for key in _UNIQUE)
    return (await taken(writer, [after]))[after.id] if changed and after.status in LIVE_STATUSES else ()
