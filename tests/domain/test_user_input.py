"""What a caller says of a user: what it is made into, what a change leaves, and what erasing leaves."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

import make
from roster.domain.assignment_input import RoleGrantInput
from roster.domain.checks import ABSENT
from roster.domain.errors import InvalidInputError, LimitExceededError, Path, Rejected
from roster.domain.roles import RoleKey, RoleRef
from roster.domain.user_input import (
    ChangedFields,
    NewUserInput,
    changed_user,
    check_new_user,
    check_user_erasure,
    erased_user,
    same_user,
)
from roster.domain.users import User, UserKey, UserKind, UserRef, UserStatus

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
NEW = NewUserInput(
    kind=UserKind.PERSON,
    email="ann@example.org",
    username=None,
    first_name=None,
    last_name=None,
    display_name=None,
    phone=None,
    locale=None,
    timezone=None,
    avatar_url=None,
    external_id=None,
    attributes=None,
    email_verified_at=None,
    status=UserStatus.ACTIVE,
    roles=None,
)
NO_CHANGES = ChangedFields(**{field.name: ABSENT for field in fields(ChangedFields)})
EDITOR = RoleRef(key=RoleKey.KEY, value="EDITOR")


def new_user(**given: Any) -> User:
    return check_new_user(replace(NEW, **given), NOW).user


def changed(user: User, **given: Any) -> User:
    return changed_user(user, replace(NO_CHANGES, **given))


def refusals(rejected: Rejected) -> list[tuple[Path, str]]:
    found = [error for error in rejected.errors if isinstance(error, InvalidInputError)]
    assert len(found) == len(rejected.errors)
    return [(error.path, error.reason.value) for error in found]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"display_name": " Ann \t L. "}, "Ann L."),
        ({"display_name": "Ann L.", "first_name": "Ann", "username": "al"}, "Ann L."),
        ({"first_name": "Ann", "last_name": "Lee", "username": "al"}, "Ann Lee"),
        ({"first_name": "Ann", "username": "al"}, "Ann"),
        ({"last_name": "Lee"}, "Lee"),
        ({"username": "AL"}, "al"),
        ({}, "ann"),
        ({"kind": UserKind.SERVICE, "email": None, "username": "bot"}, "bot"),
        ({"email": "l" * 64 + "@example.org"}, "l" * 64),
        ({"first_name": "f" * 100, "last_name": "l" * 100}, "f" * 100 + " " + "l" * 100),
    ],
)
def test_a_user_is_shown_by_the_best_name_it_has(given: dict[str, Any], shown: str) -> None:
    user = new_user(**given)
    assert (user.display_name, user.display_name_given) == (shown, "display_name" in given)


def test_a_new_user_has_nothing_that_was_not_given() -> None:
    user = new_user()
    assert user == User(
        id=user.id,
        kind=UserKind.PERSON,
        email="ann@example.org",
        email_verified_at=None,
        username=None,
        first_name=None,
        last_name=None,
        display_name="ann",
        display_name_given=False,
        phone=None,
        locale=None,
        timezone=None,
        avatar_url=None,
        external_id=None,
        attributes={},
        status=UserStatus.ACTIVE,
        version=1,
        created_at=NOW,
        updated_at=NOW,
    )
    assert user.id.version == 7


@pytest.mark.parametrize("status", list(UserStatus))
def test_a_new_user_is_pending_or_active(status: UserStatus) -> None:
    if status in {UserStatus.PENDING, UserStatus.ACTIVE}:
        assert new_user(status=status).status is status
        return
    with pytest.raises(Rejected) as caught:
        new_user(status=status)
    assert refusals(caught.value) == [(("status",), "NOT_ALLOWED")]


@pytest.mark.parametrize(
    ("given", "required"),
    [
        ({"email": None}, "email"),
        ({"email": None, "username": "ann"}, "email"),
        ({"kind": UserKind.SERVICE}, "username"),
        ({"kind": UserKind.SERVICE, "email": None}, "username"),
    ],
)
def test_a_person_has_an_address_and_a_service_a_username(given: dict[str, Any], required: str) -> None:
    with pytest.raises(Rejected) as caught:
        new_user(**given)
    assert refusals(caught.value) == [((required,), "REQUIRED")]


def test_no_roles_given_is_not_the_same_as_none() -> None:
    assert check_new_user(NEW, NOW).grants is None
    assert check_new_user(replace(NEW, roles=()), NOW).grants == ()


def test_a_new_user_is_given_at_most_100_roles() -> None:
    grant = RoleGrantInput(role=EDITOR, expires_at=None)
    grants = check_new_user(replace(NEW, roles=(grant,) * 100), NOW).grants
    assert grants
    assert len(grants) == 100
    with pytest.raises(Rejected) as caught:
        check_new_user(replace(NEW, roles=(grant,) * 101), NOW)
    (error,) = caught.value.errors
    assert isinstance(error, LimitExceededError)
    assert (error.path, error.limit) == (("roles",), 100)


ANN = make.a_user(
    email="ann@example.org",
    email_verified_at=NOW,
    username="ann",
    first_name="Ann",
    last_name="Lee",
    display_name="Ann Lee",
    attributes={"a": 1},
)


def test_a_change_of_nothing_leaves_the_user_as_it_is() -> None:
    assert changed(ANN) == ANN
    assert changed(ANN, email="ann@example.org") == ANN


@pytest.mark.parametrize(
    ("given", "shown", "chosen"),
    [
        ({"first_name": "Anna"}, "Anna Lee", False),
        ({"first_name": None}, "Lee", False),
        ({"first_name": None, "last_name": None}, "ann", False),
        ({"first_name": None, "last_name": None, "username": None}, "ann", False),
        ({"display_name": "Dr Lee"}, "Dr Lee", True),
        ({"display_name": None, "last_name": "Ray"}, "Ann Ray", False),
    ],
)
def test_a_name_that_was_derived_is_derived_again(given: dict[str, Any], shown: str, chosen: bool) -> None:
    after = changed(ANN, **given)
    assert (after.display_name, after.display_name_given) == (shown, chosen)


def test_a_name_that_was_chosen_stays_until_it_is_cleared() -> None:
    chosen = replace(ANN, display_name="Dr Lee", display_name_given=True)
    assert changed(chosen, first_name="Anna").display_name == "Dr Lee"
    assert changed(chosen, display_name=None).display_name == "Ann Lee"


def test_another_address_is_not_verified_unless_it_is_said_to_be() -> None:
    later = NOW.replace(year=2027)
    assert changed(ANN, email="lee@example.org").email_verified_at is None
    assert changed(ANN, email="lee@example.org", email_verified_at=later).email_verified_at == later
    assert changed(ANN, email_verified_at=None).email_verified_at is None
    assert changed(ANN, email_verified_at=later).email == "ann@example.org"


def test_attributes_are_replaced_and_null_empties_them() -> None:
    assert changed(ANN, attributes={"b": 2}).attributes == {"b": 2}
    assert changed(ANN, attributes=None).attributes == {}


@pytest.mark.parametrize(
    ("kind", "kept", "free"),
    [(UserKind.PERSON, "email", "username"), (UserKind.SERVICE, "username", "email")],
)
def test_what_the_kind_of_a_user_needs_cannot_be_cleared(kind: UserKind, kept: str, free: str) -> None:
    user = replace(ANN, kind=kind)
    assert getattr(changed(user, **{free: None}), free) is None
    with pytest.raises(Rejected) as caught:
        changed(user, **{kept: None})
    assert refusals(caught.value) == [((kept,), "REQUIRED")]


@pytest.mark.parametrize(
    ("attributes", "same"),
    [({"a": 1}, True), ({"a": True}, False), ({"a": 2}, False), ({"a": 1, "b": None}, False), ({}, False)],
)
def test_a_change_is_seen_where_python_sees_none(attributes: dict[str, Any], same: bool) -> None:
    assert same_user(ANN, replace(ANN, attributes=attributes)) is same


def test_an_erased_user_keeps_its_id_kind_and_history_alone() -> None:
    full = replace(
        ANN,
        phone="+4930901820",
        locale="de",
        timezone="UTC",
        avatar_url="https://a",
        external_id="x",
        display_name_given=True,
    )
    erased = erased_user(full)
    kept = {"id", "kind", "version", "created_at", "updated_at"}
    left = {field.name: getattr(erased, field.name) for field in fields(User) if field.name not in kept}
    assert left == {
        "email": None,
        "email_verified_at": None,
        "username": None,
        "first_name": None,
        "last_name": None,
        "display_name": "Erased user",
        "display_name_given": False,
        "phone": None,
        "locale": None,
        "timezone": None,
        "avatar_url": None,
        "external_id": None,
        "attributes": {},
        "status": UserStatus.ERASED,
    }
    assert {name: getattr(erased, name) for name in kept} == {name: getattr(full, name) for name in kept}


def test_an_erasure_is_confirmed_as_addresses_are_written() -> None:
    ref = UserRef(key=UserKey.EMAIL, value="ann@example.org")
    checked = check_user_erasure(user=ref, confirm=" Ann@EXAMPLE.org ", why=" Asked \t for. ")
    assert (checked.confirm, checked.reason) == ("ann@example.org", "Asked for.")
    checked = check_user_erasure(user=ref, confirm="Ann@B\u00fccher.example", why="Asked for.")
    assert checked.confirm == "ann@xn--bcher-kva.example"
    with pytest.raises(Rejected) as caught:
        check_user_erasure(user=ref, confirm=" ", why="")
    assert sorted(refusals(caught.value)) == [(("confirm",), "BLANK"), (("reason",), "BLANK")]
