"""The table of access: every guarded field of the API, asked for about somebody else, and what that needs.

The variables are those of `strangers`. `reach` is what the way to the field needs before it: whoever has that sends as
many statements more as `parents`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from roster.domain.permissions import Permission

P = Permission
NONE: frozenset[Permission] = frozenset()
USERS, ROLES, TOKENS = (frozenset({one}) for one in (P.USERS_READ, P.ROLES_READ, P.TOKENS_WRITE))
BOTH = USERS | ROLES
EVENTS = BOTH | {P.EVENTS_READ}
WRITE_USERS = USERS | {P.USERS_WRITE}
WRITE_ROLES = ROLES | {P.ROLES_WRITE}
ASSIGN = BOTH | {P.ROLES_ASSIGN}


@dataclass(frozen=True, slots=True)
class Row:
    document: str
    needs: frozenset[Permission]
    reach: frozenset[Permission] = NONE
    parents: int = 0


def _node(variable: str, selection: str, needs: frozenset[Permission]) -> Row:
    return Row(f"query (${variable}: ID!) {{ node(id: ${variable}) {{ {selection} }} }}", needs)


def _nodes(variable: str, needs: frozenset[Permission]) -> Row:
    return Row(f"query (${variable}: ID!) {{ nodes(ids: [${variable}]) {{ id }} }}", needs)


def _named(noun: str, key: str, kind: str, needs: frozenset[Permission]) -> Row:
    return Row(f"query (${noun}_{key}: {kind}!) {{ {noun}(by: {{{key}: ${noun}_{key}}}) {{ id }} }}", needs)


def _users(condition: str) -> Row:
    """However deep in the filter the condition is."""
    hidden = f"{{and: [{{not: {{{condition}}}}}]}}"
    return Row(f"{{ users(includeArchived: true, filter: {hidden}) {{ totalCount nodes {{ id }} }} }}", BOTH)


_KINDS = {"user": USERS, "role": ROLES, "held": BOTH, "event": EVENTS, "token": TOKENS}
_ROLES = "{ roles(filter: {holderCount: {gt: 0}}, orderBy: [{field: HOLDER_COUNT}]) { totalCount } }"
QUERIES: Mapping[str, Row] = {
    **{f"Query.node {kind}": _node(kind, "id", needs) for kind, needs in _KINDS.items()},
    **{f"Query.nodes {kind}": _nodes(kind, needs) for kind, needs in _KINDS.items()},
    "Query.user id": _named("user", "id", "ID", USERS),
    "Query.user email": _named("user", "email", "Email", USERS),
    "Query.user username": _named("user", "username", "String", USERS),
    "Query.user externalId": _named("user", "externalId", "String", USERS),
    "Query.users": Row("{ users(includeArchived: true) { nodes { id displayName } } }", USERS),
    "Query.users totalCount": Row("{ users(first: 0) { totalCount } }", USERS),
    "Query.users roles": _users("roles: {isEmpty: true}"),
    "Query.users roles.some.role": _users('roles: {some: {role: {key: {eq: "NONE"}}}}'),
    "Query.users roles.every": _users('roles: {every: {assignedAt: {lt: "2000-01-01T00:00:00Z"}}}'),
    "Query.users permissions": _users('permissions: {hasAny: ["no:such"]}'),
    "Query.role id": _named("role", "id", "ID", ROLES),
    "Query.role key": _named("role", "key", "String", ROLES),
    "Query.roles": Row("{ roles(includeArchived: true) { nodes { id key permissions } } }", ROLES),
    "Query.roles totalCount": Row(_ROLES, ROLES),
    "Query.assignments": Row("{ assignments { nodes { id reason } } }", BOTH),
    "Query.assignments totalCount": Row("{ assignments(first: 0) { totalCount } }", BOTH),
    "Query.events": Row("{ events { nodes { id reason changes { after } } } }", EVENTS),
}


def _of_user(selection: str, needs: frozenset[Permission]) -> Row:
    return Row(f"query ($user: ID!) {{ user(by: {{id: $user}}) {{ {selection} }} }}", needs, USERS, 1)


def _of_role(selection: str, needs: frozenset[Permission]) -> Row:
    return Row(f"query ($role: ID!) {{ role(by: {{id: $role}}) {{ {selection} }} }}", needs, ROLES, 1)


FIELDS: Mapping[str, Row] = {
    "User.roles": _of_user("roles { key }", BOTH),
    "User.roles activeAt": _of_user('roles(activeAt: "2026-01-01T00:00:00Z") { key }', BOTH),
    "User.permissions": _of_user("permissions", BOTH),
    "User.assignments": _of_user("assignments { nodes { id reason } }", BOTH),
    "User.assignments totalCount": _of_user("assignments(first: 0) { totalCount }", BOTH),
    "User.events": _of_user("events { nodes { id reason } }", EVENTS),
    "Role.holderCount": _of_role("holderCount", ROLES),
    "Role.users": _of_role("users { nodes { id } }", BOTH),
    "Role.users totalCount": _of_role("users(first: 0) { totalCount }", BOTH),
    "Role.assignments": _of_role("assignments { nodes { id reason } }", BOTH),
    "Role.assignments totalCount": _of_role("assignments(first: 0) { totalCount }", BOTH),
    "Role.events": _of_role("events { nodes { id reason } }", EVENTS),
    "RoleAssignment.user": _node("held", "... on RoleAssignment { user { id } }", BOTH),
    "RoleAssignment.role": _node("held", "... on RoleAssignment { role { key } }", BOTH),
    "RoleAssignment.assignedBy": _node("held", "... on RoleAssignment { assignedBy { label } }", BOTH),
    "RoleAssignment.revokedBy": _node("ended", "... on RoleAssignment { revokedBy { label } }", BOTH),
    "Event.actor": _node("event", "... on Event { actor { label } }", EVENTS),
    "Event.user": _node("event", "... on Event { user { id } }", EVENTS),
    "Event.role": _node("event", "... on Event { role { key } }", EVENTS),
    "Event.changes": _node("event", "... on Event { changes { field } }", EVENTS),
    "ApiToken.owner": Row(
        "query ($token: ID!) { node(id: $token) { ... on ApiToken { owner { id } } } }",
        TOKENS | USERS,
        TOKENS,
        1,
    ),
}


def _change(field: str, variables: str, given: str, payload: str, needs: frozenset[Permission]) -> Row:
    errors = "errors { code message path ... on EscalationError { missingPermissions } }"
    document = f"mutation ({variables}) {{ {field}(input: {{{given}}}) {{ {payload} {errors} }} }}"
    return Row(document, needs)


_EMAIL, _PLAIN, _EMPTY, _SPARE = "$address: Email!", "$plain: ID!", "$empty: ID!", "$spare: ID!"
_USER, _THEM = "user: {id: $plain}", "users: {refs: [{id: $plain}]}"
_CREATE, _ADD, _ERASE = (frozenset({one}) for one in (P.USERS_WRITE, P.ROLES_WRITE, P.USERS_ERASE))
_GIVE = frozenset({P.ROLES_ASSIGN})
_LENT = 'owner: {id: $plain}, label: "A", expiresAt: $until'
_GONE = 'user: {id: $archived}, confirm: $confirm, reason: "Asked for"'
MUTATIONS: Mapping[str, Row] = {
    "Mutation.createUser": _change("createUser", _EMAIL, "email: $address", "user { email }", _CREATE),
    "Mutation.createUser []": _change(
        "createUser", _EMAIL, "email: $address, roles: []", "user { email }", _CREATE
    ),
    "Mutation.createUser roles": _change(
        "createUser",
        f"{_EMAIL}, {_EMPTY}",
        "email: $address, roles: [{role: {id: $empty}}]",
        "user { email }",
        _CREATE | _GIVE,
    ),
    "Mutation.updateUser": _change(
        "updateUser", _PLAIN, f'{_USER}, firstName: "Ada"', "user { id email }", WRITE_USERS
    ),
    "Mutation.setUserStatus": _change(
        "setUserStatus", _PLAIN, f"{_THEM}, status: SUSPENDED", "users { id email }", WRITE_USERS
    ),
    "Mutation.eraseUser": _change(
        "eraseUser", "$archived: ID!, $confirm: String!", _GONE, "user { id }", USERS | _ERASE
    ),
    "Mutation.addRole": _change("addRole", "$new: String!", "key: $new", "role { key }", _ADD),
    "Mutation.updateRole": _change(
        "updateRole", _EMPTY, 'role: {id: $empty}, name: "New"', "role { id key }", WRITE_ROLES
    ),
    "Mutation.archiveRole": _change(
        "archiveRole", _SPARE, "role: {id: $spare}", "role { id key }", WRITE_ROLES
    ),
    "Mutation.archiveRole revoking": _change(
        "archiveRole",
        _EMPTY,
        "role: {id: $empty}, revokeAssignments: true",
        "role { id key } revoked",
        WRITE_ROLES | _GIVE,
    ),
    "Mutation.assignRoles": _change(
        "assignRoles", f"{_PLAIN}, {_SPARE}", f"{_THEM}, roles: [{{id: $spare}}]", "users { email }", ASSIGN
    ),
    "Mutation.revokeRoles": _change(
        "revokeRoles", f"{_PLAIN}, {_EMPTY}", f"{_THEM}, roles: [{{id: $empty}}]", "users { email }", ASSIGN
    ),
    "Mutation.setUserRoles": _change(
        "setUserRoles", _PLAIN, f"{_USER}, roles: []", "user { email } revoked { id }", ASSIGN
    ),
    "Mutation.createApiToken": _change(
        "createApiToken", f"{_PLAIN}, $until: DateTime!", _LENT, "token { id } secret", TOKENS | USERS
    ),
    "Mutation.revokeApiToken": _change(
        "revokeApiToken", "$token: ID!", "token: $token", "token { id label }", TOKENS
    ),
}
ROWS: Mapping[str, Row] = {**QUERIES, **FIELDS, **MUTATIONS}
