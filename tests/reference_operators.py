"""What each operator of a filter means, in plain Python: whether a value is as the members of one object say.

What is missing is unknown, and what is unknown does not match.
"""

import operator
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from roster.domain.text import fold as fold_anew

Json = Mapping[str, Any]

# The same few texts are compared over and over.
fold = cache(fold_anew)


def text_is(given: Json, value: str | None, read: Callable[[str], str] = fold) -> bool:
    return all(_text_is(name, wanted, value, read) for name, wanted in given.items())


def exact_text_is(given: Json, value: str | None) -> bool:
    return text_is(given, value, str)


def _text_is(name: str, wanted: Any, value: str | None, read: Callable[[str], str]) -> bool:
    if name == "isNull":
        return bool((value is None) == wanted)
    if value is None:
        return False
    if name == "in":
        return read(value) in {read(one) for one in wanted}
    operators: Mapping[str, Callable[[str, str], bool]] = {
        "eq": operator.eq,
        "startsWith": str.startswith,
        "endsWith": str.endswith,
        "contains": operator.contains,
    }
    return operators[name](read(value), read(wanted))


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def moment_is(given: Json, value: datetime | None) -> bool:
    return all(
        (value is None) == wanted
        if name == "isNull"
        else value is not None and _COMPARISONS[name](value, instant(wanted))
        for name, wanted in given.items()
    )


@cache
def instant(text: str) -> datetime:
    """What is finer than a millisecond is dropped."""
    read = datetime.fromisoformat(text.upper()).astimezone(UTC)
    return read.replace(microsecond=read.microsecond // 1000 * 1000)


def number_is(given: Json, value: int) -> bool:
    return all(_COMPARISONS[name](value, wanted) for name, wanted in given.items())


def labels_are(given: Json, labels: Collection[str]) -> bool:
    return all(_labels_are(name, wanted, labels) for name, wanted in given.items())


def _labels_are(name: str, wanted: Any, labels: Collection[str]) -> bool:
    if name == "isEmpty":
        return bool((not labels) == wanted)
    found = [label in labels for label in wanted]
    return {"hasAny": any(found), "hasAll": all(found), "hasNone": not any(found)}[name]


def json_contains(outer: Any, inner: Any) -> bool:
    """PostgreSQL's jsonb @>: objects by some of their keys, arrays as sets, numbers by value; true is no number."""
    if isinstance(outer, dict) and isinstance(inner, dict):
        return all(key in outer and json_contains(outer[key], value) for key, value in inner.items())
    if isinstance(outer, list) and isinstance(inner, list):
        return all(any(json_contains(one, wanted) for one in outer) for wanted in inner)
    return _json_kind(outer) is _json_kind(inner) and not isinstance(outer, (dict, list)) and outer == inner


def _json_kind(value: Any) -> type:
    return float if type(value) is int else type(value)
