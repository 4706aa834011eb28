"""Reading filters: the operators that every noun shares, and how far a filter may go.

A member that is not given is UNSET; one that is null is a mistake, for a filter has no nulls. Every mistake is a
BAD_USER_INPUT with the place where it stands.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import strawberry

from roster.api import ids
from roster.api.scalars import DateTime
from roster.domain.checks import Invalid, instant
from roster.domain.errors import BadUserInputError, FilterTooComplexError, Path
from roster.domain.filters import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_TEXT,
    MAX_VALUES,
    MIN_CONTAINED,
    DateTimeFilter,
    IntFilter,
    KeyFilter,
    LabelsFilter,
    TextFilter,
)
from roster.domain.text import fold, is_storable

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class _Budget:
    """What one filter has used of what it may."""

    conditions: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in a filter: reads the members of the object there."""

    path: Path
    depth: int = 1
    budget: _Budget = field(default_factory=_Budget)

    def value(self, name: str, given: T | None) -> T | None:
        """The member, or None if it is not given."""
        if given is strawberry.UNSET:
            return None
        if given is None:
            raise self.bad(name, "A filter has no nulls: leave the member out, or ask with isNull.")
        self.budget.conditions += 1
        if self.budget.conditions > MAX_CONDITIONS:
            raise FilterTooComplexError(f"A filter has at most {MAX_CONDITIONS} conditions.", self.path)
        return given

    def bad(self, name: str, message: str) -> BadUserInputError:
        return BadUserInputError(message, (*self.path, name))

    def inner(self, name: str, given: T | None, read: Callable[[T, "Place"], R]) -> R | None:
        """An object of operators, or another that is no level of its own."""
        if self.value(name, given) is None or given is None:
            return None
        return read(given, replace(self, path=(*self.path, name)))

    def level(self, name: str, given: T | None, read: Callable[[T, "Place"], R]) -> R | None:
        """A filter of users, roles or assignments within this one."""
        if self.value(name, given) is None or given is None:
            return None
        return read(given, self._deeper(name))

    def levels(
        self, name: str, given: Sequence[T] | None, read: Callable[[T, "Place"], R]
    ) -> tuple[R, ...] | None:
        if self.value(name, given) is None or given is None:
            return None
        inner = self._deeper(name)
        return tuple(
            read(inner._one(one), replace(inner, path=(*inner.path, str(index))))  # noqa: SLF001 -- its own class
            for index, one in enumerate(given)
        )

    def _one(self, given: T) -> T:
        self.value("", given)
        return given

    def _deeper(self, name: str) -> "Place":
        if self.depth == MAX_DEPTH:
            raise FilterTooComplexError(f"A filter is at most {MAX_DEPTH} deep.", (*self.path, name))
        return replace(self, path=(*self.path, name), depth=self.depth + 1)

    def values(self, name: str, given: Sequence[T] | None) -> Sequence[T] | None:
        found = self.value(name, given)
        if found is not None and len(found) > MAX_VALUES:
            raise FilterTooComplexError(f"A list has at most {MAX_VALUES} values.", (*self.path, name))
        return found

    def text(self, name: str, given: str | None) -> str | None:
        found = self.value(name, given)
        return None if found is None else self._storable(name, found)

    def texts(self, name: str, given: Sequence[str] | None) -> tuple[str, ...] | None:
        found = self.values(name, given)
        return None if found is None else tuple(self._storable(name, text) for text in found)

    def _storable(self, name: str, text: str) -> str:
        if len(text) > MAX_TEXT:
            raise self.bad(name, f"A text has at most {MAX_TEXT} characters.")
        if not is_storable(text):
            raise self.bad(name, "A text has no U+0000 and no lone surrogate.")
        return text

    def moment(self, name: str, given: DateTime | None) -> datetime | None:
        found = self.value(name, given)
        return None if found is None else read_instant(found, (*self.path, name))

    def ids(
        self, name: str, given: Sequence[strawberry.ID] | None, kind: ids.Kind
    ) -> tuple[UUID, ...] | None:
        found = self.values(name, given)
        if found is None:
            return None
        return tuple(
            ids.from_text(kind, text, (*self.path, name, str(index))) for index, text in enumerate(found)
        )

    def words(self, name: str, given: str | None, *, shortest: int) -> tuple[str, ...] | None:
        """The folded words of a search, each a condition of its own."""
        text = self.text(name, given)
        if text is None:
            return None
        words = tuple(dict.fromkeys(fold(text).split()))
        if not words or min(map(len, words)) < shortest:
            raise self.bad(name, f"A search has words of at least {shortest} characters.")
        for word in words[1:]:
            self.value(name, word)
        return words


def read_instant(text: Any, path: Path) -> datetime:  # noqa: ANN401 -- the scalar hands on the text
    try:
        return instant(text)
    except Invalid as problem:
        raise BadUserInputError(problem.message, path) from None


