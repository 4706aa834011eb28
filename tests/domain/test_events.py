"""What an event says: which fields changed, as JSON has their values; of what, by whom, when and why."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

import make
from roster.domain.actors import LOCAL_OPERATOR, SYSTEM, Actor, ActorKind
from roster.domain.assignments import Change
from roster.domain.events import (
    PERSONAL_FIELDS,
    EventType,
    FieldChange,
    changes_between,
    changes_of,
    of_assignment,
    of_expiry,
    of_role,
    of_token,
    of_user,
)
from roster.domain.ids import new_id
from roster.domain.roles import Role
from roster.domain.tokens import ApiToken
from roster.domain.user_input import erased_user
from roster.domain.users import User, UserKind, UserStatus

NOW = datetime(2026, 6, 30, 12, 0, 0, 5000, tzinfo=UTC)
ADA = Actor(kind=ActorKind.USER, user_id=new_id())
CHANGE = Change(by=ADA, at=NOW, reason="Because")
# What is not told: what every event says otherwise, and what follows from the rest.
UNTOLD = {"id", "key", "version", "created_at", "updated_at", "display_name_given"}


def change(field: str, before: object, after: object) -> FieldChange:
    return FieldChange(field=field, before=before, after=after)


def full_user() -> User:
    return make.a_user(
        email_verified_at=NOW,
        username="ada",
        phone="+4930901820",
        locale="de-CH",
        timezone="Europe/Zurich",
        avatar_url="https://example.org/a.png",
        external_id="hr-1",
        attributes={"team": "a"},
    )


# ---- which fields changed ----


def test_of_a_new_user_every_field_that_has_a_value_is_told() -> None:
    told = {told.field: (told.before, told.after) for told in changes_between(None, full_user())}
    assert set(told) == {field.name for field in fields(User)} - UNTOLD
    assert {before for before, _ in told.values()} == {None}
    assert told["email_verified_at"] == (None, "2026-06-30T12:00:00.005Z")
    assert told["kind"] == (None, "PERSON")
    assert told["attributes"] == (None, {"team": "a"})


def test_of_a_new_user_what_is_empty_is_not_told() -> None:
    bare = make.a_user(kind=UserKind.SERVICE, email=None, username="ci", first_name=None, last_name=None)
    assert {told.field for told in changes_between(None, bare)} == {
        *("kind", "username", "display_name", "status")
    }


def test_of_a_new_role_no_and_zero_are_told_as_values() -> None:
    role = make.a_role(key="EDITOR", name="Editor", permissions=("docs:read", "docs:write"))
    assert sorted(changes_between(None, role), key=lambda told: told.field) == [
        change("is_default", None, after=False),
        change("min_holders", None, 0),
        change("name", None, "Editor"),
        change("permissions", None, ["docs:read", "docs:write"]),
    ]


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("email", "a@example.org", "b@example.org"),
        ("email", None, "b@example.org"),
        ("email", "a@example.org", None),
        ("status", UserStatus.ACTIVE, UserStatus.ARCHIVED),
        ("attributes", {"a": 1}, {"a": 2}),
        ("attributes", {}, {"a": None}),
        ("attributes", {"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}),
    ],
)
def test_of_a_changed_user_what_differs_is_told(field: str, before: Any, after: Any) -> None:
    user = replace(full_user(), **{field: before})
    later = replace(user, **{field: after}, version=2, updated_at=NOW)
    expected = change(field, before or None, after)
    assert changes_between(user, later) == (expected,)
    assert changes_between(user, user) == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": True}, {"a": 1}),
        ({"a": 1}, {"a": True}),
        ({"a": False}, {"a": 0}),
        ({"a": [True]}, {"a": [1]}),
        ({"a": {"b": 0}}, {"a": {"b": False}}),
        ({"a": None}, {}),
    ],
)
def test_what_python_takes_for_equal_is_told_apart(before: dict[str, Any], after: dict[str, Any]) -> None:
    user = make.a_user(attributes=before)
    (told,) = changes_between(user, replace(user, attributes=after))
    assert json.dumps([told.before, told.after]) == json.dumps([before, after or None])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({}, {}),
        ((), ()),
        (None, ()),
        (None, {}),
        (NOW, NOW.astimezone(timezone(timedelta(hours=5)))),
        (UserStatus.ACTIVE, "ACTIVE"),
    ],
)
def test_what_is_the_same_as_json_has_it_is_no_change(before: object, after: object) -> None:
    assert changes_of({"it": (before, after)}) == ()


def test_a_moment_is_written_as_rfc_3339_in_utc() -> None:
    abroad = NOW.astimezone(timezone(timedelta(hours=-8)))
    assert changes_of({"it": (None, abroad)}) == (change("it", None, "2026-06-30T12:00:00.005Z"),)


def test_fields_are_told_in_the_order_of_the_record() -> None:
    user = full_user()
    order = [told.field for told in changes_between(None, user)]
    assert order == [field.name for field in fields(User) if field.name not in UNTOLD]
    swapped = replace(user, last_name="Byron", email="b@example.org")
    assert [told.field for told in changes_between(user, swapped)] == ["email", "last_name"]


@pytest.mark.parametrize("record", [User, Role])
def test_every_field_is_told_or_follows_from_the_rest(record: type[User] | type[Role]) -> None:
    """A new one must be thought of: in the log of what is private, or not at all."""
    told = {"kind", "status"} | PERSONAL_FIELDS - {"label"}
    if record is Role:
        told = {"name", "description", "permissions", "is_default", "min_holders", "archived_at"}
    assert {field.name for field in fields(record)} == told | (
        UNTOLD - ({"key"} if record is User else {"display_name_given"})
    )


def test_what_an_erased_user_has_lost_is_personal() -> None:
    user = full_user()
    lost = {told.field for told in changes_between(user, erased_user(user))} - {"status"}
    # The label is that of a token.
    assert lost == PERSONAL_FIELDS - {"label"}


# ---- of what, by whom, when and why ----


def test_an_event_says_who_did_it_when_and_why() -> None:
    id_ = new_id()
    told = (change("status", "ACTIVE", "ARCHIVED"),)
    event = of_user(EventType.USER_STATUS_CHANGED, id_, CHANGE, told)
    assert (event.type, event.at, event.actor, event.reason) == (
        EventType.USER_STATUS_CHANGED,
        NOW,
        ADA,
        "Because",
    )
    assert (event.user_id, event.role_id, event.role_key, event.changes) == (id_, None, None, told)
    assert event.request_id is None
    assert event.id != of_user(EventType.USER_STATUS_CHANGED, id_, CHANGE, told).id


def test_an_event_of_a_role_knows_its_key() -> None:
    role = make.a_role(key="EDITOR")
    event = of_role(EventType.ROLE_ARCHIVED, role, CHANGE)
    assert (event.user_id, event.role_id, event.role_key) == (None, role.id, "EDITOR")


def test_an_event_of_an_assignment_knows_both() -> None:
    user, role = make.a_user(), make.a_role()
    event = of_assignment(EventType.ROLE_REVOKED, make.an_assignment(user, role), role, CHANGE)
    assert (event.user_id, event.role_id, event.role_key) == (user.id, role.id, role.key)


def test_what_expires_does_so_by_itself_at_its_expiry() -> None:
    role = make.a_role()
    held = make.an_assignment(
        make.a_user(), role, assigned_by=ADA, reason="For a week", expires_at=NOW + timedelta(days=7)
    )
    event = of_expiry(held, role)
    assert (event.type, event.at, event.actor, event.reason, event.changes) == (
        EventType.ROLE_ASSIGNMENT_EXPIRED,
        NOW + timedelta(days=7),
        SYSTEM,
        None,
        (),
    )


def test_an_event_of_a_token_says_which_as_clients_know_it() -> None:
    token = ApiToken(
        id=new_id(),
        owner_id=new_id(),
        label="CI",
        created_at=NOW,
        expires_at=NOW + timedelta(days=7),
        last_used_at=None,
        revoked_at=None,
    )
    id_ = make.token_id(token.id)
    created = of_token(EventType.TOKEN_CREATED, token, CHANGE)
    assert (created.user_id, created.role_id) == (token.owner_id, None)
    assert created.changes == (
        change("token", None, id_),
        change("label", None, "CI"),
        change("expires_at", None, "2026-07-07T12:00:00.005Z"),
    )
    revoked = of_token(EventType.TOKEN_REVOKED, token, replace(CHANGE, by=LOCAL_OPERATOR))
    assert revoked.changes == (change("token", id_, None),)
    assert (revoked.actor, revoked.at) == (LOCAL_OPERATOR, NOW)
    # Of one that was made by a clock that is ahead.
    late = of_token(EventType.TOKEN_REVOKED, replace(token, revoked_at=NOW + timedelta(seconds=1)), CHANGE)
    assert late.at == NOW + timedelta(seconds=1)
