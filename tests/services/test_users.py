"""The life of a user: made, changed, moved through its lifecycle, erased; what each step leaves in the database.

Who may hold a role, and since when, is shown in test_assignments; what protects a role in test_min_holders.
"""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

import make
from acting import NOW, acting, history, one_refusal, refusal, stored_user
from client import Client
from racing import race, user_insert_gate
from roster.data.db import Database
from roster.domain.actors import LOCAL_OPERATOR
from roster.domain.assignments import Change
from roster.domain.errors import (
    ForbiddenError,
    InvalidInputError,
    InvalidReason,
    InvalidTransitionError,
    NotFoundError,
    StaleVersionError,
    TakenError,
    UniqueField,
)
from roster.domain.user_input import erased_user
from roster.domain.users import User, UserKey, UserKind, UserRef, UserStatus

PENDING, ACTIVE, SUSPENDED = UserStatus.PENDING, UserStatus.ACTIVE, UserStatus.SUSPENDED
ARCHIVED, ERASED = UserStatus.ARCHIVED, UserStatus.ERASED

# The lifecycle once more, from its specification and not from the code.
ALLOWED = {
    PENDING: (ACTIVE, ARCHIVED),
    ACTIVE: (SUSPENDED, ARCHIVED),
    SUSPENDED: (ACTIVE, ARCHIVED),
    ARCHIVED: (SUSPENDED, ERASED),
    ERASED: (),
}
STEPS = [(current, requested) for current in UserStatus for requested in UserStatus]
IDENTIFIERS: tuple[tuple[UniqueField, str, str], ...] = (
    (UniqueField.EMAIL, "email", "taken@example.org"),
    (UniqueField.USERNAME, "username", "taken"),
    (UniqueField.EXTERNAL_ID, "external_id", "Taken-1"),
)
HOUR = timedelta(hours=1)


async def user_in(db: Database, status: UserStatus) -> User:
    made = make.a_user(status=status)
    made = erased_user(made) if status is ERASED else made
    await make.store(db, made)
    return made


def ref(key: UserKey, value: str) -> UserRef:
    return UserRef(key=key, value=value)


# ---- the lifecycle ----


@pytest.mark.parametrize(("current", "requested"), STEPS)
async def test_the_lifecycle_has_exactly_these_steps(
    db: Database, current: UserStatus, requested: UserStatus
) -> None:
    user = await user_in(db, current)
    step = acting(db).set_status(requested, user)
    after = user
    if requested is current:
        done = await step
        assert (list(done.users), done.changed) == ([user], 0)
    elif requested in ALLOWED[current] and requested is not ERASED:
        after = replace(user, status=requested, version=2, updated_at=NOW)
        done = await step
        assert (list(done.users), done.changed) == ([after], 1)
    else:
        error = await one_refusal(step)
        assert error == InvalidTransitionError(
            message=error.message,
            path=("users", "refs", "0"),
            current=current,
            requested=requested,
            allowed=ALLOWED[current],
        )
    assert await stored_user(db, user) == after


async def test_several_users_move_together_in_the_order_named(db: Database) -> None:
    users = [await user_in(db, status) for status in (SUSPENDED, ACTIVE, PENDING)]
    again = ref(UserKey.EMAIL, str(users[0].email))
    done = await acting(db).set_status(ACTIVE, *reversed(users), again)
    assert [user.id for user in done.users] == [user.id for user in reversed(users)]
    assert [(user.status, user.version) for user in done.users] == [(ACTIVE, 2), (ACTIVE, 1), (ACTIVE, 2)]
    assert done.changed == 2


async def test_one_user_who_cannot_move_keeps_all_where_they_are(db: Database) -> None:
    users = [await make.user(db) for _ in range(199)]
    archived = await user_in(db, ARCHIVED)
    nobody = make.a_user()
    named = [*users, archived]
    error = await one_refusal(acting(db).set_status(ACTIVE, *named))
    assert isinstance(error, InvalidTransitionError)
    assert error.path == ("users", "refs", "199")
    error = await one_refusal(acting(db).set_status(SUSPENDED, *users[:5], nobody))
    assert error == NotFoundError(message=error.message, path=("users", "refs", "5"))
    stored = await acting(db).services.users.by_ids([user.id for user in named])
    assert stored == {user.id: user for user in named}
    assert (await acting(db).set_status(SUSPENDED, *users)).changed == 199