def _folded(texts: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if texts is None else tuple(fold(text) for text in texts)


def _fold(text: str | None) -> str | None:
    return None if text is None else fold(text)


_IS_NULL = "Whether a value is missing."


@strawberry.input(
    name="TextFilter",
    description="Conditions on a text, ANDed. Case and accents never matter; % and _ stand for themselves.",
)
class TextFilterInput:
    eq: str | None = strawberry.field(default=strawberry.UNSET, description="Is this text.")
    in_: list[str] | None = strawberry.field(
        name="in", default=strawberry.UNSET, description="Is one of these, at most 200; [] matches nothing."
    )
    contains: str | None = strawberry.field(
        default=strawberry.UNSET, description="Has this in it: at least 3 characters."
    )
    starts_with: str | None = strawberry.field(default=strawberry.UNSET, description="Begins with this.")
    ends_with: str | None = strawberry.field(default=strawberry.UNSET, description="Ends with this.")
    is_null: bool | None = strawberry.field(default=strawberry.UNSET, description=_IS_NULL)

    def to_domain(self, at: Place) -> TextFilter:
        contains = _fold(at.text("contains", self.contains))
        if contains is not None and len(contains) < MIN_CONTAINED:
            raise at.bad("contains", f"At least {MIN_CONTAINED} characters are needed.")
        return TextFilter(
            eq=_fold(at.text("eq", self.eq)),
            in_=_folded(at.texts("in", self.in_)),
            contains=contains,
            starts_with=_fold(at.text("starts_with", self.starts_with)),
            ends_with=_fold(at.text("ends_with", self.ends_with)),
            is_null=at.value("is_null", self.is_null),
        )


@strawberry.input(name="KeyFilter", description="Conditions on a key, ANDed.")
class KeyFilterInput:
    eq: str | None = strawberry.field(default=strawberry.UNSET, description="Is this key.")
    in_: list[str] | None = strawberry.field(
        name="in", default=strawberry.UNSET, description="Is one of these, at most 200; [] matches nothing."
    )
    starts_with: str | None = strawberry.field(default=strawberry.UNSET, description="Begins with this.")
    is_null: bool | None = strawberry.field(default=strawberry.UNSET, description=_IS_NULL)

    def to_domain(self, at: Place) -> KeyFilter:
        """Folded, as most keys are compared."""
        exact = self.to_domain_exactly(at)
        return replace(
            exact, eq=_fold(exact.eq), in_=_folded(exact.in_), starts_with=_fold(exact.starts_with)
        )

    def to_domain_exactly(self, at: Place) -> KeyFilter:
        return KeyFilter(
            eq=at.text("eq", self.eq),
            in_=at.texts("in", self.in_),
            starts_with=at.text("starts_with", self.starts_with),
            is_null=at.value("is_null", self.is_null),
        )


@strawberry.input(name="DateTimeFilter", description="Conditions on a moment, ANDed.")
class DateTimeFilterInput:
    gt: DateTime | None = strawberry.field(default=strawberry.UNSET, description="After this.")
    gte: DateTime | None = strawberry.field(default=strawberry.UNSET, description="At this or after it.")
    lt: DateTime | None = strawberry.field(default=strawberry.UNSET, description="Before this.")
    lte: DateTime | None = strawberry.field(default=strawberry.UNSET, description="At this or before it.")
    is_null: bool | None = strawberry.field(default=strawberry.UNSET, description=_IS_NULL)

    def to_domain(self, at: Place) -> DateTimeFilter:
        return DateTimeFilter(
            gt=at.moment("gt", self.gt),
            gte=at.moment("gte", self.gte),
            lt=at.moment("lt", self.lt),
            lte=at.moment("lte", self.lte),
            is_null=at.value("is_null", self.is_null),
        )


@strawberry.input(name="IntFilter", description="Conditions on a number, ANDed.")
class IntFilterInput:
    eq: int | None = strawberry.field(default=strawberry.UNSET, description="Is this number.")
    gt: int | None = strawberry.field(default=strawberry.UNSET, description="Is greater.")
    gte: int | None = strawberry.field(default=strawberry.UNSET, description="Is this or greater.")
    lt: int | None = strawberry.field(default=strawberry.UNSET, description="Is less.")
    lte: int | None = strawberry.field(default=strawberry.UNSET, description="Is this or less.")

    def to_domain(self, at: Place) -> IntFilter:
        return IntFilter(
            eq=at.value("eq", self.eq),
            gt=at.value("gt", self.gt),
            gte=at.value("gte", self.gte),
            lt=at.value("lt", self.lt),
            lte=at.value("lte", self.lte),
        )


@strawberry.input(name="LabelsFilter", description="Conditions on a set of labels, ANDed.")
class LabelsFilterInput:
    has_any: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Has at least one of these; [] matches nothing."
    )
    has_all: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Has every one of these; [] matches everything."
    )
    has_none: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Has not one of these; [] matches everything."
    )
    is_empty: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether there are no labels."
    )

    def to_domain(self, at: Place) -> LabelsFilter:
        return LabelsFilter(
            has_any=at.texts("has_any", self.has_any),
            has_all=at.texts("has_all", self.has_all),
            has_none=at.texts("has_none", self.has_none),
            is_empty=at.value("is_empty", self.is_empty),
        )
