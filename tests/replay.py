"""What there must be if everything that the log says happened, and nothing else.

A reading of the log of its own: it knows the names of the tables and what each type of event means, and nothing of the
product. Every event must fit what the events before it left.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from roster.data.db import Database
from roster.data.models import ApiTokenRow, EventRow, RoleAssignmentRow, RoleRow, UserRow

Row = Mapping[str, Any]
Json = dict[str, Any]

_USER_FIELDS = (
    *("kind", "email", "email_verified_at", "username", "first_name", "last_name", "display_name", "phone"),
    *("locale", "timezone", "avatar_url", "external_id", "attributes", "status"),
)
_ROLE_FIELDS = ("name", "description", "permissions", "is_default", "min_holders", "archived_at")
# What is nobody else's business, and gone with the user.
_PERSONAL = {*_USER_FIELDS, "label"} - {"kind", "status"}


def plain(value: object) -> object:
    """As JSON, where what is empty is missing."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value or None if isinstance(value, list | tuple | dict) else value


def same(one: object, other: object) -> bool:
    """As JSON: true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@dataclass(kw_only=True)
class Thing:
    """A user or a role."""

    fields: Json
    created_at: datetime
    updated_at: datetime
    # Of the requests that changed it or, of a user, what it holds: each makes one version.
    written_by: list[str | None] = field(default_factory=list)

    def write(self, event: Row) -> None:
        assert event["at"] >= self.updated_at, "it was changed before it was changed before"
        self.updated_at = event["at"]
        if event["request_id"] not in self.written_by:
            self.written_by.append(event["request_id"])

    def change(self, event: Row, *, erased: bool = False) -> None:
        for change in event["changes"]:
            name, before, after = change["field"], change["before"], change["after"]
            assert name in self.fields, name
            assert same(self.fields[name], before), f"{name} was {self.fields[name]!r}, not {before!r}"
            blank = erased and name in _PERSONAL and before is None and after is None
            assert blank or not same(before, after), f"{name} did not change"
            self.fields[name] = after


class Replayed:
    """`roles` are those that the migrations left, before the log begins."""

    def __init__(self, roles: Iterable[Row]) -> None:
        self.users: dict[UUID, Thing] = {}
        self.roles: dict[UUID, Thing] = {}
        self.held: dict[tuple[UUID, UUID], Json] = {}
        self.ended: list[Json] = []
        self.tokens: dict[str, Json] = {}
        self.erased: frozenset[UUID] = frozenset()
        for role in roles:
            fields = {"key": role["key"]} | {name: plain(role[name]) for name in _ROLE_FIELDS}
            self.roles[role["id"]] = Thing(
                fields=fields, created_at=role["created_at"], updated_at=role["updated_at"]
            )

    def apply(self, events: Iterable[Row]) -> None:
        """In the order of the log, of which all is there."""
        events = list(events)
        self.erased = frozenset(event["user_id"] for event in events if event["type"] == "USER_ERASED")
        for event in events:
            self._happened[event["type"].value](self, event)

    def _created_user(self, event: Row) -> None:
        assert event["user_id"] not in self.users
        fields: Json = dict.fromkeys(_USER_FIELDS)
        made = Thing(fields=fields, created_at=event["at"], updated_at=event["at"])
        self.users[event["user_id"]] = made
        self._changed_user(event)

    def _changed_user(self, event: Row) -> None:
        user = self.users[event["user_id"]]
        user.write(event)
        user.change(event, erased=event["user_id"] in self.erased)

    def _erased_user(self, event: Row) -> None:
        self._changed_user(event)
        user = self.users[event["user_id"]]
        user.fields |= dict.fromkeys(_PERSONAL - {"label"}) | {"display_name": "Erased user"}
        for token in self.tokens.values():
            if token["owner_id"] == event["user_id"]:
                token["label"] = "Erased"

    def _created_role(self, event: Row) -> None:
        assert event["role_id"] not in self.roles
        fields: Json = dict.fromkeys(_ROLE_FIELDS) | {"key": event["role_key"]}
        made = Thing(fields=fields, created_at=event["at"], updated_at=event["at"])
        self.roles[event["role_id"]] = made
        self._changed_role(event)

    def _changed_role(self, event: Row) -> None:
        role = self.roles[event["role_id"]]
        assert (event["role_key"], event["user_id"]) == (role.fields["key"], None)
        role.write(event)
        role.change(event)

    def _assigned(self, event: Row) -> None:
        pair = (event["user_id"], event["role_id"])
        assert pair not in self.held, "it was held already"
        assert event["role_key"] == self.roles[event["role_id"]].fields["key"]
        self.users[event["user_id"]].write(event)
        self.held[pair] = {
            "user_id": pair[0],
            "role_id": pair[1],
            "assigned_at": plain(event["at"]),
            "assigned_by": _actor(event),
            "reason": event["reason"],
            "expires_at": _one_change(event, "expires_at", None),
            "ended_at": None,
            "revoked_by": None,
            "revoke_reason": None,
        }

    def _changed_assignment(self, event: Row) -> None:
        held = self.held[event["user_id"], event["role_id"]]
        self.users[event["user_id"]].write(event)
        (change,) = event["changes"]
        assert change["before"] != change["after"]
        held["expires_at"] = _one_change(event, "expires_at", held["expires_at"])

    def _revoked(self, event: Row) -> None:
        held = self._ended(event)
        self.users[event["user_id"]].write(event)
        assert held["expires_at"] is None or plain(event["at"]) < held["expires_at"], "it had expired"
        held |= {"revoked_by": _actor(event), "revoke_reason": event["reason"]}

    def _expired(self, event: Row) -> None:
        held = self._ended(event)
        assert (held["ended_at"], event["actor_kind"]) == (held["expires_at"], "SYSTEM")
        assert event["reason"] is None

    def _ended(self, event: Row) -> Json:
        held = self.held.pop((event["user_id"], event["role_id"]))
        assert event["changes"] == []
        held["ended_at"] = plain(event["at"])
        self.ended.append(held)
        return held

    def _created_token(self, event: Row) -> None:
        told = {change["field"]: change["after"] for change in event["changes"]}
        assert [change["before"] for change in event["changes"]] == [None] * 3
        self.tokens[told["token"]] = {
            "owner_id": event["user_id"],
            "label": told["label"],
            "created_at": plain(event["at"]),
            "expires_at": told["expires_at"],
            "revoked_at": None,
        }

    def _revoked_token(self, event: Row) -> None:
        (change,) = event["changes"]
        token = self.tokens[change["before"]]
        assert (change["field"], change["after"], token["revoked_at"]) == ("token", None, None)
        assert token["owner_id"] == event["user_id"]
        token["revoked_at"] = plain(event["at"])

    _happened: Mapping[str, Callable[["Replayed", Row], None]] = {
        "USER_CREATED": _created_user,
        "USER_UPDATED": _changed_user,
        "USER_STATUS_CHANGED": _changed_user,
        "USER_ERASED": _erased_user,
        "ROLE_CREATED": _created_role,
        "ROLE_UPDATED": _changed_role,
        "ROLE_ARCHIVED": _changed_role,
        "ROLE_ASSIGNED": _assigned,
        "ROLE_ASSIGNMENT_CHANGED": _changed_assignment,
        "ROLE_REVOKED": _revoked,
        "ROLE_ASSIGNMENT_EXPIRED": _expired,
        "TOKEN_CREATED": _created_token,
        "TOKEN_REVOKED": _revoked_token,
    }


def _actor(event: Row) -> tuple[Any, Any]:
    return event["actor_kind"], event["actor_user_id"]


def _one_change(event: Row, name: str, before: object) -> object:
    """What the field is after it: the event changes that at most, from what it was."""
    if not event["changes"]:
        return before
    (change,) = event["changes"]
    assert (change["field"], change["before"]) == (name, before)
    return change["after"]


# ---- what there is ----


async def log(db: Database) -> list[Row]:
    """Every event, in the order of the log."""
    order = (EventRow.epoch, EventRow.transaction, EventRow.sequence)
    async with db.read() as reader:
        rows = await reader.execute(select(EventRow.__table__).order_by(*order))
        return [row._asdict() for row in rows]


async def _rows(db: Database, table: type[Any]) -> list[Row]:
    async with db.read() as reader:
        return [row._asdict() for row in await reader.execute(select(table.__table__))]


def _assignment(row: Row) -> Json:
    told = {name: plain(row[name]) for name in ("assigned_at", "expires_at", "ended_at")}
    names = ("user_id", "role_id", "reason", "revoke_reason")
    revoked_by = (row["revoked_by_kind"], row["revoked_by_user_id"])
    return {
        **told,
        **{name: row[name] for name in names},
        "assigned_by": (row["assigned_by_kind"], row["assigned_by_user_id"]),
        "revoked_by": revoked_by if row["revoked_by_kind"] else None,
    }


def _in_order(assignments: Iterable[Json]) -> list[Json]:
    return sorted(assignments, key=lambda held: json.dumps(held, default=str, sort_keys=True))


async def check_replay(db: Database, roles: Iterable[Row], *, versions: bool = True) -> None:
    """Replays the log and compares the end with the tables.

    With `versions`, and when each was made and changed, if each request had an id of its own.
    """
    replayed = Replayed(roles)
    first = {role["id"]: role["version"] for role in roles}
    replayed.apply(await log(db))
    for table, things, names in (
        (UserRow, replayed.users, _USER_FIELDS),
        (RoleRow, replayed.roles, ("key", *_ROLE_FIELDS)),
    ):
        rows = {row["id"]: row for row in await _rows(db, table)}
        assert set(rows) == set(things)
        for id_, row in rows.items():
            told = {name: plain(row[name]) for name in names}
            assert same(told, things[id_].fields), f"{told} is not {things[id_].fields}"
            if versions:
                moments = (row["created_at"], row["updated_at"])
                assert moments == (things[id_].created_at, things[id_].updated_at)
                assert row["version"] == first.get(id_, 0) + len(things[id_].written_by)
    stored = [_assignment(row) for row in await _rows(db, RoleAssignmentRow)]
    assert _in_order(stored) == _in_order([*replayed.held.values(), *replayed.ended])
    kept = ("owner_id", "label", "created_at", "expires_at", "revoked_at")
    tokens = {
        f"tok_{row['id'].hex}": {name: plain(row[name]) for name in kept}
        for row in await _rows(db, ApiTokenRow)
    }
    assert tokens == replayed.tokens


async def count(db: Database) -> int:
    async with db.read() as reader:
        return int((await reader.execute(text("SELECT count(*) FROM events"))).scalar_one())
