"""No way up: nobody gives, takes or changes what they do not hold, nor changes somebody who may more than they."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

import make
from acting import LATER, NOW, Acting, acting, one_refusal, refusal
from roster.data.db import Database
from roster.domain.callers import Caller
from roster.domain.errors import EscalationError, InvalidInputError, Path
from roster.domain.permissions import EVERY_PERMISSION, Permission
from roster.domain.roles import Role
from roster.domain.tokens import ApiToken, ApiTokenToRevoke
from roster.domain.users import User, UserStatus
from service_calls import new_token
from snapshots import rows

OWN = "my:own"
# What the clerk does not hold: a label of another system, and one of Roster's own.
LABELS = ("other:label", Permission.EVENTS_READ)
CLERK = (EVERY_PERMISSION - {Permission.EVENTS_READ}) | {OWN}
SOME: Path = ("users", "refs", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`mighty` and `gone`, who is archived, hold the `role` that the clerk does not; `mine` permits what the clerk may."""

    user: User
    mighty: User
    gone: User
    role: Role
    unheld: Role
    mine: Role
    token: ApiToken


async def world(db: Database, label: str, status: UserStatus = UserStatus.ACTIVE) -> World:
    user, mighty = make.a_user(), make.a_user(email="mighty@example.org", status=status)
    gone = make.a_user(email="gone@example.org", status=UserStatus.ARCHIVED)
    role, unheld = (make.a_role(permissions=(OWN, label)) for _ in range(2))
    mine = make.a_role(permissions=(OWN,))
    held = (make.an_assignment(one, role) for one in (mighty, gone))
    await make.store(db, user, mighty, gone, role, unheld, mine, *held)
    token = (await acting(db).services.tokens.create(new_token(mighty))).token
    return World(user=user, mighty=mighty, gone=gone, role=role, unheld=unheld, mine=mine, token=token)


def revoking(token: ApiToken) -> ApiTokenToRevoke:
    return ApiTokenToRevoke(token_id=token.id, reason=None)


Way = tuple[Path, Callable[[Acting, World], Awaitable[object]]]
GIVING: dict[str, Way] = {
    "assigning it": (("roles", "0"), lambda act, at: act.assign([at.user], [at.role])),
    "assigning it among others": (
        ("roles", "1"),
        lambda act, at: act.assign([at.user], [at.mine, at.role], expires_at=LATER),
    ),
    "assigning it for another time": (
        ("roles", "0"),
        lambda act, at: act.assign([at.mighty], [at.role], expires_at=LATER),
    ),
    "setting it": (
        ("roles", "1", "role"),
        lambda act, at: act.set_roles(at.user, {at.mine: None, at.role: None}),
    ),
    "setting it for another time": (
        ("roles", "0", "role"),
        lambda act, at: act.set_roles(at.mighty, {at.role: LATER}),
    ),
    "creating a user with it": (
        ("roles", "0", "role"),
        lambda act, at: act.create(email="new@example.org", grants={at.role: None}),
    ),
    "adding a role with it": (
        ("permissions",),
        lambda act, at: act.add_role("NEW", permissions=at.role.permissions),
    ),
    "adding a default role with it": (
        ("permissions",),
        lambda act, at: act.add_role("NEW", permissions=at.role.permissions, is_default=True),
    ),
    "adding it to a role": (
        ("permissions",),
        lambda act, at: act.update_role(at.mine, permissions=at.role.permissions),
    ),
    "making it a default": (("role",), lambda act, at: act.update_role(at.unheld, is_default=True)),
}
TAKING: dict[str, Way] = {
    "revoking it": (("roles", "0"), lambda act, at: act.revoke([at.user, at.mighty], [at.role])),
    "setting none": (("roles",), lambda act, at: act.set_roles(at.mighty, {})),
    "setting another": (("roles",), lambda act, at: act.set_roles(at.mighty, {at.mine: None})),
    "taking it from a role": (("role",), lambda act, at: act.update_role(at.role, permissions=(OWN,))),
    "emptying a role": (("role",), lambda act, at: act.update_role(at.role, permissions=())),
    "renaming a role": (("role",), lambda act, at: act.update_role(at.role, name="Mine")),
    "protecting a role": (("role",), lambda act, at: act.update_role(at.role, min_holders=1)),
    "archiving a role": (("role",), lambda act, at: act.archive_role(at.role, revoke_assignments=True)),
    "archiving a role that nobody holds": (("role",), lambda act, at: act.archive_role(at.unheld)),
}
TAKING_OVER: dict[str, Way] = {
    "the address": (("user",), lambda act, at: act.update(at.mighty, email="mine@example.org")),
    "the subject": (("user",), lambda act, at: act.update(at.mighty, external_id="my-subject")),
    "the name": (("user",), lambda act, at: act.update(at.mighty, first_name="Eve")),
    "suspending": (SOME, lambda act, at: act.set_status(UserStatus.SUSPENDED, at.mighty)),
    "suspending among others": (
        ("users", "refs", "1"),
        lambda act, at: act.set_status(UserStatus.SUSPENDED, at.user, at.mighty),
    ),
    "archiving": (SOME, lambda act, at: act.set_status(UserStatus.ARCHIVED, at.mighty)),
    "erasing": (("user",), lambda act, at: act.erase(at.gone, "gone@example.org")),
    "a token": (("owner",), lambda act, at: act.services.tokens.create(new_token(at.mighty))),
    "revoking a token": (("token",), lambda act, at: act.services.tokens.revoke(revoking(at.token))),
}
WAYS = {**GIVING, **TAKING, **TAKING_OVER}


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("way", WAYS)
async def test_whoever_does_not_hold_it_is_refused(db: Database, way: str, label: str) -> None:
    path, work = WAYS[way]
    at, clerk = await world(db, label), await make.caller(db, CLERK)
    before = await rows(db)
    error = await one_refusal(work(acting(db, caller=clerk), at))
    assert error == EscalationError(message=error.message, path=path, missing_permissions=(label,))
    assert label in error.message
    assert await rows(db) == before


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("way", WAYS)
async def test_whoever_holds_it_too_may(db: Database, way: str, label: str) -> None:
    _, work = WAYS[way]
    at, clerk = await world(db, label), await make.caller(db, CLERK - {Permission.EVENTS_READ} | {label})
    before = await rows(db)
    await work(acting(db, caller=clerk), at)
    assert await rows(db) != before


