"""Checking what a caller gave: every problem at once, each with its path; what comes out is normalised.

A rule takes a value and returns it normalised, or raises Invalid. `Problems` collects what the rules of one input
raise and says where; `raise_if_any` ends the check.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar

from roster.domain.errors import InvalidInputError, InvalidReason, MutationError, Path, Rejected
from roster.domain.instants import parse_instant
from roster.domain.text import collapse, fold, is_visible, refused_character

T = TypeVar("T")
R = TypeVar("R")

MAX_REASON = 500
MAX_EXPIRY = timedelta(days=3653)


class Absent(Enum):
    ABSENT = "ABSENT"


# Not given at all, which is not the same as null.
ABSENT: Final = Absent.ABSENT
Given: TypeAlias = T | Literal[Absent.ABSENT]


class Invalid(Exception):
    """A value that breaks a rule."""

    def __init__(self, reason: InvalidReason, message: str, limit: int | None = None) -> None:
        super().__init__(message)
        self.reason, self.message, self.limit = reason, message, limit


class Problems:
    """The problems of one input, in the order in which they were found."""

    def __init__(self) -> None:
        self.errors: list[MutationError] = []

    def add(self, path: Path, problem: Invalid) -> None:
        self.errors.append(
            InvalidInputError(message=problem.message, path=path, reason=problem.reason, limit=problem.limit)
        )

    def required(self, path: Path) -> None:
        self.add(path, Invalid(InvalidReason.REQUIRED, "A value is required."))

    def check(self, path: Path, rule: Callable[[T], R], value: T | None) -> R | None:
        """The value as the rule returns it; None for null, and for a value that broke the rule."""
        if value is None:
            return None
        try:
            return rule(value)
        except Invalid as problem:
            self.add(path, problem)
            return None

    def check_given(self, path: Path, rule: Callable[[T], R], value: Given[T | None]) -> Given[R | None]:
        return ABSENT if value is ABSENT else self.check(path, rule, value)

    def check_given_required(
        self, path: Path, rule: Callable[[T], R], value: Given[T | None]
    ) -> Given[R | None]:
        """As check_given, for what cannot be cleared: null is a problem."""
        if value is None:
            self.required(path)
        return self.check_given(path, rule, value)

    def raise_if_any(self) -> None:
        if self.errors:
            raise Rejected(*self.errors)


def line(value: str, *, longest: int) -> str:
    """One line of text for people: NFC, trimmed, inner space collapsed, no control or bidi-override characters."""
    text = collapse(value)
    if not is_visible(text) and not refused_character(text):
        raise Invalid(InvalidReason.BLANK, "The text is blank.")
    check_length(text, longest)
    # A few characters stand for whole phrases: their fold must fit an index entry too. A Hangul syllable folds to three.
    check_length(fold(text), longest, allowance=2 * longest)
    if char := refused_character(text):
        raise Invalid(InvalidReason.NOT_ALLOWED, f"The character {char} is not allowed.")
    return text


def check_length(value: str, longest: int, *, allowance: int = 0) -> None:
    if len(value) > longest + allowance:
        raise Invalid(InvalidReason.TOO_LONG, f"At most {longest} characters are allowed.", longest)


def reason(value: str) -> str:
    return line(value, longest=MAX_REASON)


def instant(value: str) -> datetime:
    try:
        return parse_instant(value)
    except ValueError:
        raise Invalid(
            InvalidReason.BAD_FORMAT,
            "A moment is written as in RFC 3339, with an offset: 2026-06-30T12:00:00Z.",
        ) from None
    except OverflowError:
        raise Invalid(InvalidReason.OUT_OF_RANGE, "The year must be from 1900 to 9000.") from None


def expiry(value: str, now: datetime, longest: timedelta = MAX_EXPIRY) -> datetime:
    moment = instant(value)
    if moment <= now:
        raise Invalid(InvalidReason.IN_THE_PAST, "An expiry must be in the future.")
    if moment > now + longest:
        years = longest.days // 365
        ahead = f"{years} years" if years > 1 else "a year"
        raise Invalid(InvalidReason.OUT_OF_RANGE, f"An expiry is at most {ahead} ahead.", years)
    return moment
