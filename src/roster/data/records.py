"""Rows become the domain's records as they are."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar, cast

T = TypeVar("T")


def maker(record: type[T], *names: str) -> Callable[[Sequence[Any]], T]:
    """What makes a record of a row that begins with the values of its fields, in the order of the names.

    `__init__` of a frozen class asks object.__setattr__ for every field. What is filled here is not frozen until it
    becomes a record, which takes a fifth of the time.
    """
    if sorted(names) != sorted(field.name for field in fields(cast("Any", record))):
        raise TypeError(f"These are not the fields of {record.__name__}: {', '.join(names)}")
    # The same slots above the same base, else one could not become the other.
    own = {
        "__slots__": vars(record)["__slots__"],
        "__init__": object.__init__,
        "__setattr__": object.__setattr__,
    }
    scope: dict[str, Any] = {"unfrozen": type(record.__name__, record.__bases__, own), "record": record}
    filled = f"{', '.join(f'made.{name}' for name in names)}, = row[:{len(names)}]"
    source = f"def make(row):\n made = unfrozen()\n {filled}\n made.__class__ = record\n return made\n"
    exec(source, scope)  # noqa: S102 -- names of fields
    return cast("Callable[[Sequence[Any]], T]", scope["make"])
