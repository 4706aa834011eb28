"""One call of every public method of every service, about somebody else, with what its caller must be permitted.

A method whose needs depend on what is asked for has a line for each.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from inspect import isfunction
from typing import Any

import make
from acting import EVERY_STATE, NOW, Acting, acting, user_ref
from roster.data import events as event_data
from roster.data.db import Database
from roster.domain.assignments import IN_FORCE, RoleAssignment
from roster.domain.events import Event
from roster.domain.filters import (
    AssignmentSelection,
    LabelsFilter,
    RoleSelection,
    UserFilter,
    UserRolesFilter,
    UserSelection,
)
from roster.domain.instants import format_instant
from roster.domain.pages import OrderDirection, OrderKey, PageRequest, RoleOrderField, UserOrderField
from roster.domain.permissions import Permission
from roster.domain.roles import Role, RoleKey, RoleRef
from roster.domain.tokens import ApiToken, ApiTokenToRevoke, NewApiToken, check_new_token
from roster.domain.users import User, UserKey, UserRef, UserStatus
from roster.services.administrators import check_administrator
from roster.services.services import Services

P = Permission
READ_USERS, READ_ROLES = frozenset({P.USERS_READ}), frozenset({P.ROLES_READ})
READ_BOTH = READ_USERS | READ_ROLES
READ_EVENTS = READ_BOTH | {P.EVENTS_READ}
WRITE_USERS = READ_USERS | {P.USERS_WRITE}
WRITE_ROLES = READ_ROLES | {P.ROLES_WRITE}
ASSIGN = READ_BOTH | {P.ROLES_ASSIGN}


def _first(*order: OrderKey[Any]) -> PageRequest[Any]:
    return PageRequest(order=order, size=1, backward=False, after=None, before=None)


FIRST = _first()
FIRST_USER = _first(OrderKey(field=UserOrderField.CREATED_AT, direction=OrderDirection.ASC))
FIRST_ROLE = _first(OrderKey(field=RoleOrderField.KEY, direction=OrderDirection.ASC))
EVERY_ROLE = RoleSelection(filter=None, include_archived=True)
EVERY_ASSIGNMENT = AssignmentSelection(filter=None, scope=EVERY_STATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Somebody who may nothing, and what there is about them; somebody else who is archived."""

    user: User
    role: Role
    held: RoleAssignment
    token: ApiToken
    event: Event
    archived: User


Call = Callable[[Acting, Target], Awaitable[object]]


def new_token(owner: User) -> NewApiToken:
    until = format_instant(NOW + timedelta(days=1))
    return check_new_token(owner=user_ref(owner), label="For a test", expires_at=until, now=NOW)


async def make_target(db: Database) -> Target:
    user, role = make.a_user(username="other", external_id="of-other"), make.a_role()
    archived = make.a_user(status=UserStatus.ARCHIVED)
    held = make.an_assignment(user, role)
    await make.store(db, user, role, held, archived)
    token = (await acting(db).services.tokens.create(new_token(user))).token
    async with db.read() as reader:
        pages = await event_data.pages_by_users(reader, [user.id], FIRST)
    (edge,) = pages[user.id].edges
    return Target(user=user, role=role, held=held, token=token, event=edge.node, archived=archived)


def _filtered(which: type[Any], **given: Any) -> Any:
    return which(**(dict.fromkeys(field.name for field in fields(which)) | given))


def _users(**given: Any) -> UserSelection:
    found: UserFilter | None = _filtered(UserFilter, **given) if given else None
    return UserSelection(filter=found, include_archived=True)


_LABELS: LabelsFilter = _filtered(LabelsFilter, has_any=("a:b",))
_ROLES: UserRolesFilter = _filtered(UserRolesFilter, scope=IN_FORCE, is_empty=False)
# However deep it is hidden.
_HIDDEN: UserFilter = _filtered(
    UserFilter, not_=_filtered(UserFilter, or_=(_filtered(UserFilter, roles=_ROLES),))
)


