"""Moments in time: always UTC, always whole milliseconds."""

import re
from datetime import UTC, datetime

# RFC 3339, section 5.6, with its offset required.
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:[0-5]\d)", flags=re.ASCII
)
FIRST_YEAR, LAST_YEAR = 1900, 9000
_TWO_DIGITS = tuple(f"{number:02}" for number in range(60))
_FRACTIONS = tuple(f".{number:03}Z" for number in range(1000))


def now() -> datetime:
    return to_millisecond(datetime.now(UTC))


def to_millisecond(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def parse_instant(text: str) -> datetime:
    """The moment that an RFC 3339 text names, in UTC; what is finer than a millisecond is dropped.

    Raises ValueError for any other text, and OverflowError for a year outside 1900 to 9000.
    """
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError(text)
    date, time, fraction, offset = match.groups()
    milliseconds = (fraction or "")[:3].ljust(3, "0")
    offset = "+00:00" if offset in "Zz" else offset
    instant = datetime.fromisoformat(f"{date}T{time}.{milliseconds}{offset}").astimezone(UTC)
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise OverflowError(text)
    return instant


def format_instant(instant: datetime) -> str:
    """As RFC 3339 in UTC with three digits of a second: 2026-06-30T12:00:00.000Z."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    # A third of what isoformat takes.
    two = _TWO_DIGITS
    return (
        f"{instant.year}-{two[instant.month]}-{two[instant.day]}"
        f"T{two[instant.hour]}:{two[instant.minute]}:{two[instant.second]}{_FRACTIONS[instant.microsecond // 1000]}"
    )
