"""The tables. What must hold is a named constraint here too; a name is stable by the convention below.

`*_fold` columns hold the fold of the text beside them (domain/text.py): they are what is compared and ordered.
Every text is COLLATE "C", so that the order is that of code points on every server.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from roster.domain.actors import ActorKind
from roster.domain.users import LIVE_STATUSES, UserKind, UserStatus

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

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:  # noqa: ARG002 -- SQLAlchemy's signature
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:  # noqa: ARG002 -- SQLAlchemy's signature
        return None if value is None else self.enum(value)


def one_of(column: str, enum: type[StrEnum]) -> CheckConstraint:
    members = ", ".join(f"'{member}'" for member in enum)
    return CheckConstraint(f"{column} IN ({members})", name=column)


def no_longer(column: str, limit: int) -> CheckConstraint:
    return CheckConstraint(f"char_length({column}) BETWEEN 1 AND {limit}", name=column)


LIVE = text("status IN ({})".format(", ".join(f"'{status}'" for status in LIVE_STATUSES)))


class UserRow(Base):
    __tablename__ = "users"
    __table_args__ = (
        one_of("kind", UserKind),
        one_of("status", UserStatus),
        no_longer("email", 254),
        CheckConstraint("email = lower(email) AND position('@' in email) > 1", name="email_form"),
        CheckConstraint("username ~ '^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$'", name="username"),
        no_longer("first_name", 100),
        no_longer("last_name", 100),
        # Derived from two names of 100 characters each, it has a blank between them.
        no_longer("display_name", 201),
        CheckConstraint("phone ~ '^[+][0-9]{2,15}$'", name="phone"),
        no_longer("locale", 35),
        no_longer("timezone", 64),
        CheckConstraint("avatar_url ~ '^https://' AND char_length(avatar_url) <= 2048", name="avatar_url"),
        no_longer("external_id", 255),
        CheckConstraint("jsonb_typeof(attributes) = 'object'", name="attributes"),
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("updated_at >= created_at", name="updated_at"),
        CheckConstraint(
            "status = 'ERASED' OR CASE kind WHEN 'PERSON' THEN email IS NOT NULL ELSE username IS NOT NULL END",
            name="identified",
        ),
        CheckConstraint(
            "status <> 'ERASED' OR (email IS NULL AND username IS NULL AND first_name IS NULL"
            " AND last_name IS NULL AND phone IS NULL AND locale IS NULL AND timezone IS NULL"
            " AND avatar_url IS NULL AND external_id IS NULL AND email_verified_at IS NULL"
            " AND attributes = '{}')",
            name="erased",
        ),
        Index("uq_users_email", "email", unique=True, postgresql_where=LIVE),
        Index("uq_users_username", "username", unique=True, postgresql_where=LIVE),
        Index("uq_users_external_id", "external_id", unique=True, postgresql_where=LIVE),
        Index("ix_users_created_at", "created_at", "id"),
        Index("ix_users_updated_at", "updated_at", "id"),
        Index("ix_users_email", "email", "id"),
        Index("ix_users_username", "username", "id"),
        Index("ix_users_display_name", "display_name_fold", "id"),
        Index("ix_users_first_name", "first_name_fold", "id"),
        Index("ix_users_last_name", "last_name_fold", "id"),
        Index("ix_users_status", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=UUIDV7)
    kind: Mapped[UserKind] = mapped_column(Chosen(UserKind))
    # An address and a username are their own folds: ASCII, lower-cased.
    email: Mapped[str | None] = mapped_column(CText)
    email_verified_at: Mapped[datetime | None] = mapped_column(Moment)
    username: Mapped[str | None] = mapped_column(CText)
    first_name: Mapped[str | None] = mapped_column(CText)
    first_name_fold: Mapped[str | None] = mapped_column(CText)
    last_name: Mapped[str | None] = mapped_column(CText)
    last_name_fold: Mapped[str | None] = mapped_column(CText)
    display_name: Mapped[str] = mapped_column(CText)
    display_name_fold: Mapped[str] = mapped_column(CText)
    display_name_given: Mapped[bool]
    phone: Mapped[str | None] = mapped_column(CText)
    locale: Mapped[str | None] = mapped_column(CText)
    timezone: Mapped[str | None] = mapped_column(CText)
    avatar_url: Mapped[str | None] = mapped_column(CText)
    external_id: Mapped[str | None] = mapped_column(CText)
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    # The folds of names, email and username, one a line: what a search looks through.
    search_fold: Mapped[str] = mapped_column(CText)
    status: Mapped[UserStatus] = mapped_column(Chosen(UserStatus))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)


class RoleRow(Base):
    __tablename__ = "roles"
    __table_args__ = (
        CheckConstraint("key ~ '^[A-Z][A-Z0-9_]{0,63}$'", name="key"),
        no_longer("name", 100),
        no_longer("description", 1000),
        CheckConstraint("cardinality(permissions) <= 200", name="permissions"),
        CheckConstraint("min_holders BETWEEN 0 AND 1000", name="min_holders"),
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("updated_at >= created_at", name="updated_at"),
        Index("uq_roles_key", "key", unique=True, postgresql_where=text("archived_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=UUIDV7)
    key: Mapped[str] = mapped_column(CText)
    key_fold: Mapped[str] = mapped_column(CText)
    name: Mapped[str] = mapped_column(CText)
    name_fold: Mapped[str] = mapped_column(CText)
    description: Mapped[str | None] = mapped_column(CText)
    description_fold: Mapped[str | None] = mapped_column(CText)
    permissions: Mapped[list[str]] = mapped_column(ARRAY(CText), server_default=text("'{}'"))
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    min_holders: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    archived_at: Mapped[datetime | None] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)


class RoleAssignmentRow(Base):
    __tablename__ = "role_assignments"
    __table_args__ = (
        one_of("assigned_by_kind", ActorKind),
        CheckConstraint(
            "(assigned_by_kind = 'USER') = (assigned_by_user_id IS NOT NULL)", name="assigned_by"
        ),
        one_of("revoked_by_kind", ActorKind),
        CheckConstraint(
            "coalesce(revoked_by_kind = 'USER', false) = (revoked_by_user_id IS NOT NULL)", name="revoked_by"
        ),
        CheckConstraint("ended_at IS NOT NULL OR revoked_by_kind IS NULL", name="open_is_not_revoked"),
        CheckConstraint(
            "ended_at IS NULL OR revoked_by_kind IS NOT NULL OR coalesce(ended_at = expires_at, false)",
            name="ended_by_expiry",
        ),
        CheckConstraint("ended_at >= assigned_at", name="ended_at"),
        CheckConstraint("expires_at > assigned_at", name="expires_at"),
        CheckConstraint("ended_at <= expires_at", name="ended_before_expiry"),
        no_longer("reason", 500),
        CheckConstraint(
            "revoke_reason IS NULL OR (revoked_by_kind IS NOT NULL AND char_length(revoke_reason) BETWEEN 1 AND 500)",
            name="revoke_reason",
        ),
        Index(
            "uq_role_assignments_open",
            "user_id",
            "role_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_role_assignments_role_id_open",
            "role_id",
            "user_id",
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_role_assignments_user_id", "user_id", "assigned_at", "id"),
        Index("ix_role_assignments_role_id", "role_id", "assigned_at", "id"),
        Index("ix_role_assignments_assigned_at", "assigned_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=UUIDV7)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    role_id: Mapped[UUID] = mapped_column(ForeignKey("roles.id"))
    assigned_at: Mapped[datetime] = mapped_column(Moment)
    assigned_by_kind: Mapped[ActorKind] = mapped_column(Chosen(ActorKind))
    assigned_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str | None] = mapped_column(CText)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    # Null once ended: it expired.
    revoked_by_kind: Mapped[ActorKind | None] = mapped_column(Chosen(ActorKind))
    revoked_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    revoke_reason: Mapped[str | None] = mapped_column(CText)