# ---- archived and restored ----


async def test_archiving_ends_everything_the_user_holds(db: Database) -> None:
    user, caller = await make.user(db), await make.caller(db)
    lasting, expiring, expired, ended = [await make.role(db) for _ in range(4)]
    held = [
        await make.assignment(db, user, lasting),
        await make.assignment(db, user, expiring, expires_at=NOW + HOUR),
        await make.assignment(db, user, expired, expires_at=NOW - HOUR),
        await make.assignment(
            db, user, ended, ended_at=NOW - 2 * HOUR, revoked_by=LOCAL_OPERATOR, revoke_reason="Done"
        ),
    ]
    done = await acting(db, caller=caller).set_status(ARCHIVED, user, reason="Left us")
    assert list(done.users) == [replace(user, status=ARCHIVED, version=2, updated_at=NOW)]
    revoked = Change(by=caller.actor, at=NOW, reason="Left us")
    assert await history(db, user) == [
        replace(held[0], ended_at=revoked.at, revoked_by=revoked.by, revoke_reason=revoked.reason),
        replace(held[1], ended_at=revoked.at, revoked_by=revoked.by, revoke_reason=revoked.reason),
        replace(held[2], ended_at=NOW - HOUR),
        held[3],
    ]


async def test_archiving_frees_the_identifiers(db: Database) -> None:
    values: dict[str, Any] = {name: value for _, name, value in IDENTIFIERS}
    before = await make.user(db, **values)
    await acting(db).set_status(ARCHIVED, before)
    after = await acting(db).create(**values)
    for key in (UserKey.EMAIL, UserKey.USERNAME, UserKey.EXTERNAL_ID):
        assert await acting(db).services.users.by_ref(ref(key, values[key.value])) == after
    assert (await stored_user(db, before)).email == "taken@example.org"


async def test_a_restored_user_is_suspended_and_holds_nothing(db: Database) -> None:
    user, role = await make.user(db), await make.role(db)
    await make.assignment(db, user, role)
    await acting(db).set_status(ARCHIVED, user)
    done = await acting(db, NOW + HOUR).set_status(SUSPENDED, user)
    assert list(done.users) == [replace(user, status=SUSPENDED, version=3, updated_at=NOW + HOUR)]
    assert [assignment.ended_at for assignment in await history(db, user)] == [NOW]


@pytest.mark.parametrize("taken", [*([case] for case in IDENTIFIERS), list(IDENTIFIERS)])
async def test_a_user_whose_identifiers_are_in_use_is_not_restored(
    db: Database, taken: list[tuple[UniqueField, str, str]]
) -> None:
    values = {name: value for _, name, value in taken}
    archived = await make.user(db, status=ARCHIVED, **values)
    others = [await make.user(db, **{name: value}) for _, name, value in taken]
    free = await make.user(db, status=ARCHIVED)
    errors = await refusal(acting(db).set_status(SUSPENDED, free, archived))
    assert errors == tuple(
        TakenError(message=error.message, path=("users", "refs", "1"), field=field, existing_id=other.id)
        for error, (field, _, _), other in zip(errors, taken, others, strict=True)
    )
    assert await stored_user(db, archived) == archived
    assert await stored_user(db, free) == free
    await acting(db).set_status(ARCHIVED, *others)
    assert (await acting(db).set_status(SUSPENDED, free, archived)).changed == 2


@pytest.mark.parametrize(("field", "name", "value"), IDENTIFIERS)
async def test_two_archived_users_with_one_identifier_are_not_restored_together(
    db: Database, field: UniqueField, name: str, value: str
) -> None:
    one, other = [await make.user(db, status=ARCHIVED, **{name: value}) for _ in range(2)]
    error = await one_refusal(acting(db).set_status(SUSPENDED, one, other))
    assert error == TakenError(
        message=error.message, path=("users", "refs", "1"), field=field, existing_id=one.id
    )


