"""Moments: every form of RFC 3339 in, one form out, always UTC and whole milliseconds."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster.domain.instants import format_instant, now, parse_instant, to_millisecond

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-30T12:00:00Z", NOON),
        ("2026-06-30t12:00:00z", NOON),
        ("2026-06-30 12:00:00Z", NOON),
        ("2026-06-30T14:00:00+02:00", NOON),
        ("2026-06-30T12:00:00+00:00", NOON),
        ("2026-06-30T12:00:00-00:00", NOON),
        ("2026-07-01T11:59:00+23:59", NOON),
        ("2026-06-29T12:01:00-23:59", NOON),
        ("2026-06-30T17:45:00+05:45", NOON),
        ("2026-06-30T12:00:00.5Z", NOON + timedelta(milliseconds=500)),
        ("2026-06-30T12:00:00.050Z", NOON + timedelta(milliseconds=50)),
        ("2026-06-30T12:00:00.0019Z", NOON + timedelta(milliseconds=1)),
        ("2026-06-30T12:00:00.9999999999999999Z", NOON + timedelta(milliseconds=999)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("1900-01-01T00:00:00Z", datetime(1900, 1, 1, tzinfo=UTC)),
        ("1899-12-31T23:30:00-00:30", datetime(1900, 1, 1, tzinfo=UTC)),
        ("9000-12-31T23:59:59.999Z", datetime(9000, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
        ("9001-01-01T00:29:59+00:30", datetime(9000, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_every_form_of_rfc_3339_is_read(text: str, moment: datetime) -> None:
    parsed = parse_instant(text)
    assert parsed == moment
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "now",
        "2026-06-30",
        "2026-06-30T12:00:00",
        "2026-06-30T12:00Z",
        "2026-06-30T12Z",
        "2026-06-30T12:00:00+02",
        "2026-06-30T12:00:00+0200",
        "2026-06-30T12:00:00+02:00:00",
        "2026-06-30T12:00:00+24:00",
        "2026-06-30T12:00:00+05:60",
        "2026-06-30T12:00:00-05:99",
        "2026-06-30T12:00:00 Z",
        "2026-06-30T12:00:00 +02:00",
        "2026-06-30T12:00:00UTC",
        "2026-06-30T12:00:00[Europe/Berlin]",
        "2026-06-30T12:00:00.Z",
        "2026-06-30T12:00:00,5Z",
        "2026-06-30T23:59:60Z",
        "2016-12-31T23:59:60Z",
        "2026-06-30T24:00:00Z",
        "2026-06-30T12:60:00Z",
        "2026-02-29T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-06-31T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-W27-2T12:00:00Z",
        "2026-181T12:00:00Z",
        "20260630T120000Z",
        "26-06-30T12:00:00Z",
        "12026-06-30T12:00:00Z",
        "+2026-06-30T12:00:00Z",
        "-2026-06-30T12:00:00Z",
        " 2026-06-30T12:00:00Z",
        "2026-06-30T12:00:00Z\n",
        "2026-06-30_12:00:00Z",
        "\uff12026-06-30T12:00:00Z",
        "2026-06-30T12:00:00\u22122:00",
        "2026-06-30T12:00:00Z\x00",
        "1782820800",
    ],
)
def test_every_other_text_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- its words are shown to nobody
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "1899-12-31T23:59:59.999Z",
        "1900-01-01T00:29:59+00:30",
        "9001-01-01T00:00:00Z",
        "9000-12-31T23:59:59-00:01",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_the_year_is_from_1900_to_9000_in_utc(text: str) -> None:
    with pytest.raises(OverflowError):
        parse_instant(text)


FIRST, LAST = datetime(1900, 1, 2, tzinfo=UTC), datetime(9000, 12, 30, tzinfo=UTC)
MOMENTS = st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC))
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS, OFFSETS)
def test_a_moment_is_the_same_whatever_its_offset(moment: datetime, offset: timezone) -> None:
    assert parse_instant(moment.astimezone(offset).isoformat()) == to_millisecond(moment)


@given(MOMENTS, OFFSETS)
def test_what_is_written_is_read_again(moment: datetime, offset: timezone) -> None:
    text = format_instant(moment.astimezone(offset))
    assert parse_instant(text) == to_millisecond(moment)
    assert format_instant(parse_instant(text)) == text


@given(st.text(st.characters()) | st.text("0123456789TZ:.+ -"))
def test_any_text_is_a_moment_or_is_refused_as_told(text: str) -> None:
    try:
        parsed = parse_instant(text)
    except (ValueError, OverflowError):
        return
    assert 1900 <= parsed.year <= 9000


def test_a_moment_is_written_in_utc_with_milliseconds() -> None:
    offset = timezone(timedelta(hours=2))
    assert format_instant(datetime(2026, 6, 30, 14, 0, 0, 1999, offset)) == "2026-06-30T12:00:00.001Z"
    assert format_instant(NOON) == "2026-06-30T12:00:00.000Z"
    assert format_instant(datetime(1900, 1, 1, tzinfo=UTC)) == "1900-01-01T00:00:00.000Z"


def test_now_is_in_whole_milliseconds() -> None:
    moment = now()
    assert moment.tzinfo is UTC
    assert moment.microsecond % 1000 == 0
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)
