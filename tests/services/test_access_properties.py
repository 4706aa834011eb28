"""Whatever anybody calls in whatever order, nobody comes to more than the caller held or they themselves had before.

Small directories of users with few permissions, and opaque, default, expiring and protected roles. Every call goes to the
real services, as somebody found by their token, or as they were found some calls ago. What may come of it is decided by
tests/powers.py, which looks at the rows alone.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acting import NOW, acting
from powers import OWN_LABELS, State, lacking
from roster.data.db import Database
from roster.domain.callers import Caller
from roster.domain.errors import EscalationError, ForbiddenError, Rejected, UnauthenticatedError
from roster.domain.permissions import WHO_HOLDS_WHAT
from roster.services.callers import Callers
from stepping import NEEDS, STEPS, WORLDS, Step, World, made, needs_of

Tally = Counter[tuple[str, str]]


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    """How the calls ended. Most kinds must have been done and have been refused, or little was shown."""
    counted: Tally = Counter()
    yield counted
    for end, least in (("done", 10), ("forbidden", 12), ("escalation", 8)):
        assert len({kind for kind, ended in counted if ended == end}) >= least, end


@given(drawn=WORLDS, steps=st.lists(STEPS, min_size=15, max_size=20))
@settings(
    max_examples=settings().max_examples // 4, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_nobody_comes_to_more_than_the_caller_held_or_they_had(
    db: Database, tally: Tally, drawn: Any, steps: list[Step]
) -> None:
    world, now = await made(db, drawn), NOW
    state = await world.state()
    for step in steps:
        now += timedelta(minutes=step.minutes)
        if caller := await find(world, step, state, now):
            end, state = await take(world, step, caller, state, now)
            tally[step.kind, end] += 1


async def find(world: World, step: Step, before: State, now: datetime) -> Caller | None:
    """Whoever calls, with what they may, or as they were found before if the step is stale."""
    if step.stale and step.caller in world.found:
        return world.found[step.caller]
    callers = Callers(db=world.db, anonymous=frozenset(), issuer=None, match_email=False)
    user = world.users[step.caller]
    try:
        caller = await callers.of_headers([f"Bearer {world.secrets[step.caller]}"], now)
    except UnauthenticatedError:
        assert before.users[user.id].status != "ACTIVE" or world.was_archived(step.caller, before)
        return None
    assert before.users[user.id].status == "ACTIVE"
    assert caller.permissions == before.powers(user.id, now)
    world.found[step.caller] = caller
    return caller


async def take(world: World, step: Step, caller: Caller, before: State, now: datetime) -> tuple[str, State]:
    user_id = world.users[step.caller].id
    held = before.powers(user_id, now)
    # Of somebody who was found a while ago no more is relied on than was found then.
    is_fresh = caller.permissions == held
    _, work = NEEDS[step.kind]
    try:
        await work(acting(world.db, now, caller), world, step)
    except ForbiddenError:
        assert not is_fresh or not needs_of(world, step) <= held
        end = "forbidden"
    except Rejected as rejected:
        escalations = [error for error in rejected.errors if isinstance(error, EscalationError)]
        if is_fresh:
            assert_justified(escalations, held)
        end = "escalation" if escalations else "rejected"
    else:
        end = "done"
        assert needs_of(world, step) <= held
    after = await world.state()
    if end == "done":
        assert_no_way_up(before, after, user_id, held, now)
    else:
        assert after == before
    return end, after


def assert_justified(errors: list[EscalationError], held: frozenset[str]) -> None:
    for error in errors:
        assert not held >= OWN_LABELS
        assert held.isdisjoint(error.missing_permissions)
        assert error.missing_permissions or not held >= set(WHO_HOLDS_WHAT)


def assert_no_way_up(before: State, after: State, caller: UUID, held: frozenset[str], now: datetime) -> None:
    for user in after.users:
        had = before.potential(user, now) if user in before.users else frozenset[str]()
        has = after.potential(user, now)
        assert not lacking(has - had, held), "given what the caller does not hold"
        assert not lacking(had - has, held), "taken what the caller does not hold"
        if user in before.users and user != caller and after.about(user) != before.about(user):
            assert not lacking(had, held), "changed somebody who may more"
    for role in after.roles.values():
        assert role.archived_at or after.lasting_holders(role.id) >= role.min_holders
