"""Roster's own permissions: the labels under `roster:`, which guard its API. All other labels are opaque to it."""

from collections.abc import Iterable
from enum import StrEnum

PREFIX = "roster:"


class Permission(StrEnum):
    """What a caller may. A migration that adds one adds it to the role ADMIN."""

    USERS_READ = "roster:users:read"
    USERS_WRITE = "roster:users:write"
    USERS_ERASE = "roster:users:erase"
    ROLES_READ = "roster:roles:read"
    ROLES_WRITE = "roster:roles:write"
    ROLES_ASSIGN = "roster:roles:assign"
    EVENTS_READ = "roster:events:read"
    TOKENS_WRITE = "roster:tokens:write"


EVERY_PERMISSION: frozenset[str] = frozenset(Permission)
# Who has these may see who holds what. One of them alone must not show it, by whatever way.
WHO_HOLDS_WHAT = (Permission.USERS_READ, Permission.ROLES_READ)


def missing(wanted: Iterable[str], held: frozenset[str]) -> tuple[str, ...]:
    """What one who holds the labels lacks of those wanted, sorted.

    Whoever holds every permission of Roster's own lacks nothing: they could take any label, and somebody has to be the
    first to give one out.
    """
    return () if held >= EVERY_PERMISSION else tuple(sorted(set(wanted) - held))
