"""Everyone after the cast. Whoever has a number is the same in a sample of any size."""

from enum import Enum, auto

from roster.domain.roles import Role
from roster.domain.sample.company import AT_WORK, DAYS, Company, Member
from roster.domain.sample.dice import Dice
from roster.domain.sample.history import DAY, End, History
from roster.domain.sample.names import DEPARTMENTS, JOBS, SITES, Site, ascii_of
from roster.domain.sample.roles import DEFAULT, FOR_PEOPLE, FOR_SERVICES
from roster.domain.users import UserKind, UserStatus

# One in so many is a service.
_SERVICE_EVERY = 40
_NEWCOMER = 45 * DAY
_DOMAINS = ("example.org", "example.com")

# What is picked from: the more often it stands here, the more often it happens.
_NEW = (*[UserStatus.ACTIVE] * 2, UserStatus.PENDING)
_OLD = (
    *[UserStatus.ACTIVE] * 50,
    *[UserStatus.ARCHIVED] * 7,
    *[UserStatus.SUSPENDED] * 2,
)
_OF_SERVICES = (*[UserStatus.ACTIVE] * 12, UserStatus.ARCHIVED)
# How many roles beside the default one.
_EXTRAS = (0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 5)
_ARRIVAL = 30 * DAY
_ON_ARRIVAL = (None, "Joined the team")
_FOR_A_WHILE = (None, "Stands in for a colleague", "Project Aurora", "Project Meridian")
_FOR_GOOD = (None, None, "Asked for by the manager", "Changed teams", "Access review")
_REVOKING = (None, "Changed teams", "No longer needed", "Access review", "The project has ended")
_LEAVING = (None, "Left the company", "Left the company", "End of contract", "Retired")


class _Fate(Enum):
    """What became of an assignment."""

    LASTS = auto()
    ENDS_SOON = auto()
    ENDS_LATER = auto()
    EXPIRED = auto()
    RENEWED = auto()
    REVOKED = auto()


_FATES = (
    *[_Fate.LASTS] * 22,
    *[_Fate.REVOKED] * 4,
    *[_Fate.ENDS_LATER] * 3,
    *[_Fate.EXPIRED] * 3,
    _Fate.ENDS_SOON,
    _Fate.RENEWED,
)

# Everyone's name: given, family, and what stands before the @. Later rounds put a number behind it.
_NAMES = tuple(
    (site, given, family, f"{ascii_of(given)}.{ascii_of(family)}")
    for site in SITES
    for given in site.given
    for family in site.family
)
# Coprime to how many there are: neighbours have little in common, and each name comes up once a round.
_STRIDE = 2_741

_DESKS = {
    (site.city, department): {
        "department": department,
        "location": site.city,
        "costCenter": f"CC-{1000 + 100 * index + place}",
    }
    for index, site in enumerate(SITES)
    for place, department in enumerate(DEPARTMENTS)
}


def someone(number: int, company: Company) -> Member:
    """The user of that number, who is nobody of the cast."""
    return _service(number, company) if number % _SERVICE_EVERY == 0 else _person(number, company)


def _person(number: int, company: Company) -> Member:
    dice = Dice(f"user {number}")
    created = _created(dice, company)
    status = dice.pick(_NEW if company.now - created < _NEWCOMER else _OLD)
    history = History(noise=dice.noise, created=created, status=UserStatus.PENDING, retired=company.retired)
    if status is not UserStatus.PENDING:
        history.verify(created + 60 + dice.below(DAY))
    until = _moved(status, created, history, dice, company)
    history.hold(company.roles[DEFAULT], created, company.admin_at(created, dice), None)
    extras = 0 if status is UserStatus.PENDING else dice.pick(_EXTRAS)
    for key in dict.fromkeys(dice.pick(FOR_PEOPLE) for _ in range(extras)):
        _given(company.roles[key], created, until, history, dice, company)
    site, given, family, local = _NAMES[number * _STRIDE % len(_NAMES)]
    if again := number // len(_NAMES):
        local += str(again + 1)
    user = history.user(
        kind=UserKind.PERSON,
        email=f"{local}@{dice.pick(_DOMAINS)}",
        username=local if dice.below(4) == 0 else None,
        first_name=given,
        last_name=family,
        display_name=f"{given} {family}",
        phone=_phone(site, dice),
        locale=site.locale,
        timezone=site.timezone,
        external_id=f"hr-{number + 1:06d}" if dice.below(8) else None,
        attributes=_DESKS[site.city, dice.pick(DEPARTMENTS)],
    )
    return user, history.assignments


