"""The tables as the documentation of SQLAlchemy declares them; what no workload uses is left out."""

import os
from datetime import datetime
from uuid import UUID

from sqlalchemy import FetchedValue, ForeignKey, func, text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import DateTime

# The address is in the variables of libpq.
engine = create_async_engine(
    "postgresql+psycopg://", pool_size=int(os.environ.get("POOL_SIZE", "10")), max_overflow=0
)
session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class UserModel(Base):
    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=FetchedValue())
    kind: Mapped[str] = mapped_column(default="PERSON")
    email: Mapped[str | None]
    first_name: Mapped[str | None]
    first_name_fold: Mapped[str | None]
    last_name: Mapped[str | None]
    last_name_fold: Mapped[str | None]
    display_name: Mapped[str]
    display_name_fold: Mapped[str]
    display_name_given: Mapped[bool] = mapped_column(default=False)
    phone: Mapped[str | None]
    search_fold: Mapped[str]
    status: Mapped[str] = mapped_column(default="ACTIVE")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), default=func.now(), onupdate=func.now()
    )


# The users that Roster lists; in the text of a statement, so that the indexes of these users serve it.
LIVE = text("users.status IN ('PENDING', 'ACTIVE', 'SUSPENDED')")


class RoleModel(Base):
    __tablename__ = "roles"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str]
    name: Mapped[str]
    description: Mapped[str | None]


class RoleAssignmentModel(Base):
    __tablename__ = "role_assignments"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=FetchedValue())
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    role_id: Mapped[UUID] = mapped_column(ForeignKey("roles.id"))
    assigned_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=func.now())
    assigned_by_kind: Mapped[str] = mapped_column(default="SYSTEM")
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
