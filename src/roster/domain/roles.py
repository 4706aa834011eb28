"""A role: what a user can be, and the permission labels that come with it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

# The role that the first migration makes, with every permission of Roster's own.
ADMIN = "ADMIN"
MAX_LIVE_ROLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """`permissions` are sorted and without repetition. Archived once `archived_at` is set."""

    id: UUID
    key: str
    name: str
    description: str | None
    permissions: tuple[str, ...]
    is_default: bool
    min_holders: int
    archived_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class RoleKey(StrEnum):
    """What a role can be named by: the key finds live roles, the id finds all."""

    ID = "id"
    KEY = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRef:
    """`value` is a UUID if and only if the key is ID; a role key is upper-cased."""

    key: RoleKey
    value: UUID | str
