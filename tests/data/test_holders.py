"""Users read together with their roles: the same users in the same pages, and their roles as by the statement of their own."""

from contextlib import AsyncExitStack
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

import make
from acting import NOW, acting
from roster.data import holders as holder_data
from roster.data import roles as role_data
from roster.data import users as user_data
from roster.data.db import Database
from roster.data.forms import Matcher
from roster.data.holders import KnownRoles
from roster.domain.assignments import IN_FORCE
from roster.domain.filters import UserFilter, UserSelection
from roster.domain.pages import Edge, OrderDirection, OrderKey, Page, PageRequest, UserOrderField
from roster.domain.roles import Role, RoleKey, RoleRef
from roster.domain.users import LIVE_STATUSES, Holder, User, UserKey, UserRef, UserStatus
from roster.settings import Settings
from sent import sent_statements

SOON, BEFORE = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
EVERYONE = UserSelection(filter=None, include_archived=False)
BY_CREATION = (OrderKey(field=UserOrderField.CREATED_AT, direction=OrderDirection.ASC),)


def request(
    order: tuple[OrderKey[UserOrderField], ...] = BY_CREATION, **given: object
) -> PageRequest[UserOrderField]:
    return replace(PageRequest(order=order, size=200, backward=False, after=None, before=None), **given)  # type: ignore[arg-type]


async def holders(
    db: Database,
    which: UserSelection = EVERYONE,
    wanted: PageRequest[UserOrderField] | None = None,
    now: datetime = NOW,
) -> Page[Holder]:
    matcher = Matcher(now=now, meant={})
    async with db.read() as reader:
        return await holder_data.page(reader, which, matcher, wanted or request(), db.known_roles)


async def keys(db: Database, now: datetime = NOW) -> dict[UUID, list[str]]:
    page = await holders(db, now=now)
    return {node.id: [role.key for role in node.roles] for _, node in page.edges}


async def apart(
    db: Database, which: UserSelection, wanted: PageRequest[UserOrderField], now: datetime = NOW
) -> Page[Holder]:
    """The same by a statement for the users and one for their roles."""
    async with db.read() as reader:
        page = await user_data.page(reader, which, Matcher(now=now, meant={}), wanted)
        roles = await role_data.by_users(reader, [edge.node.id for edge in page.edges], IN_FORCE, now)
    edges = tuple(Edge(cursor, holder(user, *roles[user.id])) for cursor, user in page.edges)
    return Page(edges=edges, has_next=page.has_next, has_previous=page.has_previous)


def holder(user: User, *roles: Role) -> Holder:
    return Holder(**{name: getattr(user, name) for name in user_data.NAMES}, roles=roles)


@pytest.fixture
async def crowd(db: Database) -> list[User]:
    """Of every status but one, with names and without; they hold no role, or up to five, some ended or expired."""
    statuses = [*LIVE_STATUSES, UserStatus.ARCHIVED]
    users = [
        make.a_user(
            status=statuses[n % 4],
            username=f"u{n}" if n % 3 else None,
            last_name=f"N{n % 4}" if n % 2 else None,
        )
        for n in range(25)
    ]
    roles = [make.a_role(key=f"{letter}_{n}") for n, letter in enumerate("DBXAC")]
    ends = [{}, {"expires_at": SOON}, {"expires_at": BEFORE}, {"ended_at": BEFORE, "expires_at": BEFORE}]
    held = [
        make.an_assignment(user, role, **ends[(n + m) % 4])
        for n, user in enumerate(users)
        for m, role in enumerate(roles)
        if (n * 7 + m) % 3 and n % 6
    ]
    await make.store(db, *users, *roles, *held)
    return users


ORDERS = [
    BY_CREATION,
    (OrderKey(field=UserOrderField.USERNAME, direction=OrderDirection.DESC),),
    (
        OrderKey(field=UserOrderField.LAST_NAME, direction=OrderDirection.ASC),
        OrderKey(field=UserOrderField.STATUS, direction=OrderDirection.DESC),
    ),
]
_ANY: dict[str, Any] = {field.name: None for field in fields(UserFilter)}
SELECTIONS = {
    "live": EVERYONE,
    "all": UserSelection(filter=None, include_archived=True),
    "of two statuses": UserSelection(
        filter=UserFilter(**_ANY | {"status": (UserStatus.ACTIVE, UserStatus.ARCHIVED)}),
        include_archived=True,
    ),
}


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("which", SELECTIONS)
async def test_every_page_is_what_two_statements_answer(
    db: Database, which: str, order: tuple[OrderKey[UserOrderField], ...], backward: bool
) -> None:
    wanted, seen = request(order, size=4, backward=backward), 0
    while True:
        page = await holders(db, SELECTIONS[which], wanted)
        assert page == await apart(db, SELECTIONS[which], wanted)
        seen += len(page.edges)
        if not (page.has_previous if backward else page.has_next):
            break
        side, edge = ("before", page.edges[0]) if backward else ("after", page.edges[-1])
        wanted = replace(wanted, **{side: edge.cursor})  # type: ignore[arg-type]
    assert seen >= 10