def _by(key: UserKey) -> Call:
    def call(act: Acting, at: Target) -> Awaitable[object]:
        return act.services.users.by_ref(UserRef(key=key, value=getattr(at.user, key.value)))

    return call


def _first_administrator(act: Acting, _: Target) -> Awaitable[object]:
    first = check_administrator(email=None, username="first", external_id=None, display_name=None, now=NOW)
    return act.services.users.create_first_administrator(first)


_USERS: Mapping[str, tuple[Iterable[Permission], Call]] = {
    "users.by_ids": (READ_USERS, lambda act, at: act.services.users.by_ids([at.user.id])),
    "users.visible": (READ_USERS, lambda act, at: act.services.users.visible([at.user.id])),
    **{f"users.by_ref, {key}": (READ_USERS, _by(key)) for key in UserKey},
    "users.page": (READ_USERS, lambda act, _: act.services.users.page(_users(), FIRST_USER)),
    "users.page, by permission": (
        READ_BOTH,
        lambda act, _: act.services.users.page(_users(permissions=_LABELS), FIRST_USER),
    ),
    "users.page, by role": (
        READ_BOTH,
        lambda act, _: act.services.users.page(_users(and_=(_HIDDEN,)), FIRST_USER),
    ),
    "users.count": (READ_USERS, lambda act, _: act.services.users.count(_users(), 9)),
    "users.count, by role": (READ_BOTH, lambda act, _: act.services.users.count(_users(roles=_ROLES), 9)),
    "users.pages_by_roles": (
        READ_BOTH,
        lambda act, at: act.services.users.pages_by_roles([at.role.id], _users(), FIRST_USER),
    ),
    "users.counts_by_roles": (
        READ_BOTH,
        lambda act, at: act.services.users.counts_by_roles([at.role.id], _users(), 9),
    ),
    "users.create": ({P.USERS_WRITE}, lambda act, _: act.create(email="new@example.org")),
    "users.create, without roles": (
        {P.USERS_WRITE},
        lambda act, _: act.create(email="new@example.org", grants={}),
    ),
    "users.create, with roles": (
        {P.USERS_WRITE, P.ROLES_ASSIGN},
        lambda act, at: act.create(email="new@example.org", grants={at.role: None}),
    ),
    "users.create_first_administrator": (Permission, _first_administrator),
    "users.update": (WRITE_USERS, lambda act, at: act.update(at.user, first_name="Ada")),
    "users.set_status": (WRITE_USERS, lambda act, at: act.set_status(UserStatus.SUSPENDED, at.user)),
    "users.erase": (
        READ_USERS | {P.USERS_ERASE},
        lambda act, at: act.erase(at.archived, str(at.archived.email)),
    ),
}
_ROLE_CALLS: Mapping[str, tuple[Iterable[Permission], Call]] = {
    "roles.by_ids": (READ_ROLES, lambda act, at: act.services.roles.by_ids([at.role.id])),
    "roles.of_assignments": (READ_ROLES, lambda act, at: act.services.roles.of_assignments([at.held])),
    "roles.by_ref, id": (
        READ_ROLES,
        lambda act, at: act.services.roles.by_ref(RoleRef(key=RoleKey.ID, value=at.role.id)),
    ),
    "roles.by_ref, key": (
        READ_ROLES,
        lambda act, at: act.services.roles.by_ref(RoleRef(key=RoleKey.KEY, value=at.role.key)),
    ),
    "roles.by_users": (READ_BOTH, lambda act, at: act.services.roles.by_users([at.user.id], EVERY_STATE)),
    "roles.page": (READ_ROLES, lambda act, _: act.services.roles.page(EVERY_ROLE, FIRST_ROLE)),
    "roles.count": (READ_ROLES, lambda act, _: act.services.roles.count(EVERY_ROLE, 9)),
    "roles.add": ({P.ROLES_WRITE}, lambda act, _: act.add_role("NEW")),
    "roles.update": (WRITE_ROLES, lambda act, at: act.update_role(at.role, name="New")),
    "roles.archive": (WRITE_ROLES, lambda act, at: act.archive_role(at.role)),
    "roles.archive, revoking": (
        WRITE_ROLES | {P.ROLES_ASSIGN},
        lambda act, at: act.archive_role(at.role, revoke_assignments=True),
    ),
}
_ASSIGNMENTS: Mapping[str, tuple[Iterable[Permission], Call]] = {
    "assignments.by_ids": (READ_BOTH, lambda act, at: act.services.assignments.by_ids([at.held.id])),
    "assignments.page": (READ_BOTH, lambda act, _: act.services.assignments.page(EVERY_ASSIGNMENT, FIRST)),
    "assignments.count": (READ_BOTH, lambda act, _: act.services.assignments.count(EVERY_ASSIGNMENT, 9)),
    "assignments.pages_by_users": (
        READ_BOTH,
        lambda act, at: act.services.assignments.pages_by_users([at.user.id], EVERY_ASSIGNMENT, FIRST),
    ),
    "assignments.counts_by_users": (
        READ_BOTH,
        lambda act, at: act.services.assignments.counts_by_users([at.user.id], EVERY_ASSIGNMENT, 9),
    ),
    "assignments.pages_by_roles": (
        READ_BOTH,
        lambda act, at: act.services.assignments.pages_by_roles([at.role.id], EVERY_ASSIGNMENT, FIRST),
    ),
    "assignments.counts_by_roles": (
        READ_BOTH,
        lambda act, at: act.services.assignments.counts_by_roles([at.role.id], EVERY_ASSIGNMENT, 9),
    ),
    "assignments.holder_counts": (
        READ_ROLES,
        lambda act, at: act.services.assignments.holder_counts([at.role.id]),
    ),
    "assignments.assign": (ASSIGN, lambda act, at: act.assign([at.user], [at.role])),
    "assignments.revoke": (ASSIGN, lambda act, at: act.revoke([at.user], [at.role])),
    "assignments.set_roles": (ASSIGN, lambda act, at: act.set_roles(at.user, {})),
}
_OTHERS: Mapping[str, tuple[Iterable[Permission], Call]] = {
    "events.by_ids": (READ_EVENTS, lambda act, at: act.services.events.by_ids([at.event.id])),
    "events.page": (READ_EVENTS, lambda act, _: act.services.events.page(None, FIRST)),
    "events.pages_by_users": (
        READ_EVENTS,
        lambda act, at: act.services.events.pages_by_users([at.user.id], FIRST),
    ),
    "events.pages_by_roles": (
        READ_EVENTS,
        lambda act, at: act.services.events.pages_by_roles([at.role.id], FIRST),
    ),
    "tokens.by_ids": ({P.TOKENS_WRITE}, lambda act, at: act.services.tokens.by_ids([at.token.id])),
    "tokens.every": ({P.TOKENS_WRITE}, lambda act, _: act.services.tokens.every()),
    "tokens.create": (
        READ_USERS | {P.TOKENS_WRITE},
        lambda act, at: act.services.tokens.create(new_token(at.user)),
    ),
    "tokens.revoke": (
        {P.TOKENS_WRITE},
        lambda act, at: act.services.tokens.revoke(ApiTokenToRevoke(token_id=at.token.id, reason=None)),
    ),
}
CALLS: Mapping[str, tuple[frozenset[Permission], Call]] = {
    name: (frozenset(needs), call)
    for name, (needs, call) in {**_USERS, **_ROLE_CALLS, **_ASSIGNMENTS, **_OTHERS}.items()
}


_READS = ("by_", "page", "count", "holder_counts", "visible", "of_assignments", "every")
WRITES = [name for name in CALLS if not name.partition(".")[2].startswith(_READS)]


def methods() -> frozenset[str]:
    """Every public method of every service, as it is called in CALLS."""
    services: Mapping[str, Any] = Services.__annotations__
    return frozenset(
        f"{service}.{name}"
        for service, kind in services.items()
        if service != "call"
        for name, method in vars(kind).items()
        if isfunction(method) and not name.startswith("_")
    )
