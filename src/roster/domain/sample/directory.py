"""The sample as a whole."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from roster.domain.roles import Role
from roster.domain.sample.cast import ada, cast
from roster.domain.sample.company import AT_WORK, DAYS, Company, Member, Tenure
from roster.domain.sample.crowd import someone
from roster.domain.sample.history import DAY, End
from roster.domain.sample.roles import ARCHIVED, sample_roles


def company_at(now: datetime, admin: Role) -> Company:
    """`admin` is the role ADMIN as the migrations left it."""
    moment = int(now.timestamp())
    founded = moment - DAYS * DAY + AT_WORK
    roles = sample_roles(admin, founded, moment)
    retired = {
        key: End(at=moment - days * DAY, by=ada(founded), reason="It was switched off")
        for key, days in ARCHIVED.items()
    }
    company = Company(founded=founded, now=moment, roles=roles, retired=retired, admins=())
    held = [held for _, history in cast(company) for held in history if held.role_id == admin.id]
    return replace(company, admins=[Tenure.of(given) for given in held])


def members(company: Company, count: int) -> Iterator[Member]:
    """The first `count` users, each with every assignment that was ever made to them."""
    known = cast(company)
    yield from known[:count]
    for number in range(len(known), count):
        yield someone(number, company)
