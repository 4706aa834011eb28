"""Who holds what: assigned, changed, revoked and set; what history then says of every instant; how many there may be."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

import make
from acting import NOW, acting, history, one_refusal, refusal, role_ids_at, stored_user
from client import Client
from roster.data.db import Database
from roster.data.statements import count_statements
from roster.domain.actors import LOCAL_OPERATOR
from roster.domain.assignments import AssignmentState, RoleAssignment, Scope
from roster.domain.errors import (
    InvalidInputError,
    InvalidReason,
    LimitExceededError,
    NotFoundError,
    Path,
    StaleVersionError,
)
from roster.domain.roles import Role, RoleKey, RoleRef
from roster.domain.users import User, UserKey, UserRef, UserStatus
from roster.services.assignments import Assigned, Revoked

MS = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)


def counts(done: Assigned | Revoked) -> tuple[int, ...]:
    """Assigned, changed, unchanged; or revoked, unchanged."""
    if isinstance(done, Revoked):
        return done.revoked, done.unchanged
    return done.assigned, done.changed, done.unchanged


async def ids_of(db: Database, user: User) -> list[UUID]:
    return [assignment.id for assignment in await history(db, user)]


# ---- assigned ----


async def test_every_user_named_holds_every_role_named(db: Database) -> None:
    users = [await make.user(db) for _ in range(3)]
    roles = [await make.role(db) for _ in range(2)]
    await make.assignment(db, users[0], roles[0])
    caller = await make.caller(db)
    by = caller.actor
    again = UserRef(key=UserKey.EMAIL, value=str(users[1].email))
    named: list[User | UserRef] = [*reversed(users), again]
    done = await acting(db, caller=caller).assign(named, [*roles, roles[0]], reason="Joined")
    assert counts(done) == (5, 0, 1)
    assert list(done.users) == [replace(u, version=2, updated_at=NOW) for u in reversed(users)]
    for user in users[1:]:
        held = await history(db, user)
        assert {assignment.role_id for assignment in held} == {role.id for role in roles}
        for assignment in held:
            expected = make.an_assignment(user, roles[0], assigned_at=NOW, assigned_by=by, reason="Joined")
            assert assignment == replace(expected, id=assignment.id, role_id=assignment.role_id)


EXPIRIES = (None, NOW + HOUR, NOW + 2 * HOUR)


@pytest.mark.parametrize("before", EXPIRIES)
@pytest.mark.parametrize("after", EXPIRIES)
async def test_assigning_what_is_held_sets_its_expiry(
    db: Database, before: datetime | None, after: datetime | None
) -> None:
    user, role = await make.user(db), await make.role(db)
    held = await make.assignment(db, user, role, expires_at=before, reason="First")
    done = await acting(db).assign([user], [role], expires_at=after, reason="Second")
    changed = before != after
    assert counts(done) == (0, int(changed), int(not changed))
    assert await history(db, user) == [replace(held, expires_at=after)]
    expected = replace(user, version=2, updated_at=NOW) if changed else user
    assert list(done.users) == [expected]
    assert await stored_user(db, user) == expected


async def test_what_is_assigned_for_good_by_id_is_not_looked_up_before_it_is_locked(db: Database) -> None:
    user, roles = await make.user(db), [await make.role(db) for _ in range(4)]
    by_email = UserRef(key=UserKey.EMAIL, value=str(user.email))
    by_keys = [RoleRef(key=RoleKey.KEY, value=role.key) for role in roles]

    async def sent(user: User | UserRef, role: Role | RoleRef, expires_at: datetime | None) -> int:
        statements = count_statements()
        assert counts(await acting(db).assign([user], [role], expires_at=expires_at)) == (1, 0, 0)
        return statements()

    looked_up = await sent(by_email, by_keys[0], None)
    assert await sent(user, by_keys[1], None) == looked_up
    assert await sent(user, roles[2], None) == looked_up - 2
    # A role that may lose a holder has to be seen first.
    assert await sent(user, roles[3], NOW + HOUR) == looked_up


@pytest.mark.parametrize("ago", [timedelta(), MS, HOUR])
async def test_assigning_over_what_has_expired_closes_it_and_begins_anew(
    db: Database, ago: timedelta
) -> None:
    user, role = await make.user(db), await make.role(db)
    expired = await make.assignment(db, user, role, expires_at=NOW - ago, reason="First")
    done = await acting(db).assign([user], [role], expires_at=NOW + HOUR, reason="Second")
    assert counts(done) == (1, 0, 0)
    closed, new = await history(db, user)
    assert closed == replace(expired, ended_at=NOW - ago)
    assert new == make.an_assignment(
        user, role, id=new.id, assigned_at=NOW, expires_at=NOW + HOUR, reason="Second"
    )
    assert [a.state(NOW) for a in (closed, new)] == [AssignmentState.EXPIRED, AssignmentState.ACTIVE]


@pytest.mark.parametrize("status", [UserStatus.ARCHIVED, UserStatus.ERASED])
async def test_only_live_users_hold_roles_and_only_live_roles_are_held(
    db: Database, status: UserStatus
) -> None:
    live, gone = await make.user(db), await make.user(db, status=UserStatus.ARCHIVED)
    if status is UserStatus.ERASED:
        await acting(db).erase(gone, str(gone.email))
    good = await make.role(db)
    archived = await make.role(db, archived_at=NOW, updated_at=NOW)
    act = acting(db)
    errors = await refusal(act.assign([live, gone], [good, archived]))
    assert errors == tuple(
        InvalidInputError(message=error.message, path=path, reason=InvalidReason.NOT_ALLOWED)
        for error, path in zip(errors, [("users", "refs", "1"), ("roles", "1")], strict=True)
    )
    errors = await refusal(act.set_roles(gone, {good: None, archived: None}))
    assert [error.path for error in errors] == [("user",), ("roles", "1", "role")]
    assert counts(await act.revoke([live, gone], [good, archived])) == (0, 4)
    assert await history(db, live) == []
    assert await stored_user(db, live) == live


@pytest.mark.parametrize("status", [UserStatus.PENDING, UserStatus.SUSPENDED])
async def test_whoever_is_live_can_hold_a_role(db: Database, status: UserStatus) -> None:
    user, role = await make.user(db, status=status), await make.role(db)
    assert counts(await acting(db).assign([user], [role])) == (1, 0, 0)


async def test_one_bad_name_among_many_keeps_everything_as_it_is(db: Database) -> None:
    users = [await make.user(db) for _ in range(20)]
    role, nobody, nothing = await make.role(db), make.a_user(), make.a_role()
    await make.assignment(db, users[0], role)
    before = await ids_of(db, users[0])
    for work in (
        acting(db).assign([*users, nobody], [role, nothing]),
        acting(db).revoke([*users, nobody], [role, nothing]),
    ):
        errors = await refusal(work)
        assert errors == tuple(
            NotFoundError(message=error.message, path=path)
            for error, path in zip(errors, [("users", "refs", "20"), ("roles", "1")], strict=True)
        )
    stored = await acting(db).services.users.by_ids([user.id for user in users])
    assert stored == {user.id: user for user in users}
    assert await ids_of(db, users[0]) == before


# ---- revoked ----


async def test_revoking_ends_what_is_in_force_and_nothing_else(db: Database) -> None:
    users = [await make.user(db) for _ in range(3)]
    role, other = await make.role(db), await make.role(db)
    held = await make.assignment(db, users[0], role, expires_at=NOW + HOUR)
    expired = await make.assignment(db, users[1], role, expires_at=NOW)
    kept = await make.assignment(db, users[0], other)
    caller = await make.caller(db)
    by = caller.actor
    done = await acting(db, caller=caller).revoke(users, [role], reason="Done")
    assert counts(done) == (1, 2)
    assert list(done.users) == [replace(users[0], version=2, updated_at=NOW), *users[1:]]
    revoked = replace(held, ended_at=NOW, revoked_by=by, revoke_reason="Done")
    assert await history(db, users[0]) == [revoked, kept]
    assert await history(db, users[1]) == [expired]
    assert counts(await acting(db, NOW + HOUR).revoke(users, [role])) == (0, 3)
    assert (await stored_user(db, users[0])).version == 2


# ---- set ----


async def test_setting_answers_exactly_what_it_did(db: Database) -> None:
    user = await make.user(db)
    new, same, shorter, lasting, dropped, expired, renewed = [await make.role(db) for _ in range(7)]
    until = NOW + HOUR
    held = {
        role: await make.assignment(db, user, role, expires_at=expiry)
        for role, expiry in [
            (same, until),
            (shorter, None),
            (lasting, until),
            (dropped, None),
            (expired, NOW - HOUR),
            (renewed, NOW - HOUR),
        ]
    }
    wanted = {new: until, same: until, shorter: until, lasting: None, renewed: None}
    done = await acting(db).set_roles(user, wanted, reason="Moved", expected_version=1)
    assert done.user == replace(user, version=2, updated_at=NOW) == await stored_user(db, user)
    ids = {assignment.role_id: assignment.id for assignment in done.assigned}
    assert list(done.assigned) == [
        make.an_assignment(user, role, id=ids[role.id], assigned_at=NOW, expires_at=expiry, reason="Moved")
        for role, expiry in [(new, until), (renewed, None)]
    ]
    assert list(done.changed) == [
        replace(held[shorter], expires_at=until),
        replace(held[lasting], expires_at=None),
    ]
    assert list(done.revoked) == [
        replace(held[dropped], ended_at=NOW, revoked_by=LOCAL_OPERATOR, revoke_reason="Moved")
    ]
    untouched = [held[same], held[expired], replace(held[renewed], ended_at=NOW - HOUR)]
    after = {assignment.id: assignment for assignment in await history(db, user)}
    expected = (*done.assigned, *done.changed, *done.revoked, *untouched)
    assert after == {assignment.id: assignment for assignment in expected}


async def test_setting_what_is_so_already_does_nothing(db: Database) -> None:
    user, role = await make.user(db), await make.role(db)
    held = await make.assignment(db, user, role, expires_at=NOW + HOUR)
    expired = await make.assignment(db, user, await make.role(db), expires_at=NOW)
    done = await acting(db).set_roles(user, {role: NOW + HOUR})
    assert (done.user, list(done.assigned), list(done.changed), list(done.revoked)) == (user, [], [], [])
    assert await history(db, user) == [held, expired]
    done = await acting(db).set_roles(user, {})
    assert (done.user.version, [a.id for a in done.revoked]) == (2, [held.id])


async def test_a_stale_setting_is_refused_with_the_user_as_it_is(db: Database) -> None:
    user, role = await make.user(db), await make.role(db)
    current = (await acting(db).assign([user], [role])).users[0]
    before = await history(db, user)
    error = await one_refusal(acting(db).set_roles(user, {}, expected_version=1))
    assert error == StaleVersionError(
        message=error.message,
        path=("expected_version",),
        expected_version=1,
        current_version=2,
        current=current,
    )
    assert await history(db, user) == before
    assert (await acting(db).set_roles(user, {}, expected_version=2)).user.version == 3


async def test_a_role_named_twice_or_not_there_is_refused(db: Database) -> None:
    user, role, nothing = await make.user(db), await make.role(db), make.a_role()
    twice = replace(role, name="The same once more")
    errors = await refusal(acting(db).set_roles(user, {role: None, twice: NOW + HOUR, nothing: None}))
    assert errors == (
        InvalidInputError(
            message=errors[0].message, path=("roles", "1", "role"), reason=InvalidReason.NOT_ALLOWED
        ),
        NotFoundError(message=errors[1].message, path=("roles", "2", "role")),
    )
    assert await history(db, user) == []


# ---- history ----


async def test_history_says_who_held_what_at_every_instant(db: Database) -> None:
    user, role = await make.user(db), await make.role(db)
    start = NOW + HOUR
    await acting(db, start).assign([user], [role], expires_at=start + 3 * HOUR)
    await acting(db, start + HOUR).revoke([user], [role])
    await acting(db, start + 2 * HOUR).assign([user], [role], expires_at=start + 4 * HOUR)
    await acting(db, start + 5 * HOUR).assign([user], [role])
    held = {
        start - MS: 0,
        start: 1,
        start + HOUR - MS: 1,
        start + HOUR: 0,
        start + 2 * HOUR - MS: 0,
        start + 2 * HOUR: 1,
        start + 4 * HOUR - MS: 1,
        start + 4 * HOUR: 0,
        start + 5 * HOUR - MS: 0,
        start + 5 * HOUR: 1,
        start + 1000 * HOUR: 1,
    }
    assert {at: await role_ids_at(db, user, at) for at in held} == {
        at: [role.id] * times for at, times in held.items()
    }
    at_scopes = {at: Scope(states=frozenset(), active_at=at) for at in held}
    assert {at: len(await history(db, user, scope)) for at, scope in at_scopes.items()} == held


@pytest.mark.parametrize("closed", [True, False])
async def test_an_expiry_ends_it_whether_closed_or_not(db: Database, closed: bool) -> None:
    user, role = await make.user(db), await make.role(db)
    end = NOW - HOUR
    await make.assignment(db, user, role, expires_at=end, ended_at=end if closed else None)
    assert [await role_ids_at(db, user, at) for at in (end - MS, end, end + MS)] == [[role.id], [], []]


@pytest.mark.parametrize(
    ("state", "indexes"),
    [
        (AssignmentState.REVOKED, [0]),
        (AssignmentState.EXPIRED, [1, 2]),
        (AssignmentState.ACTIVE, [3]),
    ],
)
async def test_each_assignment_is_in_one_state(
    db: Database, state: AssignmentState, indexes: list[int]
) -> None:
    user = await make.user(db)
    roles = [await make.role(db) for _ in range(3)]
    by = LOCAL_OPERATOR
    every = [
        await make.assignment(db, user, roles[0], expires_at=NOW - MS, ended_at=NOW - HOUR, revoked_by=by),
        await make.assignment(db, user, roles[0], expires_at=NOW - MS, ended_at=NOW - MS),
        await make.assignment(db, user, roles[1], expires_at=NOW),
        await make.assignment(db, user, roles[2], expires_at=NOW + MS),
    ]
    expected = [every[index] for index in indexes]
    assert await history(db, user, Scope(states=frozenset({state}), active_at=None)) == expected
    assert [assignment for assignment in every if assignment.state(NOW) is state] == expected


async def test_a_clock_that_is_behind_does_not_turn_time_back(db: Database) -> None:
    user, role = await make.user(db), await make.role(db)
    await acting(db, NOW + HOUR).assign([user], [role])
    await acting(db, NOW).revoke([user], [role])
    (held,) = await history(db, user)
    assert (held.assigned_at, held.ended_at) == (NOW + HOUR, NOW + HOUR)
    assert await role_ids_at(db, user, NOW + HOUR) == []


async def test_an_expiry_that_passed_on_the_way_is_refused(db: Database) -> None:
    user, role = await make.user(db, updated_at=NOW + HOUR), await make.role(db)
    error = await one_refusal(acting(db).assign([user], [role], expires_at=NOW + HOUR))
    assert error == InvalidInputError(
        message=error.message, path=("expires_at",), reason=InvalidReason.IN_THE_PAST
    )
    assert await history(db, user) == []


# ---- limits ----


async def holding(db: Database, live: int) -> tuple[User, list[Role]]:
    """A user who holds so many roles, and two that have expired; and those roles, with two more to spare."""
    user = make.a_user()
    roles = [make.a_role() for _ in range(live + 4)]
    held: list[RoleAssignment] = [make.an_assignment(user, role) for role in roles[:live]]
    held += [make.an_assignment(user, role, expires_at=NOW) for role in roles[live : live + 2]]
    await make.store(db, user, *roles, *held)
    return user, roles


def over(path: Path) -> LimitExceededError:
    return LimitExceededError(message="A user holds at most 100 roles at once.", path=path, limit=100)


async def test_a_user_is_assigned_at_most_100_roles(db: Database) -> None:
    (full, roles), other = await holding(db, 99), await make.user(db)
    assert counts(await acting(db).assign([full], roles[-1:])) == (1, 0, 0)
    error = await one_refusal(acting(db).assign([other, full], roles[-2:]))
    assert error == over(("users", "refs", "1"))
    # What has expired counts no more, but would again.
    assert await one_refusal(acting(db).assign([full], [roles[99]])) == over(("users", "refs", "0"))
    assert await history(db, other) == []
    assert counts(await acting(db).assign([full], roles[:99], expires_at=NOW + HOUR)) == (0, 99, 0)
    await acting(db).revoke([full], roles[:1])
    assert counts(await acting(db).assign([full], [roles[99]])) == (1, 0, 0)


async def test_a_user_is_created_with_at_most_100_roles(db: Database) -> None:
    roles = [make.a_role() for _ in range(101)]
    await make.store(db, *roles)
    user = await acting(db).create(email="full@example.org", grants=dict.fromkeys(roles[:100]))
    assert len(await history(db, user)) == 100
    work = acting(db).create(email="over@example.org", grants=dict.fromkeys(roles))
    assert await one_refusal(work) == over(("roles",))


async def test_a_user_is_created_with_at_most_100_default_roles(db: Database) -> None:
    roles = [make.a_role(is_default=True) for _ in range(101)]
    await make.store(db, *roles)
    assert await one_refusal(acting(db).create(email="over@example.org")) == over(("roles",))
    await acting(db).archive_role(roles[0])
    assert len(await history(db, await acting(db).create(email="full@example.org"))) == 100


async def test_a_user_is_set_to_at_most_100_roles(db: Database) -> None:
    user, roles = await holding(db, 99)
    exchanged = dict.fromkeys(roles[3:])
    done = await acting(db).set_roles(user, exchanged)
    assert (len(done.assigned), len(done.changed), len(done.revoked)) == (4, 0, 3)
    before = await history(db, user)
    assert await one_refusal(acting(db).set_roles(user, dict.fromkeys(roles[2:]))) == over(("user",))
    assert await history(db, user) == before


MUTATIONS = {
    "assignRoles": "mutation($i: AssignRolesInput!) { assignRoles(input: $i) { matched errors { ...E } } }",
    "revokeRoles": "mutation($i: RevokeRolesInput!) { revokeRoles(input: $i) { matched errors { ...E } } }",
    "setUserStatus": "mutation($i: SetUserStatusInput!) { setUserStatus(input: $i) { matched errors { ...E } } }",
}
FRAGMENT = " fragment E on MutationError { code path ... on LimitExceededError { limit } }"


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_mutation_names_at_most_200_users(db: Database, api: Client, name: str) -> None:
    users = [make.a_user() for _ in range(200)]
    await make.store(db, *users)
    refs = [{"id": make.user_id(user.id)} for user in users]
    what: dict[str, Any] = (
        {"status": "SUSPENDED"} if name == "setUserStatus" else {"roles": [{"key": "ADMIN"}]}
    )

    async def naming(*given: dict[str, str]) -> Any:
        return await api(MUTATIONS[name] + FRAGMENT, i={"users": {"refs": given}, **what})

    limit = {"code": "LIMIT_EXCEEDED", "path": ["users", "refs"], "limit": 200}
    # Also where one is named twice.
    assert await naming(*refs, refs[0]) == {"matched": 0, "errors": [limit]}
    stored = await acting(db).services.users.by_ids([user.id for user in users])
    assert stored == {user.id: user for user in users}
    assert await naming(*refs) == {"matched": 200, "errors": []}
