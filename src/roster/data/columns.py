"""The kinds of columns and checks that the tables are made of, and how constraints are named."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import CheckConstraint, Dialect, MetaData, Text, TypeDecorator, func
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import DeclarativeBase

E = TypeVar("E", bound=StrEnum)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )


CText = Text(collation="C")
Moment = TIMESTAMP(timezone=True, precision=3)
UUIDV7 = func.uuidv7()


class Chosen(TypeDecorator[E]):
    """Text that is a member of an enum; a CHECK beside it says which."""

    impl = CText
    cache_ok = True

    def __init__(self, enum: type[E]) -> None:
        super().__init__()
        self.enum = enum
        self._members: dict[str | None, E | None] = {None: None, **{member.value: member for member in enum}}

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:  # noqa: ARG002 -- SQLAlchemy's signature
        return None if value is None else value.value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], E | None]:  # noqa: ARG002 -- SQLAlchemy's signature
        """A look-up alone: lists read a hundred of them."""
        return self._members.__getitem__


class Like(TypeDecorator[str]):
    r"""A pattern for LIKE, of a text in which \ % and _ stand for themselves."""

    impl = CText
    cache_ok = True

    # By name only they would not be of the key under which SQLAlchemy caches.
    def __init__(self, before: str, after: str) -> None:
        super().__init__()
        self.before, self.after = before, after

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 -- SQLAlchemy's signature
        if value is None:
            return None
        escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"{self.before}{escaped}{self.after}"


def one_of(column: str, enum: type[StrEnum]) -> CheckConstraint:
    members = ", ".join(f"'{member}'" for member in enum)
    return CheckConstraint(f"{column} IN ({members})", name=column)


def no_longer(column: str, limit: int) -> CheckConstraint:
    return CheckConstraint(f"char_length({column}) BETWEEN 1 AND {limit}", name=column)
