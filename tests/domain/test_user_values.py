"""The rules of a user's fields: what each stores of what it is given, and the reason and limit of each refusal."""

import re
from collections.abc import Callable
from typing import TypeAlias

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster.domain import user_values
from roster.domain.checks import Invalid

Rule: TypeAlias = Callable[[str], str]
# A reason and a limit.
Refusal: TypeAlias = tuple[str, int | None]


def refused(rule: Rule, value: str) -> Refusal:
    with pytest.raises(Invalid) as caught:
        rule(value)
    assert caught.value.message.endswith(".")
    return caught.value.reason.value, caught.value.limit


def table(
    rule: Rule, stored: dict[str, str], refusals: dict[str, Refusal]
) -> list[tuple[Rule, str, str | Refusal]]:
    return [*((rule, *row) for row in stored.items()), *((rule, *row) for row in refusals.items())]


BLANK: Refusal = ("BLANK", None)
BAD_FORMAT: Refusal = ("BAD_FORMAT", None)
NOT_ALLOWED: Refusal = ("NOT_ALLOWED", None)
BLANKS = {"": BLANK, " \t\u3000": BLANK}
# 14 characters here, 53 as an A-label.
_WIDE = "".join(chr(0x4E00 + 311 * index) for index in range(14))
_DOMAIN = ".".join(["d" * 63] * 2)


def an_address(length: int) -> str:
    start = f"{'l' * 60}@{_DOMAIN}."
    return start + "e" * (length - len(start) - len(".de")) + ".de"


