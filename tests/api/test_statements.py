"""How many statements each operation sends: as many for 200 rows as for one, on a pool of a single connection."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from string import Template

import pytest

import make
from applications import guarded_api
from client import Client
from roster.data import events as event_data
from roster.data.db import Database
from roster.domain.actors import Actor, ActorKind
from roster.domain.assignments import Change
from roster.domain.events import EventType, of_assignment
from roster.domain.instants import format_instant, now
from roster.domain.permissions import EVERY_PERMISSION, Permission
from roster.domain.tokens import new_secret

SIZES = pytest.mark.parametrize("size", [1, 25, 200])
_ENDED = make.LONG_AGO + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Crowd:
    """As many users as roles. Each user holds the first role and one of their own, and held the last one.

    As many events again: of each a user and a role. The first user has a token.
    """

    size: int
    users: list[str]
    roles: list[str]
    assignments: list[str]
    events: list[str]
    token: str
    email: str | None

    def fill(self, operation: str) -> str:
        """Its $n is the number of rows, $user, $role, $event and $token are ids, $ids are some of each kind, at most 200.

        $email is the user's, $users are all users and $grants as many roles as a user can hold. $soon is a moment.
        """
        some = [*self.users[:40], *self.roles[:40], *self.assignments[:40], *self.events[:40], self.token]
        return Template(operation).substitute(
            n=self.size,
            user=self.users[0],
            role=self.roles[0],
            event=self.events[0],
            token=self.token,
            email=self.email,
            soon=format_instant(now() + timedelta(days=30)),
            ids=", ".join(f'"{id_}"' for id_ in some),
            users=", ".join(f'{{id: "{id_}"}}' for id_ in self.users),
            grants=", ".join(f'{{role: {{id: "{id_}"}}}}' for id_ in self.roles[:100]),
        )


async def crowd(db: Database, size: int) -> Crowd:
    users = [make.a_user() for _ in range(size)]
    giver = make.a_user(email="giver@example.org", username="giver", external_id="giver")
    by = Actor(kind=ActorKind.USER, user_id=giver.id)
    roles = [make.a_role(key=f"ACTOR_{number}", permissions=("a:b",)) for number in range(size)]
    past = make.a_role(key="PAST")
    held = [make.an_assignment(user, role, assigned_by=by) for user, role in zip(users, roles, strict=True)]
    held += [make.an_assignment(user, roles[0], assigned_by=by) for user in users[1:]]
    held += [make.an_assignment(user, past, expires_at=_ENDED) for user in users]
    held += [make.an_assignment(giver, role, ended_at=_ENDED, revoked_by=by) for role in roles]
    await make.store(db, giver, *users, *roles, past, *held)
    happened = [
        of_assignment(EventType.ROLE_ASSIGNED, one, role, Change(by=by, at=make.LONG_AGO, reason=None))
        for one, role in zip(held, roles, strict=False)
    ]
    await db.write(partial(event_data.add, events=happened))
    token = await make.token(db, users[0])
    return Crowd(
        size,
        [make.user_id(user.id) for user in users],
        [make.role_id(role.id) for role in roles],
        [make.assignment_id(assignment.id) for assignment in held],
        [make.event_id(event.id) for event in happened],
        make.token_id(token.id),
        users[0].email,
    )


# Each list: a statement. Each relation of all its rows: one more, but for the roles of users, which come with these. So for totalCount, and for role keys, for permissions
# and for each filter of roles within a filter.
QUERIES = {
    '{ node(id: "$user") { id } }': 1,
    '{ node(id: "$role") { id } }': 1,
    '{ node(id: "$event") { id } }': 1,
    '{ node(id: "$token") { ... on ApiToken { label state owner { id } } } }': 2,
    "{ nodes(ids: [$ids]) { id } }": 5,
    '{ user(by: {id: "$user"}) { id } }': 1,
    '{ user(by: {email: "giver@example.org"}) { id } }': 1,
    '{ user(by: {username: "giver"}) { id } }': 1,
    '{ user(by: {externalId: "giver"}) { id } }': 1,
    '{ user(by: {id: "$user"}) { roles { key } permissions assignments { nodes { id } totalCount } } }': 3,
    '{ role(by: {id: "$role"}) { id } }': 1,
    '{ role(by: {key: "ACTOR_0"}) { id } }': 1,
    '{ role(by: {key: "ACTOR_0"}) { holderCount users(first: $n) { nodes { id } totalCount } } }': 4,
    "{ users(first: $n) { nodes { id } } }": 1,
    "{ users(first: $n) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } nodes { id } } }": 1,
    "{ users(first: $n) { nodes { roles { key permissions } } } }": 1,
    "{ users(last: $n) { nodes { roles { key permissions } } } }": 1,
    "{ users(first: $n) { nodes { roles { key } permissions } } }": 1,
    "{ users(first: $n) { nodes { id } totalCount } }": 2,
    "{ users(first: $n) { nodes { assignments { nodes { id } } } } }": 2,
    "{ users(first: $n) { nodes { assignments { nodes { id } totalCount } } } }": 3,
    "{ users(first: $n) { nodes { roles { holderCount } } } }": 2,
    "{ users(first: $n) { nodes { roles { users(first: 2) { nodes { roles { key } } } } } } }": 3,
    '{ users(first: $n, filter: {roles: {anyOf: ["ACTOR_0"]}}) { nodes { id } } }': 2,
    '{ users(first: $n, filter: {roles: {anyOf: ["ACTOR_0"]}}) { nodes { roles { key } } } }': 2,
    # The keys are looked up once, for the page and the total.
    '{ users(first: $n, filter: {roles: {anyOf: ["ACTOR_0"]}}) { nodes { id } totalCount } }': 3,
    '{ users(first: $n, filter: {roles: {some: {role: {key: {eq: "ACTOR_0"}}}}}) { nodes { id } } }': 2,
    '{ users(first: $n, filter: {permissions: {hasAll: ["a:b"], hasNone: ["c:d"]}}) { nodes { id } } }': 2,
    "{ users(first: $n, includeArchived: true) { nodes { id } } }": 1,
    "{ users(first: $n, orderBy: [{field: USERNAME}, {field: STATUS, direction: DESC}]) { nodes { id } } }": 1,
    "{ roles(first: $n) { nodes { id } } }": 1,
    "{ roles(first: $n) { nodes { holderCount } } }": 2,
    "{ roles(first: $n, orderBy: [{field: HOLDER_COUNT}]) { nodes { id } totalCount } }": 2,
    "{ roles(first: $n) { nodes { users(first: 2) { nodes { id } } } } }": 2,
    "{ roles(first: $n) { nodes { users(first: 2) { nodes { id } totalCount } holderCount } } }": 4,
    '{ roles(first: $n) { nodes { users(filter: {roles: {noneOf: ["X"]}}) { nodes { id } } } } }': 3,
    "{ roles(first: $n) { nodes { assignments(first: 2) { nodes { id } totalCount } } } }": 3,
    "{ roles(first: $n) { nodes { users(first: 2) { nodes { roles { key } assignments { nodes { id } } } } } } }": 4,
    "{ assignments(first: $n) { nodes { id state } } }": 1,
    "{ assignments(first: $n) { nodes { id } totalCount } }": 2,
    "{ assignments(first: $n) { nodes { user { id } role { key } } } }": 3,
    "{ assignments(first: $n) { nodes { assignedBy { kind label user { id } } } } }": 2,
    "{ assignments(first: $n, states: [REVOKED]) { nodes { revokedBy { label } user { id } role { id } } } }": 3,
    '{ assignments(first: $n, filter: {user: {roles: {allOf: ["ACTOR_0"]}}}) { nodes { id } } }': 2,
    "{ assignments(first: $n) { nodes { user { roles { key } } role { holderCount } } } }": 5,
    "{ events(first: $n) { nodes { id type roleKey changes { field before after } } pageInfo { endCursor } } }": 1,
    '{ events(first: $n, filter: {type: [ROLE_ASSIGNED], actor: {username: "giver"}}) { nodes { id } } }': 1,
    "{ events(first: $n) { nodes { user { id } actor { label } role { id } } } }": 3,
    "{ users(first: $n) { nodes { events(first: 2) { nodes { type } } } } }": 2,
    "{ roles(first: $n) { nodes { events(first: 2) { nodes { type } } } } }": 2,
    "{ viewer { actor { label } permissions } }": 0,
}


@SIZES
async def test_a_query_sends_as_many_statements_for_any_number_of_rows(
    db: Database, narrow_api: Client, size: int
) -> None:
    there = await crowd(db, size)
    await narrow_api(
        there.fill("{ users(first: $n) { nodes { roles { key } } } }")
    )  # so that the roles are known
    sent = {}
    for query in QUERIES:
        with narrow_api.statements() as statements:
            answer = await narrow_api.answer(there.fill(query))
        assert "errors" not in answer, query
        ((field, found),) = answer["data"].items()
        if field in {"users", "roles", "assignments", "events"}:
            assert len(found["nodes"]) == size
        sent[query] = len(statements)
    assert sent == QUERIES


# One after the other: each finds what those before it left. What changes nothing sends fewer: it records nothing either.
MUTATIONS = {
    'addRole(input: {key: "NEW"})': 5,
    'updateRole(input: {role: {key: "NEW"}, name: "Newer"})': 4,
    'again: updateRole(input: {role: {key: "NEW"}, name: "Newer"})': 2,
    'createUser(input: {email: "a@example.org"})': 4,
    'createApiToken(input: {owner: {id: "$user"}, label: "CI", expiresAt: "$soon"})': 6,
    'revokeApiToken(input: {token: "$token"})': 6,
    'again: revokeApiToken(input: {token: "$token"})': 4,
    'createUser(input: {email: "b@example.org", username: "b", externalId: "b", roles: [$grants]})': 8,
    'updateUser(input: {user: {id: "$user"}, firstName: "Ada"})': 4,
    'again: updateUser(input: {user: {id: "$user"}, firstName: "Ada"})': 2,
    'assignRoles(input: {users: {refs: [$users]}, roles: [{key: "NEW"}]})': 8,
    'again: assignRoles(input: {users: {refs: [$users]}, roles: [{key: "NEW"}]})': 5,
    'assignRoles(input: {users: {refs: [$users]}, roles: [{key: "NEW"}], expiresAt: "2030-01-01T00:00:00Z"})': 8,
    'overExpired: assignRoles(input: {users: {refs: [$users]}, roles: [{key: "PAST"}]})': 9,
    'firstHolder: assignRoles(input: {users: {refs: [{email: "a@example.org"}]}, roles: [{key: "ADMIN"}]})': 9,
    'assignRoles(input: {users: {refs: [$users]}, roles: [{key: "ADMIN"}]})': 8,
    # From a role with minHolders, whose holders are counted.
    'revokeRoles(input: {users: {refs: [$users]}, roles: [{key: "ADMIN"}, {key: "PAST"}]})': 9,
    'again: revokeRoles(input: {users: {refs: [$users]}, roles: [{key: "ADMIN"}, {key: "PAST"}]})': 5,
    # One more for what the users hold, whatever their number, and one for each other way to name a user or a role.
    """
    revokeRoles(input: {users: {refs: [$users]}, roles: [{key: "ADMIN"}]}) {
        users { roles { key } permissions } errors { message }
    }
    """: 6,
    """
    revokeRoles(input: {
        users: {refs: [{id: "$user"}, {email: "giver@example.org"}, {username: "giver"}, {externalId: "giver"}]}
        roles: [{key: "ADMIN"}, {id: "$role"}]
    })
    """: 12,
    'archiveRole(input: {role: {key: "NEW"}, revokeAssignments: true})': 10,
    'setUserRoles(input: {user: {id: "$user"}, roles: [$grants]})': 10,
    'again: setUserRoles(input: {user: {id: "$user"}, roles: [$grants]})': 7,
    'setUserRoles(input: {user: {id: "$user"}, roles: []})': 9,
    'anew: setUserRoles(input: {user: {id: "$user"}, roles: [$grants]})': 10,
    'updateRole(input: {role: {id: "$role"}, minHolders: 1})': 5,
    "setUserStatus(input: {users: {refs: [$users]}, status: SUSPENDED})": 9,
    "again: setUserStatus(input: {users: {refs: [$users]}, status: SUSPENDED})": 6,
    "setUserStatus(input: {users: {refs: [$users]}, status: ACTIVE})": 8,
    "setUserStatus(input: {users: {refs: [$users]}, status: ARCHIVED})": 11,
    "restored: setUserStatus(input: {users: {refs: [$users]}, status: SUSPENDED})": 7,
    "holdingNothing: setUserStatus(input: {users: {refs: [$users]}, status: ARCHIVED})": 7,
    'eraseUser(input: {user: {id: "$user"}, confirm: "$email", reason: "They asked"})': 6,
    'again: eraseUser(input: {user: {id: "$user"}, confirm: "$email", reason: "They asked"})': 2,
}


@SIZES
async def test_a_mutation_sends_as_many_statements_for_any_number_of_users(
    db: Database, narrow_api: Client, size: int
) -> None:
    there = await crowd(db, size)
    sent = {}
    for mutation in MUTATIONS:
        selection = "" if mutation.rstrip().endswith("}") else "{ errors { message } }"
        with narrow_api.statements() as statements:
            payload = await narrow_api(f"mutation {{ {there.fill(mutation)} {selection} }}")
        assert payload["errors"] == [], mutation
        sent[mutation] = len(statements)
    assert sent == MUTATIONS


# Of one who shows a token and may do everything. What is more than in the tables above: a look at who shows it, and
# before a write, where that locks none or reads it not anyhow, their roles, themselves, and what they hold.
BY_TOKEN = {
    "{ __typename }": 1,
    "{ viewer { actor { label } permissions } }": 2,
    "{ users(first: $n) { nodes { roles { key permissions } } } }": 3,
    "{ events(first: $n) { nodes { user { id } actor { label } role { id } } } }": 4,
    'mutation { addRole(input: {key: "NEW"}) { errors { message } } }': 9,
    'mutation { updateRole(input: {role: {key: "NEW"}, name: "Newer"}) { errors { message } } }': 7,
    'mutation { createUser(input: {email: "a@example.org"}) { errors { message } } }': 8,
    'mutation { updateUser(input: {user: {id: "$user"}, firstName: "Ada"}) { errors { message } } }': 6,
    'mutation { assignRoles(input: {users: {refs: [$users]}, roles: [{key: "NEW"}]}) { errors { message } } }': 9,
    'mutation { revokeRoles(input: {users: {refs: [$users]}, roles: [{key: "NEW"}]}) { errors { message } } }': 9,
    "mutation { setUserStatus(input: {users: {refs: [$users]}, status: SUSPENDED}) { errors { message } } }": 9,
    """mutation { createApiToken(input: {owner: {id: "$user"}, label: "CI", expiresAt: "$soon"}) {
        errors { message } } }""": 8,
    'mutation { revokeApiToken(input: {token: "$token"}) { errors { message } } }': 8,
}


@SIZES
async def test_a_token_costs_one_look_and_the_locks_of_its_owner(db: Database, size: int) -> None:
    there, caller, secret = await crowd(db, size), await make.caller(db), new_secret()
    assert caller.user
    await make.token(db, caller.user, secret=secret, last_used_at=now())
    sent = {}
    async with guarded_api(db, secret) as api:
        for operation in BY_TOKEN:
            with api.statements() as statements:
                answer = await api.answer(there.fill(operation))
            assert "errors" not in answer, operation
            (payload,) = answer["data"].values()
            assert payload == "Query" or not payload.get("errors"), operation
            sent[operation] = len(statements)
    assert sent == BY_TOKEN


async def test_one_who_may_less_costs_a_look_at_those_whom_they_change(db: Database) -> None:
    """They must not be able to do more."""
    there, secret = await crowd(db, 25), new_secret()
    caller = await make.caller(db, {*EVERY_PERMISSION, "a:b"} - {Permission.TOKENS_WRITE})
    assert caller.user
    await make.token(db, caller.user, secret=secret, last_used_at=now())
    mutation = 'mutation { updateUser(input: {user: {id: "$user"}, firstName: "Ada"}) { errors { code } } }'
    async with guarded_api(db, secret) as api:
        with api.statements() as statements:
            assert (await api(there.fill(mutation)))["errors"] == []
    assert len(statements) == 7


async def test_a_token_is_noted_to_be_used_once_a_minute(db: Database) -> None:
    user, secret = await make.user(db), new_secret()
    await make.token(db, user, secret=secret)
    sent = []
    async with guarded_api(db, secret) as api:
        for _ in range(3):
            with api.statements() as statements:
                await api("{ __typename }")
            sent.append(len(statements))
    assert sent == [2, 1, 1]


async def test_who_shows_nothing_or_no_token_costs_nothing(db: Database) -> None:
    for shown in ([], ["rst_"], [f"rst_{'0' * 72}"], [new_secret(), new_secret()]):
        async with guarded_api(db, *shown) as api:
            with api.statements() as statements:
                await api.answer("{ users { nodes { id } } viewer { permissions } }")
        assert statements == []
    async with guarded_api(db, new_secret()) as api:
        with api.statements() as statements:
            await api.answer("{ users { nodes { id } } viewer { permissions } }")
    assert len(statements) == 1


BEFORE, AFTER = (f'"{(_ENDED + timedelta(hours=hours)).isoformat()}"' for hours in (-1, 1))


@pytest.mark.parametrize(
    ("selection", "more"),
    [
        ("a: roles { key } b: roles { key }", 1),
        (f"a: roles {{ key }} b: roles(activeAt: {BEFORE}) {{ key }}", 2),
        (f"a: roles(activeAt: {AFTER}) {{ key }} b: roles(activeAt: {BEFORE}) {{ key }}", 2),
        ("a: assignments { nodes { id } } b: assignments { nodes { id } }", 1),
        ("a: assignments(first: 1) { nodes { id } } b: assignments(first: 2) { nodes { id } }", 2),
        ("a: assignments { nodes { id } } b: assignments(states: [REVOKED]) { nodes { id } }", 2),
        (f"a: assignments {{ nodes {{ id }} }} b: assignments(activeAt: {BEFORE}) {{ nodes {{ id }} }}", 2),
        ("a: assignments { totalCount } b: assignments { totalCount(cap: 1) }", 3),
        (
            "roles { a: users(first: 1) { nodes { id } } b: users(first: 1, includeArchived: true) { nodes { id } } }",
            3,
        ),
        (
            "roles { a: users { totalCount } b: users(filter: {kind: PERSON}) { totalCount } holderCount }",
            6,
        ),
        ("roles { a: assignments { nodes { id } } b: assignments(filter: {not: {}}) { nodes { id } } }", 3),
    ],
)
async def test_other_arguments_cost_a_statement_more_and_the_same_do_not(
    db: Database, narrow_api: Client, selection: str, more: int
) -> None:
    await crowd(db, 3)
    with narrow_api.statements() as statements:
        await narrow_api(f"{{ users {{ nodes {{ {selection} }} }} }}")
    assert len(statements) == 1 + more


async def test_the_moment_is_part_of_what_is_loaded(db: Database, narrow_api: Client) -> None:
    await crowd(db, 2)
    selection = f"now: roles {{ key }} then: roles(activeAt: {BEFORE}) {{ key }} permissions"
    giver = await narrow_api(f'{{ user(by: {{username: "giver"}}) {{ {selection} }} }}')
    assert giver == {"now": [], "then": [{"key": "ACTOR_0"}, {"key": "ACTOR_1"}], "permissions": []}
    users = await narrow_api(f"{{ users(first: 3) {{ nodes {{ {selection} }} }} }}")
    held = [
        ([role["key"] for role in node["now"]], [role["key"] for role in node["then"]])
        for node in users["nodes"]
    ]
    assert held == [
        (["ACTOR_0"], ["ACTOR_0", "PAST"]),
        (["ACTOR_0", "ACTOR_1"], ["ACTOR_0", "ACTOR_1", "PAST"]),
        ([], ["ACTOR_0", "ACTOR_1"]),
    ]


DEEP = """
{
  users(first: 25) {
    totalCount
    nodes {
      permissions
      roles { holderCount users(first: 2) { totalCount nodes { assignments { totalCount nodes { role { key } } } } } }
      assignments(states: [ACTIVE, EXPIRED]) { nodes { assignedBy { label user { roles { key } } } role { holderCount } } }
    }
  }
  roles(orderBy: [{field: HOLDER_COUNT, direction: DESC}]) {
    nodes { users(filter: {roles: {anyOf: ["ACTOR_0"]}}) { totalCount nodes { permissions } } }
  }
  assignments(states: [REVOKED]) { nodes { user { displayName } revokedBy { label } } totalCount }
  user(by: {username: "giver"}) { assignments(states: [REVOKED]) { totalCount nodes { role { holderCount } } } }
  role(by: {key: "ACTOR_0"}) { users(last: 3) { nodes { assignments { nodes { state } } } } }
  node(id: "$user") { ... on User { roles { key } } }
}
"""


async def test_a_deep_query_of_many_roots_needs_one_connection(db: Database, narrow_api: Client) -> None:
    """And so do many of them at once."""
    there = await crowd(db, 5)
    alone = await narrow_api.answer(there.fill(DEEP))
    assert "errors" not in alone
    together = await asyncio.gather(*(narrow_api.answer(there.fill(DEEP)) for _ in range(4)))
    assert together == [alone] * 4
