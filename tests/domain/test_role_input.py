"""What a caller says of a role: keys, labels and counts, normalised or refused."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import make
from roster.domain.checks import ABSENT, Invalid
from roster.domain.errors import InvalidInputError, Path, Rejected
from roster.domain.permissions import EVERY_PERMISSION
from roster.domain.role_input import (
    NewRoleInput,
    RoleChanges,
    RoleChangesInput,
    changed_role,
    check_new_role,
    check_role_changes,
    key,
)
from roster.domain.roles import Role, RoleKey, RoleRef

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
NEW = NewRoleInput(key="editor", name=None, description=None, permissions=(), is_default=False, min_holders=0)
EDITOR = RoleRef(key=RoleKey.KEY, value="EDITOR")
NO_CHANGES = RoleChangesInput(
    role=EDITOR,
    expected_version=None,
    name=ABSENT,
    description=ABSENT,
    permissions=ABSENT,
    is_default=ABSENT,
    min_holders=ABSENT,
    reason=None,
)
Problem = tuple[Path, str, int | None]


def new_role(**given: Any) -> Role:
    return check_new_role(replace(NEW, **given), NOW)


def changes(**given: Any) -> RoleChanges:
    return check_role_changes(replace(NO_CHANGES, **given))


def problems(rejected: Rejected) -> list[Problem]:
    found = [error for error in rejected.errors if isinstance(error, InvalidInputError)]
    assert len(found) == len(rejected.errors)
    return [(error.path, error.reason.value, error.limit) for error in found]


@pytest.mark.parametrize(
    ("text", "stored"),
    [("a", "A"), (" Site_Admin_2\n", "SITE_ADMIN_2"), ("a__", "A__"), ("K" * 64, "K" * 64)],
)
def test_a_key_is_trimmed_and_upper_cased(text: str, stored: str) -> None:
    assert key(text) == stored
    assert key(stored) == stored


@pytest.mark.parametrize(
    ("text", "reason", "limit"),
    [
        ("", "BLANK", None),
        (" \t\u3000", "BLANK", None),
        ("K" * 65, "TOO_LONG", 64),
        ("1ST", "BAD_FORMAT", None),
        ("_A", "BAD_FORMAT", None),
        ("A-B", "BAD_FORMAT", None),
        ("A B", "BAD_FORMAT", None),
        ("A.B", "BAD_FORMAT", None),
        ("\u00c4RZTE", "BAD_FORMAT", None),
        # In upper case these are ASCII.
        ("stra\u00dfe", "BAD_FORMAT", None),
        ("\u017f\u0131", "BAD_FORMAT", None),
        ("\u0391", "BAD_FORMAT", None),
        ("A\uff11", "BAD_FORMAT", None),
        ("A\x00", "BAD_FORMAT", None),
        ("A\ud800", "BAD_FORMAT", None),
    ],
)
def test_a_key_that_breaks_the_rule_is_refused(text: str, reason: str, limit: int | None) -> None:
    with pytest.raises(Invalid) as caught:
        key(text)
    assert (caught.value.reason.value, caught.value.limit) == (reason, limit)


@pytest.mark.parametrize(
    ("text", "name"),
    [("EDITOR", "Editor"), ("SITE_ADMIN_2", "Site admin 2"), ("A__B_", "A b"), ("K" * 64, "K" + "k" * 63)],
)
def test_a_role_without_a_name_is_named_by_its_key(text: str, name: str) -> None:
    assert new_role(key=text).name == name


def test_a_new_role_is_as_it_was_given() -> None:
    role = new_role(
        key="site_admin",
        name="  Site \t admin ",
        description=" All of it. ",
        permissions=("b", "a", "b"),
        is_default=True,
        min_holders=1000,
    )
    assert role == Role(
        id=role.id,
        key="SITE_ADMIN",
        name="Site admin",
        description="All of it.",
        permissions=("a", "b"),
        is_default=True,
        min_holders=1000,
        archived_at=None,
        version=1,
        created_at=NOW,
        updated_at=NOW,
    )
    assert role.id.version == 7


@pytest.mark.parametrize(
    "label",
    [
        "a",
        "0",
        "docs:read",
        "docs:read.all_of-it",
        "p" * 128,
        "roster",
        "rosters:x",
        *sorted(EVERY_PERMISSION),
    ],
)
def test_a_label_is_stored_as_it_is(label: str) -> None:
    assert new_role(permissions=(label,)).permissions == (label,)


@pytest.mark.parametrize(
    ("label", "reason", "limit"),
    [
        ("", "BLANK", None),
        ("  ", "BLANK", None),
        (" " * 129, "BLANK", None),
        ("p" * 129, "TOO_LONG", 128),
        ("Docs:read", "BAD_FORMAT", None),
        (" docs", "BAD_FORMAT", None),
        ("docs read", "BAD_FORMAT", None),
        (":docs", "BAD_FORMAT", None),
        ("docs:", "BAD_FORMAT", None),
        ("docs::read", "BAD_FORMAT", None),
        ("docs:*", "BAD_FORMAT", None),
        ("\u00fcber", "BAD_FORMAT", None),
        ("docs\n", "BAD_FORMAT", None),
        ("a\x00", "BAD_FORMAT", None),
        ("a\ud800", "BAD_FORMAT", None),
        ("roster:", "BAD_FORMAT", None),
        ("roster:users", "NOT_ALLOWED", None),
        ("roster:users:read:all", "NOT_ALLOWED", None),
        ("roster:everything", "NOT_ALLOWED", None),
    ],
)
def test_a_label_that_breaks_the_rule_is_refused_where_it_stands(
    label: str, reason: str, limit: int | None
) -> None:
    with pytest.raises(Rejected) as caught:
        new_role(permissions=("docs:read", label))
    assert problems(caught.value) == [(("permissions", "1"), reason, limit)]
    with pytest.raises(Rejected) as caught:
        changes(permissions=(label,))
    assert problems(caught.value) == [(("permissions", "0"), reason, limit)]


def test_labels_are_at_most_200_however_often_each_is_given() -> None:
    assert new_role(permissions=("a",) * 200).permissions == ("a",)
    with pytest.raises(Rejected) as caught:
        new_role(permissions=("a",) * 201)
    assert problems(caught.value) == [(("permissions",), "TOO_LONG", 200)]


@given(st.lists(st.from_regex(r"[a-z0-9]{1,3}([:._-][a-z0-9]{1,2}){0,2}", fullmatch=True), max_size=20))
def test_labels_are_sorted_and_each_once(labels: list[str]) -> None:
    assert list(new_role(permissions=tuple(labels)).permissions) == sorted(set(labels))


@pytest.mark.parametrize("count", [-1, 1001, 2**31 - 1, -(2**31)])
def test_the_least_number_of_holders_is_from_0_to_1000(count: int) -> None:
    with pytest.raises(Rejected) as caught:
        new_role(min_holders=count)
    assert problems(caught.value) == [(("min_holders",), "OUT_OF_RANGE", 0 if count < 0 else 1000)]
    assert new_role(min_holders=0).min_holders == 0
    assert changes(min_holders=1000).min_holders == 1000


def test_what_cannot_be_cleared_is_required() -> None:
    with pytest.raises(Rejected) as caught:
        changes(name=None, description=None, permissions=None, is_default=None, min_holders=None)
    assert sorted(problems(caught.value)) == [
        ((name,), "REQUIRED", None) for name in ("is_default", "min_holders", "name", "permissions")
    ]


def test_what_is_absent_stays_and_null_clears() -> None:
    role = make.a_role(
        name="Editor", description="Edits.", permissions=("a",), is_default=True, min_holders=2
    )
    assert changed_role(role, changes()) == role
    assert changed_role(role, changes(description=None)) == replace(role, description=None)
    changed = changes(name=" Writer ", permissions=["c", "b"], is_default=False, min_holders=0)
    assert changed_role(role, changed) == replace(
        role, name="Writer", permissions=("b", "c"), is_default=False, min_holders=0
    )
