"""Which assignments are looked at: those in some states now, or those in force at a moment."""

from collections.abc import Collection
from typing import Annotated

import strawberry

from roster.api.filters import read_instant
from roster.api.scalars import DateTime
from roster.domain.assignments import IN_FORCE, AssignmentState, Scope
from roster.domain.errors import BadUserInputError, Path

ActiveAt = Annotated[
    DateTime | None,
    strawberry.argument(
        description="Those in force at this moment, whatever has become of them since. Not with states other than [ACTIVE]."
    ),
]
States = Annotated[
    list[AssignmentState], strawberry.argument(description="Those in these states now; [] matches nothing.")
]


def read_scope(
    states: Collection[AssignmentState] | None, active_at: DateTime | None, path: Path = ()
) -> Scope:
    """In force now if neither is given; the states may say so beside `active_at`, which they would else contradict."""
    given = IN_FORCE.states if states is None else frozenset(states)
    if active_at is None or active_at is strawberry.UNSET:
        return Scope(states=given, active_at=None)
    if given != IN_FORCE.states:
        raise BadUserInputError("Give states or activeAt, not both.", (*path, "active_at"))
    return Scope(states=given, active_at=read_instant(active_at, (*path, "active_at")))
