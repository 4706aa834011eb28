"""The rules of a user's fields: each takes what was given and returns what is stored, or raises Invalid."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from roster.domain.checks import Invalid, check_length, line
from roster.domain.errors import InvalidReason
from roster.domain.text import is_storable, refused_character

MAX_EMAIL = 254
MAX_USERNAME = 64
MAX_NAME = 100
MAX_DISPLAY_NAME = 200
MAX_PHONE_DIGITS = 15
MAX_LOCALE = 35
MAX_AVATAR_URL = 2048
MAX_EXTERNAL_ID = 255
MAX_ATTRIBUTES_BYTES = 16 * 1024
MAX_ATTRIBUTES_DEPTH = 5
# What every JSON implementation keeps exactly (RFC 8259, section 6).
MAX_JSON_NUMBER = 2**53 - 1

_USERNAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", flags=re.ASCII)
# RFC 3986 has no other characters, and % only before two hex digits: whoever made an address has encoded the rest.
_URL_TEXT = re.compile(r"(?:[!#$&-;=?-\[\]_a-z~]|%[0-9a-f]{2})+", flags=re.ASCII | re.IGNORECASE)
# RFC 5646, section 2.1, without the grandfathered tags: language, script, region, variants, extensions, private use.
_LOCALE = re.compile(
    r"(?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})"
    r"(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|\d{3}))?"
    r"(?P<rest>(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?)",
    flags=re.ASCII,
)


def _trimmed(value: str) -> str:
    text = value.strip()
    if not text:
        raise Invalid(InvalidReason.BLANK, "The text is blank.")
    return text


def email(value: str) -> str:
    """An address as RFC 5321 has it: ASCII local part, the domain as A-label, lower-cased. No look-up is made."""
    text = _trimmed(value)
    check_length(text, MAX_EMAIL)
    try:
        # Strict: at most 64 characters before the @. Names under .test may be held; email-validator refuses the others
        # of special use (invalid, local, localhost, onion, arpa), which no mail reaches from elsewhere.
        address = validate_email(
            text, check_deliverability=False, allow_smtputf8=False, strict=True, test_environment=True
        )
    except EmailNotValidError:
        raise Invalid(InvalidReason.BAD_FORMAT, "This is not an email address.") from None
    stored = (address.ascii_email or "").lower()
    check_length(stored, MAX_EMAIL)
    return stored


def username(value: str) -> str:
    text = _trimmed(value)
    # What another alphabet makes of lower case is not meant.
    text = text.lower() if text.isascii() else text
    check_length(text, MAX_USERNAME)
    if not _USERNAME.fullmatch(text):
        raise Invalid(
            InvalidReason.BAD_FORMAT,
            "A username has letters a to z, digits, and . _ - between them.",
        )
    return text


def name(value: str) -> str:
    return line(value, longest=MAX_NAME)


def display_name(value: str) -> str:
    return line(value, longest=MAX_DISPLAY_NAME)


def phone(value: str) -> str:
    """A possible and valid number, as E.164: + and up to 15 digits."""
    text = _trimmed(value)
    message = "A phone number is written with + and its country code: +49 30 901820."
    # phonenumbers would skip a word before a number, and dial one within it.
    if any(char.isalpha() for char in text):
        raise Invalid(InvalidReason.BAD_FORMAT, message)
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.TOO_LONG:
            raise _too_many_digits() from None
        raise Invalid(InvalidReason.BAD_FORMAT, message) from None
    stored = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    # It also knows longer numbers, of dialling plans that go beyond E.164.
    if len(stored) > len("+") + MAX_PHONE_DIGITS:
        raise _too_many_digits()
    if number.extension or not phonenumbers.is_valid_number(number):
        raise Invalid(InvalidReason.BAD_FORMAT, message)
    return stored


def _too_many_digits() -> Invalid:
    message = f"A phone number has at most {MAX_PHONE_DIGITS} digits."
    return Invalid(InvalidReason.TOO_LONG, message, MAX_PHONE_DIGITS)


def locale(value: str) -> str:
    """A well-formed BCP 47 tag in its usual case: language lower, Script title, REGION upper."""
    text = _trimmed(value).replace("_", "-").lower()
    check_length(text, MAX_LOCALE)
    match = _LOCALE.fullmatch(text)
    if match is None:
        raise Invalid(InvalidReason.BAD_FORMAT, "A locale is a BCP 47 tag such as de-CH.")
    subtags = [match["language"], (match["script"] or "").title(), (match["region"] or "").upper()]
    return "-".join(subtag for subtag in subtags if subtag) + match["rest"]


@cache
def _timezones() -> dict[str, str]:
    # The package's own list: what the machine has may be older, and may hold more than the database does.
    zones = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return {zone.lower(): zone for zone in zones}


def timezone(value: str) -> str:
    """A name of the IANA time zone database, in its own case."""
    zone = _timezones().get(_trimmed(value).lower())
    if zone is None:
        raise Invalid(
            InvalidReason.NOT_ALLOWED, "A time zone is a name of the IANA database such as Europe/Berlin."
        )
    return zone


def avatar_url(value: str) -> str:
    text = _trimmed(value)
    check_length(text, MAX_AVATAR_URL)
    message = "An avatar is an absolute https:// address without a user or password in it."
    try:
        parts = urlsplit(text)
        acceptable = parts.scheme == "https" and "@" not in parts.netloc
        acceptable = acceptable and re.search("[a-z0-9]", parts.hostname or "") is not None
        acceptable = acceptable and (parts.port is None or parts.port > 0)
    except ValueError:
        acceptable = False
    if not acceptable or not _URL_TEXT.fullmatch(text):
        raise Invalid(InvalidReason.BAD_FORMAT, message)
    return "https" + text[len("https") :]


def external_id(value: str) -> str:
    """Kept as it is, case and all: it belongs to another system."""
    if not value.strip():
        raise Invalid(InvalidReason.BLANK, "The text is blank.")
    check_length(value, MAX_EXTERNAL_ID)
    if char := refused_character(value):
        raise Invalid(InvalidReason.NOT_ALLOWED, f"The character {char} is not allowed.")
    return value


def attributes(value: Mapping[str, Any]) -> Mapping[str, Any]:
    _check_json(value, depth=1)
    size = len(canonical_json(value).encode())
    if size > MAX_ATTRIBUTES_BYTES:
        raise Invalid(
            InvalidReason.TOO_LONG,
            f"Attributes take at most {MAX_ATTRIBUTES_BYTES} bytes as JSON; these take {size}.",
            MAX_ATTRIBUTES_BYTES,
        )
    return {key: _as_stored(inner) for key, inner in value.items()}


def _as_stored(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    """PostgreSQL has no negative zero."""
    if isinstance(value, dict):
        return {key: _as_stored(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_stored(inner) for inner in value]
    return 0.0 if isinstance(value, float) and value == 0 else value


def canonical_json(value: Any) -> str:  # noqa: ANN401 -- any JSON value
    """One text per JSON value: equal texts mean equal values (where Python says True == 1)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _check_json(value: Any, depth: int) -> None:  # noqa: ANN401 -- any JSON value
    if isinstance(value, (dict, list)) and depth > MAX_ATTRIBUTES_DEPTH:
        raise Invalid(
            InvalidReason.TOO_LONG,
            f"Attributes are nested at most {MAX_ATTRIBUTES_DEPTH} deep.",
            MAX_ATTRIBUTES_DEPTH,
        )
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_json(key, depth)
            _check_json(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_json(inner, depth + 1)
    elif isinstance(value, str) and not is_storable(value):
        raise Invalid(InvalidReason.NOT_ALLOWED, "Text in attributes has no U+0000 and no lone surrogate.")
    elif isinstance(value, (int, float)) and not abs(value) <= MAX_JSON_NUMBER:
        raise Invalid(InvalidReason.OUT_OF_RANGE, "Numbers in attributes are within ±(2^53 - 1).")
    elif value is not None and not isinstance(value, (str, int, float)):
        # A variable within an object written out in the document is no value if it was not given.
        raise Invalid(
            InvalidReason.BAD_FORMAT, "Something in attributes has no value: a variable was not given."
        )