def _service(number: int, company: Company) -> Member:
    dice = Dice(f"user {number}")
    created = _created(dice, company)
    history = History(noise=dice.noise, created=created, status=UserStatus.ACTIVE, retired=company.retired)
    status = dice.pick(_OF_SERVICES if company.now - created > _NEWCOMER else (UserStatus.ACTIVE,))
    _moved(status, created, history, dice, company)
    history.hold(company.roles[dice.pick(FOR_SERVICES)], created, company.admin_at(created, dice), None)
    round_, job = divmod(number // _SERVICE_EVERY, len(JOBS))
    name = f"{JOBS[job]}-{round_ + 1}" if round_ else JOBS[job]
    user = history.user(
        kind=UserKind.SERVICE,
        username=name,
        display_name=name,
        attributes={"department": dice.pick(DEPARTMENTS)},
    )
    return user, history.assignments


def _created(dice: Dice, company: Company) -> int:
    """In working hours, more often of late: the company grew."""
    day = max(dice.below(DAYS - 4), dice.below(DAYS - 4))
    return company.founded + (day + 1) * DAY + dice.below(AT_WORK)


def _moved(status: UserStatus, created: int, history: History, dice: Dice, company: Company) -> int:
    """Tells how the user came to the status; returns until when roles were given."""
    if status is UserStatus.SUSPENDED:
        history.suspend(dice.between(created + 2 * DAY, company.now))
    if status is not UserStatus.ARCHIVED:
        return company.now
    left = dice.between(created + 7 * DAY, company.now)
    history.leave(End(at=left, by=company.admin_at(left, dice), reason=dice.pick(_LEAVING)))
    return left


def _given(  # noqa: PLR0913, PLR0917 -- all that it depends on
    role: Role, created: int, until: int, history: History, dice: Dice, company: Company
) -> None:
    """One role beside the default one, and what became of it."""
    since = dice.between(created, until - 1)
    later = dice.between(since, until)
    by, fate = company.admin_at(since, dice), dice.pick(_FATES)
    lasting = _ON_ARRIVAL if since - created < _ARRIVAL else _FOR_GOOD
    reason = dice.pick(lasting if fate in {_Fate.LASTS, _Fate.REVOKED} else _FOR_A_WHILE)
    match fate:
        case _Fate.LASTS:
            history.hold(role, since, by, reason)
        case _Fate.ENDS_SOON:
            history.hold(
                role, since, by, reason, expires=dice.between(company.now + 2 * DAY, company.now + 14 * DAY)
            )
        case _Fate.ENDS_LATER:
            history.hold(
                role, since, by, reason, expires=dice.between(company.now + 14 * DAY, company.now + 400 * DAY)
            )
        case _Fate.EXPIRED:
            history.hold(role, since, by, reason, expires=later)
        case _Fate.RENEWED:
            history.hold(role, since, by, reason, expires=later, renewed=True)
            history.hold(role, later, company.admin_at(later, dice), "Renewed")
        case _Fate.REVOKED:
            end = End(at=later, by=company.admin_at(later, dice), reason=dice.pick(_REVOKING))
            history.hold(role, since, by, reason, revoked=end)


def _phone(site: Site, dice: Dice) -> str | None:
    if site.phone is None:
        return None
    return f"{site.phone}{dice.below(10**site.phone_digits):0{site.phone_digits}d}"
