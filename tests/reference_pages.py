"""What every order and every page means, in plain Python over domain records."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from reference import Directory
from reference_operators import Json, fold
from roster.domain.assignments import RoleAssignment
from roster.domain.roles import Role
from roster.domain.users import User

Record = TypeVar("Record", User, Role, RoleAssignment)

DEFAULT_SIZE = 25
TEXT_ORDERS = {"EMAIL", "USERNAME", "DISPLAY_NAME", "FIRST_NAME", "LAST_NAME", "KEY", "NAME"}


def in_order(directory: Directory, records: Iterable[Record], order: Sequence[Json]) -> list[Record]:
    """A missing value is the largest; the id breaks ties in the direction of the last field."""

    def value(record: Any, field: str) -> tuple[bool, Any]:
        if field == "HOLDER_COUNT":
            return (False, directory.holder_count(record))
        plain = getattr(record, field.lower())
        return (plain is None, fold(plain) if plain is not None and field in TEXT_ORDERS else plain or "")

    last = order[-1].get("direction", "ASC")
    ordered = sorted(records, key=lambda record: record.id, reverse=last == "DESC")
    for key in reversed(order):
        # Sorting keeps ties as they were, also in reverse.
        ordered.sort(key=lambda record: value(record, key["field"]), reverse=key.get("direction") == "DESC")
    return ordered


@dataclass(frozen=True, kw_only=True)
class Page:
    """The ids of a page, and what pageInfo says of it."""

    ids: Sequence[UUID]
    has_next: bool
    has_previous: bool


def page(
    ordered: Sequence[UUID],
    members: Collection[UUID],
    *,
    first: int | None = None,
    after: UUID | None = None,
    last: int | None = None,
    before: UUID | None = None,
) -> Page:
    """A page of the members. A cursor is a place in an order, so it may be that of a row which is no member."""
    start = 0 if after is None else ordered.index(after) + 1
    end = len(ordered) if before is None else ordered.index(before)
    between = [id_ for id_ in ordered[start:end] if id_ in members]
    if last is not None:
        kept = between[len(between) - min(last, len(between)) :]
        return Page(ids=kept, has_next=before is not None, has_previous=len(kept) < len(between))
    kept = between[: DEFAULT_SIZE if first is None else first]
    return Page(ids=kept, has_next=len(kept) < len(between), has_previous=after is not None)
