"""Every service, for one call."""

from dataclasses import dataclass

from roster.data.db import Database
from roster.domain.callers import Call
from roster.services.assignments import Assignments
from roster.services.events import Events
from roster.services.filters import Filters
from roster.services.roles import Roles
from roster.services.tokens import Tokens
from roster.services.users import Users


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    call: Call
    users: Users
    roles: Roles
    assignments: Assignments
    events: Events
    tokens: Tokens

    @classmethod
    def of(cls, db: Database, call: Call) -> "Services":
        filters = Filters(call.now)
        return cls(
            call=call,
            users=Users(db, call, filters),
            roles=Roles(db, call, filters),
            assignments=Assignments(db, call, filters),
            events=Events(db, call),
            tokens=Tokens(db, call),
        )
