"""What every sample user's history refers to: when it all began, which roles there are, who gave them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from roster.domain.actors import LOCAL_OPERATOR, Actor, ActorKind
from roster.domain.assignments import RoleAssignment
from roster.domain.roles import Role
from roster.domain.sample.dice import Dice
from roster.domain.sample.history import End
from roster.domain.users import User

# How long ago it all began, and at which second of a day.
DAYS, AT_WORK = 2190, 9 * 3600

# A user, with every assignment that there ever was.
Member = tuple[User, Sequence[RoleAssignment]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """Who held ADMIN, from `since` until before `until`."""

    actor: Actor
    since: int
    until: float

    @classmethod
    def of(cls, held: RoleAssignment) -> "Tenure":
        end = held.ended_at or held.expires_at
        return cls(
            actor=Actor(kind=ActorKind.USER, user_id=held.user_id),
            since=int(held.assigned_at.timestamp()),
            until=end.timestamp() if end else inf,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """`retired` says how each archived role ended, by its key."""

    founded: int
    now: int
    roles: Mapping[str, Role]
    retired: Mapping[str, End]
    admins: Sequence[Tenure]

    def admin_at(self, moment: int, dice: Dice) -> Actor:
        """Someone who held ADMIN then, or whoever was at the command line."""
        tenure = dice.pick(self.admins)
        return tenure.actor if tenure.since <= moment < tenure.until else LOCAL_OPERATOR
