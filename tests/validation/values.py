"""What is given to the fields of each rule: the columns of the validation tables that do not depend on the input."""

from datetime import timedelta
from typing import Any

from roster.domain.instants import format_instant, now
from validation.cells import (
    Cell,
    Done,
    NotApplicable,
    Outcome,
    Refused,
    RequestRefused,
    Stored,
    Value,
    Values,
    World,
    invalid,
)
from validation.world import HUNDRED_KEYS, hundred_roles

WRONG_KIND = RequestRefused("BAD_USER_INPUT")
BLANK = invalid("BLANK")
BAD_FORMAT = invalid("BAD_FORMAT")
NOT_ALLOWED = invalid("NOT_ALLOWED")
OUT_OF_RANGE = invalid("OUT_OF_RANGE")
REQUIRED = invalid("REQUIRED")
BIDI_OVERRIDE = "a\u202eb"


def same(value: Value) -> Cell:
    """Stored as it is given."""
    return Cell(value, Stored(value))


def address(length: int) -> str:
    start, end = f"{'l' * 60}@{'d' * 60}.{'e' * 60}.", ".example.org"
    return start + "f" * (length - len(start) - len(end)) + end


def url(length: int) -> str:
    return "https://example.org/".ljust(length, "p")


def line(longest: int) -> Values:
    return Values(
        blank=(Cell("", BLANK), Cell(" \t\u3000\n", BLANK), Cell("\u200b\u200f", BLANK)),
        shortest=(same("A"), Cell(" a \t b\u3000", Stored("a b"))),
        # The second is three times as long once it is folded.
        longest=(same("n" * longest), same("\uac01" * longest)),
        too_long=Cell("n" * (longest + 1), invalid("TOO_LONG", longest)),
        wrong=(Cell(BIDI_OVERRIDE, NOT_ALLOWED), Cell("a\x07b", NOT_ALLOWED)),
        unstorable=NOT_ALLOWED,
    )


REASON = line(500)
EMAIL = Values(
    blank=(Cell("", BLANK), Cell("  ", BLANK)),
    shortest=Cell(" A@B.CO ", Stored("a@b.co")),
    longest=same(address(254)),
    too_long=Cell(address(255), invalid("TOO_LONG", 254)),
    wrong=(Cell("\u00e4nn@example.org", BAD_FORMAT), Cell("ann", BAD_FORMAT)),
    unstorable=BAD_FORMAT,
)
USERNAME = Values(
    blank=(Cell("", BLANK), Cell("  ", BLANK)),
    shortest=Cell(" X ", Stored("x")),
    longest=same("u" * 64),
    too_long=Cell("u" * 65, invalid("TOO_LONG", 64)),
    wrong=(Cell("\u00fcmit", BAD_FORMAT), Cell("ann lee", BAD_FORMAT), Cell(".ann", BAD_FORMAT)),
    unstorable=BAD_FORMAT,
)
NAME = line(100)
DISPLAY_NAME = line(200)
PHONE = Values(
    blank=(Cell("", BLANK), Cell("  ", BLANK)),
    shortest=Cell("+683 4002", Stored("+6834002")),
    longest=Cell("+49 30 12345678901", Stored("+493012345678901")),
    too_long=Cell("+49 30 123456789012", invalid("TOO_LONG", 15)),
    wrong=(Cell("030 901820", BAD_FORMAT), Cell("+49 30 901820 Ann", BAD_FORMAT)),
    unstorable=BAD_FORMAT,
)
LOCALE = Values(
    blank=(Cell("", BLANK), Cell("  ", BLANK)),
    shortest=Cell("DE", Stored("de")),
    longest=Cell("DE-de-u-email-co-phonebk-x-linux-ab", Stored("de-DE-u-email-co-phonebk-x-linux-ab")),
    too_long=Cell("de-DE-u-email-co-phonebk-x-linux-abc", invalid("TOO_LONG", 35)),
    wrong=(Cell("d\u00e9", BAD_FORMAT), Cell("deutschland", BAD_FORMAT), Cell("de--CH", BAD_FORMAT)),
    unstorable=BAD_FORMAT,
)
TIMEZONE = Values(
    blank=(Cell("", BLANK), Cell("  ", BLANK)),
    shortest=Cell("rok", Stored("ROK")),
    longest=same("America/Argentina/ComodRivadavia"),
    too_long=Cell("America/Argentina/ComodRivadavias", NOT_ALLOWED),
    wrong=(Cell("Europe/Z\u00fcrich", NOT_ALLOWED), Cell("localtime", NOT_ALLOWED)),
    unstorable=NOT_ALLOWED,
)
AVATAR_URL = Values(
    blank=(Cell("", BLANK), Cell("  ", BLANK)),
    shortest=Cell(" HTTPS://a ", Stored("https://a")),
    longest=same(url(2048)),
    too_long=Cell(url(2049), invalid("TOO_LONG", 2048)),
    wrong=(Cell("https://example.org/\u00e4", BAD_FORMAT), Cell("javascript:alert(1)", BAD_FORMAT)),
    unstorable=BAD_FORMAT,
)
EXTERNAL_ID = Values(
    blank=(Cell("", BLANK), Cell("  ", BLANK)),
    shortest=(same("X"), same(" x ")),
    longest=same("x" * 255),
    too_long=Cell("x" * 256, invalid("TOO_LONG", 255)),
    wrong=(Cell(BIDI_OVERRIDE, NOT_ALLOWED), Cell("a\tb", NOT_ALLOWED)),
    unstorable=NOT_ALLOWED,
)


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(depth - 1):
        inner = {"a": inner}
    return inner


