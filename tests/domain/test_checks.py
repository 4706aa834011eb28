"""Collecting problems: every one, in order, with its path; and the rules that several nouns share."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster.domain.checks import ABSENT, Invalid, Problems, expiry, instant, line, reason
from roster.domain.errors import InvalidInputError, InvalidReason, Rejected
from roster.domain.instants import format_instant
from roster.domain.text import collapse, fold, refused_character

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def upper(value: str) -> str:
    if not value.isalpha():
        raise Invalid(InvalidReason.BAD_FORMAT, "Letters only.", 7)
    return value.upper()


def test_a_value_comes_out_as_its_rule_returns_it() -> None:
    problems = Problems()
    assert problems.check(("a",), upper, "x") == "X"
    assert problems.check(("a",), upper, None) is None
    assert problems.check_given(("a",), upper, "x") == "X"
    assert problems.check_given(("a",), upper, None) is None
    assert problems.check_given(("a",), upper, ABSENT) is ABSENT
    assert problems.check_given_required(("a",), upper, "x") == "X"
    assert problems.check_given_required(("a",), upper, ABSENT) is ABSENT
    problems.raise_if_any()


def test_every_problem_is_kept_in_order_with_its_path() -> None:
    problems = Problems()
    assert problems.check(("a", "0"), upper, "1") is None
    assert problems.check_given(("b",), upper, "2") is None
    assert problems.check_given_required(("c",), upper, None) is None
    problems.required(("d",))
    with pytest.raises(Rejected) as caught:
        problems.raise_if_any()
    bad = InvalidReason.BAD_FORMAT
    required = {"message": "A value is required.", "reason": InvalidReason.REQUIRED}
    assert caught.value.errors == (
        InvalidInputError(message="Letters only.", path=("a", "0"), reason=bad, limit=7),
        InvalidInputError(message="Letters only.", path=("b",), reason=bad, limit=7),
        InvalidInputError(path=("c",), limit=None, **required),  # type: ignore[arg-type]  # a text and a reason
        InvalidInputError(path=("d",), limit=None, **required),  # type: ignore[arg-type]  # the same
    )


@given(st.text(st.characters()), st.integers(1, 30))
def test_a_line_is_what_it_may_be_or_is_refused(text: str, longest: int) -> None:
    try:
        stored = line(text, longest=longest)
    except Invalid:
        return
    assert stored == collapse(text)
    assert line(stored, longest=longest) == stored
    assert 1 <= len(stored) <= longest
    assert len(fold(stored)) <= 3 * longest
    assert refused_character(stored) is None


def test_a_reason_has_at_most_500_characters() -> None:
    assert reason(" " + "x" * 500) == "x" * 500
    # Hangul is three times as long once it is folded.
    assert reason("\uac01" * 500) == "\uac01" * 500
    with pytest.raises(Invalid) as caught:
        reason("x" * 501)
    assert (caught.value.reason, caught.value.limit) == (InvalidReason.TOO_LONG, 500)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("tomorrow", InvalidReason.BAD_FORMAT), ("9001-01-01T00:00:00Z", InvalidReason.OUT_OF_RANGE)],
)
def test_what_is_no_moment_is_refused(text: str, expected: InvalidReason) -> None:
    for rule in (instant, lambda value: expiry(value, NOW)):
        with pytest.raises(Invalid) as caught:
            rule(text)
        assert (caught.value.reason, caught.value.limit) == (expected, None)


TEN_YEARS = datetime(2036, 6, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize("moment", [NOW + MILLISECOND, NOW + timedelta(days=1), TEN_YEARS])
def test_an_expiry_is_in_the_next_ten_years(moment: datetime) -> None:
    assert expiry(format_instant(moment), NOW) == moment


@pytest.mark.parametrize(
    ("moment", "expected", "limit"),
    [
        (NOW, InvalidReason.IN_THE_PAST, None),
        (NOW - MILLISECOND, InvalidReason.IN_THE_PAST, None),
        (datetime(1900, 1, 1, tzinfo=UTC), InvalidReason.IN_THE_PAST, None),
        (NOW + timedelta(days=3653) + MILLISECOND, InvalidReason.OUT_OF_RANGE, 10),
        (datetime(9000, 1, 1, tzinfo=UTC), InvalidReason.OUT_OF_RANGE, 10),
    ],
)
def test_an_expiry_at_another_time_is_refused(
    moment: datetime, expected: InvalidReason, limit: int | None
) -> None:
    with pytest.raises(Invalid) as caught:
        expiry(format_instant(moment), NOW)
    assert (caught.value.reason, caught.value.limit) == (expected, limit)
