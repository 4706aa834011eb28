"""The form of a filter has none of its values, and all filters of one form share a statement."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest

import make
from client import Client
from roster.data.db import Database
from roster.data.forms import Blank, Matcher
from roster.data.users import count
from roster.domain.assignments import AssignmentState, Scope
from roster.domain.filters import (
    ANYTHING,
    DateTimeFilter,
    IntFilter,
    KeyFilter,
    LabelsFilter,
    Permits,
    RoleAssignmentFilter,
    RoleFilter,
    RoleQuestion,
    RolesMeant,
    TextFilter,
    UserAssignmentFilter,
    UserFilter,
    UserRolesFilter,
    UserSelection,
    role_questions,
)
from roster.domain.ids import new_id
from roster.domain.users import UserKey, UserKind, UserRef, UserStatus

LIST = "query ($filter: UserFilter!) { users(filter: $filter) { nodes { id } totalCount } }"


def only(kind: type[Any], /, **given: object) -> Any:
    """A filter with nothing else."""
    return kind(**{field.name: None for field in fields(kind)} | given)


def of_everything(text: str, number: int) -> UserFilter:
    """Something for every member, with values that differ with the text and the number."""
    moment = datetime(2026, 1, 1, number, tzinfo=UTC)
    texts = TextFilter(
        eq=text, in_=(text, text), contains=text, starts_with=text, ends_with=text, is_null=False
    )
    keys = KeyFilter(eq=text, in_=(text,) * number, starts_with=text, is_null=True)
    moments = DateTimeFilter(gt=moment, gte=moment, lt=moment, lte=moment, is_null=None)
    labels = LabelsFilter(has_any=(text,) * number, has_all=(text,), has_none=(text,), is_empty=True)
    role = RoleFilter(
        and_=(),
        or_=None,
        not_=only(RoleFilter, is_default=True),
        search=(text,),
        id=(new_id(),),
        key=texts,
        name=texts,
        description=texts,
        permissions=labels,
        is_default=False,
        created_at=moments,
        updated_at=moments,
        holder_count=IntFilter(eq=number, gt=number, gte=number, lt=number, lte=number),
    )
    held = UserAssignmentFilter(
        role=role,
        assigned_at=moments,
        assigned_by=UserRef(key=UserKey.EMAIL, value=text),
        expires_at=moments,
    )
    return UserFilter(
        and_=(only(UserFilter, id=(new_id(),) * number),),
        or_=(only(UserFilter, email=texts), only(UserFilter, phone=keys)),
        not_=only(UserFilter, search=(text, text)),
        search=(text, text, text),
        id=(new_id(),) * number,
        kind=UserKind.PERSON,
        status=(UserStatus.ACTIVE,),
        email=texts,
        username=texts,
        first_name=texts,
        last_name=texts,
        display_name=texts,
        phone=keys,
        external_id=keys,
        locale=keys,
        timezone=keys,
        email_verified_at=moments,
        created_at=moments,
        updated_at=moments,
        attributes=text,
        permissions=labels,
        roles=UserRolesFilter(
            scope=Scope(states=frozenset({AssignmentState.ACTIVE}), active_at=moment),
            any_of=(text,) * number,
            all_of=(text, text),
            none_of=(text,),
            is_empty=False,
            some=held,
            every=held,
            none=held,
        ),
    )


def matcher(given: Any, *, rare: bool = True, number: int = 1) -> Matcher:
    meant = RolesMeant(ids=[new_id() for _ in range(number)], rare=rare)
    return Matcher(now=datetime.now(UTC), meant=dict.fromkeys(role_questions(given), meant))


def leaves(part: Any) -> Iterator[object]:
    if isinstance(part, Blank):
        yield part
    elif is_dataclass(part):
        for field in fields(part):
            yield from leaves(getattr(part, field.name))
    elif isinstance(part, (tuple, list)):
        for member in part:
            yield from leaves(member)
    else:
        yield part


def test_a_form_has_a_blank_for_every_value() -> None:
    given = of_everything("ada", 3)
    form, values = matcher(given).form(given)
    found = list(leaves(form.which)) + list(leaves(form.meant))
    blanks = {leaf.name for leaf in found if isinstance(leaf, Blank)}
    assert blanks == values.keys() - {"now"}
    assert not [
        leaf
        for leaf in found
        if not (leaf is None or leaf == () or isinstance(leaf, (Blank, bool, Enum, frozenset)))
    ]


def test_filters_that_differ_in_their_values_have_one_form() -> None:
    one, other = of_everything("ada", 3), of_everything("bob", 7)
    one_form, one_values = matcher(one).form(one)
    other_form, other_values = matcher(other, number=2).form(other)
    assert one_form == other_form
    assert hash(one_form) == hash(other_form)
    assert one_values.keys() == other_values.keys()
    assert not [name for name, value in one_values.items() if other_values[name] == value]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"search": ("ada",)}, {"search": ("ada", "bob")}),
        ({"id": ()}, {"id": None}),
        ({"and_": ()}, {"or_": ()}),
        ({"email": only(TextFilter, eq="a")}, {"email": only(TextFilter, contains="a")}),
        ({"email": only(TextFilter, eq="a")}, {"username": only(TextFilter, eq="a")}),
        ({"email": only(TextFilter, is_null=True)}, {"email": only(TextFilter, is_null=False)}),
        ({"status": (UserStatus.ACTIVE,)}, {"status": (UserStatus.ARCHIVED,)}),
        ({"kind": UserKind.PERSON}, {"kind": UserKind.SERVICE}),
    ],
)
def test_filters_of_different_texts_have_different_forms(one: dict[str, Any], other: dict[str, Any]) -> None:
    forms = [matcher(given).form(given)[0] for given in (only(UserFilter, **one), only(UserFilter, **other))]
    assert forms[0] != forms[1]


def test_whether_roles_are_rare_or_none_is_of_the_form() -> None:
    given = only(
        UserFilter,
        roles=only(UserRolesFilter, scope=Scope(states=frozenset(), active_at=None), any_of=("A",)),
    )
    forms = {
        matcher(given, rare=rare, number=number).form(given)[0]
        for rare in (True, False)
        for number in (0, 1, 2)
    }
    assert len(forms) == 4


def test_of_several_roles_one_that_is_not_rare_decides() -> None:
    given = only(UserFilter, permissions=only(LabelsFilter, has_any=("a:b", "c:d"), is_empty=False))
    rare, common = RolesMeant(ids=[new_id()], rare=True), RolesMeant(ids=[new_id()], rare=False)
    meant: dict[RoleQuestion, RolesMeant] = {Permits("a:b"): rare, Permits("c:d"): common, ANYTHING: rare}
    form, values = Matcher(now=datetime.now(UTC), meant=meant).form(given)
    answers = dict(form.meant)
    assert not answers[form.which.permissions.has_any].rare
    assert set(values[form.which.permissions.has_any.name]) == {*rare.ids, *common.ids}
    assert answers[ANYTHING].rare


def test_an_assignment_filter_asks_by_the_form_of_its_users() -> None:
    def given(text: str) -> Any:
        user = only(UserFilter, display_name=only(TextFilter, contains=text))
        return only(RoleAssignmentFilter, user=user, role=only(RoleFilter, key=only(TextFilter, eq=text)))

    forms = {matcher(given(text)).form(given(text))[0] for text in ("ada", "bob")}
    assert len(forms) == 1


@pytest.mark.parametrize(
    ("found", "condition"),
    [
        ("100% ada", {"search": "100%"}),
        ("a_b", {"displayName": {"contains": "a_b"}}),
        ("a\\b", {"displayName": {"endsWith": "\\b"}}),
        ("%x", {"displayName": {"startsWith": "%"}}),
    ],
)
async def test_a_known_form_is_asked_with_the_values_of_each_filter(
    db: Database, api: Client, found: str, condition: dict[str, Any]
) -> None:
    """Also where they have to be escaped."""
    names = ("100% ada", "100 ada", "a_b", "axb", "a\\b", "ab", "%x", "yx")
    users = {name: make.a_user(display_name=name) for name in names}
    await make.store(db, *users.values())
    (member, asked), *_ = condition.items()
    before = {"search": "nobody"} if member == "search" else {member: dict.fromkeys(asked, "nobody")}
    assert await api(LIST, filter=before) == {"nodes": [], "totalCount": 0}
    expected = [{"id": make.user_id(users[found].id)}]
    assert await api(LIST, filter=condition) == {"nodes": expected, "totalCount": 1}


async def test_where_a_text_stands_is_not_forgotten_with_the_form(db: Database, api: Client) -> None:
    """SQLAlchemy's engine takes statements for the same whose types have the same key."""
    users = {name: make.a_user(display_name=name) for name in ("abc", "xabc", "abcx")}
    await make.store(db, *users.values())
    for operator, found in (
        ("startsWith", {"abc", "abcx"}),
        ("endsWith", {"abc", "xabc"}),
        ("contains", {*users}),
    ):
        answer = await api(LIST, filter={"displayName": {operator: "abc"}})
        assert {node["id"] for node in answer["nodes"]} == {make.user_id(users[name].id) for name in found}


async def test_a_form_too_large_to_be_kept_is_answered_too(db: Database) -> None:
    ada, bob = make.a_user(display_name="ada"), make.a_user(display_name="bob")
    await make.store(db, ada, bob)
    texts = [only(TextFilter, contains=text) for text in ("ada", "bob", "nobody")]
    either = tuple(only(UserFilter, display_name=text) for text in texts * 10)
    which = UserSelection(filter=only(UserFilter, or_=either), include_archived=False)
    async with db.read() as reader:
        assert await count(reader, which, matcher(which.filter), 10) == 2