EMAIL = table(
    user_values.email,
    {
        "ann@example.org": "ann@example.org",
        "  Ann.LEE+tag@Example.ORG\n": "ann.lee+tag@example.org",
        "o'hara_1-x@example.org": "o'hara_1-x@example.org",
        "a@b.co": "a@b.co",
        "a@B\u00fccher.example": "a@xn--bcher-kva.example",
        "a@bu\u0308cher.example": "a@xn--bcher-kva.example",
        "a@xn--bcher-kva.example": "a@xn--bcher-kva.example",
        "a@stra\u00dfe.example": "a@xn--strae-oqa.example",
        "a@\u4f8b\u3048.jp": "a@xn--r8jz45g.jp",
        "a@\uff42\u3002de": "a@b.de",
        "ann@team.test": "ann@team.test",
        "l" * 64 + "@example.org": "l" * 64 + "@example.org",
        an_address(254): an_address(254),
    },
    BLANKS
    | dict.fromkeys(
        [
            "ann",
            "@example.org",
            "ann@",
            "ann@example",
            "ann@@example.org",
            "ann lee@example.org",
            '"ann lee"@example.org',
            '"ann"@example.org',
            "\u00e4nn@example.org",
            "\uff41nn@example.org",
            ".ann@example.org",
            "ann.@example.org",
            "a..b@example.org",
            "ann@-example.org",
            "ann@example..org",
            "ann@example.org.",
            "ann@ex_ample.org",
            "ann@example.123",
            "ann@127.0.0.1",
            "ann@[127.0.0.1]",
            "ann@xn--zz.de",
            "ann@\u0301b.de",
            "ann@localhost",
            "ann@corp.invalid",
            "Ann <ann@example.org>",
            "mailto:ann@example.org",
            "ann@example.org,bob@example.org",
            "ann@example.org\nbcc: bob@example.org",
            "ann\x00@example.org",
            "ann@exam\x00ple.org",
            "ann\ud800@example.org",
            "ann@exam\ud800ple.org",
            "l" * 65 + "@example.org",
        ],
        BAD_FORMAT,
    )
    # The last is too long once its domain is written in ASCII.
    | {an_address(255): ("TOO_LONG", 254), f"{'l' * 64}@{'.'.join([_WIDE] * 4)}.jp": BAD_FORMAT},
)
USERNAME = table(
    user_values.username,
    {
        "a": "a",
        "0": "0",
        " Ann.Lee_x-9 ": "ann.lee_x-9",
        "a--b": "a--b",
        "a._-b": "a._-b",
        "x" * 64: "x" * 64,
        "a" + "." * 62 + "b": "a" + "." * 62 + "b",
    },
    BLANKS
    | dict.fromkeys(
        [
            ".a",
            "a.",
            "-a",
            "a_",
            "_",
            "ann lee",
            "ann@example.org",
            "\u00e4nn",
            "\u0130",
            # In lower case this is a k.
            "\u212a",
            "\uff41",
            "a\x00",
            "a\nb",
            "\ud800",
        ],
        BAD_FORMAT,
    )
    | {"x" * 65: ("TOO_LONG", 64), "." * 65: ("TOO_LONG", 64)},
)
NAME = table(
    user_values.name,
    {
        "A": "A",
        " Anna \t Maria\n": "Anna Maria",
        "A\u0308": "\u00c4",
        "n" * 100: "n" * 100,
        " " * 500 + "n": "n",
        "A\u0308" * 100: "\u00c4" * 100,
        "\u00df" * 100: "\u00df" * 100,
        "\uac01" * 100: "\uac01" * 100,
        "\U0001f600" * 100: "\U0001f600" * 100,
        # Private, and assigned later than this Python's Unicode.
        "\ue000": "\ue000",
        "\U000323af": "\U000323af",
        "\u05d0\u200f": "\u05d0\u200f",
        "Zero\u200dWidth": "Zero\u200dWidth",
        "%_\\'\"<b>": "%_\\'\"<b>",
    },
    BLANKS
    # Nothing of these is seen.
    | dict.fromkeys(["\u200b", "\u200d \ufeff", "\u0301", "\u00ad", "\u200f"], BLANK)
    | {
        "n" * 101: ("TOO_LONG", 100),
        # One character that stands for eighteen.
        "\ufdfa" * 17: ("TOO_LONG", 100),
        "a\x00": NOT_ALLOWED,
        "a\x07b": NOT_ALLOWED,
        "a\x7f": NOT_ALLOWED,
        "a\x9f": NOT_ALLOWED,
        "\u202e": NOT_ALLOWED,
        "a\u202eb": NOT_ALLOWED,
        "a\u2066b": NOT_ALLOWED,
        "a\ud800": NOT_ALLOWED,
    },
)
DISPLAY_NAME = table(
    user_values.display_name, {"n" * 200: "n" * 200}, BLANKS | {"n" * 201: ("TOO_LONG", 200)}
)
PHONE = table(
    user_values.phone,
    {
        "+4930901820": "+4930901820",
        " +49 (0)30 / 90.18-20 ": "+4930901820",
        "(+49) 30 901820": "+4930901820",
        "\uff0b\uff14\uff19\u00a030 901820": "+4930901820",
        "+39 06 698 12345": "+390669812345",
        "+1 201-555-0123": "+12015550123",
        "+290 22158": "+29022158",
        "+49 30 12345678901": "+493012345678901",
    },
    BLANKS
    | dict.fromkeys(
        [
            "030 901820",
            "0049 30 901820",
            "+",
            "+49",
            "+999 123456",
            "+1 555 0123",
            "+49 30 901820 ext. 5",
            "+49 30 901820;ext=5",
            "+49 30 901820#5",
            "tel:+4930901820",
            "+1 800 FLOWERS",
            "Ann: +49 30 901820",
            "+49 30 901820 Ann",
            "+49 30 901820, +49 30 901821",
            "+49\x0030901820",
            "+49\ud80030901820",
        ],
        BAD_FORMAT,
    )
    | {"+49 30 123456789012": ("TOO_LONG", 15), "+" + "1" * 300: ("TOO_LONG", 15)},
)
LOCALE = table(
    user_values.locale,
    {
        "de": "de",
        "DE-ch": "de-CH",
        " de_CH ": "de-CH",
        "gsw": "gsw",
        "ZH-hANT-tw": "zh-Hant-TW",
        "zh-CMN-hans-cn": "zh-cmn-Hans-CN",
        "es-419": "es-419",
        "sl-ROZAJ-biske-1994": "sl-rozaj-biske-1994",
        "de-CH-1901": "de-CH-1901",
        "sl-Latn-IT-nedis": "sl-Latn-IT-nedis",
        "en-US-u-islamcal": "en-US-u-islamcal",
        "DE-de-U-CO-phonebk": "de-DE-u-co-phonebk",
        "az-Arab-x-AZE-derbend": "az-Arab-x-aze-derbend",
        "en-a-BBB-x-a-CCC": "en-a-bbb-x-a-ccc",
        "de-DE-u-email-co-phonebk-x-linux-ab": "de-DE-u-email-co-phonebk-x-linux-ab",
    },
    BLANKS
    | dict.fromkeys(
        [
            "d",
            "deutschland",
            "d3",
            "419",
            "-de",
            "de-",
            "de--CH",
            "de CH",
            "de-CH-AT",
            "de-419-DE",
            "de-Latn-Latn",
            "de-u",
            "de-u-x",
            "de-x",
            "x-private",
            "i-klingon",
            "en-GB-oed",
            "a-DE",
            "ar-a-aaa-b",
            "de-123456789",
            "d\u00e9",
            "de-\uff23\uff28",
            "de\x00",
            "de\ud800",
            "de.UTF-8",
        ],
        BAD_FORMAT,
    )
    | {"de-DE-u-email-co-phonebk-x-linux-abc": ("TOO_LONG", 35)},
)
TIMEZONE = table(
    user_values.timezone,
    {
        "Europe/Berlin": "Europe/Berlin",
        " europe/ZURICH ": "Europe/Zurich",
        "utc": "UTC",
        "Etc/GMT+5": "Etc/GMT+5",
        "america/argentina/comodrivadavia": "America/Argentina/ComodRivadavia",
    },
    BLANKS
    | dict.fromkeys(
        [
            "Berlin",
            "Europe/Z\u00fcrich",
            "CEST",
            "+02:00",
            "UTC+2",
            "localtime",
            "posixrules",
            "posix/UTC",
            "right/UTC",
            "../../etc/passwd",
            "Europe",
            "UTC\x00",
            "\ud800",
        ],
        NOT_ALLOWED,
    ),
)
_A = "https://example.org/"
AVATAR_URL = table(
    user_values.avatar_url,
    {
        "https://a": "https://a",
        f" {_A}ann.png?size=2&q=%C3%A4#x ": f"{_A}ann.png?size=2&q=%C3%A4#x",
        "HTTPS://Example.org/Ann": "https://Example.org/Ann",
        "https://example.org:8443/a@b": "https://example.org:8443/a@b",
        "https://[2001:db8::1]/a": "https://[2001:db8::1]/a",
        "https://xn--bcher-kva.example/": "https://xn--bcher-kva.example/",
        _A.ljust(2048, "p"): _A.ljust(2048, "p"),
    },
    BLANKS
    | dict.fromkeys(
        [
            "http://example.org/a.png",
            "javascript:alert(1)",
            "JAVASCRIPT://example.org/%0aalert(1)",
            "data:image/png;base64,AAAA",
            "ftp://example.org",
            "//example.org/a.png",
            "/a.png",
            "example.org/a.png",
            "https:example.org",
            "https:/example.org",
            "https://",
            "https:///a.png",
            "https://?a",
            "https://:443/",
            "https://ann@example.org/",
            "https://ann:hush@example.org/",
            "https://@example.org/",
            "https://example.org:0/",
            "https://example.org:65536/",
            "https://example.org:x/",
            "https://[::1/",
            "https://exam ple.org/",
            f"{_A}a b",
            f"{_A}\u00e4",
            "https://b\u00fccher.example/",
            f"{_A}a\nb",
            f"{_A}a\tb",
            f'{_A}"onload="x',
            f"{_A}<b>",
            f"{_A}\\..\\a",
            f"{_A}100%",
            f"{_A}%zz",
            "https://./a.png",
            "https://-/a.png",
            "https://example.org\\@evil.example/",
            f"{_A}\x00",
            f"{_A}\ud800",
        ],
        BAD_FORMAT,
    )
    | {_A.ljust(2049, "p"): ("TOO_LONG", 2048)},
)
EXTERNAL_ID = table(
    user_values.external_id,
    {
        "x": "x",
        " Auth0|5F7c ": " Auth0|5F7c ",
        "\u00c4A\u0308": "\u00c4A\u0308",
        "x" * 255: "x" * 255,
        "\U0001f600" * 255: "\U0001f600" * 255,
    },
    BLANKS
    | dict.fromkeys(["a\x00", "a\tb", "a\n", "a\u202eb", "\udfff"], NOT_ALLOWED)
    | {"x" * 256: ("TOO_LONG", 255)},
)
EVERY_RULE = [EMAIL, USERNAME, NAME, DISPLAY_NAME, PHONE, LOCALE, TIMEZONE, AVATAR_URL, EXTERNAL_ID]


