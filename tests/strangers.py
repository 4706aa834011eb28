"""Somebody else, and all that there is about them: what those who may not are never to see."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import make
from acting import acting
from guarded import secret_of
from roster.api import ids
from roster.data.db import Database
from roster.domain.actors import Actor, ActorKind
from roster.domain.ids import new_id
from roster.domain.instants import format_instant, now
from roster.domain.users import User, UserStatus
from service_calls import FIRST

# In everything that has a text.
MARK = "sesame"


async def strangers(db: Database) -> dict[str, Any]:
    """The variables of the table of access: one who holds a role with a label, one `plain` who may nothing, an event."""
    giver, user = make.a_user(display_name=f"Giver {MARK}"), _marked("", username=MARK, external_id=MARK)
    plain, archived = _marked("plain-"), _marked("gone-", status=UserStatus.ARCHIVED)
    role = make.a_role(key=MARK.upper(), name=f"Role {MARK}", permissions=(f"{MARK}:open",))
    empty, spare = make.a_role(key=f"EMPTY_{MARK.upper()}"), make.a_role(key=f"SPARE_{MARK.upper()}")
    by = Actor(kind=ActorKind.USER, user_id=giver.id)
    held = make.an_assignment(user, role, assigned_by=by, reason=MARK)
    ended = make.an_assignment(
        user,
        spare,
        reason=MARK,
        ended_at=make.LONG_AGO + timedelta(days=1),
        revoked_by=by,
        revoke_reason=MARK,
    )
    await make.store(db, giver, user, plain, archived, role, empty, spare, held, ended)
    await make.store(db, make.an_assignment(plain, empty))
    await secret_of(db, plain)
    await acting(db, now()).update_role(role, description=MARK)
    return {
        **{name: make.user_id(one.id) for name, one in (("user", user), ("plain", plain))},
        **{name: make.role_id(one.id) for name, one in (("role", role), ("empty", empty), ("spare", spare))},
        **{f"user_{name}": value for name, value in _names(user).items()},
        "role_id": make.role_id(role.id),
        "role_key": role.key,
        "archived": make.user_id(archived.id),
        "confirm": archived.email,
        "held": make.assignment_id(held.id),
        "ended": make.assignment_id(ended.id),
        "event": await _event(db, user),
        "token": await _token(db, plain),
        "address": "new@example.org",
        "new": "NEW",
        "until": format_instant(now() + timedelta(days=1)),
    }


def _marked(prefix: str, **given: Any) -> User:
    return make.a_user(email=f"{prefix}{MARK}@example.org", first_name=MARK, **given)


def _names(user: User) -> dict[str, Any]:
    return {
        "id": make.user_id(user.id),
        "email": user.email,
        "username": user.username,
        "externalId": user.external_id,
    }


async def _event(db: Database, user: User) -> str:
    """That a role was given to the user."""
    role = await make.role(db, key=f"GIVEN_{MARK.upper()}")
    act = acting(db, now())
    await act.assign([user], [role], expires_at=now() + timedelta(days=1), reason=MARK)
    pages = await act.services.events.pages_by_roles([role.id], FIRST)
    (edge,) = pages[role.id].edges
    return ids.to_text(ids.Kind.EVENT, edge.node.id)


async def _token(db: Database, owner: User) -> str:
    (token,) = [one for one in await acting(db).services.tokens.every() if one.owner_id == owner.id]
    return ids.to_text(ids.Kind.TOKEN, token.id)


def nobodies(named: Mapping[str, Any]) -> dict[str, Any]:
    """The same variables, but for those that name what is there: they name nothing."""
    ids_of = {name: f"{value[:4]}{new_id().hex}" for name, value in named.items() if value[3:4] == "_"}
    names = {
        "user_email": "nobody@example.org",
        "user_username": "nobody",
        "user_externalId": "nobody",
        "role_key": "NONE",
    }
    return {**named, **ids_of, **names}