async def test_restores_that_cross_are_settled(db: Database) -> None:
    """The one deadlock that no order of locks prevents: each is about to take an identifier that the other has taken."""
    one, other = [
        [await make.user(db, status=ARCHIVED, email=f"{name}@example.org") for name in names]
        for names in (("x", "first", "y"), ("y", "second", "x"))
    ]
    works = [partial(acting(db).set_status, SUSPENDED, *users) for users in (one, other)]
    gate = user_insert_gate({"email": "first@example.org"}, {"email": "second@example.org"})
    ends = await race(db, gate, *works)
    winners, losers = (one, other) if ends[0].won else (other, one)
    lost = next(end for end in ends if not end.won)
    assert lost.errors == tuple(
        TakenError(message=error.message, path=path, field=UniqueField.EMAIL, existing_id=owner.id)
        for error, path, owner in zip(
            lost.errors,
            [("users", "refs", "0"), ("users", "refs", "2")],
            [winners[2], winners[0]],
            strict=True,
        )
    )
    assert [(await stored_user(db, user)).status for user in winners] == [SUSPENDED] * 3
    assert [await stored_user(db, user) for user in losers] == losers


# ---- erased ----


@pytest.mark.parametrize(
    ("fields", "confirm", "right"),
    [
        ({}, "ada@example.org", True),
        ({}, "  Ada@Example.ORG ", True),
        ({}, "ada", True),
        ({}, "ADA", True),
        ({}, "ada@example.com", False),
        ({}, "Ada Lovelace", False),
        ({}, "Ext-1", False),
        ({"kind": UserKind.SERVICE, "email": None}, "ada", True),
        ({"kind": UserKind.SERVICE, "email": None}, "none", False),
        ({"username": None}, "ada@example.org", True),
        ({"username": None}, "none", False),
    ],
)
async def test_erasing_asks_for_the_address_or_the_username(
    db: Database, fields: dict[str, Any], confirm: str, right: bool
) -> None:
    known = {"email": "ada@example.org", "username": "ada", "external_id": "Ext-1"}
    user = await make.user(db, status=ARCHIVED, **(known | fields))
    erasing = acting(db).erase(user, confirm)
    if right:
        assert await erasing == replace(erased_user(user), version=2, updated_at=NOW)
        return
    error = await one_refusal(erasing)
    assert error == InvalidInputError(
        message=error.message, path=("confirm",), reason=InvalidReason.NOT_ALLOWED
    )
    assert await stored_user(db, user) == user


@pytest.mark.parametrize("status", [PENDING, ACTIVE, SUSPENDED])
async def test_only_an_archived_user_is_erased(db: Database, status: UserStatus) -> None:
    user = await user_in(db, status)
    error = await one_refusal(acting(db).erase(user, str(user.email)))
    assert error == InvalidTransitionError(
        message=error.message, path=("user",), current=status, requested=ERASED, allowed=ALLOWED[status]
    )
    assert await stored_user(db, user) == user


async def test_an_archived_user_is_not_found_by_its_address(db: Database) -> None:
    user = await user_in(db, ARCHIVED)
    error = await one_refusal(acting(db).erase(ref(UserKey.EMAIL, str(user.email)), str(user.email)))
    assert error == NotFoundError(message=error.message, path=("user",))


async def test_the_tombstone_holds_nothing_personal(db: Database) -> None:
    user = await acting(db).create(
        email="ada@example.org",
        username="ada",
        first_name="Ada",
        last_name="Lovelace",
        display_name="Countess",
        phone="+49 30 901820",
        locale="en-GB",
        timezone="Europe/London",
        avatar_url="https://example.org/ada.png",
        external_id="Ext-1",
        attributes={"born": 1815},
        email_verified_at="2026-01-01T00:00:00Z",
    )
    await acting(db, NOW + HOUR).set_status(ARCHIVED, user)
    await acting(db, NOW + 2 * HOUR).erase(user, "ada")
    async with db.read() as reader:
        row = (await reader.execute(text("SELECT * FROM users WHERE id = :id"), {"id": user.id})).one()
    emptied = (
        "email email_verified_at username first_name first_name_fold last_name last_name_fold"
        " phone locale timezone avatar_url external_id"
    )
    assert row._asdict() == {
        **dict.fromkeys(emptied.split()),
        "id": user.id,
        "kind": "PERSON",
        "display_name": "Erased user",
        "display_name_fold": "erased user",
        "display_name_given": False,
        "attributes": {},
        "search_fold": "erased user",
        "status": "ERASED",
        "version": 3,
        "created_at": NOW,
        "updated_at": NOW + 2 * HOUR,
    }