@pytest.mark.parametrize(
    ("rule", "value", "outcome"),
    [row for rows in EVERY_RULE for row in rows],
    ids=lambda value: value.__name__ if callable(value) else ascii(value)[:60],
)
def test_a_value_is_normalised_or_refused(rule: Rule, value: str, outcome: str | Refusal) -> None:
    if isinstance(outcome, tuple):
        assert refused(rule, value) == outcome
    else:
        assert rule(value) == outcome


# Much of what a rule might store, and much that it should not.
LIKELY: dict[Rule, st.SearchStrategy[str]] = {
    user_values.email: st.from_regex(
        r"[A-Za-z.+]{1,5}@[a-z\u00e4\u00df\u3002-]{1,5}\.(de|ORG)", fullmatch=True
    ),
    user_values.username: st.text("aZ0._- \u212a\u0130", max_size=6),
    user_values.name: st.text(st.characters(), max_size=10),
    user_values.phone: st.integers(0, 10**16).map("+{}".format),
    user_values.locale: st.lists(
        st.sampled_from(["de", "x", "u", "Latn", "419", "CH", "1901", "rozaj", "abc", "\u212ao"]), max_size=5
    ).map("-".join),
    user_values.timezone: st.sampled_from(["utc", "EUROPE/berlin", "gmt+0", "Etc/gmt-14", "k"]),
    user_values.avatar_url: st.text("aA:/@%?#[].1\u00e4 ", max_size=12).map("HttpS://a{}".format),
    user_values.external_id: st.text(st.characters(), max_size=10),
}
# What the table of users demands.
STORED: dict[Rule, str] = {
    user_values.email: r"[!-?A-~]+@[!-?A-~]+",
    user_values.username: r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?",
    user_values.phone: r"\+[0-9]{2,15}",
    user_values.avatar_url: r"https://[!-~]+",
}


@pytest.mark.parametrize("rule", LIKELY, ids=lambda rule: rule.__name__)
@given(data=st.data())
def test_what_is_stored_is_stored_again_as_it_is(rule: Rule, data: st.DataObject) -> None:
    value = data.draw(LIKELY[rule] | st.text(st.characters(), max_size=20))
    try:
        stored = rule(value)
    except Invalid:
        return
    assert rule(stored) == stored
    assert re.fullmatch(STORED.get(rule, r"(?s).+"), stored)


def test_a_number_of_every_region_is_stored_as_e164() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        number = phonenumbers.example_number(region)
        assert number
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert user_values.phone(written) == e164
        assert re.fullmatch(r"\+[1-9][0-9]{4,14}", e164)
