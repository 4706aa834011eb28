"""What a mutation records is written with it, all or nothing, and once however often the work begins again."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import text

import make
from acting import LATER, NOW, Acting, acting, refusal, user_ref
from racing import deadlocks, race, role_gate, until_one_waits, user_gate
from recorded import assigned, event, recorded, revoked
from roster.data import events as event_data
from roster.data.connections import Writer
from roster.data.db import BeginAgain, Database
from roster.domain.actors import LOCAL_OPERATOR
from roster.domain.assignments import Change
from roster.domain.callers import OPERATOR, Call
from roster.domain.events import EventType, of_user
from roster.domain.ids import new_id
from roster.domain.roles import Role
from roster.domain.tokens import NewApiToken
from roster.domain.users import User, UserStatus
from roster.services.recording import Recorder
from roster.services.services import Services
from tuned import tuned

Work = Callable[[Acting, User, Role], Awaitable[object]]


async def _create_token(act: Acting, user: User, _: Role) -> object:
    given = NewApiToken(id=new_id(), owner=user_ref(user), label="CI", expires_at=LATER)
    return await act.services.tokens.create(given)


WORKS: dict[str, Work] = {
    "createUser": lambda act, _, __: act.create(email="new@example.org"),
    "updateUser": lambda act, user, _: act.update(user, first_name="A"),
    "archived": lambda act, user, _: act.set_status(UserStatus.ARCHIVED, user),
    "addRole": lambda act, _, __: act.add_role("NEW"),
    "archiveRole": lambda act, _, role: act.archive_role(role),
    "assignRoles": lambda act, user, role: act.assign([user], [role]),
    "setUserRoles": lambda act, user, role: act.set_roles(user, {role: None}),
    "createApiToken": _create_token,
}
_ALL_OF = "SELECT concat('{0}', (SELECT string_agg(t::text, '' ORDER BY id) FROM {0} t))"
TABLES = text(
    " UNION ALL ".join(map(_ALL_OF.format, ("users", "roles", "role_assignments", "api_tokens", "events")))
)


async def stored(db: Database) -> list[str]:
    async with db.read() as reader:
        return sorted((await reader.execute(TABLES)).scalars())


@pytest.mark.parametrize("way", WORKS)
async def test_what_cannot_be_recorded_does_not_happen(db: Database, way: str) -> None:
    user, role = await make.user(db), await make.role(db)
    before = await stored(db)
    too_long = Call(caller=OPERATOR, now=NOW, request_id="x" * 129)
    assert await refusal(WORKS[way](Acting(services=Services.of(db, too_long)), user, role))
    assert await stored(db) == before
    # But for that it would.
    await WORKS[way](acting(db), user, role)
    assert await stored(db) != before


async def test_who_begins_again_records_it_once(db: Database) -> None:
    """The role is protected while its holder's loss waits: the locks were too weak, and are taken anew."""
    role, users = await make.role(db), [await make.user(db) for _ in range(2)]
    for user in users:
        await make.assignment(db, user, role)
    act = acting(db)
    await race(
        db,
        role_gate(role),
        lambda: act.update_role(role, min_holders=1),
        lambda: act.revoke([users[0]], [role]),
    )
    assert await recorded(db) == [
        event(EventType.ROLE_UPDATED, role=role, changes={"min_holders": (0, 1)}),
        revoked(users[0], role),
    ]


async def test_the_victim_of_a_deadlock_records_it_once(db: Database) -> None:
    users, role = [await make.user(db) for _ in range(2)], await make.role(db)
    before = await deadlocks(db)
    # Whoever finds out first gives way: the server looks once, a while after one of its clients began to wait.
    async with tuned(db, "deadlock_timeout", "2s") as victim, db.engine.begin() as other:
        await other.execute(text("SET LOCAL deadlock_timeout = '60s'"))
        await other.execute(user_gate(users[1]))
        assigning = asyncio.create_task(acting(victim).assign(users, [role]))
        await until_one_waits(db)
        # It holds the first and waits for the second. Of a table, unlike of a row, the lock passes straight to who waits:
        # begun again, it cannot overtake and become the victim once more.
        await other.execute(text("LOCK TABLE users IN EXCLUSIVE MODE"))
        await other.rollback()
        assert (await assigning).assigned == 2
    assert await deadlocks(db) == before + 1
    assert await recorded(db) == [assigned(user, role) for user in users]


async def test_an_event_keeps_its_id_however_often_the_work_begins_again(db: Database) -> None:
    user, recorder = await make.user(db), Recorder("r-1")
    change = Change(by=LOCAL_OPERATOR, at=NOW, reason=None)
    tried: list[list[UUID]] = []

    async def work(writer: Writer) -> None:
        await recorder.write(writer, [of_user(EventType.USER_UPDATED, user.id, change) for _ in range(3)])
        found = await writer.execute(text("SELECT id FROM events ORDER BY sequence"))
        tried.append(list(found.scalars()))
        if len(tried) < 3:
            raise BeginAgain

    await db.write(work)
    assert tried[0] == tried[1] == tried[2]
    async with db.read() as reader:
        found = await event_data.by_ids(reader, tried[0])
    assert [found[id_].request_id for id_ in tried[0]] == ["r-1"] * 3
