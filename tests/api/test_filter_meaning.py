"""The meaning of filters by example: four live users, three roles, and who is found.

The reference that the property tests go by is held to the same examples.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

import make
from population import World, populated
from reference import Directory
from roster.data.db import Database
from roster.domain.actors import LOCAL_OPERATOR, Actor, ActorKind
from roster.domain.instants import now
from roster.domain.users import UserStatus

Json = dict[str, Any]
DAY = timedelta(days=1)
JUNE, JULY = "2025-06-30T12:00:00Z", "2025-07-31T12:00:00Z"
MAY_1 = make.LONG_AGO + 120 * DAY
EVE = UUID(int=9)


def four_users() -> Directory:
    """Ana gave Björn EDITOR, which ran out in July; Cem's was revoked then; Ana is BOSS for good; Dora has nothing."""
    ana = make.a_user(
        email="ana@example.org",
        first_name="Ana",
        last_name="Straße",
        attributes={"team": "core", "levels": [1, 2.0], "boss": {"of": ["all", "some"]}},
        external_id="EXT-1",
        locale="de-CH",
    )
    bjoern = make.a_user(email="bjoern@example.org", first_name="Björn", last_name="STRASSER", locale="de")
    cem = make.a_user(
        email="cem@example.org", first_name="Cem", last_name="100%", status=UserStatus.SUSPENDED
    )
    dora = make.a_user(email="dora@example.org", first_name=None, last_name="a_b", external_id="ext-1")
    boss = make.a_role(key="BOSS", permissions=("billing:read", "docs:read"))
    eve = make.a_user(id=EVE, external_id="EXT-9", status=UserStatus.ARCHIVED)
    # Its predecessor of the same key is archived.
    old = make.a_role(key="EDITOR", archived_at=MAY_1 + 30 * DAY)
    editor = make.a_role(key="EDITOR", permissions=("docs:read", "docs:write"))
    by_ana = Actor(kind=ActorKind.USER, user_id=ana.id)
    until = {"assigned_at": MAY_1, "expires_at": MAY_1 + 75 * DAY}
    revoked = {"assigned_at": MAY_1, "ended_at": MAY_1 + 75 * DAY, "revoked_by": LOCAL_OPERATOR}
    assignments = [
        make.an_assignment(ana, boss),
        make.an_assignment(ana, old, assigned_at=MAY_1, ended_at=MAY_1 + 30 * DAY, revoked_by=by_ana),
        make.an_assignment(bjoern, editor, assigned_by=by_ana, **until),
        make.an_assignment(cem, editor, **revoked),
        make.an_assignment(cem, boss, assigned_by=Actor(kind=ActorKind.USER, user_id=EVE)),
    ]
    users, roles = [ana, bjoern, cem, dora, eve], [boss, old, editor]
    return Directory(users=users, roles=roles, assignments=assignments, now=now())


@pytest.fixture(scope="module")
async def world(shared_db: Database) -> AsyncIterator[World]:
    async with populated(shared_db, four_users()) as made:
        yield made


