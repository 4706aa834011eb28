"""A small directory in which every filter and every order has something to trip over; the same whenever it is made.

Ties and missing values are frequent, texts differ in case and accents alone, wildcards of LIKE stand in names, and
assignments have ended in every way that there is. Nothing happens near the present: what is past is of 2025, what is
to come of 2983.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import NAMESPACE_OID, UUID, uuid5

from sqlalchemy import text

import make
from applications import open_api
from client import Client
from reference import Directory
from roster.data.db import Database
from roster.domain.actors import LOCAL_OPERATOR, SYSTEM, Actor, ActorKind
from roster.domain.assignments import RoleAssignment
from roster.domain.instants import now
from roster.domain.roles import Role
from roster.domain.users import User, UserKind, UserStatus

T = TypeVar("T")

LONG_AGO = datetime(2025, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(milliseconds=1)

_STATUSES = (
    UserStatus.ACTIVE,
    UserStatus.ACTIVE,
    UserStatus.ARCHIVED,
    UserStatus.PENDING,
    UserStatus.ACTIVE,
    UserStatus.SUSPENDED,
    UserStatus.ACTIVE,
    UserStatus.ERASED,
    UserStatus.ACTIVE,
    UserStatus.ARCHIVED,
)
_FIRST_NAMES = (
    *("José", "JOSE", "Jose\u0301", None, "Straße", "STRASSE", "İpek", "ipek", "Σίσυφος", "ΣΊΣΥΦΟΣ", None),
    *("ﬁona", "Fiona", "a_b", "axb", "100%", "Ana"),
)
_LAST_NAMES = (
    *("Müller", "MULLER", None, "Mueller", "O'Neil\\", "50%_off", "Ørsted", "ørsted", "Łukasz", None, "ϓ"),
    *("\U0001d504dam", "\uff41\uff44\uff41\uff4d", "de la Cruz", "\\%"),
)
_DISPLAY_NAMES = (None, None, "Zoë", "ZOE", None, "zoe_%", "Ana\\", None, "Dr. Σ")
_LOCAL_PARTS = ("ana", "a_b", "axb", "100%", "first.last", "o'neil", "team+core", "10")
_DOMAINS = ("example.org", "xn--mnchen-3ya.example", "mail.example.org")
# Live users have none of these to themselves, so that archived ones tie.
_FREED_EMAILS = ("ana0@example.org", "gone@example.org", "a_b@example.org")
_USERNAMES = ("ana", "a_b", "axb", "svc-", "bot.", "10")
_FREED_USERNAMES = ("gone", None, "ana1", "a_b", None)
_PHONES = (None, "+4930901820", "+4930901821", "+12125550123", None, "+4930901820")
_LOCALES = ("de-CH", None, "de", "pt-BR", "zh-Hant-TW", None, "de-CH-1996")
_TIMEZONES = (None, "Europe/Berlin", "America/Port_of_Spain", "UTC", "Etc/GMT+1", "Europe/Zurich")
_EXTERNAL_IDS = (None, "EXT-", "ext-", "Ext%", "ext_", "extx", "É\\", None)
_FREED_EXTERNAL_IDS = (None, "EXT-1", "gone")
_ATTRIBUTES: tuple[dict[str, Any], ...] = (
    {},
    {"team": "core", "level": 1},
    {"team": "core", "level": 1.0, "tags": ["a", "b"]},
    {"team": "CORE", "level": True},
    {"level": "1"},
    {"level": None, "team": "core"},
    {"tags": []},
    {"tags": ["b", "a", "b", [1, 2]]},
    {"tags": [{"k": 1, "l": [True]}, {"k": 2}]},
    {"tags": {"a": 1}},
    {"deep": {"er": {"est": [1, {"x": None}]}}},
    {"level": 1e2, "Team": "core"},
    {"level": 100, "": ""},
    {"naïve": "José", "naive": "jose"},
    {"level": 0, "team": "core"},
    {"level": False},
    {"level": -0.0, "tags": [None, 0]},
    {"level": 0.1, "tags": "a"},
    {"level": 1e-7, "deep": {"er": {}}},
)
LABELS = ("billing:read", "billing:write", "docs:read", "docs:write", "roster:users:read", "x")
# Key, name, description, labels, default, archived. Three share a key, and more a name.
_ROLES: tuple[tuple[str, str, str | None, str, bool, bool], ...] = (
    ("EDITOR", "Éditeur", "Writes what others read", "docs:read docs:write", True, False),
    ("EDITOR", "editeur", None, "docs:write", False, True),
    ("EDITOR", "Editor", "100% of the docs", "docs:read", True, True),
    ("VIEWER", "EDITEUR", "Reads_only", "docs:read", True, False),
    ("AUDITOR", "Prüfer", None, "billing:read docs:read", False, False),
    ("A_B", "a_b", "Straße", "", False, False),
    ("AXB", "AXB", "STRASSE", "x", False, False),
    ("BILLING", "Prufer", "", "billing:read billing:write", False, False),
    ("OLD", "Σίσυφος", "Rolls the stone", "", False, True),
    ("SUPPORT_1", "100%", "\\", "x docs:read", True, False),
    ("SUPPORT_10", "100% _more\\", None, "roster:users:read", False, False),
    ("X", "ΣΊΣΥΦΟΣ", "x", "", False, False),
)


def _pick(pool: Sequence[T], number: int, stride: int) -> T:
    """Goes through the pool, each pool at its own pace, so that no two fields keep step."""
    return pool[(number * stride + number // len(pool)) % len(pool)]


def _id(noun: str, number: int) -> UUID:
    """The same every time, and in no order."""
    return uuid5(NAMESPACE_OID, f"{noun} {number}")


def _identifiers(number: int, kind: UserKind, status: UserStatus) -> dict[str, Any]:
    if status is UserStatus.ARCHIVED:
        freed = _pick(_FREED_USERNAMES, number, 3)
        return {
            "email": None if kind is UserKind.SERVICE else _pick(_FREED_EMAILS, number, 2),
            "username": freed or (f"gone{number}" if kind is UserKind.SERVICE else None),
            "external_id": _pick(_FREED_EXTERNAL_IDS, number, 1),
        }
    email = f"{_pick(_LOCAL_PARTS, number, 3)}{number}@{_pick(_DOMAINS, number, 2)}"
    external_id = _pick(_EXTERNAL_IDS, number, 3)
    named = kind is UserKind.SERVICE or number % 3 == 1
    return {
        "email": None if kind is UserKind.SERVICE and number % 2 else email,
        "username": f"{_pick(_USERNAMES, number, 5)}{number}" if named else None,
        "external_id": external_id and f"{external_id}{number}",
    }


def _personal(number: int, kind: UserKind, status: UserStatus) -> dict[str, Any]:
    names = {"first_name": _pick(_FIRST_NAMES, number, 5), "last_name": _pick(_LAST_NAMES, number, 4)}
    identifiers = _identifiers(number, kind, status)
    display_name = _pick(_DISPLAY_NAMES, number, 2)
    derived = " ".join(name for name in names.values() if name) or identifiers["username"] or "nameless"
    return {
        **names,
        **identifiers,
        "display_name": display_name or derived,
        "display_name_given": display_name is not None,
        "email_verified_at": LONG_AGO + number % 4 * DAY if identifiers["email"] and number % 2 else None,
        "phone": _pick(_PHONES, number, 1),
        "locale": _pick(_LOCALES, number, 2),
        "timezone": _pick(_TIMEZONES, number, 5),
        "attributes": _pick(_ATTRIBUTES, number, 7),
    }


def _a_user(number: int) -> User:
    status = _pick(_STATUSES, number, 1)
    kind = UserKind.SERVICE if number % 9 in {2, 5} else UserKind.PERSON
    personal = _personal(number, kind, status)
    if status is UserStatus.ERASED:
        personal = {"email": None, "first_name": None, "last_name": None, "display_name": "Erased user"}
    created_at = LONG_AGO + number * 3 % 7 * DAY + number % 2 * TICK
    return make.a_user(
        id=_id("user", number),
        kind=kind,
        status=status,
        created_at=created_at,
        updated_at=max(created_at, LONG_AGO + number * 5 % 4 * 2 * DAY),
        **personal,
    )


def _a_role(number: int) -> Role:
    key, name, description, labels, is_default, archived = _ROLES[number]
    created_at = LONG_AGO + number * 3 % 4 * DAY
    return make.a_role(
        id=_id("role", number),
        key=key,
        name=name,
        description=description or None,
        permissions=tuple(sorted(labels.split())),
        is_default=is_default,
        archived_at=LONG_AGO + 9 * DAY if archived else None,
        created_at=created_at,
        updated_at=max(created_at, LONG_AGO + number % 3 * DAY),
    )


# How an assignment goes on: its expiry and its end in days after it began, and whether someone ended it.
_Course = tuple[float | None, float | None, bool]
_LASTING: _Course = (None, None, False)
_ENDED: tuple[_Course, ...] = (
    (6, 6, False),
    (None, 4, True),
    (8, 2, True),
    (5, 5, True),
    (None, 0, True),
    (3, None, False),
)
_HELD: tuple[_Course, ...] = (_LASTING, (350_000, None, False), _LASTING, _LASTING, *_ENDED, _LASTING)


def _actor(number: int, users: Sequence[User]) -> Actor:
    others = (LOCAL_OPERATOR, SYSTEM)
    if number % 4 < len(others):
        return others[number % 4]
    return Actor(kind=ActorKind.USER, user_id=users[number * 7 % len(users)].id)


def _an_assignment(
    number: int, user: User, role: Role, course: _Course, users: Sequence[User]
) -> RoleAssignment:
    expires_in, ended_in, revoked = course
    assigned_at = LONG_AGO + number * 3 % 5 * DAY + number % 2 * TICK
    expires_at = None if expires_in is None else assigned_at + expires_in * DAY
    return make.an_assignment(
        user,
        role,
        id=_id("assignment", number),
        assigned_at=assigned_at,
        assigned_by=_actor(number, users),
        expires_at=expires_at,
        ended_at=None if ended_in is None else assigned_at + ended_in * DAY,
        revoked_by=_actor(number + 1, users) if revoked else None,
    )


def _assignments(users: Sequence[User], roles: Sequence[Role]) -> list[RoleAssignment]:
    made: list[RoleAssignment] = []
    for number, user in enumerate(users):
        # All but one of those who are gone: a filter goes by what is there, though a mutation would not leave it.
        gone = user.status in {UserStatus.ARCHIVED, UserStatus.ERASED} and number != 9
        for turn in range(number * 5 % 6):
            # Some roles are held by many, and some by nobody.
            role = roles[(number * number // 7 + turn * 5) % len(roles)]
            courses = _ENDED if gone or role.archived_at else _HELD
            course = _pick(courses, number + turn, 1)
            made.append(_an_assignment(len(made), user, role, course, users))
            # What has ended may be given again.
            if course[1] is not None and courses is _HELD and number % 2:
                made.append(_an_assignment(len(made), user, role, _LASTING, users))
    return made


def _directory() -> Directory:
    users = [_a_user(number) for number in range(60)]
    roles = [_a_role(number) for number in range(len(_ROLES))]
    return Directory(users=users, roles=roles, assignments=_assignments(users, roles), now=now())


# Without the role ADMIN, which each database has of its own.
DIRECTORY = _directory()


class World:
    """The application on a database with the directory in it, and the directory as it is there, ADMIN included.

    No dataclass: Hypothesis would print all that is in it with every example that fails.
    """

    def __init__(self, api: Client, directory: Directory) -> None:
        self.api, self.directory = api, directory

    def __repr__(self) -> str:
        return "World(...)"


@asynccontextmanager
async def populated(db: Database, made: Directory = DIRECTORY) -> AsyncIterator[World]:
    """For a whole module, which then cannot use `db` and what is built on it: that empties the database."""
    await make.store(db, *made.users, *made.roles, *made.assignments)
    roles = [*made.roles, await make.admin_role(db)]
    directory = Directory(users=made.users, roles=roles, assignments=made.assignments, now=made.now)
    async with open_api(db.engine.url.render_as_string(hide_password=False), pool_size=5) as client:
        yield World(client, directory)
    async with db.engine.begin() as connection:
        await connection.execute(text("DELETE FROM role_assignments"))
        await connection.execute(text("DELETE FROM users"))
        await connection.execute(text("DELETE FROM roles WHERE key <> 'ADMIN'"))
