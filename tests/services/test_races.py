"""Mutations that overlap: one wins, every other is told why it did not, and none deadlocks.

Each race is shown to be one: all of its mutations have looked, and wait, before the first of them can write.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import permutations, product
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

import make
from acting import LATER, NOW, WAYS_TO_LOSE, Acting, acting, history, stored_role, stored_user
from racing import Ended, Work, deadlocks, race, role_gate, role_insert_gate, user_gate, user_insert_gate
from roster.data.db import Database
from roster.domain.errors import (
    InvalidInputError,
    InvalidReason,
    InvalidTransitionError,
    LimitExceededError,
    NotFoundError,
    Path,
    Rejected,
    RoleInUseError,
    StaleVersionError,
    TakenError,
    TooFewHoldersError,
    UnavailableError,
    UniqueField,
)
from roster.domain.roles import Role, RoleKey, RoleRef
from roster.domain.users import User, UserKey, UserRef, UserStatus

ROUNDS = range(3)
SUSPENDED, ARCHIVED = UserStatus.SUSPENDED, UserStatus.ARCHIVED
IDENTIFIERS = [
    (UniqueField.EMAIL, "email"),
    (UniqueField.USERNAME, "username"),
    (UniqueField.EXTERNAL_ID, "external_id"),
]
ONE_USER: Path = ("users", "refs", "0")


@pytest.fixture(scope="module", autouse=True)
async def _without_deadlock(shared_db: Database) -> AsyncIterator[None]:
    before = await deadlocks(shared_db)
    yield
    assert await deadlocks(shared_db) == before


def only_winner(ends: list[Ended]) -> Ended:
    (winner,) = [end for end in ends if end.won]
    return winner


def not_allowed(end: Ended, path: Path) -> InvalidInputError:
    return InvalidInputError(message=end.error.message, path=path, reason=InvalidReason.NOT_ALLOWED)


async def selected(db: Database, statement: str, **values: Any) -> list[Any]:
    async with db.read() as reader:
        return list((await reader.execute(text(statement), values)).scalars())


# ---- unique values ----


@pytest.mark.parametrize("number", ROUNDS)
@pytest.mark.parametrize(("field", "name"), IDENTIFIERS)
async def test_an_identifier_goes_to_one_user(
    db: Database, field: UniqueField, name: str, number: int
) -> None:
    given: dict[str, Any] = {name: f"one{number}@example.org" if name == "email" else f"one{number}"}
    archived = [await make.user(db, status=ARCHIVED, **given) for _ in range(2)]
    live = [await make.user(db) for _ in range(2)]
    act = acting(db)
    works: list[tuple[Path, Work[object]]] = [
        *(((name,), partial(act.create, **({"email": f"new{n}@example.org"} | given))) for n in range(3)),
        *((ONE_USER, partial(act.set_status, SUSPENDED, user)) for user in archived),
        *(((name,), partial(act.update, user, **given)) for user in live),
    ]
    gate = user_insert_gate(given)
    ends = await race(db, gate, *(work for _, work in works))
    winner = only_winner(ends)
    owner = await act.services.users.by_ref(UserRef(key=UserKey(name), value=given[name]))
    assert owner
    for (path, _), end in zip(works, ends, strict=True):
        if end is not winner:
            assert end.error == TakenError(
                message=end.error.message, path=path, field=field, existing_id=owner.id
            )


@pytest.mark.parametrize("number", ROUNDS)
async def test_a_key_goes_to_one_role(db: Database, number: int) -> None:
    key = f"ONE_{number}"
    works = [partial(acting(db).add_role, key, name=f"Role {n}") for n in range(6)]
    ends = await race(db, role_insert_gate(key), *works)
    winner = only_winner(ends)
    assert await selected(db, "SELECT name FROM roles WHERE key = :key", key=key) == [winner.value.name]
    for end in ends:
        if end is not winner:
            assert end.error == TakenError(
                message=end.error.message,
                path=("key",),
                field=UniqueField.ROLE_KEY,
                existing_id=winner.value.id,
            )


async def test_the_last_free_role_goes_to_one(db: Database) -> None:
    many = (
        "INSERT INTO roles (key, key_fold, name, name_fold, created_at, updated_at)"
        " SELECT 'MANY_' || n, 'many_' || n, 'Many', 'many', now(), now() FROM generate_series(1, 1998) AS n"
    )
    async with db.engine.begin() as connection:
        await connection.execute(text(many))
    works = [partial(acting(db).add_role, f"LAST_{n}") for n in range(4)]
    ends = await race(db, text("LOCK TABLE roles IN SHARE MODE"), *works)
    winner = only_winner(ends)
    assert await selected(db, "SELECT key FROM roles WHERE key LIKE 'LAST%'") == [winner.value.key]
    for end in ends:
        if end is not winner:
            assert end.error == LimitExceededError(message=end.error.message, path=(), limit=2000)


# ---- the same assignment ----


@pytest.mark.parametrize("number", ROUNDS)
@pytest.mark.parametrize("at_role", [True, False])
async def test_a_role_is_assigned_once(db: Database, at_role: bool, number: int) -> None:
    user, role = await make.user(db), await make.role(db)
    if number:
        await make.assignment(db, user, role, expires_at=NOW)
    gate = role_gate(role) if at_role else user_gate(user)
    ends = await race(db, gate, *[partial(acting(db).assign, [user], [role])] * 5)
    told = sorted((end.value.assigned, end.value.changed, end.value.unchanged) for end in ends)
    assert told == [(0, 0, 1)] * 4 + [(1, 0, 0)]
    open_ = "SELECT expires_at FROM role_assignments WHERE user_id = :id AND ended_at IS NULL"
    assert await selected(db, open_, id=user.id) == [None]
    assert len(await history(db, user)) == (2 if number else 1)
    assert (await stored_user(db, user)).version == 2


@pytest.mark.parametrize("number", ROUNDS)
async def test_different_expiries_follow_each_other(db: Database, number: int) -> None:
    user, role = await make.user(db), await make.role(db)
    act = acting(db)
    works: list[Work[object]] = [
        partial(act.assign, [user], [role]),
        partial(act.assign, [user], [role], expires_at=LATER),
        partial(act.set_roles, user, {role: None}),
        partial(act.set_roles, user, {role: LATER}),
    ]
    ends = await race(db, user_gate(user), *works[number:], *works[:number])
    (held,) = await history(db, user)
    assert (held.assigned_at, held.ended_at) == (NOW, None)
    # Whichever came last: each saw what the one before had left.
    writes = sum(bool(end.value.assigned or end.value.changed) for end in ends)
    assert (await stored_user(db, user)).version == 1 + writes


async def test_the_last_free_place_of_a_user_goes_to_one_role(db: Database) -> None:
    user, roles = await make.user(db), [make.a_role() for _ in range(103)]
    await make.store(db, *roles, *(make.an_assignment(user, role) for role in roles[:99]))
    works = [partial(acting(db).assign, [user], [role]) for role in roles[99:]]
    ends = await race(db, user_gate(user), *works)
    only_winner(ends)
    for end in ends:
        if not end.won:
            assert end.error == LimitExceededError(message=end.error.message, path=ONE_USER, limit=100)
    assert len(await history(db, user)) == 100


# ---- stale versions ----

WRITES: dict[str, Callable[[Acting, User, Role], Awaitable[object]]] = {
    "updateUser": lambda act, user, _: act.update(user, first_name="Ada", expected_version=1),
    "setUserRoles": lambda act, user, role: act.set_roles(user, {role: None}, expected_version=1),
}


@pytest.mark.parametrize(("first", "second"), list(product(WRITES, repeat=2)))
async def test_of_two_who_decided_from_one_version_of_a_user_one_wins(
    db: Database, first: str, second: str
) -> None:
    for _ in ROUNDS:
        user, role = await make.user(db), await make.role(db)
        act = acting(db)
        works = [partial(WRITES[name], act, user, role) for name in (first, second)]
        winner, loser = await race(db, user_gate(user), *works)
        assert winner.won
        current = await stored_user(db, user)
        assert loser.error == stale(loser, current)


def stale(end: Ended, current: User | Role) -> StaleVersionError:
    return StaleVersionError(
        message=end.error.message,
        path=("expected_version",),
        expected_version=1,
        current_version=2,
        current=current,
    )


ROLE_WRITES: dict[str, Callable[[Acting, Role], Awaitable[object]]] = {
    "updateRole": lambda act, role: act.update_role(role, name="Writer", expected_version=1),
    "archiveRole": lambda act, role: act.archive_role(role, expected_version=1),
}


@pytest.mark.parametrize(("first", "second"), list(product(ROLE_WRITES, repeat=2)))
async def test_of_two_who_decided_from_one_version_of_a_role_one_wins(
    db: Database, first: str, second: str
) -> None:
    for _ in ROUNDS:
        role = await make.role(db)
        act = acting(db)
        winner, loser = await race(
            db, role_gate(role), *(partial(ROLE_WRITES[name], act, role) for name in (first, second))
        )
        assert winner.won
        assert loser.error == stale(loser, await stored_role(db, role))


# ---- the last holder ----


async def lasting(db: Database, role: Role) -> int:
    statement = (
        "SELECT count(*) FROM role_assignments a JOIN users u ON u.id = a.user_id WHERE a.role_id = :id"
        " AND a.ended_at IS NULL AND a.expires_at IS NULL AND u.status = 'ACTIVE'"
    )
    (count,) = await selected(db, statement, id=role.id)
    return int(count)


async def held_role(db: Database, holders: int, min_holders: int) -> tuple[Role, list[User]]:
    role, users = make.a_role(min_holders=min_holders), [make.a_user() for _ in range(holders)]
    await make.store(db, role, *users, *(make.an_assignment(user, role) for user in users))
    return role, users


def too_few(end: Ended, role: Role, path: Path, min_holders: int, holders: int) -> TooFewHoldersError:
    return TooFewHoldersError(
        message=end.error.message, path=path, role=role, min_holders=min_holders, holders=holders
    )


@pytest.mark.parametrize(("first", "second"), list(product(WAYS_TO_LOSE, repeat=2)))
async def test_of_two_holders_one_stays(db: Database, first: str, second: str) -> None:
    for _ in range(2):
        role, (one, other) = await held_role(db, 2, 1)
        act = acting(db)
        (_, lose), (path, lose_too) = WAYS_TO_LOSE[first], WAYS_TO_LOSE[second]
        winner, loser = await race(
            db, role_gate(role), partial(lose, act, one, role), partial(lose_too, act, other, role)
        )
        assert winner.won
        assert loser.error == too_few(loser, role, path, 1, 0)
        assert await lasting(db, role) == 1
        assert await stored_user(db, other) == other


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("way", WAYS_TO_LOSE)
async def test_a_holder_goes_or_min_holders_is_raised(db: Database, way: str, before: int) -> None:
    """Where nothing protects the role yet, the one who takes a holder has not locked it for that: it must look again."""
    path, lose = WAYS_TO_LOSE[way]
    for raise_first in (True, False):
        role, users = await held_role(db, before + 1, before)
        act = acting(db)
        works: list[Work[object]] = [
            partial(act.update_role, role, min_holders=before + 1),
            partial(lose, act, users[0], role),
        ]
        winner, loser = await race(db, role_gate(role), *(works if raise_first else works[::-1]))
        assert winner.won
        role_now = await stored_role(db, role)
        expected_path = path if raise_first else ("min_holders",)
        assert loser.error == too_few(loser, role_now, expected_path, before + 1, before)
        assert role_now.min_holders == (before + 1 if raise_first else before)
        assert await lasting(db, role) == (before + 1 if raise_first else before)


@pytest.mark.parametrize("way", WAYS_TO_LOSE)
async def test_two_holders_who_looked_before_the_role_was_protected_do_not_both_go(
    db: Database, way: str
) -> None:
    path, lose = WAYS_TO_LOSE[way]
    for _ in ROUNDS:
        role, users = await held_role(db, 2, 0)
        act = acting(db)
        raised, *lost = await race(
            db,
            role_gate(role),
            partial(act.update_role, role, min_holders=1),
            *(partial(lose, act, user, role) for user in users),
        )
        assert raised.won
        only_winner(lost)
        (refused,) = [end for end in lost if not end.won]
        assert refused.error == too_few(refused, raised.value, path, 1, 0)
        assert await lasting(db, role) == 1


@pytest.mark.parametrize("way", [*WAYS_TO_LOSE, "raised"])
async def test_a_protected_role_is_not_archived_whatever_else_happens(db: Database, way: str) -> None:
    for archive_first in (True, False):
        role, users = await held_role(db, 2, 1)
        act = acting(db)
        other: Work[object] = partial(act.update_role, role, min_holders=2)
        if way in WAYS_TO_LOSE:
            other = partial(WAYS_TO_LOSE[way][1], act, users[0], role)
        archive = partial(act.archive_role, role, revoke_assignments=True)
        ends = await race(db, role_gate(role), *((archive, other) if archive_first else (other, archive)))
        loser, winner = ends if archive_first else ends[::-1]
        assert winner.won
        seen = role if archive_first else await stored_role(db, role)
        assert loser.error == too_few(loser, seen, ("role",), seen.min_holders, 0)
        assert await lasting(db, role) == (2 if way == "raised" else 1)


async def test_two_first_administrators_protect_the_role_once(db: Database) -> None:
    admin = await make.admin_role(db)
    users = [await make.user(db) for _ in range(3)]
    pending = await make.user(db, status=UserStatus.PENDING)
    await make.assignment(db, pending, admin)
    act = acting(db)
    works: list[Work[object]] = [
        *(partial(act.assign, [user], [admin]) for user in users),
        partial(act.set_status, UserStatus.ACTIVE, pending),
        partial(act.create, email="new@example.org", grants={admin: None}),
    ]
    ends = await race(db, role_gate(admin), *works)
    assert all(end.won for end in ends)
    now = await stored_role(db, admin)
    assert (now.min_holders, now.version, await lasting(db, admin)) == (1, admin.version + 1, 5)


# ---- assigning while what is assigned goes ----

GIVING: dict[str, tuple[Path, Callable[[Acting, User, Role], Awaitable[object]]]] = {
    "assignRoles": (("roles", "0"), lambda act, user, role: act.assign([user], [role])),
    "setUserRoles": (("roles", "0", "role"), lambda act, user, role: act.set_roles(user, {role: None})),
    "createUser": (
        ("roles", "0", "role"),
        lambda act, user, role: act.create(email=f"new-{user.email}", grants={role: None}),
    ),
}


@pytest.mark.parametrize("way", GIVING)
async def test_a_role_archived_first_is_not_given(db: Database, way: str) -> None:
    path, give = GIVING[way]
    for _ in ROUNDS:
        user, role = await make.user(db), await make.role(db)
        act = acting(db)
        archived, given = await race(
            db, role_gate(role), partial(act.archive_role, role), partial(give, act, user, role)
        )
        assert archived.value.revoked == 0
        assert given.error == not_allowed(given, path)
        assert await lasting(db, role) == 0


@pytest.mark.parametrize("revoke", [True, False])
@pytest.mark.parametrize("way", GIVING)
async def test_a_role_given_first_is_in_use(db: Database, way: str, revoke: bool) -> None:
    _, give = GIVING[way]
    for _ in ROUNDS:
        user, role = await make.user(db), await make.role(db)
        act = acting(db)
        archive = partial(act.archive_role, role, revoke_assignments=revoke)
        given, archived = await race(db, role_gate(role), partial(give, act, user, role), archive)
        assert given.won
        if revoke:
            assert archived.value.revoked == 1
        else:
            assert archived.error == RoleInUseError(
                message=archived.error.message, path=("revoke_assignments",), role=role, holder_count=1
            )
        assert await lasting(db, role) == (0 if revoke else 1)


@pytest.mark.parametrize("archived", [True, False])
async def test_what_is_no_default_any_more_is_not_given(db: Database, archived: bool) -> None:
    role, kept = await make.role(db, is_default=True), await make.role(db, is_default=True)
    act = acting(db)
    ended: Work[object] = partial(act.update_role, role, is_default=False)
    if archived:
        ended = partial(act.archive_role, role)
    first, created = await race(db, role_gate(role), ended, partial(act.create, email="new@example.org"))
    assert first.won
    assert [assignment.role_id for assignment in await history(db, created.value)] == [kept.id]


@pytest.mark.parametrize("way", ["assignRoles", "setUserRoles"])
@pytest.mark.parametrize("archive_first", [True, False])
async def test_an_archived_user_is_left_with_nothing(db: Database, way: str, archive_first: bool) -> None:
    _, give = GIVING[way]
    for _ in ROUNDS:
        user, role, before = await make.user(db), await make.role(db), await make.role(db)
        await make.assignment(db, user, before)
        act = acting(db)
        works: list[Work[object]] = [
            partial(act.set_status, ARCHIVED, user),
            partial(give, act, user, role),
        ]
        ends = await race(db, user_gate(user), *(works if archive_first else works[::-1]))
        archived, given = ends if archive_first else ends[::-1]
        assert archived.value.changed == 1
        if archive_first:
            assert given.error == not_allowed(given, ONE_USER if way == "assignRoles" else ("user",))
        else:
            assert given.won
        held = await history(db, user)
        assert [assignment.ended_at for assignment in held] == [NOW] * (1 if archive_first else 2)
        assert (await stored_user(db, user)).version == (2 if archive_first else 3)


# ---- names that change hands ----


def by_address(user: User) -> UserRef:
    return UserRef(key=UserKey.EMAIL, value=str(user.email))


BY_ADDRESS: dict[str, tuple[Path, Callable[[Acting, UserRef, Role], Awaitable[object]]]] = {
    "updateUser": (("user",), lambda act, ref, _: act.update(ref, first_name="Ada")),
    "suspended": (ONE_USER, lambda act, ref, _: act.set_status(SUSPENDED, ref)),
    "assignRoles": (ONE_USER, lambda act, ref, role: act.assign([ref], [role])),
    "revokeRoles": (ONE_USER, lambda act, ref, role: act.revoke([ref], [role])),
    "setUserRoles": (("user",), lambda act, ref, role: act.set_roles(ref, {role: None})),
}


@pytest.mark.parametrize("archived", [True, False])
@pytest.mark.parametrize("way", BY_ADDRESS)
async def test_an_address_names_who_has_it_when_it_counts(db: Database, way: str, archived: bool) -> None:
    """Above all: who is archived meanwhile is not restored by being suspended."""
    path, change = BY_ADDRESS[way]
    user, role = await make.user(db), await make.role(db)
    act = acting(db)
    leaving: Work[object] = partial(act.update, user, email="other@example.org")
    if archived:
        leaving = partial(act.set_status, ARCHIVED, user)
    left, changed = await race(db, user_gate(user), leaving, partial(change, act, by_address(user), role))
    assert left.won
    assert changed.error == NotFoundError(message=changed.error.message, path=path)
    now = await stored_user(db, user)
    assert (now.version, now.status) == (2, ARCHIVED if archived else UserStatus.ACTIVE)
    assert await history(db, user) == []


async def test_a_key_names_no_role_that_is_archived_meanwhile(db: Database) -> None:
    role = await make.role(db)
    key = RoleRef(key=RoleKey.KEY, value=role.key)
    act = acting(db)
    archived, updated, again = await race(
        db,
        role_gate(role),
        partial(act.archive_role, role),
        partial(act.update_role, key, name="Writer"),
        partial(act.archive_role, key),
    )
    assert archived.won
    assert updated.error == not_allowed(updated, ("role",))
    assert again.value == archived.value


@pytest.mark.parametrize("restore_first", [True, False])
async def test_an_archived_user_is_restored_or_erased(db: Database, restore_first: bool) -> None:
    user = await make.user(db, status=ARCHIVED)
    act = acting(db)
    works: list[Work[object]] = [
        partial(act.set_status, SUSPENDED, user),
        partial(act.erase, user, str(user.email)),
    ]
    winner, loser = await race(db, user_gate(user), *(works if restore_first else works[::-1]))
    assert winner.won
    assert isinstance(loser.error, InvalidTransitionError)
    assert loser.error.current is (SUSPENDED if restore_first else UserStatus.ERASED)
    assert (await stored_user(db, user)).version == 2


# ---- the order of locks ----


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("min_holders", [0, 1])
@pytest.mark.parametrize("at_roles", [True, False])
async def test_any_order_of_names_locks_in_one_order(
    db: Database, order: tuple[int, ...], min_holders: int, at_roles: bool
) -> None:
    """With the middle one held back, whoever locked as named would hold what the other needs next."""
    users, keeper = [make.a_user() for _ in range(3)], make.a_user()
    roles = [make.a_role(min_holders=min_holders) for _ in range(3)]
    held = [make.an_assignment(user, roles[1]) for user in users]
    await make.store(db, keeper, *users, *roles, *held, *(make.an_assignment(keeper, role) for role in roles))
    mixed_users, mixed_roles = [users[place] for place in order], [roles[place] for place in order]
    act = acting(db)
    ends = await race(
        db,
        role_gate(roles[1]) if at_roles else user_gate(users[1]),
        partial(act.assign, users, roles),
        partial(act.revoke, mixed_users, mixed_roles),
        partial(act.assign, mixed_users[::-1], mixed_roles[::-1], expires_at=LATER),
        partial(act.set_status, SUSPENDED, *mixed_users),
        partial(act.update_role, roles[0], is_default=True),
    )
    assert [end.won for end in ends] == [True] * 5
    assert [(await stored_user(db, user)).status for user in users] == [SUSPENDED] * 3


# ---- everything at once ----

INVARIANTS = {
    "every role has its holders": """
        SELECT r.key FROM roles r WHERE r.min_holders > (
            SELECT count(*) FROM role_assignments a JOIN users u ON u.id = a.user_id
            WHERE a.role_id = r.id AND a.ended_at IS NULL AND a.expires_at IS NULL AND u.status = 'ACTIVE')""",
    "nobody archived holds a role": """
        SELECT u.email FROM users u JOIN role_assignments a ON a.user_id = u.id
        WHERE u.status = 'ARCHIVED' AND a.ended_at IS NULL""",
    "nobody holds a role twice at once": """
        SELECT a.id FROM role_assignments a JOIN role_assignments b
            ON a.user_id = b.user_id AND a.role_id = b.role_id AND a.id < b.id
            AND tstzrange(a.assigned_at, least(a.ended_at, a.expires_at))
                && tstzrange(b.assigned_at, least(b.ended_at, b.expires_at))""",
}


def any_mutation(choice: Random, act: Acting, users: list[User], roles: list[Role]) -> Work[object]:
    some, those = choice.sample(users, choice.choice((1, 1, 3))), choice.sample(roles, choice.choice((1, 2)))
    until = choice.choice((None, LATER))
    return choice.choice(
        (
            partial(act.assign, some, those, expires_at=until),
            partial(act.revoke, some, those),
            partial(act.set_roles, some[0], dict.fromkeys(those, until)),
            partial(act.set_status, choice.choice((UserStatus.ACTIVE, SUSPENDED, ARCHIVED)), *some),
            partial(act.update, some[0], first_name=str(choice.random())),
            partial(act.update_role, those[0], min_holders=choice.choice((0, 1, 2))),
        )
    )


@pytest.mark.parametrize("seed", range(2))
async def test_a_storm_of_mutations_keeps_what_must_hold(db: Database, seed: int) -> None:
    users, roles = [make.a_user() for _ in range(6)], [make.a_role(min_holders=n) for n in range(3)]
    await make.store(
        db, *users, *roles, *(make.an_assignment(user, role) for user in users[:2] for role in roles)
    )
    choice = Random(seed)  # noqa: S311 -- not a secret
    acts = [acting(db, NOW + timedelta(seconds=second)) for second in range(64)]
    works = [any_mutation(choice, act, users, roles) for act in acts]

    async def run(mine: list[Work[object]]) -> int:
        done = 0
        for work in mine:
            # Refused, or met by others too often; anything else fails.
            with suppress(Rejected, UnavailableError):
                await work()
                done += 1
        return done

    done = await asyncio.gather(*(run(works[first::8]) for first in range(8)))
    assert sum(done) > len(works) // 4
    broken = {rule: await selected(db, statement) for rule, statement in INVARIANTS.items()}
    assert broken == {rule: [] for rule in INVARIANTS}
