"""The form of a filter: all that the text of a statement depends on, without the values.

A statement is built once for each form, with a parameter for each blank. Whoever builds it sees no value, so that it
cannot depend on one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from functools import cache, lru_cache, wraps
from operator import attrgetter
from typing import Any, Generic, TypeAlias, TypeVar, TypeVarTuple
from uuid import UUID

from sqlalchemy import Executable

from roster.data.connections import Values
from roster.data.statements import fixed
from roster.domain.filters import (
    ANYTHING,
    LabelsFilter,
    Permits,
    RoleAssignmentFilter,
    RoleFilter,
    RoleQuestion,
    RolesMeant,
    UserAssignmentFilter,
    UserFilter,
    UserRolesFilter,
)

W = TypeVar("W")
S = TypeVar("S", bound=Executable)
How = TypeVarTuple("How")
# A filter or what there is in one. In a form it may be a Blank, whatever its type says.
_Part: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Blank:
    """Stands in a form for a value: the parameter of that name has it."""

    name: str


# Of each list. Together with what is kept of large ones they would fill the memory.
_MAX_STATEMENTS = 256
_MAX_SIZE = 50
# In the scope of a statement that is no list's.
ACTIVE_AT: Any = Blank("active_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Generic[W]):
    """What is selected, with a Blank in place of each value, whatever its type: an array is one value.

    What a filter asks about roles is a Blank as well, or several where all must be held. `meant` has their ids as
    Blanks, and tells what is known of them: whether there are any, and whether they are rare.
    """

    which: W
    meant: tuple[tuple[Any, RolesMeant], ...]
    size: int


def once_a_form(build: Callable[[Form[W], *How], S]) -> Callable[[Form[W], *How], S]:
    """Statements that are kept for each form, but for large ones. They are not prepared, but planned with the values."""

    @lru_cache(maxsize=_MAX_STATEMENTS)
    def kept(form: Form[W], *how: *How) -> S:
        return fixed(build(form, *how), may_prepare=False)

    @wraps(build)
    def statement(form: Form[W], *how: *How) -> S:
        return kept(form, *how) if form.size <= _MAX_SIZE else build(form, *how)

    return statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """Filters at a moment. `meant` answers what they ask about roles."""

    now: datetime
    meant: Mapping[RoleQuestion, RolesMeant]

    def form(self, which: W) -> tuple[Form[W], Values]:
        """The form of the selection or filter, and the values that belong into its blanks."""
        filling = _Filling(self)
        blank = filling.blank_of(which)
        return Form(which=blank, meant=tuple(filling.meant.items()), size=filling.size), filling.values


class _Filling:
    """Takes the values out of a filter, numbered as they come."""

    def __init__(self, matcher: Matcher) -> None:
        self._answers = matcher.meant
        self.values: dict[str, Any] = {"now": matcher.now}
        self.meant: dict[Any, RolesMeant] = {}
        self.size = 0

    def blank_of(self, part: _Part) -> _Part:
        self.size += 1
        if part is None or isinstance(part, (bool, Enum, frozenset)):
            return part
        if is_dataclass(part):
            return self._blank_of_members(part)
        if not isinstance(part, tuple):
            return self._taken(part)
        is_array = part and isinstance(part[0], (str, UUID)) and not isinstance(part[0], Enum)
        return self._taken(list(part)) if is_array else tuple([self.blank_of(each) for each in part])

    def _blank_of_members(self, part: _Part) -> _Part:
        kind = part.__class__
        names, values_of = _members(kind)
        blanks = {
            name: None if value is None else _SPECIAL.get((kind, name), _Filling.blank_of)(self, value)
            for name, value in zip(names, values_of(part), strict=True)
        }
        return kind(**blanks)

    def _taken(self, value: _Part) -> _Part:
        self.size += 1
        blank = Blank(f"value_{len(self.values)}")
        self.values[blank.name] = value
        return blank

    def words(self, words: tuple[str, ...]) -> tuple[_Part, ...]:
        """Each is a condition of its own."""
        return tuple(map(self._taken, words))

    def roles(self, questions: Iterable[RoleQuestion]) -> _Part:
        """One Blank for all of them."""
        answers = [self._answers[question] for question in questions]
        ids = list({role_id for roles in answers for role_id in roles.ids})
        blank = self._taken(ids)
        rare = all(roles.rare for roles in answers)
        self.meant[blank] = RolesMeant(ids=blank if ids else (), rare=rare)
        return blank

    def each_role(self, questions: Iterable[RoleQuestion]) -> tuple[_Part, ...]:
        return tuple([self.roles([question]) for question in questions])

    def role(self, question: RoleFilter) -> _Part:
        return self.roles([question])

    def permissions(self, given: LabelsFilter) -> LabelsFilter:
        """Those of a user, which are asked of its roles."""
        if given.is_empty is not None:
            self.meant[ANYTHING] = self.meant[self.roles([ANYTHING])]
        return replace(
            given,
            has_any=None if given.has_any is None else self.roles(map(Permits, given.has_any)),
            has_all=None if given.has_all is None else self.each_role(map(Permits, given.has_all)),
            has_none=None if given.has_none is None else self.roles(map(Permits, given.has_none)),
        )


# The members of filters that are not what they seem by their type.
_SPECIAL: Mapping[tuple[type, str], Any] = {
    (UserFilter, "search"): _Filling.words,
    (RoleFilter, "search"): _Filling.words,
    (UserFilter, "permissions"): _Filling.permissions,
    (UserRolesFilter, "any_of"): _Filling.roles,
    (UserRolesFilter, "all_of"): _Filling.each_role,
    (UserRolesFilter, "none_of"): _Filling.roles,
    (UserAssignmentFilter, "role"): _Filling.role,
    (RoleAssignmentFilter, "role"): _Filling.role,
}


@cache
def _members(kind: type[Any]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(field.name for field in fields(kind))
    return names, attrgetter(*names)
