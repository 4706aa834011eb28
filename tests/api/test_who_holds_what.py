"""Who holds a role is visible to nobody who may not read both users and roles, by whatever way.

Everything that such a caller could ask is asked twice: while one holds the roles, and while another does. The answers
must be the same to the letter. Those of an administrator must not, or it would show nothing.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

import make
from access_rows import MUTATIONS, ROWS
from acting import acting
from guarded import Door, caller_with, guarded
from roster.data.db import Database
from roster.domain.assignments import RoleAssignment
from roster.domain.instants import format_instant, now
from roster.domain.permissions import EVERY_PERMISSION, Permission
from roster.domain.users import User
from snapshots import rows
from strangers import nobodies, strangers

LABEL = "of:one"
UNTIL = format_instant(now() + timedelta(days=1))


@pytest.fixture
async def door(db: Database) -> AsyncIterator[Door]:
    async with guarded(db) as opened:
        yield opened


async def two_users(db: Database) -> tuple[User, User, RoleAssignment]:
    """The first holds a role with a label that nobody else has, one without any, and a protected one."""
    one, other = make.a_user(email="one@example.org"), make.a_user(email="other@example.org")
    roles = (
        make.a_role(key="HELD", permissions=(LABEL,)),
        make.a_role(key="PLAIN"),
        make.a_role(key="PROTECTED", min_holders=1),
    )
    held = [make.an_assignment(one, role) for role in roles]
    await make.store(db, one, other, *roles, *held)
    await acting(db, now()).assign([one], [await make.role(db)], reason="So that there is an event")
    return one, other, held[0]


async def hand_over(db: Database, one: User, other: User) -> None:
    """As if it had never been otherwise."""
    async with db.engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in ("role_assignments", "events"):
            move = text(f"UPDATE {table} SET user_id = :other WHERE user_id = :one")  # noqa: S608 -- ours
            await connection.execute(move, {"one": one.id, "other": other.id})


# ---- what can be asked ----

_ERRORS = """errors { code message path
    ... on TakenError { field existingId } ... on EscalationError { missingPermissions }
    ... on TooFewHoldersError { role { key holderCount } minHolders holders }
    ... on RoleInUseError { role { key holderCount } holderCount }
    ... on StaleVersionError { currentVersion current { id } } }"""


def _list(noun: str, condition: str) -> str:
    order = "orderBy: [{field: UPDATED_AT, direction: DESC}], includeArchived: true"
    page = "{ totalCount edges { cursor node { id version } } pageInfo { endCursor } }"
    return f"{{ {noun}(first: 50, {order}, filter: {condition}) {page} }}"


_HELD = '{role: {key: {eq: "HELD"}}}'
# Not oneself as well: what is one's own is answered, and would be broken off by what is refused.
_EITHER = '{email: {in: ["one@example.org", "other@example.org"]}}'
_IS_ONE = '{email: {eq: "one@example.org"}}'
LISTS = (
    *(_list("users", f"{{roles: {{{way}: {_HELD}}}}}") for way in ("some", "every", "none")),
    *(_list("users", f'{{roles: {{{way}: ["HELD"]}}}}') for way in ("anyOf", "allOf", "noneOf")),
    *(_list("users", f'{{permissions: {{{way}: ["{LABEL}"]}}}}') for way in ("hasAny", "hasAll", "hasNone")),
    _list("users", "{roles: {isEmpty: true}}"),
    _list("users", "{permissions: {isEmpty: true}}"),
    _list("users", f"{{not: {{roles: {{some: {_HELD}}}}}}}"),
    _list("users", f"{{or: [{{not: {{roles: {{some: {_HELD}}}}}}}]}}"),
    _list("users", '{roles: {activeAt: "2026-06-01T00:00:00Z", isEmpty: false}}'),
    _list("users", '{roles: {states: [ACTIVE, REVOKED], some: {assignedAt: {gt: "2000-01-01T00:00:00Z"}}}}'),
    f'{{ role(by: {{key: "HELD"}}) {{ holderCount users(filter: {_IS_ONE}) {{ totalCount }} }} }}',
    f'{{ assignments(filter: {{user: {_IS_ONE}, role: {{key: {{eq: "HELD"}}}}}}) {{ totalCount }} }}',
    '{ events(filter: {user: {email: "one@example.org"}}) { nodes { roleKey } } }',
    f"{{ users(filter: {_EITHER}) {{ nodes {{ email roles {{ key }} }} }} }}",
    f"{{ users(filter: {_EITHER}) {{ nodes {{ email assignments {{ totalCount }} }} }} }}",
    "{ roles { nodes { key users { nodes { id } } } } }",
    "{ roles { nodes { key assignments { nodes { user { id } } } } } }",
)
# The same whoever holds what, and so for everybody who may ask.
PLAIN_LISTS = (
    _list("users", "{}"),
    _list("users", '{search: "example"}'),
    _list("roles", "{holderCount: {eq: 1}}"),
    _list("roles", "{}"),
    "{ roles(orderBy: [{field: HOLDER_COUNT}]) { edges { cursor node { key holderCount } } } }",
)
_ONE, _OTHER = '{email: "one@example.org"}', '{email: "other@example.org"}'
CHANGES = tuple(
    f"mutation {{ {change} {{ {_ERRORS} }} }}"
    for change in (
        'createUser(input: {email: "one@example.org", roles: []})',
        'createUser(input: {email: "new@example.org", roles: [{role: {key: "HELD"}}]})',
        'addRole(input: {key: "HELD"})',
        'updateRole(input: {role: {key: "HELD"}, name: "New"})',
        'updateRole(input: {role: {key: "PLAIN"}, minHolders: 5})',
        'updateRole(input: {role: {key: "PLAIN"}, name: "New", expectedVersion: 9})',
        'archiveRole(input: {role: {key: "PLAIN"}})',
        'archiveRole(input: {role: {key: "PROTECTED"}, revokeAssignments: true})',
        *(
            f'assignRoles(input: {{users: {{refs: [{ref}]}}, roles: [{{key: "HELD"}}]}})'
            for ref in (_ONE, _OTHER)
        ),
        *(
            f'revokeRoles(input: {{users: {{refs: [{ref}]}}, roles: [{{key: "HELD"}}]}})'
            for ref in (_ONE, _OTHER)
        ),
        *(f"setUserRoles(input: {{user: {ref}, roles: [], expectedVersion: 9}})" for ref in (_ONE, _OTHER)),
    )
)
# These answer by what the user may. Whoever reads no users may not ask them at all.
OF_USERS = tuple(
    f"mutation {{ {change} {{ {_ERRORS} }} }}"
    for ref in (_ONE, _OTHER)
    for change in (
        f'updateUser(input: {{user: {ref}, firstName: "Ada", expectedVersion: 9}})',
        f"setUserStatus(input: {{users: {{refs: [{ref}]}}, status: PENDING}})",
        f'createApiToken(input: {{owner: {ref}, label: "A", expiresAt: "{UNTIL}"}})',
    )
)
Asked = Sequence[tuple[str, Mapping[str, Any]]]


def reads(one: User, held: RoleAssignment, named: Mapping[str, Any]) -> Asked:
    """Those of the table too, of one who may hold something."""
    about = {
        **nobodies(named),
        "user": make.user_id(one.id),
        "user_id": make.user_id(one.id),
        "user_email": one.email,
        "role": make.role_id(held.role_id),
        "role_id": make.role_id(held.role_id),
        "role_key": "HELD",
        "held": make.assignment_id(held.id),
    }
    table = [row.document for name, row in ROWS.items() if name not in MUTATIONS]
    return [(document, about) for document in (*table, *LISTS, *PLAIN_LISTS)]


async def both(db: Database, door: Door, secret: str, changes: Sequence[str]) -> list[Mapping[str, str]]:
    """The answers while one holds the roles, and while the other does."""
    one, other, held = await two_users(db)
    asked = [*reads(one, held, await strangers(db)), *((change, {}) for change in changes)]
    before = await rows(db)
    found = [await answers(door, secret, asked)]
    await hand_over(db, one, other)
    found.append(await answers(door, secret, asked))
    await hand_over(db, other, one)
    assert await rows(db) == before
    return found


async def answers(door: Door, secret: str, asked: Asked) -> Mapping[str, str]:
    return {document: (await door.ask(secret, document, given)).text for document, given in asked}


def differing(found: Sequence[Mapping[str, str]]) -> list[str]:
    first, second = found
    return [document for document in first if first[document] != second[document]]


@pytest.mark.parametrize("lacking", [Permission.USERS_READ, Permission.ROLES_READ])
async def test_whoever_lacks_one_of_the_readings_cannot_tell_who_holds_what(
    db: Database, door: Door, lacking: Permission
) -> None:
    _, secret = await caller_with(db, *(EVERY_PERMISSION - {lacking}))
    changes = (*CHANGES, *OF_USERS) if lacking is Permission.USERS_READ else CHANGES
    found = await both(db, door, secret, changes)
    assert differing(found) == []
    # What they do see is there to be told apart.
    assert any('"code":"TAKEN"' in text for text in found[0].values())
    assert any('"totalCount":' in text for text in found[0].values())


async def test_an_administrator_can_tell(db: Database, door: Door) -> None:
    """So that each of the lists would show a leak."""
    _, secret = await caller_with(db, *EVERY_PERMISSION)
    found = await both(db, door, secret, ())
    assert set(LISTS) - set(differing(found)) == set()


# ---- what a refusal tells of a user who may more ----


@pytest.mark.parametrize("change", range(3))
async def test_whoever_reads_no_roles_is_not_told_what_a_user_may(
    db: Database, door: Door, change: int
) -> None:
    await two_users(db)
    _, secret = await caller_with(db, *(EVERY_PERMISSION - {Permission.ROLES_READ}))
    answer = await door.ask(secret, OF_USERS[change].replace("PENDING", "SUSPENDED"))
    (error,) = answer.data()["errors"]
    assert (error["code"], error["missingPermissions"]) == ("ESCALATION", [])
    assert LABEL not in answer.text
    assert "HELD" not in answer.text


async def test_whoever_reads_no_roles_is_not_told_which_role_needs_its_holder(
    db: Database, door: Door
) -> None:
    user, role = await make.user(db), await make.role(db, key="PROTECTED", min_holders=1)
    await make.assignment(db, user, role)
    _, secret = await caller_with(db, Permission.USERS_WRITE, Permission.USERS_READ)
    suspend = """mutation ($id: ID!) {
        setUserStatus(input: {users: {refs: [{id: $id}]}, status: SUSPENDED}) {
            errors { code path message ... on TooFewHoldersError { role { key } holders } } } }"""
    before = await rows(db)
    answer = await door.ask(secret, suspend, {"id": make.user_id(user.id)})
    (error,) = answer.data()["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["users", "refs", "0"])
    assert "PROTECTED" not in answer.text
    assert await rows(db) == before


async def test_whoever_changes_a_role_is_not_told_who_held_it(db: Database, door: Door) -> None:
    one, _, _ = await two_users(db)
    _, secret = await caller_with(db, *(EVERY_PERMISSION - {Permission.USERS_READ}))
    for change in (
        'updateRole(input: {role: {key: "PLAIN"}, name: "New"}) { role { key holderCount } errors { code } }',
        """archiveRole(input: {role: {key: "PLAIN"}, revokeAssignments: true}) {
            role { key holderCount } revoked errors { code } }""",
    ):
        answer = await door.ask(secret, f"mutation {{ {change} }}")
        assert answer.data()["errors"] == []
        assert one.id.hex not in answer.text
        assert str(one.email) not in answer.text
