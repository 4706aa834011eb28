"""What every filter means, in plain Python over domain records.

It reads the JSON that a client sends, and knows nothing of how the product reads or answers it: where the two differ,
one of them is wrong. What is missing is unknown, and what is unknown does not match; so a condition here is true or
false, and a negation a true complement.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from reference_operators import (
    Json,
    exact_text_is,
    fold,
    instant,
    json_contains,
    labels_are,
    moment_is,
    number_is,
    text_is,
)
from roster.domain.assignments import RoleAssignment
from roster.domain.roles import Role
from roster.domain.users import User

MAX_CONDITIONS = 50
MAX_DEPTH = 5
LIVE = ("PENDING", "ACTIVE", "SUSPENDED")
CONNECTIVES = ("and", "or", "not")
LEVELS = (*CONNECTIVES, "some", "every", "none", "role", "user")


# ---- the nouns -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Directory:
    """Everything that is in a database, and the moment at which it is looked at."""

    users: Sequence[User]
    roles: Sequence[Role]
    assignments: Sequence[RoleAssignment]
    now: datetime

    def users_where(self, given: Json, *, include_archived: bool) -> list[User]:
        listed = [user for user in self.users if include_archived or user.status in LIVE]
        return [user for user in listed if self.user_is(given, user)]

    def roles_where(self, given: Json, *, include_archived: bool) -> list[Role]:
        listed = [role for role in self.roles if include_archived or role.archived_at is None]
        return [role for role in listed if self.role_is(given, role)]

    def assignments_where(self, given: Json, scope: Json) -> list[RoleAssignment]:
        return [held for held in self.assignments if self.in_scope(held, scope) and self.held_is(given, held)]

    def holds(self, user: User, role: Role) -> bool:
        """Now."""
        return any(held.role_id == role.id and self._active(held) for held in self._held_by(user))

    # -- scopes

    def in_scope(self, held: RoleAssignment, scope: Json) -> bool:
        """By `states` and `activeAt`, as they stand beside the filter."""
        if "activeAt" in scope:
            moment = instant(scope["activeAt"])
            ends = [end for end in (held.ended_at, held.expires_at) if end is not None]
            return held.assigned_at <= moment and all(moment < end for end in ends)
        return self.state(held) in scope.get("states", ["ACTIVE"])

    def state(self, held: RoleAssignment) -> str:
        if held.revoked_by is not None:
            return "REVOKED"
        past_expiry = held.expires_at is not None and held.expires_at <= self.now
        return "EXPIRED" if past_expiry or held.ended_at is not None else "ACTIVE"

    def _active(self, held: RoleAssignment) -> bool:
        return self.state(held) == "ACTIVE"

    # -- users

    def user_is(self, given: Json, user: User) -> bool:
        return all(self._user_is(name, wanted, user) for name, wanted in given.items())

    def _user_is(self, name: str, wanted: Any, user: User) -> bool:
        if name in CONNECTIVES:
            return connected(name, wanted, lambda inner: self.user_is(inner, user))
        if name in USER_FIELDS:
            return USER_FIELDS[name](wanted, getattr(user, snake(name)))
        if name == "search":
            texts = (user.first_name, user.last_name, user.display_name, user.email, user.username)
            return found(wanted, texts)
        if name == "permissions":
            return labels_are(wanted, self.permissions(user))
        if name == "roles":
            return self._roles_are(wanted, user)
        plain = {"id": f"usr_{user.id.hex}", "kind": user.kind, "status": user.status}[name]
        return plain == wanted if name == "kind" else plain in wanted

    def permissions(self, user: User) -> set[str]:
        if user.status != "ACTIVE":
            return set()
        active = [held for held in self._held_by(user) if self._active(held)]
        return {label for held in active for label in self._role(held).permissions}

    def _roles_are(self, given: Json, user: User) -> bool:
        scope = {name: wanted for name, wanted in given.items() if name in {"states", "activeAt"}}
        held = [one for one in self._held_by(user) if self.in_scope(one, scope)]
        return all(
            self._roles_in_scope_are(name, wanted, held)
            for name, wanted in given.items()
            if name not in scope
        )

    def _roles_in_scope_are(self, name: str, wanted: Any, held: Sequence[RoleAssignment]) -> bool:
        if name == "isEmpty":
            return bool((not held) == wanted)
        if name in {"anyOf", "allOf", "noneOf"}:
            keys = {self._role(one).key for one in held}
            has = [key.strip().upper() in keys for key in wanted]
            return {"anyOf": any(has), "allOf": all(has), "noneOf": not any(has)}[name]
        matches = [self.held_is(wanted, one) for one in held]
        return {"some": any(matches), "every": all(matches), "none": not any(matches)}[name]

    # -- roles

    def role_is(self, given: Json, role: Role) -> bool:
        return all(self._role_is(name, wanted, role) for name, wanted in given.items())

    def _role_is(self, name: str, wanted: Any, role: Role) -> bool:
        if name in CONNECTIVES:
            return connected(name, wanted, lambda inner: self.role_is(inner, role))
        if name in ROLE_FIELDS:
            return ROLE_FIELDS[name](wanted, getattr(role, snake(name)))
        if name == "search":
            return found(wanted, (role.key, role.name, role.description))
        if name == "holderCount":
            return number_is(wanted, self.holder_count(role))
        if name == "id":
            return f"rol_{role.id.hex}" in wanted
        return bool({"isDefault": role.is_default}[name] == wanted)

    def holder_count(self, role: Role) -> int:
        """Whatever the status of the users."""
        return self._holder_counts[role.id]

    # -- assignments

    def held_is(self, given: Json, held: RoleAssignment) -> bool:
        return all(self._held_is(name, wanted, held) for name, wanted in given.items())

    def _held_is(self, name: str, wanted: Any, held: RoleAssignment) -> bool:
        if name in CONNECTIVES:
            return connected(name, wanted, lambda inner: self.held_is(inner, held))
        if name == "role":
            return self.role_is(wanted, self._role(held))
        if name == "user":
            return self.user_is(wanted, self._users[held.user_id])
        if name == "assignedBy":
            by = held.assigned_by.user_id
            return by is not None and is_named(wanted, self._users[by])
        return moment_is(wanted, {"assignedAt": held.assigned_at, "expiresAt": held.expires_at}[name])

    # -- what belongs together

    def _role(self, held: RoleAssignment) -> Role:
        return self._roles[held.role_id]

    def _held_by(self, user: User) -> Sequence[RoleAssignment]:
        return self._held.get(user.id, [])

    @cached_property
    def _users(self) -> Mapping[UUID, User]:
        return {user.id: user for user in self.users}

    @cached_property
    def _roles(self) -> Mapping[UUID, Role]:
        return {role.id: role for role in self.roles}

    @cached_property
    def _holder_counts(self) -> Counter[UUID]:
        return Counter(held.role_id for held in self.assignments if self._active(held))

    @cached_property
    def _held(self) -> Mapping[UUID, Sequence[RoleAssignment]]:
        held: dict[UUID, list[RoleAssignment]] = {}
        for one in self.assignments:
            held.setdefault(one.user_id, []).append(one)
        return held


USER_FIELDS: Mapping[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(("email", "username", "firstName", "lastName", "displayName"), text_is),
    **dict.fromkeys(("phone", "locale", "timezone"), text_is),
    "externalId": exact_text_is,
    **dict.fromkeys(("emailVerifiedAt", "createdAt", "updatedAt"), moment_is),
    "attributes": lambda wanted, value: json_contains(value, wanted),
}
ROLE_FIELDS: Mapping[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(("key", "name", "description"), text_is),
    **dict.fromkeys(("createdAt", "updatedAt"), moment_is),
    "permissions": labels_are,
}


def connected(name: str, wanted: Any, matches: Callable[[Any], bool]) -> bool:
    if name == "not":
        return not matches(wanted)
    return {"and": all, "or": any}[name](matches(inner) for inner in wanted)


def found(words: str, texts: Iterable[str | None]) -> bool:
    folds = [fold(text) for text in texts if text is not None]
    return all(any(word in text for text in folds) for word in fold(words).split())


def is_named(ref: Json, user: User) -> bool:
    """By id whoever it is; by an identifier only while live."""
    ((name, wanted),) = ref.items()
    if name == "id":
        return bool(wanted == f"usr_{user.id.hex}")
    wanted = wanted if name == "externalId" else wanted.strip().lower()
    return user.status in LIVE and bool(getattr(user, snake(name)) == wanted)


def snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda upper: f"_{upper[0].lower()}", name)


# ---- how far a filter goes -------------------------------------------------------------------------------------------


def conditions(given: Json) -> int:
    """Every member given counts, every element of and/or, and every word of a search after its first."""
    return sum(1 + _conditions_within(name, wanted) for name, wanted in given.items())


def _conditions_within(name: str, wanted: Any) -> int:
    if name in {"and", "or"}:
        return sum(1 + conditions(inner) for inner in wanted)
    if name == "search":
        return len(set(fold(wanted).split())) - 1
    if name in {"attributes", "assignedBy"} or not isinstance(wanted, dict):
        return 0
    return conditions(wanted)


def depth(given: Json) -> int:
    return 1 + _depth_within(given)


def _depth_within(given: Json) -> int:
    """How many levels begin inside of this object."""
    deepest = 0
    for name, wanted in given.items():
        if name in {"attributes", "assignedBy"}:
            continue
        objects = wanted if name in {"and", "or"} else [wanted] if isinstance(wanted, dict) else []
        for inner in objects:
            deepest = max(deepest, (name in LEVELS) + _depth_within(inner))
    return deepest
