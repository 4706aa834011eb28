"""Plans and relations answer what plain Strawberry answers, over operations made from the schemas themselves."""

import asyncio
import gc
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import pytest
from graphql import GraphQLSchema
from sqlalchemy import insert
from strawberry import Schema

import make
from agreement import assert_agree
from emptying import empty
from odd_schema import ODD_POOLS, ODD_SCHEMA, odd_things
from operations import Maker, Operation, Pool
from population import World, populated
from roster.api.context import Context
from roster.api.execution import Documents, execute
from roster.api.schema import schema
from roster.data import events as event_data
from roster.data.db import Database
from roster.data.models import RoleRow
from roster.domain.actors import LOCAL_OPERATOR, SYSTEM, Actor, ActorKind
from roster.domain.assignments import Change
from roster.domain.callers import OPERATOR, Call, Caller, nobody
from roster.domain.events import EventType, FieldChange, of_assignment
from roster.domain.permissions import Permission
from roster.services.services import Services
from selections import pools

# graphql-core cancels what it has not begun to await. That is told when it is collected, and not always as such.
NEVER_AWAITED = pytest.mark.filterwarnings(
    "ignore:coroutine .* was never awaited:RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
MAX_REMEMBERED = 10


@pytest.fixture(autouse=True)
def _collected(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What is left over is told in the test that left it. Strawberry logs what an error is anyway."""
    caplog.set_level(logging.CRITICAL, "strawberry.execution")
    yield
    gc.collect()


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """A directory in which things have happened, and the values that name what is in it."""

    world: World
    pools: Mapping[str, Pool]


@pytest.fixture(scope="module")
async def full(shared_db: Database, seeded: list[dict[str, Any]]) -> AsyncIterator[Full]:
    async with populated(shared_db) as world:
        users, roles = world.directory.users, world.directory.roles
        by = [Actor(kind=ActorKind.USER, user_id=users[3].id), LOCAL_OPERATOR, SYSTEM]
        named = {role.id: role for role in roles}
        changes = (FieldChange(field="expires_at", before=None, after="2100-01-01T00:00:00.000Z"),)
        happened = [
            of_assignment(
                EventType.ROLE_ASSIGNMENT_CHANGED,
                one,
                named[one.role_id],
                Change(by=by[number % len(by)], at=make.LONG_AGO, reason=None),
                changes,
            )
            for number, one in enumerate(world.directory.assignments[:30])
        ]
        await shared_db.write(partial(event_data.add, events=happened))
        token = await make.token(shared_db, users[0])
        yield Full(world=world, pools=await pools(world, happened[0], token))
        async with shared_db.engine.begin() as connection:
            await empty(connection)
            await connection.execute(insert(RoleRow), seeded)


def graphql_schema(schema_: Schema) -> GraphQLSchema:
    return schema_._schema  # noqa: SLF001 -- Strawberry has no public name for it


def documents(schema_: Schema) -> Documents:
    return Documents(schema_, max_number=MAX_REMEMBERED, max_size=100_000)


async def run(
    schema_: Schema, known: Documents, operation: Operation, context: object, outcomes: Counter[str]
) -> Any:
    """Fails if a task is left."""
    before = asyncio.all_tasks()
    result = await execute(
        schema_,
        known.read(operation.document),
        variables=dict(operation.variables),
        operation_name=None,
        context=context,
        outcomes=outcomes,
    )
    left = asyncio.all_tasks() - before
    assert not left, operation
    return result


async def compare(
    schema_: Schema, known: Documents, operation: Operation, context: Callable[[], object]
) -> Counter[str]:
    """Fails if the two differ. Returns what became of the operation's values."""
    outcomes: Counter[str] = Counter()
    ours = await run(schema_, known, operation, context(), outcomes)
    before = asyncio.all_tasks()
    theirs = await schema_.execute(
        operation.document, variable_values=dict(operation.variables), context_value=context()
    )
    while left := asyncio.all_tasks() - before:
        await asyncio.wait(left)
    try:
        assert_agree(ours, theirs)
    except AssertionError as error:
        error.add_note(f"{operation.document}\n{operation.variables}\nours: {ours}\ntheirs: {theirs}")
        raise
    return outcomes


def operations(known: Documents, maker: Maker, number: int) -> Iterator[Operation]:
    """Valid ones: two fields of one name may have types that cannot be merged."""
    while number:
        operation = maker.operation()
        if not known.read(operation.document).errors:
            number -= 1
            yield operation


@NEVER_AWAITED
@pytest.mark.parametrize("oddity", [0.0, 0.02, 0.2])
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_odd_is_told_as_ever(seed: int, oddity: float) -> None:
    random, known = Random(f"{seed} {oddity}"), documents(ODD_SCHEMA)  # noqa: S311
    maker = Maker(graphql_schema(ODD_SCHEMA), ODD_POOLS, random, max_depth=5)
    outcomes: Counter[str] = Counter()
    for operation in operations(known, maker, 60):
        context = {"name": "a context", "things": odd_things(random, oddity)}
        outcomes += await compare(ODD_SCHEMA, known, operation, lambda: context)  # noqa: B023 -- called at once
    assert min(outcomes["fast"], outcomes["uncovered"]) > 0
    assert (outcomes["broken"] > 0) or not oddity


async def test_whatever_fails_nothing_is_left_that_was_never_awaited() -> None:
    random, known = Random(1), documents(ODD_SCHEMA)  # noqa: S311
    maker = Maker(graphql_schema(ODD_SCHEMA), ODD_POOLS, random, max_depth=5)
    outcomes: Counter[str] = Counter()
    for operation in operations(known, maker, 150):
        context = {"name": "a context", "things": odd_things(random, 0.1)}
        await run(ODD_SCHEMA, known, operation, context, outcomes)
    assert outcomes["broken"] > 0


def _callers(world: World) -> Mapping[str, Caller]:
    """By what they may. One is a user of the directory, who sees what is their own."""
    user = next(user for user in world.directory.users if world.directory.assignments[0].user_id == user.id)

    def may(*permissions: Permission) -> Caller:
        return Caller(
            kind=ActorKind.USER, user=user, permissions=frozenset(permissions), role_ids=frozenset()
        )

    return {
        "everything": OPERATOR,
        "nothing": may(),
        "users": may(Permission.USERS_READ),
        "roles": may(Permission.ROLES_READ),
        "users and roles": may(Permission.USERS_READ, Permission.ROLES_READ),
        "nobody": nobody(frozenset()),
    }


@NEVER_AWAITED
@pytest.mark.differential
async def test_the_schema_answers_as_ever(
    full: Full, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    number, seed = pytestconfig.getoption("--operations"), pytestconfig.getoption("--seed")
    random, known, world = Random(seed), documents(schema()), full.world  # noqa: S311
    callers = _callers(world)
    maker = Maker(graphql_schema(schema()), full.pools, random, max_depth=8)
    done: dict[str, Counter[str]] = {}
    for operation in operations(known, maker, number):
        # Half of all may do everything, or most would be refused at once.
        who = "everything" if random.random() < 0.5 else random.choice([*callers])
        call = Call(caller=callers[who], now=world.directory.now, request_id=None)
        services = Services.of(world.api.db, call)
        outcomes = await compare(schema(), known, operation, lambda: Context(lambda _: services))  # noqa: B023 -- called at once
        how = "fast" if outcomes.keys() <= {"fast"} else "else"
        for construct in ("all", f"may read {who}", *operation.constructs):
            done.setdefault(construct, Counter())[how] += 1
    with capsys.disabled():
        sys.stdout.write(
            f"\n{number} operations of seed {seed}; plans alone completed so many, by what is in them:\n"
        )
        for construct, counts in sorted(done.items()):
            share = counts["fast"] / counts.total()
            sys.stdout.write(f"{construct:28} {counts['fast']:6} of {counts.total():6} {share:5.0%}\n")
    assert done["all"]["fast"] > done["all"].total() / 2
