"""Who calls: one statement finds a user by what was shown, and what the user may. Whoever is not ACTIVE is not found."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, and_, func, join, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from roster.data import users as user_data
from roster.data.columns import CText
from roster.data.db import Reader
from roster.data.models import ApiTokenRow, RoleAssignmentRow, RoleRow, UserRow
from roster.data.scopes import in_scope, is_live
from roster.data.statements import AnyRow, AnySelect, Column
from roster.domain.actors import ActorKind
from roster.domain.assignments import IN_FORCE
from roster.domain.callers import Caller
from roster.domain.users import UserStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCaller:
    caller: Caller
    token_id: UUID
    last_used_at: datetime | None


async def by_token(reader: Reader, digest: bytes, now: datetime) -> TokenCaller | None:
    """The owner of a token that is neither revoked nor expired."""
    statement = (
        _callers(now)
        .add_columns(ApiTokenRow.id.label("token_id"), ApiTokenRow.last_used_at)
        .join(ApiTokenRow, ApiTokenRow.owner_id == UserRow.id)
        .where(
            UserRow.status == UserStatus.ACTIVE,
            ApiTokenRow.digest == digest,
            ApiTokenRow.revoked_at.is_(None),
            ApiTokenRow.expires_at > now,
        )
    )
    row = (await reader.execute(statement)).one_or_none()
    if row is None:
        return None
    return TokenCaller(caller=_caller(row), token_id=row.token_id, last_used_at=row.last_used_at)


async def by_subject(reader: Reader, subject: str, email: str | None, now: datetime) -> Caller | None:
    """Whose externalId the subject is; if it is nobody's and there is an email, who has that and no externalId.

    One who is shut out by the one is not let in by the other.
    """
    named: ColumnElement[bool] = UserRow.external_id == subject
    if email is not None:
        named = or_(named, and_(UserRow.external_id.is_(None), UserRow.email == email))
    statement = _callers(now).where(named, is_live(UserRow)).order_by(UserRow.external_id.asc()).limit(1)
    row = (await reader.execute(statement)).one_or_none()
    return _caller(row) if row is not None and row.status is UserStatus.ACTIVE else None


def _callers(now: datetime) -> AnySelect:
    held, role = aliased(RoleAssignmentRow), aliased(RoleRow)

    def of_roles_in_force(what: Column) -> AnySelect:
        return (
            select(what)
            .select_from(join(held, role, role.id == held.role_id))
            .where(held.user_id == UserRow.id, in_scope(IN_FORCE, now, held))
            .correlate(UserRow)
        )

    def array_of(what: Column, kind: Any) -> Column:  # noqa: ANN401 -- a type of SQLAlchemy's
        return func.array(of_roles_in_force(what).scalar_subquery(), type_=ARRAY(kind))

    return select(
        *user_data.COLUMNS,
        array_of(role.id, Uuid).label("role_ids"),
        array_of(func.unnest(role.permissions), CText).label("permissions"),
    )


def _caller(row: AnyRow) -> Caller:
    return Caller(
        kind=ActorKind.USER,
        user=user_data.record(row),
        permissions=frozenset(row.permissions),
        role_ids=frozenset(row.role_ids),
    )