@pytest.mark.parametrize("way", WAYS)
async def test_whoever_holds_all_of_rosters_own_may_whatever_the_label(db: Database, way: str) -> None:
    _, work = WAYS[way]
    at, admin = await world(db, "other:label"), await make.caller(db, EVERY_PERMISSION)
    before = await rows(db)
    await work(acting(db, caller=admin), at)
    assert await rows(db) != before


# ---- users who may nothing at the moment ----


@pytest.mark.parametrize("status", [UserStatus.PENDING, UserStatus.SUSPENDED])
@pytest.mark.parametrize("way", ["the address", "the subject", "archiving", "a token", "revoking a token"])
async def test_what_a_user_will_be_able_to_do_counts_already(
    db: Database, way: str, status: UserStatus
) -> None:
    path, work = TAKING_OVER[way]
    at, clerk = await world(db, "other:label", status), await make.caller(db, CLERK)
    error = await one_refusal(work(acting(db, caller=clerk), at))
    assert (type(error), error.path) == (EscalationError, path)


@pytest.mark.parametrize("status", [UserStatus.PENDING, UserStatus.SUSPENDED])
async def test_nobody_lets_in_somebody_who_may_more(db: Database, status: UserStatus) -> None:
    at, clerk = await world(db, "other:label", status), await make.caller(db, CLERK)
    error = await one_refusal(acting(db, caller=clerk).set_status(UserStatus.ACTIVE, at.mighty))
    assert (type(error), error.path) == (EscalationError, SOME)


@pytest.mark.parametrize("way", ["the address", "suspending", "archiving", "a token"])
async def test_what_a_user_could_do_once_does_not_count(db: Database, way: str) -> None:
    at, clerk = await world(db, "other:label"), await make.caller(db, CLERK)
    await acting(db).assign([at.mighty], [at.role], expires_at=NOW + timedelta(hours=1))
    before = await rows(db)
    await TAKING_OVER[way][1](acting(db, NOW + timedelta(hours=1), clerk), at)
    assert await rows(db) != before


# ---- default roles ----


@pytest.mark.parametrize("label", LABELS)
async def test_nobody_creates_a_user_who_gets_more_than_they_hold(db: Database, label: str) -> None:
    at, clerk = await world(db, label), await make.caller(db, CLERK)
    await acting(db).update_role(at.unheld, is_default=True)
    await acting(db).update_role(at.mine, is_default=True)
    act = acting(db, caller=clerk)
    before = await rows(db)
    error = await one_refusal(act.create(email="new@example.org"))
    assert error == EscalationError(message=error.message, path=("roles",), missing_permissions=(label,))
    assert await rows(db) == before
    await act.create(email="new@example.org", grants={at.mine: None})
    await act.create(email="other@example.org", grants={})