ATTRIBUTES = Values(
    blank=same({}),
    shortest=same({"": None}),
    longest=(same({"a": "x" * (16 * 1024 - len('{"a":""}'))}), same(nested(5))),
    too_long=(
        Cell({"a": "x" * (16 * 1024 - len('{"a":""}') + 1)}, invalid("TOO_LONG", 16 * 1024)),
        Cell(nested(6), invalid("TOO_LONG", 5)),
    ),
    wrong=(Cell("{}", WRONG_KIND), Cell([], WRONG_KIND), Cell({"a": 2**53}, OUT_OF_RANGE)),
    unstorable=WRONG_KIND,
)
MOMENT = Values(
    blank=(Cell("", BAD_FORMAT), Cell("  ", BAD_FORMAT)),
    shortest=Cell("1900-01-01t01:00:00+01:00", Stored("1900-01-01T00:00:00.000Z")),
    longest=Cell("9000-12-31T23:59:59.9999Z", Stored("9000-12-31T23:59:59.999Z")),
    too_long=(Cell("9001-01-01T00:00:00Z", OUT_OF_RANGE), Cell("1899-12-31T23:59:59.999Z", OUT_OF_RANGE)),
    wrong=(Cell("30.06.2026", BAD_FORMAT), Cell("2026-06-30T12:00:00", BAD_FORMAT), Cell(1, WRONG_KIND)),
    unstorable=BAD_FORMAT,
)


# The tests take minutes, not an hour.
START = now()


def ahead(**given: float) -> Value:
    def moment(_world: World) -> str:
        return format_instant(START + timedelta(**given))

    return moment


def _expiry(days: int, years: int) -> Values:
    return Values(
        blank=(Cell("", BAD_FORMAT), Cell("  ", BAD_FORMAT)),
        shortest=same(ahead(hours=1)),
        longest=same(ahead(days=days, hours=-1)),
        too_long=Cell(ahead(days=days, hours=1), invalid("OUT_OF_RANGE", years)),
        wrong=(
            Cell("tomorrow", BAD_FORMAT),
            Cell(ahead(hours=-1), invalid("IN_THE_PAST")),
            Cell("1899-12-31T23:59:59.999Z", OUT_OF_RANGE),
        ),
        unstorable=BAD_FORMAT,
    )


EXPIRY = _expiry(3653, 10)
TOKEN_EXPIRY = _expiry(366, 1)


def choice(shortest: Cell, longest: Cell, *wrong: Cell) -> Values:
    """Of an enum. `wrong` are members that are not allowed here."""
    return Values(
        blank=Cell("", WRONG_KIND),
        shortest=shortest,
        longest=longest,
        too_long=NotApplicable("A choice has no limit: what is not among them is the wrong alphabet."),
        wrong=(Cell(str(shortest.given).lower(), WRONG_KIND), *wrong),
        unstorable=WRONG_KIND,
    )


def boolean(no: Cell, yes: Cell) -> Values:
    return Values(
        blank=Cell("", WRONG_KIND),
        shortest=no,
        longest=yes,
        too_long=NotApplicable("There are two values."),
        wrong=(Cell("true", WRONG_KIND), Cell(1, WRONG_KIND)),
        unstorable=NotApplicable("Not a text."),
    )


def whole_number(shortest: Cell, longest: Cell, *too_long: Cell) -> Values:
    return Values(
        blank=Cell("", WRONG_KIND),
        shortest=shortest,
        longest=longest,
        too_long=(*too_long, Cell(2**31, WRONG_KIND)),
        wrong=(Cell("1", WRONG_KIND), Cell(1.5, WRONG_KIND)),
        unstorable=NotApplicable("Not a text."),
    )


STALE = Refused("StaleVersionError", "STALE_VERSION")
# Every user and role of the world is at version 1.
VERSION = whole_number(Cell(1, Done()), Cell(2**31 - 1, STALE), Cell(0, STALE))


def reference(one: Cell) -> Values:
    """Of an object that names one thing. What is in it has rows of its own."""
    no_length = NotApplicable("An object has no length: its members have rows of their own.")
    return Values(
        blank=Cell({}, WRONG_KIND),
        shortest=one,
        longest=no_length,
        too_long=no_length,
        wrong=(Cell("ann", WRONG_KIND), Cell({"nobody": "x"}, WRONG_KIND)),
        unstorable=NotApplicable("Not a text."),
    )


def limit_exceeded(limit: int) -> Refused:
    return Refused("LimitExceededError", "LIMIT_EXCEEDED", limit=limit)


def not_found(*path: str) -> Refused:
    return Refused("NotFoundError", "NOT_FOUND", path=path or None)


def references(*, none: Outcome, one: Cell, most: Cell, too_many: Cell) -> Values:
    """Of a list of objects."""
    return Values(
        blank=Cell([], none),
        shortest=one,
        longest=most,
        too_long=too_many,
        wrong=(Cell(["x"], WRONG_KIND), Cell([None], WRONG_KIND), Cell([{}], WRONG_KIND)),
        unstorable=NotApplicable("Not a text."),
    )


GRANTS = references(
    none=Stored([]),
    one=Cell(lambda world: [{"role": {"id": world.role}}], Stored(["EDITOR"])),
    most=Cell([{"role": {"key": key}} for key in HUNDRED_KEYS], Stored(HUNDRED_KEYS), hundred_roles),
    too_many=Cell([{"role": {"key": "EDITOR"}}] * 101, limit_exceeded(100)),
)
