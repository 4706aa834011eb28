"""Attributes: an object of JSON that every system can hold, and that is equal only to its equal."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster.domain.checks import Invalid
from roster.domain.user_values import attributes, canonical_json

KIB_16 = 16 * 1024
LARGEST = 2**53 - 1


def of_size(size: int, char: str = "x") -> dict[str, Any]:
    """An object of so many bytes."""
    free = size - len('{"a":""}')
    return {"a": char * (free // len(char.encode())) + "y" * (free % len(char.encode()))}


def nested(depth: int, *, lists: bool = False) -> dict[str, Any]:
    inner: Any = [] if lists else {}
    for _ in range(depth - 2):
        inner = [inner] if lists else {"a": inner}
    return {"a": inner}


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"": ""},
        {"a": None, "b": [True, False], "c": {"d": -0.5}},
        {"a": LARGEST, "b": -LARGEST, "c": float(LARGEST), "d": 5e-324, "e": 0.1},
        {"\u00e4\U0001f600\ufffe": "\x01\n"},
        of_size(KIB_16),
        of_size(KIB_16, "\u20ac"),
        nested(5),
        nested(5, lists=True),
        {"a": [{"b": [{"c": 1}]}]},
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_every_system_can_hold_is_stored_as_it_is(value: dict[str, Any]) -> None:
    assert attributes(value) == value


@pytest.mark.parametrize(
    ("value", "reason", "limit"),
    [
        (of_size(KIB_16 + 1), "TOO_LONG", KIB_16),
        (of_size(KIB_16 + 1, "\u20ac"), "TOO_LONG", KIB_16),
        (nested(6), "TOO_LONG", 5),
        (nested(6, lists=True), "TOO_LONG", 5),
        ({"a": [{"b": [{"c": []}]}]}, "TOO_LONG", 5),
        (nested(900), "TOO_LONG", 5),
        ({"a": LARGEST + 1}, "OUT_OF_RANGE", None),
        ({"a": -LARGEST - 1}, "OUT_OF_RANGE", None),
        ({"a": float(LARGEST + 1)}, "OUT_OF_RANGE", None),
        ({"a": 10**5000}, "OUT_OF_RANGE", None),
        ({"a": [1, 1e308]}, "OUT_OF_RANGE", None),
        ({"a": math.inf}, "OUT_OF_RANGE", None),
        ({"a": -math.inf}, "OUT_OF_RANGE", None),
        ({"a": {"b": math.nan}}, "OUT_OF_RANGE", None),
        ({"a\x00": 1}, "NOT_ALLOWED", None),
        ({"a": "\x00"}, "NOT_ALLOWED", None),
        ({"a": [{"b\ud800": 1}]}, "NOT_ALLOWED", None),
        ({"a": [{"b": "\udfff"}]}, "NOT_ALLOWED", None),
        ({"a": "\ud83d\ude00"}, "NOT_ALLOWED", None),
    ],
    ids=range(19),
)
def test_what_no_system_can_hold_is_refused(value: dict[str, Any], reason: str, limit: int | None) -> None:
    with pytest.raises(Invalid) as caught:
        attributes(value)
    assert (caught.value.reason.value, caught.value.limit) == (reason, limit)
    assert caught.value.message.endswith(".")


def test_there_is_no_negative_zero() -> None:
    """PostgreSQL has none: the same again would be another value."""
    stored = attributes({"a": -0.0, "b": [{"c": -0.0}], "d": False, "e": 0})
    assert canonical_json(stored) == '{"a":0.0,"b":[{"c":0.0}],"d":false,"e":0}'


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": False}, {"a": 0}, False),
        ({"a": [{"b": 1}]}, {"a": [{"b": True}]}, False),
        ({"a": None}, {}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"A": 1}, {"a": 1}, False),
        ({"\u00e4": 1}, {"a\u0308": 1}, False),
    ],
)
def test_equal_texts_mean_equal_values(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    assert (canonical_json(one) == canonical_json(other)) is same


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.floats(-1e9, 1e9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=4))
def test_the_canonical_text_is_json_of_the_value(value: dict[str, Any]) -> None:
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text
