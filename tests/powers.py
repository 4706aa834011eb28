"""What everyone may, in plain Python over what is in the database: it knows nothing of how the product decides."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from roster.data.db import Database

OWN_LABELS = frozenset(
    f"roster:{of}"
    for of in (
        *("users:read", "users:write", "users:erase", "roles:read", "roles:write", "roles:assign"),
        *("events:read", "tokens:write"),
    )
)
_TABLES = ("users", "roles", "role_assignments", "api_tokens", "events")
_COUNT = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in _TABLES)  # noqa: S608 -- ours


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`counts` are of all rows of every table; the rest is of the users and roles of one example."""

    users: Mapping[UUID, Any]
    roles: Mapping[UUID, Any]
    held: Collection[Any]
    tokens: Collection[Any]
    counts: tuple[int, ...]

    def in_force(self, user: UUID, now: datetime) -> set[UUID]:
        return {
            one.role_id
            for one in self.held
            if one.user_id == user
            and one.ended_at is None
            and (one.expires_at is None or one.expires_at > now)
        }

    def potential(self, user: UUID, now: datetime) -> frozenset[str]:
        """What the user may, or will once ACTIVE again."""
        labels = (self.roles[role].permissions for role in self.in_force(user, now) if role in self.roles)
        return frozenset(label for one in labels for label in one)

    def powers(self, user: UUID, now: datetime) -> frozenset[str]:
        return self.potential(user, now) if self.users[user].status == "ACTIVE" else frozenset()

    def lasting_holders(self, role: UUID) -> int:
        return len(
            {
                one.user_id
                for one in self.held
                if one.role_id == role
                and one.ended_at is None
                and one.expires_at is None
                and self.users[one.user_id].status == "ACTIVE"
            }
        )

    def about(self, user: UUID) -> tuple[Any, ...]:
        """By what the user could be taken over."""
        row = self.users[user]
        tokens = sorted((one.id.hex, one.revoked_at is None) for one in self.tokens if one.owner_id == user)
        return (row.status, row.email, row.username, row.external_id, row.first_name, tokens)


def lacking(labels: Iterable[str], held: frozenset[str]) -> set[str]:
    """Whoever holds every label of Roster's own may all there is."""
    return set() if held >= OWN_LABELS else set(labels) - held


async def look(db: Database, users: Collection[UUID], roles: Collection[UUID]) -> State:
    async def rows(statement: str) -> list[Any]:
        found = await reader.execute(text(statement), {"users": list(users), "roles": list(roles)})
        return list(found)

    async with db.read() as reader:
        return State(
            users={row.id: row for row in await rows("SELECT * FROM users WHERE id = ANY (:users)")},
            roles={row.id: row for row in await rows("SELECT * FROM roles WHERE id = ANY (:roles)")},
            held=await rows("SELECT * FROM role_assignments WHERE user_id = ANY (:users) ORDER BY id"),
            tokens=await rows(
                "SELECT id, owner_id, revoked_at FROM api_tokens WHERE owner_id = ANY (:users) ORDER BY id"
            ),
            counts=tuple((await rows(_COUNT))[0]),
        )