@pytest.mark.parametrize("key", UserKey)
async def test_one_is_found_by_each_kind_of_key(db: Database, key: UserKey) -> None:
    user = await make.user(db, username="ann", external_id="hr-1")
    roles = [await make.role(db, key=key_) for key_ in ("B", "A")]
    for role in roles:
        await make.assignment(db, user, role)
    ref = UserRef(key=key, value=getattr(user, key.value))
    async with db.read() as reader:
        found = await holder_data.by_ref(reader, ref, NOW, db.known_roles)
        nobody = await holder_data.by_ref(
            reader, replace(ref, value=make.a_user().id if key is UserKey.ID else "x"), NOW, db.known_roles
        )
    assert found == holder(user, *reversed(roles))
    assert nobody is None


async def test_a_role_is_held_until_the_moment_that_it_expires(db: Database) -> None:
    user, role = await make.user(db), await make.role(db, key="A")
    await make.assignment(db, user, role, expires_at=SOON)
    assert [
        (await keys(db, moment))[user.id] for moment in (NOW, SOON - timedelta(milliseconds=1), SOON)
    ] == [["A"], ["A"], []]


# ---- what is known of roles ----


async def test_what_roles_are_is_looked_up_once(db: Database) -> None:
    users, roles = [await make.user(db) for _ in range(2)], [await make.role(db) for _ in range(2)]
    for user, role in zip(users, roles, strict=True):
        await make.assignment(db, user, role)
    await keys(db)
    await make.assignment(db, users[0], roles[1])
    with sent_statements() as statements:
        assert await keys(db) == {
            users[0].id: [roles[0].key, roles[1].key],
            users[1].id: [roles[1].key],
        }
    assert len(statements) == 1


async def test_whatever_another_changes_of_roles_is_seen_at_once(db: Database) -> None:
    """Another process knows nothing of what is known here."""
    user, role = await make.user(db), await make.role(db, key="B")
    await make.assignment(db, user, role)
    other = Database(
        db.engine.url.render_as_string(hide_password=False), pool_size=1, driver=Settings().database_driver
    )
    act, seen = acting(other), []
    async with AsyncExitStack() as undo:
        undo.push_async_callback(other.close)
        for change in (
            lambda: act.update_role(role, name="Other"),
            lambda: act.update_role(role, permissions=("a:b",)),
            lambda: act.add_role("A"),
            lambda: act.assign([user], [RoleRef(key=RoleKey.KEY, value="A")]),
            lambda: act.archive_role(role, revoke_assignments=True),
        ):
            await change()
            (edge,) = (await holders(db, now=SOON)).edges
            seen.append([(held.key, held.name, held.permissions) for held in edge.node.roles])
            assert edge.node.roles == (await apart(db, EVERYONE, request(), SOON)).edges[0].node.roles
    assert seen == [
        [("B", "Other", ())],
        [("B", "Other", ("a:b",))],
        [("B", "Other", ("a:b",))],
        [("A", "A", ()), ("B", "Other", ("a:b",))],
        [("A", "A", ())],
    ]


async def test_what_was_read_before_a_change_is_answered_as_it_is_after_it(db: Database) -> None:
    """The statement for the users saw a state that is gone when what it does not know is looked up."""
    old, new = await make.role(db, key="A"), await make.role(db, key="B")
    known, one, both = KnownRoles(), old.id.bytes, old.id.bytes + new.id.bytes
    async with db.read() as reader:
        (row,) = await reader.execute(holder_data._ROLES, {"ids": [old.id]})  # noqa: SLF001 -- for the state
        assert await known.by_held(reader, {one, None}, row.state) == {one: (old,), None: ()}
    newer = await acting(db).update_role(old, name="Newer")
    async with db.read() as reader:
        # What was known of the state is as it was then; what was not, as it is now.
        assert await known.by_held(reader, {one, both}, row.state) == {one: (old,), both: (old, new)}
        assert await known.by_held(reader, {one, both}, "another") == {one: (newer,), both: (newer, new)}


async def test_what_is_held_together_is_kept_within_bounds(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder_data, "_MOST_HELD", 2)
    roles, known = [await make.role(db, key=f"R_{n}") for n in range(6)], KnownRoles()
    async with db.read() as reader:
        (row,) = await reader.execute(holder_data._ROLES, {"ids": [roles[0].id]})  # noqa: SLF001 -- for the state
        for n in (*range(5), *range(5)):
            pair = {roles[n].id.bytes: (roles[n],), roles[n + 1].id.bytes: (roles[n + 1],)}
            found = await known.by_held(reader, set(pair), row.state)
            assert {ids: found[ids] for ids in pair} == pair
            assert len(known._by_held) <= 4  # noqa: SLF001 -- it is not told otherwise
