"""Every service, for one caller at one moment."""

from dataclasses import dataclass
from datetime import datetime

from roster.data.db import Database
from roster.domain.actors import Actor
from roster.services.assignments import Assignments
from roster.services.filters import Filters
from roster.services.roles import Roles
from roster.services.users import Users


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    now: datetime
    users: Users
    roles: Roles
    assignments: Assignments

    @classmethod
    def of(cls, db: Database, actor: Actor, now: datetime) -> "Services":
        filters = Filters(now)
        return cls(
            now=now,
            users=Users(db, actor, now, filters),
            roles=Roles(db, actor, now, filters),
            assignments=Assignments(db, actor, now, filters),
        )
