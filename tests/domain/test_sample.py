"""The sample: the same everywhere and in every size, and nothing in it that the services would not have made."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

import make
from roster.domain import checks
from roster.domain.actors import ActorKind
from roster.domain.assignments import AssignmentState, RoleAssignment
from roster.domain.instants import format_instant
from roster.domain.role_input import NewRoleInput, check_new_role
from roster.domain.roles import ADMIN, Role
from roster.domain.sample.company import Company, Member
from roster.domain.sample.directory import company_at, members
from roster.domain.sample.roles import ARCHIVED, DEFAULT, PROTECTED
from roster.domain.user_input import NewUserInput, check_new_user
from roster.domain.users import UserKind, UserStatus

NOW = datetime(2026, 6, 30, tzinfo=UTC)
HALF_A_YEAR_AGO = NOW - timedelta(days=183)
MANY = 3000
ADMIN_ROLE = make.a_role(id=UUID(int=1), key=ADMIN, created_at=NOW, updated_at=NOW)


@pytest.fixture(scope="module")
def company() -> Company:
    return company_at(NOW, ADMIN_ROLE)


@pytest.fixture(scope="module")
def everyone(company: Company) -> list[Member]:
    return list(members(company, MANY))


@pytest.fixture(scope="module")
def roles(company: Company) -> Mapping[UUID, Role]:
    return {role.id: role for role in company.roles.values()}


def all_of(everyone: Sequence[Member]) -> list[RoleAssignment]:
    return [assignment for _, assignments in everyone for assignment in assignments]


def in_force(assignment: RoleAssignment, moment: datetime) -> bool:
    ends = [end for end in (assignment.ended_at, assignment.expires_at) if end]
    return assignment.assigned_at <= moment and all(moment < end for end in ends)


# ---- the same everywhere ----


@pytest.mark.parametrize("count", [0, 1, 5, 9, 10, 300])
def test_a_smaller_sample_is_the_beginning_of_a_larger_one(
    company: Company, everyone: list[Member], count: int
) -> None:
    assert list(members(company, count)) == everyone[:count]


def test_it_is_the_same_in_every_process_and_version_of_python(everyone: list[Member]) -> None:
    user, assignments = everyone[-1]
    assert (user.display_name, user.email, len(all_of(everyone))) == (
        *("Jiří Hořejší", "jiri.horejsi@example.org", 6787),
    )
    assert [str(assignment.id) for assignment in assignments] == [
        "019c7ab7-d938-79be-be20-334a0fa28871",
        "019e9b0b-1ba8-79be-be20-334a0fa28872",
        "019ebe2c-0728-79be-be20-334a0fa28873",
    ]


def test_another_moment_makes_another_past_of_the_same_people(everyone: list[Member]) -> None:
    later = list(members(company_at(NOW + timedelta(days=1), ADMIN_ROLE), 100))
    assert [user.email for user, _ in later] == [user.email for user, _ in everyone[:100]]
    assert all(
        two.created_at - one.created_at == timedelta(days=1)
        for (one, _), (two, _) in zip(everyone, later, strict=False)
    )


# ---- what the checks of the domain say ----


def test_every_user_is_as_the_checks_would_have_made_it(everyone: list[Member]) -> None:
    for user, _ in everyone:
        given = NewUserInput(
            **{
                field: getattr(user, field)
                for field in NewUserInput.__dataclass_fields__
                if hasattr(user, field)
            }
            | {
                "display_name": None,
                "email_verified_at": user.email_verified_at and format_instant(user.email_verified_at),
                "status": UserStatus.ACTIVE,
                "roles": None,
            }
        )
        made = check_new_user(given, user.created_at).user
        lived = {field: getattr(user, field) for field in ("id", "status", "version", "updated_at")}
        assert replace(made, **lived) == user


def test_every_role_is_as_the_checks_would_have_made_it(roles: Mapping[UUID, Role]) -> None:
    for role in roles.values():
        given = NewRoleInput(
            key=role.key,
            name=role.name,
            description=role.description,
            permissions=role.permissions,
            is_default=role.is_default,
            min_holders=role.min_holders,
        )
        lived = {field: getattr(role, field) for field in ("id", "archived_at", "version", "updated_at")}
        assert replace(check_new_role(given, role.created_at), **lived) == role


def test_every_reason_and_expiry_is_one_that_could_be_given(everyone: list[Member]) -> None:
    for assignment in all_of(everyone):
        for given in (assignment.reason, assignment.revoke_reason):
            assert given is None or checks.reason(given) == given
        if assignment.expires_at:
            text = format_instant(assignment.expires_at)
            assert checks.expiry(text, assignment.assigned_at) == assignment.expires_at


def test_nobody_shares_an_identifier_however_many_there_are(company: Company) -> None:
    users = [user for user, _ in members(company, 15_000)]
    for field in ("id", "email", "username", "external_id"):
        values = [value for user in users if (value := getattr(user, field)) is not None]
        assert len(set(values)) == len(values), field
    addresses = [user.email for user in users if user.email]
    assert {address.partition("@")[2] for address in addresses} == {"example.org", "example.com"}


def test_ids_are_uuids_of_version_7_made_at_their_moment(everyone: list[Member]) -> None:
    made = [(user.id, user.created_at) for user, _ in everyone]
    made += [(assignment.id, assignment.assigned_at) for assignment in all_of(everyone)]
    assert len({id_ for id_, _ in made}) == len(made)
    for id_, moment in made:
        assert (id_.version, id_.variant) == (7, "specified in RFC 4122")
        assert id_.int >> 80 == moment.timestamp() * 1000


# ---- what the services keep ----


def test_a_history_is_within_the_life_of_its_user_and_its_roles(
    everyone: list[Member], roles: Mapping[UUID, Role]
) -> None:
    for user, assignments in everyone:
        for assignment in assignments:
            role = roles[assignment.role_id]
            assert assignment.user_id == user.id
            assert max(user.created_at, role.created_at) <= assignment.assigned_at <= NOW
            assert (assignment.ended_at or NOW) <= NOW
            if role.archived_at:
                assert assignment.ended_at
                assert assignment.ended_at <= role.archived_at
            if user.status is UserStatus.ARCHIVED:
                assert assignment.ended_at
                assert assignment.ended_at <= user.updated_at


def test_a_role_is_held_once_at_a_time_and_what_expired_is_closed_by_what_came_after(
    everyone: list[Member], roles: Mapping[UUID, Role]
) -> None:
    for user, assignments in everyone:
        by_role = defaultdict(list)
        for assignment in assignments:
            by_role[assignment.role_id].append(assignment)
        for role_id, held in by_role.items():
            for one, other in pairwise(held):
                assert one.ended_at
                assert one.ended_at <= other.assigned_at
            gone = user.status is UserStatus.ARCHIVED or roles[role_id].archived_at is not None
            expired = [one for one in held if one.state(NOW) is AssignmentState.EXPIRED]
            assert all(one.ended_at in {None, one.expires_at} for one in expired)
            assert all(bool(one.ended_at) == (gone or one is not held[-1]) for one in expired)


def test_a_version_is_counted_for_every_write(everyone: list[Member]) -> None:
    for user, assignments in everyone:
        writes = {assignment.assigned_at for assignment in assignments} - {user.created_at}
        writes |= {assignment.revoked_at for assignment in assignments if assignment.revoked_at}
        writes |= {user.email_verified_at} if user.email_verified_at else set()
        moved = user.status in {UserStatus.SUSPENDED, UserStatus.ARCHIVED}
        if moved:
            writes |= {user.updated_at}
        assert user.updated_at == max(writes, default=user.created_at)
        # When someone was suspended is not written anywhere but, perhaps, in `updated_at`.
        assert user.version - 1 - len(writes) in ({0, 1} if user.status is UserStatus.SUSPENDED else {0})


def test_who_gave_or_took_a_role_was_an_administrator_then(everyone: list[Member]) -> None:
    admins = [assignment for assignment in all_of(everyone) if assignment.role_id == ADMIN_ROLE.id]
    done = [(given.assigned_by, given.assigned_at) for given in all_of(everyone)]
    done += [
        (given.revoked_by, given.ended_at)
        for given in all_of(everyone)
        if given.revoked_by and given.ended_at
    ]
    kinds = Counter(actor.kind for actor, _ in done)
    assert kinds.keys() == {ActorKind.USER, ActorKind.CLI}
    assert min(kinds.values()) > len(done) / 10
    for actor, moment in done:
        if actor.user_id:
            assert any(held.user_id == actor.user_id and in_force(held, moment) for held in admins)


def test_roles_that_need_holders_have_them(everyone: list[Member], roles: Mapping[UUID, Role]) -> None:
    lasting = Counter(
        assignment.role_id
        for user, assignments in everyone[:2]
        for assignment in assignments
        if user.status is UserStatus.ACTIVE and in_force(assignment, NOW) and not assignment.expires_at
    )
    assert {role.key: role.min_holders for role in roles.values() if role.min_holders} == {
        ADMIN: 1,
        PROTECTED: 1,
    }
    assert all(lasting[role.id] >= role.min_holders for role in roles.values())


# ---- how believable ----


def test_the_cast_is_as_it_is_described(everyone: list[Member], roles: Mapping[UUID, Role]) -> None:
    cast = {user.email or user.username: (user.status, assignments) for user, assignments in everyone[:9]}

    def keys(name: str, moment: datetime) -> set[str]:
        return {roles[held.role_id].key for held in cast[name][1] if in_force(held, moment)}

    now = {name: keys(name, NOW) for name in cast if name}
    assert now == {
        "ada.lovelace@example.org": {DEFAULT, ADMIN, "KEY_HOLDER"},
        "grace.hopper@example.org": {DEFAULT, ADMIN, PROTECTED, "DEVELOPER"},
        "alan.turing@example.org": {DEFAULT, "ANALYST"},
        "katherine.johnson@example.org": {DEFAULT, ADMIN, "ANALYST"},
        "emilie.duchatelet@example.org": {DEFAULT, "WIKI_EDITOR"},
        "margaret.hamilton@example.org": {DEFAULT, "RELEASE_MANAGER", "ON_CALL"},
        "hedy.lamarr@example.org": {DEFAULT},
        "charles.babbage@example.org": set(),
        "deploy-bot": {"CI_RUNNER"},
    }
    assert [status for status, _ in cast.values()] == [
        *[UserStatus.ACTIVE] * 5,
        *(UserStatus.SUSPENDED, UserStatus.PENDING, UserStatus.ARCHIVED, UserStatus.ACTIVE),
    ]
    assert "AUDITOR" in keys("emilie.duchatelet@example.org", NOW - timedelta(days=31))
    assert "KEY_HOLDER" in keys("charles.babbage@example.org", NOW - timedelta(days=201))


def test_who_held_admin_half_a_year_ago_is_not_who_holds_it_now(everyone: list[Member]) -> None:
    def admins(moment: datetime) -> list[str | None]:
        return [
            user.first_name
            for user, assignments in everyone
            for held in assignments
            if held.role_id == ADMIN_ROLE.id and in_force(held, moment)
        ]

    assert admins(NOW) == ["Ada", "Grace", "Katherine"]
    assert admins(HALF_A_YEAR_AGO) == ["Ada", "Grace", "Alan"]


def test_roles_are_held_unevenly(everyone: list[Member], roles: Mapping[UUID, Role]) -> None:
    holders = Counter(roles[held.role_id].key for held in all_of(everyone) if in_force(held, NOW))
    people = [
        user
        for user, _ in everyone
        if user.kind is UserKind.PERSON and user.status is not UserStatus.ARCHIVED
    ]
    assert holders[DEFAULT] == len(people)
    assert holders["VPN_USER"] > MANY / 7
    assert 0 < holders["HELP_DESK"] < holders["BILLING_CLERK"] < holders["MANAGER"] < holders["DEVELOPER"]
    assert 0 < holders["KEY_HOLDER"] < 10
    assert holders.keys() == {role.key for role in roles.values() if not role.archived_at}
    assert {role.key for role in roles.values() if role.archived_at} == set(ARCHIVED)
    assert 2 < len(all_of(everyone)) / MANY < 2.5


@pytest.mark.parametrize(
    ("what", "share"),
    [
        (lambda held: held.state(NOW) is AssignmentState.ACTIVE, 0.75),
        (lambda held: held.state(NOW) is AssignmentState.REVOKED, 0.05),
        (lambda held: held.state(NOW) is AssignmentState.EXPIRED and held.ended_at, 0.01),
        (lambda held: held.state(NOW) is AssignmentState.EXPIRED and not held.ended_at, 0.02),
        (lambda held: in_force(held, NOW) and held.expires_at, 0.03),
        (lambda held: in_force(held, NOW) and not in_force(held, NOW + timedelta(days=15)), 0.005),
        (lambda held: held.revoke_reason and held.revoked_by, 0.03),
        (lambda held: held.reason, 0.3),
        (lambda held: held.assigned_at < NOW - timedelta(days=1000), 0.1),
    ],
)
def test_assignments_are_of_every_sort(
    everyone: list[Member], what: Callable[[RoleAssignment], object], share: float
) -> None:
    found = sum(bool(what(held)) for held in all_of(everyone))
    assert found > share * len(all_of(everyone))


def test_users_are_of_every_sort(everyone: list[Member]) -> None:
    users = [user for user, _ in everyone]
    statuses = Counter(user.status for user in users)
    assert statuses[UserStatus.ACTIVE] > 0.75 * MANY
    assert {status for status, count in statuses.items() if count > 0.01 * MANY} == {
        *(UserStatus.ACTIVE, UserStatus.PENDING, UserStatus.SUSPENDED, UserStatus.ARCHIVED)
    }
    assert 0.01 * MANY < sum(user.kind is UserKind.SERVICE for user in users) < 0.05 * MANY
    assert sum(not user.display_name.isascii() for user in users) > 0.3 * MANY
    assert len({user.display_name for user in users}) > 0.9 * MANY
    assert len({user.locale for user in users}) > 15
    for field in ("phone", "username", "external_id", "email_verified_at"):
        given = sum(getattr(user, field) is not None for user in users)
        assert 0.1 * MANY < given < 0.98 * MANY, field
    assert all(user.email_verified_at is None for user in users if user.status is UserStatus.PENDING)