async def test_erasing_again_changes_nothing_and_updating_is_refused(db: Database) -> None:
    user = await user_in(db, ARCHIVED)
    erased = await acting(db).erase(user, str(user.email))
    assert await acting(db, NOW + HOUR).erase(user, "whatever") == erased
    error = await one_refusal(acting(db).update(user, first_name="Ada"))
    assert error == InvalidInputError(message=error.message, path=("user",), reason=InvalidReason.NOT_ALLOWED)
    assert await stored_user(db, user) == erased


LABELS = """
query($user: ID!) {
  user(by: {id: $user}) {
    assignments(states: [ACTIVE, REVOKED]) {
      nodes { reason assignedBy { kind label user { id status } } revokedBy { label } }
    }
  }
}
"""


async def test_history_outlives_the_erased_and_names_them_no_more(db: Database, api: Client) -> None:
    caller = await make.caller(db, display_name="Grace Hopper")
    manager = caller.user
    assert manager
    user = await make.user(db)
    role, other = await make.role(db), await make.role(db)
    act = acting(db, caller=caller)
    await act.assign([user], [role], reason="Joined")
    await act.assign([user, manager], [other])
    await act.revoke([user], [other])
    before = await history(db, user), await history(db, manager)

    async def labels() -> list[tuple[str, str | None]]:
        answer = await api(LABELS, user=make.user_id(user.id))
        return [
            (node["assignedBy"]["label"], node["revokedBy"] and node["revokedBy"]["label"])
            for node in answer["assignments"]["nodes"]
        ]

    assert await labels() == [("Grace Hopper", None), ("Grace Hopper", "Grace Hopper")]
    await acting(db).set_status(ARCHIVED, manager, reason="Left us")
    await acting(db).erase(manager, str(manager.email))
    assert await labels() == [("Erased user", None), ("Erased user", "Erased user")]
    answer = await api(LABELS, user=make.user_id(user.id))
    assert answer["assignments"]["nodes"][0] == {
        "reason": "Joined",
        "assignedBy": {
            "kind": "USER",
            "label": "Erased user",
            "user": {"id": make.user_id(manager.id), "status": "ERASED"},
        },
        "revokedBy": None,
    }
    assert await history(db, user) == before[0]
    assert len(before[1]) == 2
    assert await history(db, manager) == [
        replace(held, ended_at=NOW, revoked_by=LOCAL_OPERATOR, revoke_reason="Left us") for held in before[1]
    ]


async def test_an_address_that_became_another_s_tells_nothing_of_them(db: Database) -> None:
    """It was the caller's when they showed who they are."""
    caller = await make.caller(db, (), email="ada@example.org")
    assert caller.user
    act, address = acting(db, caller=caller), ref(UserKey.EMAIL, "ada@example.org")
    assert await act.services.users.by_ref(address) == caller.user
    await acting(db).update(caller.user, email="a@example.org")
    assert await act.services.users.by_ref(address) is None
    await make.user(db, email="ada@example.org")
    with pytest.raises(ForbiddenError):
        await act.services.users.by_ref(address)


# ---- created ----


async def test_a_new_user_holds_the_default_roles(db: Database) -> None:
    defaults = [await make.role(db, is_default=True) for _ in range(2)]
    await make.role(db)
    await make.role(db, is_default=True, archived_at=NOW, updated_at=NOW)
    user = await acting(db).create(email="ada@example.org")
    assert (user.version, user.created_at, user.updated_at) == (1, NOW, NOW)
    held = await history(db, user)
    assert {assignment.role_id for assignment in held} == {role.id for role in defaults}
    assert {(a.assigned_at, a.assigned_by, a.expires_at) for a in held} == {(NOW, LOCAL_OPERATOR, None)}
    assert await stored_user(db, user) == user


async def test_a_new_user_holds_the_roles_given_instead(db: Database) -> None:
    await make.role(db, is_default=True)
    lasting, expiring = await make.role(db), await make.role(db)
    user = await acting(db).create(email="ada@example.org", grants={lasting: None, expiring: NOW + HOUR})
    held = {assignment.role_id: assignment.expires_at for assignment in await history(db, user)}
    assert held == {lasting.id: None, expiring.id: NOW + HOUR}
    assert user.version == 1


async def test_a_new_user_holds_nothing_if_so_asked(db: Database) -> None:
    await make.role(db, is_default=True)
    user = await acting(db).create(email="ada@example.org", grants={})
    assert await history(db, user) == []


