"""Cursors as clients see them, which only this module can read."""

import json
from base64 import b64decode
from binascii import Error as BinasciiError
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, cast
from uuid import UUID

from roster.domain.errors import BadCursorError
from roster.domain.pages import (
    KEY_TYPES,
    LONG_KEYS,
    NULLABLE_KEYS,
    AssignmentOrderField,
    Cursor,
    EventOrderField,
    KeyValue,
    OrderKey,
    RoleOrderField,
    UserOrderField,
)
from roster.domain.text import is_storable

# What cursors call each list. Whoever follows the feed keeps one for good: these names stay.
_LISTS = {
    UserOrderField: "users",
    RoleOrderField: "roles",
    AssignmentOrderField: "assignments",
    EventOrderField: "events",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# What writes each kind of value.
_WRITTEN = {datetime: "({} - epoch) // millisecond", str: "quoted({})", int: "{}"}
_SCOPE = {
    "epoch": _EPOCH,
    "millisecond": _MILLISECOND,
    "null": "null",
    "quoted": encode_basestring,
    "base64": b2a_base64,
    "for_urls": bytes.maketrans(b"+/", b"-_"),
}


def cursor_writer(order: Sequence[OrderKey[Any]]) -> Callable[[Iterable[Cursor]], list[str]]:
    """What writes the cursors of an order, of which a page has many."""
    # By its name: orders of different lists may be equal, as their fields are texts.
    return _writer(name_of_order(order), *(key.field for key in order))


@lru_cache(maxsize=256)
def _writer(name: str, *fields: StrEnum) -> Callable[[Iterable[Cursor]], list[str]]:
    """One expression for all of a cursor: a page of users has fifty, each of which took a call for each of its values."""
    values = [f"value_{place}" for place in range(len(fields))]
    written = ",".join(f"{{{_expression(*each)}}}" for each in zip(values, fields, strict=True))
    text = f"""f'["{name}",{written},"{{id_.int:032x}}"]'"""
    cursor = f"base64({text}.encode(), newline=False).rstrip(b'=').translate(for_urls).decode()"
    made = eval(f"lambda cursors: [{cursor} for {', '.join(values)}, id_ in cursors]", _SCOPE)  # noqa: S307 -- of names of fields
    return cast("Callable[[Iterable[Cursor]], list[str]]", made)


def _expression(value: str, field: StrEnum) -> str:
    written = _WRITTEN[KEY_TYPES[field]].format(value)
    return f"null if {value} is None else {written}" if field in NULLABLE_KEYS else written


def decode_cursor(text: str, order: Sequence[OrderKey[Any]], argument: str) -> Cursor:
    """Raises BadCursorError for what is not a cursor of this order."""
    try:
        content = json.loads(b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if not isinstance(content, list):
            raise BadCursorError("This is not a cursor.", (argument,))
        name, *values, id_ = content
        if name != name_of_order(order) or len(values) != len(order):
            raise BadCursorError("This cursor belongs to another order.", (argument,))
        return (*(_value(value, key) for value, key in zip(values, order, strict=True)), UUID(hex=id_))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, BinasciiError):
        raise BadCursorError("This is not a cursor.", (argument,)) from None


def name_of_order(order: Sequence[OrderKey[Any]]) -> str:
    return ",".join(f"{_LISTS[type(key.field)]}.{key.field}.{key.direction}" for key in order)


def _value(plain: object, key: OrderKey[Any]) -> KeyValue:
    """As the order has it. A cursor that was made up must not reach the database as anything else."""
    kind = KEY_TYPES[key.field]
    if plain is None and key.field in NULLABLE_KEYS:
        return None
    if kind is str and isinstance(plain, str) and is_storable(plain):
        return plain
    if kind is not str and type(plain) is int:
        if kind is datetime:
            return _EPOCH + timedelta(milliseconds=plain)
        if 0 <= plain < 2 ** (63 if key.field in LONG_KEYS else 31):
            return plain
    raise ValueError(plain)
