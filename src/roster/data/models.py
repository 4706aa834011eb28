"""The tables. What must hold is a named constraint here too; a name is stable by the convention in columns.py.

`*_fold` columns hold the fold of the text beside them (domain/text.py): they are what is compared and ordered.
Every text is COLLATE "C", so that the order is that of code points on every server.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    FetchedValue,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from roster.data.columns import UUIDV7, Base, Chosen, CText, Moment, no_longer, one_of
from roster.data.indexes import of_users
from roster.domain.actors import ActorKind
from roster.domain.events import EventType
from roster.domain.users import UserKind, UserStatus


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
        *of_users(),
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
    permissions: Mapped[tuple[str, ...]] = mapped_column(
        ARRAY(CText, as_tuple=True), server_default=text("'{}'")
    )
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
            postgresql_include=["expires_at"],  # so that holders are counted without a look at the table
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_role_assignments_expires_at_open", "expires_at", postgresql_where=text("ended_at IS NULL")),
        Index("ix_role_assignments_user_id", "user_id", "assigned_at", "id"),
        Index("ix_role_assignments_role_id", "role_id", "assigned_at", "id"),
        Index(
            "ix_role_assignments_role_id_assigned_at_open",
            "role_id",
            "assigned_at",
            "id",
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_role_assignments_assigned_at", "assigned_at", "id"),
        Index(
            "ix_role_assignments_assigned_at_open",
            "assigned_at",
            "id",
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_role_assignments_assigned_at_revoked",
            "assigned_at",
            "id",
            postgresql_where=text("revoked_by_kind IS NOT NULL"),
        ),
        Index(
            "ix_role_assignments_assigned_by_user_id",
            "assigned_by_user_id",
            "assigned_at",
            "id",
            postgresql_where=text("assigned_by_user_id IS NOT NULL"),
        ),
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


class EventRow(Base):
    """Append-only: the database refuses what would change or remove an event, but for the blanking of one erased.

    The order of the log is that of (epoch, transaction, sequence), which a trigger gives to what is inserted: the
    transaction is its own, or the last one that ended before, if that has a higher number.
    """

    __tablename__ = "events"
    __table_args__ = (
        one_of("type", EventType),
        one_of("actor_kind", ActorKind),
        CheckConstraint("(actor_kind = 'USER') = (actor_user_id IS NOT NULL)", name="actor"),
        CheckConstraint("(role_id IS NULL) = (role_key IS NULL)", name="role_key"),
        CheckConstraint("user_id IS NOT NULL OR role_id IS NOT NULL", name="subject"),
        CheckConstraint("jsonb_typeof(changes) = 'array'", name="changes"),
        no_longer("reason", 500),
        no_longer("request_id", 128),
        Index("uq_events_place", "epoch", "transaction", "sequence", unique=True),
        Index("ix_events_user_id", "user_id", "epoch", "transaction", "sequence"),
        Index("ix_events_role_id", "role_id", "epoch", "transaction", "sequence"),
        Index("ix_events_type", "type", "epoch", "transaction", "sequence"),
        Index("ix_events_at", "at"),
        Index("ix_events_actor_user_id", "actor_user_id", "epoch", "transaction", "sequence"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer, FetchedValue())
    transaction: Mapped[int] = mapped_column(BigInteger, FetchedValue())
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    type: Mapped[EventType] = mapped_column(Chosen(EventType))
    at: Mapped[datetime] = mapped_column(Moment)
    actor_kind: Mapped[ActorKind] = mapped_column(Chosen(ActorKind))
    actor_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    role_id: Mapped[UUID | None] = mapped_column(ForeignKey("roles.id"))
    role_key: Mapped[str | None] = mapped_column(CText)
    # [{"field": …, "before": …, "after": …}]
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    reason: Mapped[str | None] = mapped_column(CText)
    request_id: Mapped[str | None] = mapped_column(CText)


class EventEpochRow(Base):
    """The clusters that the log has lived in, one after the other. Transactions are numbered anew in each."""

    __tablename__ = "event_epochs"

    epoch: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    cluster: Mapped[str] = mapped_column(CText)


class ApiTokenRow(Base):
    __tablename__ = "api_tokens"
    __table_args__ = (
        CheckConstraint("octet_length(digest) = 32", name="digest"),
        no_longer("label", 100),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        CheckConstraint("revoked_at >= created_at", name="revoked_at"),
        Index("uq_api_tokens_digest", "digest", unique=True),
        Index("ix_api_tokens_owner_id", "owner_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    label: Mapped[str] = mapped_column(CText)
    # SHA-256 of the secret, which is kept nowhere.
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