EVERYONE = "ana bjoern cem dora"
ENDED = ["EXPIRED", "REVOKED"]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        # No condition, and none among several.
        ({}, EVERYONE),
        ({"and": []}, EVERYONE),
        ({"or": []}, ""),
        ({"or": [{}]}, EVERYONE),
        ({"not": {}}, ""),
        ({"not": {"or": []}}, EVERYONE),
        ({"id": []}, ""),
        ({"status": []}, ""),
        ({"firstName": {}}, EVERYONE),
        ({"firstName": {"in": []}}, ""),
        ({"roles": {}}, EVERYONE),
        ({"roles": {"anyOf": []}}, ""),
        ({"roles": {"allOf": []}}, EVERYONE),
        ({"roles": {"noneOf": []}}, EVERYONE),
        ({"roles": {"states": [], "isEmpty": True}}, EVERYONE),
        ({"permissions": {"hasAny": []}}, ""),
        ({"permissions": {"hasAll": []}}, EVERYONE),
        ({"permissions": {"hasNone": []}}, EVERYONE),
        # Case and accents never matter; wildcards stand for themselves.
        ({"firstName": {"eq": "BJORN"}}, "bjoern"),
        ({"lastName": {"startsWith": "strass"}}, "ana bjoern"),
        ({"lastName": {"eq": "strasse"}}, "ana"),
        ({"lastName": {"endsWith": "%"}}, "cem"),
        ({"lastName": {"contains": "a_b"}}, "dora"),
        ({"lastName": {"startsWith": "_"}}, ""),
        ({"search": "BJÖRN straß"}, "bjoern"),
        ({"search": "ana@example"}, "ana"),
        ({"search": "anastra"}, ""),
        # Keys.
        ({"externalId": {"eq": "ext-1"}}, "dora"),
        ({"externalId": {"startsWith": "EXT"}}, "ana"),
        ({"locale": {"eq": "DE-ch"}}, "ana"),
        ({"locale": {"startsWith": "DE"}}, "ana bjoern"),
        # What is missing does not match, and its negation does.
        ({"firstName": {"eq": "Ana"}}, "ana"),
        ({"not": {"firstName": {"eq": "Ana"}}}, "bjoern cem dora"),
        ({"firstName": {"isNull": True}}, "dora"),
        ({"not": {"emailVerifiedAt": {"gt": JUNE}}}, EVERYONE),
        # Attributes.
        ({"attributes": {}}, EVERYONE),
        ({"attributes": {"team": "core"}}, "ana"),
        ({"attributes": {"team": "CORE"}}, ""),
        ({"attributes": {"levels": [2, 1.0, 1]}}, "ana"),
        ({"attributes": {"levels": 1}}, ""),
        ({"attributes": {"levels": [True]}}, ""),
        ({"attributes": {"boss": {"of": ["some"]}}}, "ana"),
        # Roles in force now, in other states, and at a moment.
        ({"roles": {"anyOf": ["boss", "editor"]}}, "ana cem"),
        ({"roles": {"noneOf": ["BOSS"]}}, "bjoern dora"),
        ({"roles": {"isEmpty": True}}, "bjoern dora"),
        ({"roles": {"states": ["EXPIRED"], "anyOf": ["EDITOR"]}}, "bjoern"),
        ({"roles": {"states": ["REVOKED"], "anyOf": ["EDITOR"]}}, "ana cem"),
        ({"roles": {"activeAt": JUNE, "anyOf": ["EDITOR"]}}, "bjoern cem"),
        ({"roles": {"activeAt": JUNE, "allOf": ["EDITOR", "BOSS"]}}, "cem"),
        ({"roles": {"activeAt": JUNE, "allOf": ["EDITOR"] * 9 + ["BOSS"]}}, "cem"),
        ({"roles": {"activeAt": JUNE, "allOf": ["EDITOR"] * 9 + ["NOBODY"]}}, ""),
        ({"roles": {"activeAt": "2025-05-15T00:00:00Z", "anyOf": ["EDITOR"]}}, "ana bjoern cem"),
        ({"roles": {"activeAt": JULY, "anyOf": ["EDITOR"]}}, ""),
        ({"roles": {"some": {"role": {"permissions": {"hasAny": ["billing:read"]}}}}}, "ana cem"),
        ({"roles": {"every": {"role": {"key": {"eq": "boss"}}}}}, EVERYONE),
        ({"roles": {"states": ENDED, "every": {"assignedBy": {"email": "ANA@example.org"}}}}, "bjoern dora"),
        ({"roles": {"states": ENDED, "some": {"assignedBy": {"externalId": "EXT-1"}}}}, "bjoern"),
        # An identifier names who is live, an id anyone. Eve, archived, gave Cem what he holds.
        ({"roles": {"some": {"assignedBy": {"externalId": "EXT-9"}}}}, ""),
        ({"roles": {"some": {"assignedBy": {"id": make.user_id(EVE)}}}}, "cem"),
        ({"roles": {"none": {"expiresAt": {"isNull": True}}}}, "bjoern dora"),
        # Permissions are of those who are ACTIVE.
        ({"permissions": {"hasAny": ["docs:read", "docs:write"]}}, "ana"),
        ({"permissions": {"hasAll": ["docs:read", "billing:read"]}}, "ana"),
        ({"permissions": {"hasAll": ["docs:read", "docs:write"]}}, ""),
        ({"permissions": {"hasAll": ["docs:read"] * 9 + ["billing:read"]}}, "ana"),
        ({"permissions": {"hasAll": ["docs:read"] * 9 + ["docs:write"]}}, ""),
        ({"permissions": {"isEmpty": True}}, "bjoern cem dora"),
        ({"permissions": {"hasNone": ["billing:read"]}}, "bjoern cem dora"),
        # The members of one object are ANDed.
        ({"lastName": {"startsWith": "stra", "endsWith": "r"}}, "bjoern"),
        ({"status": ["ACTIVE"], "roles": {"isEmpty": False}}, "ana"),
    ],
)
async def test_a_filter_of_users_finds(world: World, filter_: Json, expected: str) -> None:
    query = "query ($filter: UserFilter) { users(filter: $filter) { nodes { email } } }"
    found = await world.api(query, filter=filter_)
    assert names(user["email"] for user in found["nodes"]) == expected
    referred = world.directory.users_where(filter_, include_archived=False)
    assert names(user.email or "" for user in referred) == expected


def names(emails: Iterable[str]) -> str:
    return " ".join(sorted(email.partition("@")[0] for email in emails))