async def test_a_user_is_not_created_with_roles_that_cannot_be_held(db: Database) -> None:
    archived = await make.role(db, archived_at=NOW, updated_at=NOW)
    good, unknown = await make.role(db), make.a_role()
    other = await make.user(db, email="ada@example.org", username="ada")
    grants = {good: None, archived: None, unknown: NOW + HOUR}
    errors = await refusal(acting(db).create(email="ada@example.org", username="ada", grants=grants))
    assert [type(error) for error in errors] == [NotFoundError, TakenError, TakenError, InvalidInputError]
    assert [error.path for error in errors] == [
        ("roles", "2", "role"),
        ("email",),
        ("username",),
        ("roles", "1", "role"),
    ]
    assert [error.existing_id for error in errors if isinstance(error, TakenError)] == [other.id, other.id]
    assert await count_users(db) == 1


async def count_users(db: Database) -> int:
    async with db.read() as reader:
        return int((await reader.execute(text("SELECT count(*) FROM users"))).scalar_one())


# ---- versions ----

CHANGES: dict[str, tuple[dict[str, Any], int]] = {
    "a field changed": ({"first_name": "Ada"}, 1),
    "two fields changed at once": ({"first_name": "Ada", "locale": "de-CH"}, 1),
    "a field cleared": ({"last_name": None}, 1),
    "an attribute that is 1 made true": ({"attributes": {"level": True}}, 1),
    "fields given as they are": ({"first_name": "Given", "attributes": {"level": 1}}, 0),
    "an address in another case": ({"email": "PERSON@Example.org"}, 0),
    "nothing given": ({}, 0),
}


@pytest.mark.parametrize("case", CHANGES)
async def test_each_update_is_one_version_and_a_no_op_none(db: Database, case: str) -> None:
    fields, versions = CHANGES[case]
    user = await make.user(db, email="person@example.org", attributes={"level": 1})
    after = await acting(db).update(user, **fields)
    assert (after.version, after.updated_at) == (1 + versions, NOW if versions else user.updated_at)
    assert await stored_user(db, user) == after


async def test_a_value_set_and_set_back_is_two_versions(db: Database) -> None:
    user = await make.user(db)
    assert (await acting(db).update(user, locale="de-CH")).version == 2
    assert await acting(db).update(user, locale=None) == replace(user, version=3, updated_at=NOW)


async def test_a_stale_update_is_refused_with_the_user_as_it_is(db: Database) -> None:
    user = await make.user(db)
    current = await acting(db).update(user, first_name="Ada", expected_version=1)
    # Also where it would have changed nothing.
    for fields in ({"first_name": "Grace"}, {"first_name": "Ada"}, {}):
        error = await one_refusal(acting(db).update(user, expected_version=1, **fields))
        assert error == StaleVersionError(
            message=error.message,
            path=("expected_version",),
            expected_version=1,
            current_version=2,
            current=current,
        )
    assert await stored_user(db, user) == current
    assert (await acting(db).update(user, last_name="Hopper", expected_version=2)).version == 3


async def test_a_clock_that_is_behind_does_not_turn_time_back(db: Database) -> None:
    user = await make.user(db)
    await acting(db, NOW).update(user, first_name="Ada")
    later = await acting(db, NOW - HOUR).set_status(SUSPENDED, user)
    assert [(user.version, user.updated_at) for user in later.users] == [(3, NOW)]


# ---- identifiers ----


@pytest.mark.parametrize(("field", "name", "value"), IDENTIFIERS)
async def test_an_identifier_of_another_live_user_is_taken(
    db: Database, field: UniqueField, name: str, value: str
) -> None:
    given: dict[str, Any] = {name: value}
    owner, user = await make.user(db, **given), await make.user(db)
    error = await one_refusal(acting(db).update(user, **given))
    assert error == TakenError(message=error.message, path=(name,), field=field, existing_id=owner.id)
    assert await stored_user(db, user) == user
    await acting(db).set_status(ARCHIVED, owner)
    assert getattr(await acting(db).update(user, **given), name) == value


async def test_an_archived_user_may_be_given_what_a_live_one_has(db: Database) -> None:
    owner, archived = await make.user(db), await user_in(db, ARCHIVED)
    after = await acting(db).update(archived, email=owner.email)
    assert (after.email, after.status, after.version) == (owner.email, ARCHIVED, 2)
