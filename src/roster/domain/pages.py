"""Pages of a list: what is asked for, and what is answered.

A cursor names a row by the values that the list is ordered by, so that the next page is found by seeking and not by
counting. It belongs to one order: used with another it is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

DEFAULT_SIZE = 25
MAX_SIZE = 200
MAX_ORDER_KEYS = 2

KeyValue = str | int | datetime | None
T = TypeVar("T")
F = TypeVar("F", bound=StrEnum)


class OrderDirection(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKey(Generic[F]):
    """A missing value sorts as the largest: last in ASC, first in DESC."""

    field: F
    direction: OrderDirection


# A row's place in a list: its value for each order key, and its id, which breaks ties.
Cursor = tuple[KeyValue | UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest(Generic[F]):
    """`size` rows from the start or, when `backward`, from the end of what lies strictly between the cursors."""

    order: tuple[OrderKey[F], ...]
    size: int
    backward: bool
    after: Cursor | None
    before: Cursor | None


class Edge(NamedTuple, Generic[T]):
    cursor: Cursor
    node: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Always in the order asked for, also when the page was read backward."""

    edges: tuple[Edge[T], ...]
    has_next: bool
    has_previous: bool


class UserOrderField(StrEnum):
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    EMAIL = "EMAIL"
    USERNAME = "USERNAME"
    DISPLAY_NAME = "DISPLAY_NAME"
    FIRST_NAME = "FIRST_NAME"
    LAST_NAME = "LAST_NAME"
    STATUS = "STATUS"


class RoleOrderField(StrEnum):
    KEY = "KEY"
    NAME = "NAME"
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    HOLDER_COUNT = "HOLDER_COUNT"


class AssignmentOrderField(StrEnum):
    """Assignments have one order, oldest first, and so none to choose."""

    ASSIGNED_AT = "ASSIGNED_AT"


class EventOrderField(StrEnum):
    """Events have one order, in which they were added: where, after which transaction there, as what number."""

    EPOCH = "EPOCH"
    TRANSACTION = "TRANSACTION"
    SEQUENCE = "SEQUENCE"


# The order keys that can be missing.
NULLABLE_KEYS = frozenset(
    {UserOrderField.EMAIL, UserOrderField.USERNAME, UserOrderField.FIRST_NAME, UserOrderField.LAST_NAME}
)
# What the values of an order key are.
KEY_TYPES: Mapping[StrEnum, type] = MappingProxyType(
    {
        UserOrderField.CREATED_AT: datetime,
        UserOrderField.UPDATED_AT: datetime,
        UserOrderField.EMAIL: str,
        UserOrderField.USERNAME: str,
        UserOrderField.DISPLAY_NAME: str,
        UserOrderField.FIRST_NAME: str,
        UserOrderField.LAST_NAME: str,
        UserOrderField.STATUS: str,
        RoleOrderField.KEY: str,
        RoleOrderField.NAME: str,
        RoleOrderField.CREATED_AT: datetime,
        RoleOrderField.UPDATED_AT: datetime,
        RoleOrderField.HOLDER_COUNT: int,
        AssignmentOrderField.ASSIGNED_AT: datetime,
        EventOrderField.EPOCH: int,
        EventOrderField.TRANSACTION: int,
        EventOrderField.SEQUENCE: int,
    }
)
# The numbers that need more than 32 bits.
LONG_KEYS = frozenset({EventOrderField.TRANSACTION, EventOrderField.SEQUENCE})
