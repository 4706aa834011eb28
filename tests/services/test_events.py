"""One event for each change, in the transaction of the change: what each mutation records, and that nothing else does."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

import make
from acting import LATER, NOW, Acting, acting, refusal, user_ref
from recorded import (
    EVERYTHING,
    Changes,
    assigned,
    event,
    expired,
    in_any_order,
    protected,
    recorded,
    revoked,
    status_changed,
)
from roster.data.db import Database
from roster.domain.actors import LOCAL_OPERATOR
from roster.domain.callers import OPERATOR, Call
from roster.domain.errors import ForbiddenError
from roster.domain.events import Event, EventType
from roster.domain.ids import new_id
from roster.domain.instants import format_instant
from roster.domain.roles import Role
from roster.domain.tokens import ApiTokenToRevoke, NewApiToken
from roster.domain.users import User, UserKind, UserStatus
from roster.services.services import Services

HOUR = timedelta(hours=1)
PENDING, ACTIVE, SUSPENDED = UserStatus.PENDING, UserStatus.ACTIVE, UserStatus.SUSPENDED
ARCHIVED, ERASED = UserStatus.ARCHIVED, UserStatus.ERASED


# ---- users ----


async def test_creating_a_user_tells_all_that_it_is(db: Database) -> None:
    user = await acting(db).create(
        email="ada@example.org",
        username="ada",
        first_name="Ada",
        last_name="Lovelace",
        phone="+4930901820",
        locale="de-CH",
        timezone="Europe/Zurich",
        avatar_url="https://example.org/a.png",
        external_id="hr-1",
        attributes={"team": {"of": ["a", 1, True, None]}},
        email_verified_at="2026-06-01T00:00:00Z",
        status=PENDING,
    )
    changes: Changes = {
        "kind": (None, "PERSON"),
        "email": (None, "ada@example.org"),
        "email_verified_at": (None, "2026-06-01T00:00:00.000Z"),
        "username": (None, "ada"),
        "first_name": (None, "Ada"),
        "last_name": (None, "Lovelace"),
        "display_name": (None, "Ada Lovelace"),
        "phone": (None, "+4930901820"),
        "locale": (None, "de-CH"),
        "timezone": (None, "Europe/Zurich"),
        "avatar_url": (None, "https://example.org/a.png"),
        "external_id": (None, "hr-1"),
        "attributes": (None, {"team": {"of": ["a", 1, True, None]}}),
        "status": (None, "PENDING"),
    }
    assert await recorded(db) == [event(EventType.USER_CREATED, user=user, changes=changes)]


def created(user: User) -> Event:
    """Of a service that is nothing but its username."""
    changes: Changes = {
        "kind": (None, "SERVICE"),
        "username": (None, user.username),
        "display_name": (None, user.username),
        "status": (None, "ACTIVE"),
    }
    return event(EventType.USER_CREATED, user=user, changes=changes)


async def create_service(db: Database, grants: Mapping[Role, datetime | None] | None = None) -> User:
    return await acting(db).create(kind=UserKind.SERVICE, username="ci", grants=grants)


async def test_the_roles_of_a_new_user_are_told_after_it(db: Database) -> None:
    defaults = [await make.role(db, is_default=True) for _ in range(2)]
    user = await create_service(db)
    first, *others = await recorded(db)
    assert first == created(user)
    assert in_any_order(others) == in_any_order([assigned(user, role) for role in defaults])


async def test_the_roles_given_to_a_new_user_are_told_with_their_expiry(db: Database) -> None:
    lasting, expiring = await make.role(db), await make.role(db)
    await make.role(db, is_default=True)
    user = await create_service(db, {lasting: None, expiring: NOW + HOUR})
    first, *others = await recorded(db)
    assert first == created(user)
    assert in_any_order(others) == in_any_order(
        [assigned(user, lasting), assigned(user, expiring, NOW + HOUR)]
    )


async def test_the_first_administrator_is_told_to_protect_the_role(db: Database) -> None:
    admin = await make.admin_role(db)
    user = await create_service(db, {admin: None})
    assert await recorded(db) == [created(user), assigned(user, admin), protected(admin)]
    second = await make.user(db)
    await acting(db).assign([second], [admin])
    assert (await recorded(db))[3:] == [assigned(second, admin)]


async def test_updating_a_user_tells_what_is_different_then(db: Database) -> None:
    user = await make.user(
        db,
        email="ada@example.org",
        email_verified_at=NOW,
        first_name="Ada",
        last_name=None,
        display_name="Ada",
    )
    await acting(db).update(user, email="a@example.org", last_name="Byron", first_name="Ada", locale=None)
    changes: Changes = {
        "email": ("ada@example.org", "a@example.org"),
        # What was verified was the old address.
        "email_verified_at": (format_instant(NOW), None),
        "last_name": (None, "Byron"),
        "display_name": ("Ada", "Ada Byron"),
    }
    assert await recorded(db) == [event(EventType.USER_UPDATED, user=user, changes=changes)]


async def test_true_is_told_from_one(db: Database) -> None:
    user = await make.user(db, attributes={"a": 1})
    await acting(db).update(user, attributes={"a": True})
    (told,) = await recorded(db)
    (change,) = told.changes
    assert (change.before["a"] is True, change.after["a"] is True) == (False, True)


async def test_a_name_that_is_chosen_as_it_was_derived_is_a_change_of_no_field(db: Database) -> None:
    user = await make.user(db, display_name="Ada", first_name="Ada", last_name=None)
    assert (await acting(db).update(user, display_name="Ada")).version == 2
    assert await recorded(db) == [event(EventType.USER_UPDATED, user=user)]


async def test_each_user_whose_status_changes_is_told_in_the_order_named(db: Database) -> None:
    pending, active, suspended = (
        await make.user(db, status=PENDING),
        await make.user(db),
        await make.user(db, status=SUSPENDED),
    )
    await acting(db).set_status(ACTIVE, suspended, active, pending, suspended, reason="Back")
    assert await recorded(db) == [
        status_changed(suspended, SUSPENDED, ACTIVE, reason="Back"),
        status_changed(pending, PENDING, ACTIVE, reason="Back"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [(PENDING, ACTIVE), (ACTIVE, SUSPENDED), (SUSPENDED, ACTIVE), (ACTIVE, ARCHIVED), (ARCHIVED, SUSPENDED)],
)
async def test_each_step_of_the_lifecycle_is_told(
    db: Database, before: UserStatus, after: UserStatus
) -> None:
    user = await make.user(db, status=before)
    await acting(db).set_status(after, user)
    assert await recorded(db) == [status_changed(user, before, after)]


async def test_what_an_archived_user_loses_is_told_after_it(db: Database) -> None:
    users = [await make.user(db) for _ in range(2)]
    lasting, expiring, past = [await make.role(db) for _ in range(3)]
    for user in users:
        await make.assignment(db, user, lasting)
        await make.assignment(db, user, expiring, expires_at=LATER)
        await make.assignment(db, user, past, expires_at=NOW - HOUR)
    token = await make.token(db, users[1])
    await make.token(db, users[1], revoked_at=NOW - HOUR)
    await make.token(db, users[1], expires_at=NOW)
    await acting(db).set_status(ARCHIVED, *users, reason="Left us")
    told = await recorded(db)
    assert told[:2] == [status_changed(user, ACTIVE, ARCHIVED, reason="Left us") for user in users]
    assert told[-1] == event(
        EventType.TOKEN_REVOKED,
        user=users[1],
        changes={"token": (make.token_id(token.id), None)},
        reason="Left us",
    )
    assert in_any_order(told[2:-1]) == in_any_order(
        [
            *(expired(user, past, NOW - HOUR) for user in users),
            *(revoked(user, role, reason="Left us") for user in users for role in (lasting, expiring)),
        ]
    )


async def test_activating_the_first_administrator_is_told_to_protect_the_role(db: Database) -> None:
    admin, user = await make.admin_role(db), await make.user(db, status=PENDING)
    await make.assignment(db, user, admin)
    await acting(db).set_status(ACTIVE, user)
    assert await recorded(db) == [status_changed(user, PENDING, ACTIVE), protected(admin)]


async def test_erasing_a_user_is_told_and_takes_what_was_told_of_it(db: Database) -> None:
    # Names that no id can contain: an id is written in hexadecimal digits.
    user = await acting(db).create(email="zoe@example.org", first_name="Zoe", attributes={"team": "x"})
    await acting(db).set_status(ARCHIVED, user)
    await acting(db).erase(user, "zoe@example.org")
    names = ("email", "first_name", "display_name", "attributes")
    changes: Changes = {
        "kind": (None, "PERSON"),
        **dict.fromkeys(names, (None, None)),
        "status": (None, "ACTIVE"),
    }
    erased, *_ = told = await recorded(db)
    assert sorted(erased.changes, key=lambda change: change.field) == sorted(
        event(EventType.USER_CREATED, changes=changes).changes, key=lambda change: change.field
    )
    assert told[1:] == [
        status_changed(user, ACTIVE, ARCHIVED),
        event(
            EventType.USER_ERASED,
            user=user,
            changes={"status": ("ARCHIVED", "ERASED")},
            reason="Asked for",
        ),
    ]
    async with db.read() as reader:
        kept = (await reader.execute(text("SELECT string_agg(events::text, '') FROM events"))).scalar_one()
    assert not [name for name in ("Zoe", "zoe", "team") if name in kept]


# ---- roles ----


async def test_adding_a_role_tells_all_that_it_is(db: Database) -> None:
    role = await acting(db).add_role(
        "EDITOR", description="Edits.", permissions=("docs:write", "docs:read"), is_default=True
    )
    changes: Changes = {
        "name": (None, "Editor"),
        "description": (None, "Edits."),
        "permissions": (None, ["docs:read", "docs:write"]),
        "is_default": (None, True),
        "min_holders": (None, 0),
    }
    assert await recorded(db) == [event(EventType.ROLE_CREATED, role=role, changes=changes)]


async def test_updating_a_role_tells_what_is_different_then(db: Database) -> None:
    role = await make.role(db, permissions=("docs:read",), description="Reads.")
    await acting(db).update_role(
        role, permissions=("docs:write", "docs:read"), description=None, is_default=True, name=role.name
    )
    changes: Changes = {
        "description": ("Reads.", None),
        "permissions": (["docs:read"], ["docs:read", "docs:write"]),
        "is_default": (False, True),
    }
    assert await recorded(db) == [event(EventType.ROLE_UPDATED, role=role, changes=changes)]


async def test_a_role_is_told_to_be_archived_after_all_that_it_takes_from_its_holders(db: Database) -> None:
    role, users = await make.role(db), [await make.user(db) for _ in range(3)]
    past = await make.user(db)
    for user in users:
        await make.assignment(db, user, role)
    await make.assignment(db, past, role, expires_at=NOW - HOUR)
    assert (await acting(db).archive_role(role, revoke_assignments=True, reason="Split")).revoked == 3
    *others, last = await recorded(db)
    changes: Changes = {"archived_at": (None, format_instant(NOW))}
    assert last == event(EventType.ROLE_ARCHIVED, role=role, changes=changes, reason="Split")
    assert in_any_order(others) == in_any_order(
        [expired(past, role, NOW - HOUR), *(revoked(user, role, reason="Split") for user in users)]
    )


# ---- who holds what ----


async def test_each_role_that_is_assigned_is_told(db: Database) -> None:
    users, roles = [await make.user(db) for _ in range(2)], [await make.role(db) for _ in range(2)]
    await make.assignment(db, users[0], roles[1])
    await acting(db).assign(users, roles, expires_at=None, reason="Joined")
    await acting(db).assign(users[:1], [third := await make.role(db)], expires_at=LATER)
    assert await recorded(db) == [
        assigned(users[0], roles[0], reason="Joined"),
        assigned(users[1], roles[0], reason="Joined"),
        assigned(users[1], roles[1], reason="Joined"),
        assigned(users[0], third, LATER),
    ]


@pytest.mark.parametrize(
    ("before", "after"), [(None, LATER), (LATER, None), (LATER, NOW + HOUR), (NOW + HOUR, LATER)]
)
@pytest.mark.parametrize("way", ["assignRoles", "setUserRoles"])
async def test_another_expiry_is_told_with_the_one_before(
    db: Database, before: datetime | None, after: datetime | None, way: str
) -> None:
    user, role = await make.user(db), await make.role(db)
    await make.assignment(db, user, role, expires_at=before)
    act = acting(db)
    if way == "assignRoles":
        await act.assign([user], [role], expires_at=after, reason="Longer")
    else:
        await act.set_roles(user, {role: after}, reason="Longer")
    changes: Changes = {"expires_at": (before and format_instant(before), after and format_instant(after))}
    assert await recorded(db) == [
        event(EventType.ROLE_ASSIGNMENT_CHANGED, user=user, role=role, changes=changes, reason="Longer")
    ]


@pytest.mark.parametrize("way", ["assignRoles", "setUserRoles"])
async def test_what_is_assigned_over_an_expired_one_tells_once_that_that_expired(
    db: Database, way: str
) -> None:
    user, role = await make.user(db), await make.role(db)
    await make.assignment(db, user, role, expires_at=NOW - HOUR)
    act = acting(db)
    for until in (LATER, None):
        await (
            act.assign([user], [role], expires_at=until)
            if way == "assignRoles"
            else act.set_roles(user, {role: until})
        )
    assert await recorded(db) == [
        expired(user, role, NOW - HOUR),
        assigned(user, role, LATER),
        event(
            EventType.ROLE_ASSIGNMENT_CHANGED,
            user=user,
            role=role,
            changes={"expires_at": (format_instant(LATER), None)},
        ),
    ]


async def test_each_role_that_is_revoked_is_told(db: Database) -> None:
    users, roles = [await make.user(db) for _ in range(2)], [await make.role(db) for _ in range(2)]
    for user, role in ((users[0], roles[0]), (users[1], roles[0]), (users[1], roles[1])):
        await make.assignment(db, user, role)
    past = await make.role(db)
    await make.assignment(db, users[0], past, expires_at=NOW - HOUR)
    await acting(db).revoke(users, [*roles, past], reason="Done")
    assert await recorded(db) == [
        revoked(users[0], roles[0], reason="Done"),
        revoked(users[1], roles[0], reason="Done"),
        revoked(users[1], roles[1], reason="Done"),
    ]


@pytest.mark.parametrize("way", ["assignRoles", "setUserRoles"])
async def test_the_first_to_be_given_the_role_admin_is_told_to_protect_it(db: Database, way: str) -> None:
    admin, user = await make.admin_role(db), await make.user(db)
    act = acting(db)
    await (act.assign([user], [admin]) if way == "assignRoles" else act.set_roles(user, {admin: None}))
    assert await recorded(db) == [assigned(user, admin), protected(admin)]


async def test_setting_roles_tells_what_goes_then_what_changes_then_what_comes(db: Database) -> None:
    user = await make.user(db)
    goes, kept, changes, comes = [await make.role(db) for _ in range(4)]
    for role in (goes, kept, changes):
        await make.assignment(db, user, role)
    await acting(db).set_roles(user, {comes: LATER, changes: LATER, kept: None}, reason="Moved")
    assert await recorded(db) == [
        revoked(user, goes, reason="Moved"),
        event(
            EventType.ROLE_ASSIGNMENT_CHANGED,
            user=user,
            role=changes,
            changes={"expires_at": (None, format_instant(LATER))},
            reason="Moved",
        ),
        assigned(user, comes, LATER, reason="Moved"),
    ]


# ---- tokens ----


def token_to_create(owner: User, label: str = "CI") -> NewApiToken:
    return NewApiToken(id=new_id(), owner=user_ref(owner), label=label, expires_at=LATER)


async def test_a_token_is_told_without_its_secret(db: Database) -> None:
    user = await make.user(db)
    made = await acting(db).services.tokens.create(token_to_create(user))
    id_ = make.token_id(made.token.id)
    await acting(db).services.tokens.revoke(ApiTokenToRevoke(token_id=made.token.id, reason="Lost"))
    changes: Changes = {
        "token": (None, id_),
        "label": (None, "CI"),
        "expires_at": (None, format_instant(LATER)),
    }
    assert await recorded(db) == [
        event(EventType.TOKEN_CREATED, user=user, changes=changes),
        event(EventType.TOKEN_REVOKED, user=user, changes={"token": (id_, None)}, reason="Lost"),
    ]
    async with db.read() as reader:
        everything = text(
            "SELECT string_agg(e::text, '') || string_agg(t::text, '') FROM events e, api_tokens t"
        )
        kept = (await reader.execute(everything)).scalar_one()
    assert made.secret not in kept
    assert made.secret[4:36] not in kept


# ---- by whom, and in which request ----


async def test_an_event_says_who_called_and_in_which_request(db: Database) -> None:
    caller, user, role = await make.caller(db), await make.user(db), await make.role(db)
    call = Call(caller=caller, now=NOW, request_id="r-1")
    await Acting(services=Services.of(db, call)).assign([user], [role])
    nameless = Call(caller=OPERATOR, now=NOW, request_id=None)
    await Acting(services=Services.of(db, nameless)).revoke([user], [role])
    assert await recorded(db) == [
        assigned(user, role, actor=caller.actor, request_id="r-1"),
        revoked(user, role, request_id=None),
    ]
    assert caller.actor != LOCAL_OPERATOR


async def test_it_happens_after_what_it_follows(db: Database) -> None:
    """Whatever the clock of this server says."""
    user = await make.user(db, updated_at=NOW + HOUR)
    role = await make.role(db)
    await acting(db).assign([user], [role])
    await acting(db).update(user, first_name="Ada")
    assert {told.at for told in await recorded(db)} == {NOW + HOUR}


# ---- nothing else is recorded ----

Work = Callable[[Acting, User, Role], Awaitable[object]]


async def _revoke_token(act: Acting, user: User, _: Role) -> object:
    """The one that the user has, which is revoked."""
    tokens = await act.services.tokens.every()
    (token,) = [token for token in tokens if token.owner_id == user.id]
    return await act.services.tokens.revoke(ApiTokenToRevoke(token_id=token.id, reason="Again"))


NO_CHANGE: dict[str, Work] = {
    "updateUser": lambda act, user, _: act.update(user, first_name=user.first_name, phone=None),
    "setUserStatus": lambda act, user, _: act.set_status(ACTIVE, user, reason="Again"),
    "updateRole": lambda act, _, role: act.update_role(role, name=role.name, permissions=()),
    "assignRoles": lambda act, user, role: act.assign([user], [role], reason="Again"),
    "assignRoles to nobody": lambda act, _, role: act.assign([], [role]),
    "revokeRoles": lambda act, user, _: act.revoke([user], [], reason="Again"),
    "setUserRoles": lambda act, user, role: act.set_roles(user, {role: None}, reason="Again"),
    "revokeApiToken": _revoke_token,
}


@pytest.mark.parametrize("way", NO_CHANGE)
async def test_what_changes_nothing_records_nothing(db: Database, way: str) -> None:
    user, role = await make.user(db), await make.role(db)
    await make.assignment(db, user, role)
    await make.token(db, user, revoked_at=NOW)
    await NO_CHANGE[way](acting(db), user, role)
    assert await recorded(db) == []


async def test_what_is_archived_erased_or_over_already_records_nothing(db: Database) -> None:
    role = await make.role(db, archived_at=NOW)
    erased = await make.user(
        db, email=None, first_name=None, last_name=None, display_name="Erased user", status=ERASED
    )
    past = await make.token(db, await make.user(db), expires_at=NOW)
    act = acting(db)
    await act.archive_role(role, reason="Again")
    await act.erase(erased, "x")
    await act.services.tokens.revoke(ApiTokenToRevoke(token_id=past.id, reason="Late"))
    assert await recorded(db) == []


async def _create_token(act: Acting, user: User, _: Role) -> object:
    return await act.services.tokens.create(token_to_create(user))


async def _revoke_no_token(act: Acting, _: User, __: Role) -> object:
    return await act.services.tokens.revoke(ApiTokenToRevoke(token_id=new_id(), reason=None))


# Each after all of its locks, where it has any: of an archived user, and a role that a user must hold.
REFUSED: dict[str, Work] = {
    "createUser": lambda act, user, role: act.create(email=user.email, grants={role: None}),
    "updateUser": lambda act, user, _: act.update(user, first_name="A", expected_version=7),
    "setUserStatus": lambda act, user, _: act.set_status(PENDING, user),
    "eraseUser": lambda act, user, _: act.erase(user, "x"),
    "addRole": lambda act, _, role: act.add_role(role.key),
    "updateRole": lambda act, _, role: act.update_role(role, name="A", min_holders=9),
    "archiveRole": lambda act, _, role: act.archive_role(role, revoke_assignments=True),
    "assignRoles": lambda act, user, role: act.assign([user], [role], expires_at=LATER),
    "revokeRoles": lambda act, user, role: act.revoke([user], [role]),
    "setUserRoles": lambda act, user, _: act.set_roles(user, {}),
    "createApiToken": _create_token,
    "revokeApiToken": _revoke_no_token,
}


@pytest.mark.parametrize("way", REFUSED)
async def test_what_is_refused_records_nothing(db: Database, way: str) -> None:
    user, role = await make.user(db), await make.role(db, min_holders=1)
    await make.assignment(db, user, role)
    if way == "createApiToken":
        user = await make.user(db, status=ARCHIVED)
    assert await refusal(REFUSED[way](acting(db), user, role))
    assert await recorded(db) == []


async def test_what_may_not_be_done_records_nothing(db: Database) -> None:
    """Also not when that is found out under the locks only."""
    caller, user, role = await make.caller(db), await make.user(db), await make.role(db)
    assert caller.user
    await acting(db).set_status(SUSPENDED, caller.user)
    before = await recorded(db)
    with pytest.raises(ForbiddenError):
        await acting(db, caller=caller).assign([user], [role])
    assert await recorded(db) == before


# ---- reading ----


async def test_what_happened_to_users_and_roles_is_found_with_them(db: Database) -> None:
    users, roles = [await make.user(db) for _ in range(2)], [await make.role(db) for _ in range(2)]
    act = acting(db)
    await act.assign(users, roles[:1])
    await act.revoke(users[:1], roles[:1])
    await act.update_role(roles[0], name="Other")
    events = act.services.events
    everything = {edge.node.id: edge.node for edge in (await events.page(None, EVERYTHING)).edges}
    assert len(everything) == 4
    assert await events.by_ids([*everything, new_id()]) == everything
    of_users = await events.pages_by_users([user.id for user in users], EVERYTHING)
    of_roles = await events.pages_by_roles([role.id for role in roles], EVERYTHING)
    for found, about in ((of_users, "user_id"), (of_roles, "role_id")):
        for id_, page in found.items():
            expected = [one for one in everything.values() if getattr(one, about) == id_]
            assert [edge.node for edge in page.edges] == expected
    assert [len(page.edges) for page in (*of_users.values(), *of_roles.values())] == [2, 1, 4, 0]
