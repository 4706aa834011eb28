"""The first users of every sample, whom examples can name. All but the service are MEMBERs.

    ada.lovelace@example.org        ACTIVE     ADMIN from the first day, for good; KEY_HOLDER
    grace.hopper@example.org        ACTIVE     ADMIN for three years, for good; DATA_PROTECTION_OFFICER; DEVELOPER
    alan.turing@example.org         ACTIVE     ADMIN until 90 days ago, so half a year ago still; ANALYST
    katherine.johnson@example.org   ACTIVE     ADMIN for 20 days, which expires in 12; ANALYST
    emilie.duchatelet@example.org   ACTIVE     AUDITOR until it expired 30 days ago; WIKI_EDITOR for another 200 days
    margaret.hamilton@example.org   SUSPENDED  for 15 days; RELEASE_MANAGER; ON_CALL expired, and was assigned again
    hedy.lamarr@example.org         PENDING    came 5 days ago
    charles.babbage@example.org     ARCHIVED   200 days ago; was KEY_HOLDER and FAX_OPERATOR
    deploy-bot                      ACTIVE     a service; CI_RUNNER

ADMIN is held by nobody else, at no time.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from roster.domain.actors import LOCAL_OPERATOR, Actor, ActorKind
from roster.domain.roles import ADMIN
from roster.domain.sample.company import AT_WORK, DAYS, Company, Member
from roster.domain.sample.dice import Dice
from roster.domain.sample.history import DAY, End, History, id_at
from roster.domain.sample.names import ascii_of
from roster.domain.sample.roles import DEFAULT, PROTECTED
from roster.domain.users import UserKind, UserStatus


class _Held(NamedTuple):
    """A role held since so many days ago; it expires in, or was revoked before, so many days."""

    key: str
    since: int
    reason: str | None = None
    expires: int | None = None
    revoked: int | None = None
    why: str | None = None
    renewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """Came, and moved on to the present status, so many days ago."""

    first: str
    last: str
    department: str
    came: int
    held: tuple[_Held, ...]
    status: UserStatus = UserStatus.ACTIVE
    moved: int = 0
    why: str | None = None


_PEOPLE = (
    _Person(
        first="Ada",
        last="Lovelace",
        department="Engineering",
        came=DAYS,
        held=(_Held(ADMIN, DAYS), _Held("KEY_HOLDER", 2100)),
    ),
    _Person(
        first="Grace",
        last="Hopper",
        department="Engineering",
        came=2150,
        held=(
            _Held("DEVELOPER", 2149, "Joined the team"),
            _Held(ADMIN, 1096, "Two administrators are safer than one"),
            _Held(PROTECTED, 800, "Appointed by the board"),
        ),
    ),
    _Person(
        first="Alan",
        last="Turing",
        department="Research",
        came=2000,
        held=(
            _Held("ANALYST", 1990, "Joined the team"),
            _Held(ADMIN, 700, "Migration of the directory", revoked=90, why="The migration is done"),
        ),
    ),
    _Person(
        first="Katherine",
        last="Johnson",
        department="Research",
        came=1500,
        held=(
            _Held("ANALYST", 1499, "Joined the team"),
            _Held(ADMIN, 20, "Stands in for Grace Hopper", expires=12),
        ),
    ),
    _Person(
        first="Émilie",
        last="du Châtelet",
        department="Finance",
        came=1200,
        held=(
            _Held("AUDITOR", 120, "Annual audit", expires=-30),
            _Held("WIKI_EDITOR", 400, "Translates the handbook", expires=200),
        ),
    ),
    _Person(
        first="Margaret",
        last="Hamilton",
        department="Engineering",
        came=1700,
        status=UserStatus.SUSPENDED,
        moved=15,
        held=(
            _Held("RELEASE_MANAGER", 1000, "Joined the team"),
            _Held("ON_CALL", 330, "Rota of last year", expires=-60, renewed=True),
            _Held("ON_CALL", 55, "Rota of this year", expires=310),
        ),
    ),
    _Person(first="Hedy", last="Lamarr", department="Research", came=5, status=UserStatus.PENDING, held=()),
    _Person(
        first="Charles",
        last="Babbage",
        department="Operations",
        came=2180,
        status=UserStatus.ARCHIVED,
        moved=200,
        why="Retired",
        held=(_Held("KEY_HOLDER", 2100), _Held("FAX_OPERATOR", 2000, "Sends the invoices")),
    ),
)


def ada(founded: int) -> Actor:
    return Actor(kind=ActorKind.USER, user_id=id_at(founded, Dice("user 0").noise))


def cast(company: Company) -> list[Member]:
    people = [_person(number, person, company) for number, person in enumerate(_PEOPLE)]
    return [*people, _deploy_bot(len(people), company)]


def _ago(days: int, company: Company) -> int:
    return company.now - days * DAY + AT_WORK


def _history(number: int, came: int, status: UserStatus, company: Company) -> History:
    return History(
        noise=Dice(f"user {number}").noise,
        created=_ago(came, company),
        status=status,
        retired=company.retired,
    )


def _person(number: int, person: _Person, company: Company) -> Member:
    ago = partial(_ago, company=company)
    giver = ada(company.founded) if number else LOCAL_OPERATOR
    history = _history(number, person.came, UserStatus.PENDING, company)
    if person.status is not UserStatus.PENDING:
        history.verify(ago(person.came) + 3600)
    if person.status is UserStatus.SUSPENDED:
        history.suspend(ago(person.moved))
    if person.status is UserStatus.ARCHIVED:
        history.leave(End(at=ago(person.moved), by=giver, reason=person.why))
    history.hold(company.roles[DEFAULT], ago(person.came), giver, None)
    for held in person.held:
        history.hold(
            company.roles[held.key],
            ago(held.since),
            giver,
            held.reason,
            expires=None if held.expires is None else ago(-held.expires),
            revoked=None if held.revoked is None else End(at=ago(held.revoked), by=giver, reason=held.why),
            renewed=held.renewed,
        )
    user = history.user(
        kind=UserKind.PERSON,
        email=f"{ascii_of(person.first)}.{ascii_of(person.last)}@example.org",
        first_name=person.first,
        last_name=person.last,
        display_name=f"{person.first} {person.last}",
        phone=f"+44207946{number:04d}",
        locale="en-GB",
        timezone="Europe/London",
        external_id=f"hr-{number + 1:06d}",
        attributes={"department": person.department, "location": "London", "costCenter": "CC-1000"},
    )
    return user, history.assignments


def _deploy_bot(number: int, company: Company) -> Member:
    history = _history(number, 1600, UserStatus.ACTIVE, company)
    history.hold(company.roles["CI_RUNNER"], _ago(1600, company), ada(company.founded), None)
    name = "deploy-bot"
    user = history.user(
        kind=UserKind.SERVICE, username=name, display_name=name, attributes={"department": "Engineering"}
    )
    return user, history.assignments