# ---- several at once ----


async def test_every_role_that_is_too_much_is_named_where_it_stands(db: Database) -> None:
    at, clerk = await world(db, "other:label"), await make.caller(db, CLERK)
    more = await make.role(db, permissions=("a:b", "other:label", Permission.EVENTS_READ))
    errors = await refusal(acting(db, caller=clerk).assign([at.user], [more, at.mine, at.role]))
    assert {
        (error.path, error.missing_permissions) for error in errors if isinstance(error, EscalationError)
    } == {
        (("roles", "0"), ("a:b", "other:label", "roster:events:read")),
        (("roles", "2"), ("other:label",)),
    }
    assert len(errors) == 2


async def test_what_is_so_already_is_no_way_up(db: Database) -> None:
    at, clerk = await world(db, "other:label"), await make.caller(db, CLERK)
    act = acting(db, caller=clerk)
    before = await rows(db)
    assert (await act.assign([at.mighty], [at.role])).unchanged == 1
    assert (await act.revoke([at.user], [at.role])).unchanged == 1
    assert (await act.set_roles(at.mighty, {at.role: None})).assigned == []
    assert (await act.set_status(UserStatus.ACTIVE, at.mighty)).changed == 0
    assert await act.update_role(at.role) == at.role
    assert await rows(db) == before


# ---- ADMIN ----


@pytest.mark.parametrize("permissions", [CLERK, EVERY_PERMISSION])
async def test_nobody_archives_admin(db: Database, permissions: frozenset[str]) -> None:
    admin, caller = await make.admin_role(db), await make.caller(db, permissions)
    error = await one_refusal(acting(db, caller=caller).archive_role(admin, revoke_assignments=True))
    assert (type(error), error.path) == (InvalidInputError, ("role",))


async def test_whoever_may_not_everything_changes_nothing_of_admin(db: Database) -> None:
    admin, clerk = await make.admin_role(db), await make.caller(db, CLERK)
    act = acting(db, caller=clerk)
    for change in (
        {"name": "Mine"},
        {"permissions": (*EVERY_PERMISSION, "a:b")},
        {"is_default": True},
        {"min_holders": 0, "name": "M"},
    ):
        error = await one_refusal(act.update_role(admin, **change))
        assert (type(error), error.path) == (EscalationError, ("role",))


@pytest.mark.parametrize("lost", Permission)
async def test_nobody_takes_from_admin_what_is_rosters_own(db: Database, lost: Permission) -> None:
    """There would be nobody left to give it back."""
    admin, caller = await make.admin_role(db), await make.caller(db)
    for act in (acting(db), acting(db, caller=caller)):
        error = await one_refusal(act.update_role(admin, permissions=tuple(EVERY_PERMISSION - {lost})))
        assert (type(error), error.path) == (InvalidInputError, ("permissions",))


# ---- oneself ----


async def test_nobody_adds_to_their_own_role(db: Database) -> None:
    clerk = await make.caller(db, CLERK)
    mine = await own_role(db, clerk)
    act = acting(db, caller=clerk)
    error = await one_refusal(act.update_role(mine, permissions=(*CLERK, Permission.EVENTS_READ)))
    assert error == EscalationError(
        message=error.message, path=("permissions",), missing_permissions=("roster:events:read",)
    )


async def own_role(db: Database, caller: Caller) -> Role:
    (role_id,) = caller.role_ids
    return (await acting(db).services.roles.by_ids([role_id]))[role_id]


async def test_whoever_takes_a_permission_from_their_own_role_cannot_give_it_back(db: Database) -> None:
    clerk = await make.caller(db, CLERK)
    act, mine = acting(db, caller=clerk), await own_role(db, clerk)
    less = await act.update_role(mine, permissions=tuple(sorted(CLERK - {OWN})))
    error = await one_refusal(act.update_role(less, permissions=tuple(sorted(CLERK))))
    assert error == EscalationError(message=error.message, path=("permissions",), missing_permissions=(OWN,))


@pytest.mark.parametrize("way", ["the address", "the subject", "suspending", "a token"])
async def test_everybody_may_as_much_as_they_themselves(db: Database, way: str) -> None:
    at, clerk = await world(db, "other:label"), await make.caller(db, CLERK)
    assert clerk.user
    me = World(
        user=at.user,
        mighty=clerk.user,
        gone=at.gone,
        role=at.role,
        unheld=at.unheld,
        mine=at.mine,
        token=at.token,
    )
    before = await rows(db)
    await TAKING_OVER[way][1](acting(db, caller=clerk), me)
    assert await rows(db) != before
