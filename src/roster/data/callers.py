"""Who calls: one statement finds a user by what was shown, and what the user may. Whoever is not ACTIVE is not found."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Uuid,
    and_,
    bindparam,
    func,
    join,
    literal_column,
    or_,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import aliased

from roster.data import users as user_data
from roster.data.columns import CText, Moment
from roster.data.connections import Asked, Reader
from roster.data.models import ApiTokenRow, RoleAssignmentRow, RoleRow, UserRow
from roster.data.scopes import NOW, in_scope, is_live
from roster.data.statements import AnyRow, AnySelect, Column, fixed
from roster.domain.actors import ActorKind
from roster.domain.assignments import IN_FORCE
from roster.domain.callers import Caller
from roster.domain.users import UserStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCaller:
    caller: Caller
    """`expires_at` is when the token or a role in force expires, and `assumption` what must hold of the caller until then."""

    token_id: UUID
    last_used_at: datetime | None
    expires_at: datetime
    assumption: Asked


def _versions_of(held: type[RoleAssignmentRow]) -> list[Column]:
    """How many roles are held, and the sum of their versions: as these only ever grow, it changes with each.

    Each is looked up: few hold so many that to read all roles would be quicker, though the planner thinks so.
    """
    version = select(RoleRow.version).where(RoleRow.id == held.role_id).correlate(held).scalar_subquery()
    return [func.count(), func.coalesce(func.sum(version), literal_column("0"))]


def _callers() -> AnySelect:
    """At the moment of the parameter `now`."""
    held, role = aliased(RoleAssignmentRow), aliased(RoleRow)

    def of_roles_in_force(what: Column) -> AnySelect:
        return (
            select(what)
            .select_from(join(held, role, role.id == held.role_id))
            .where(held.user_id == UserRow.id, in_scope(IN_FORCE, held))
            .correlate(UserRow)
        )

    def array_of(what: Column, kind: Any) -> Column:  # noqa: ANN401 -- a type of SQLAlchemy's
        return func.array(of_roles_in_force(what).scalar_subquery(), type_=ARRAY(kind))

    def scalar_of(what: Column, kind: Any) -> Column:  # noqa: ANN401 -- a type of SQLAlchemy's
        return type_coerce(of_roles_in_force(what).scalar_subquery(), kind)

    return select(
        *user_data.COLUMNS,
        array_of(role.id, Uuid).label("role_ids"),
        array_of(func.unnest(role.permissions), CText).label("permissions"),
        scalar_of(array(_versions_of(held)), ARRAY(BigInteger)).label("role_versions"),
        scalar_of(func.min(held.expires_at), Moment).label("first_expiry"),
    )


_BY_TOKEN = fixed(
    _callers()
    .add_columns(ApiTokenRow.id.label("token_id"), ApiTokenRow.last_used_at, ApiTokenRow.expires_at)
    .join(ApiTokenRow, ApiTokenRow.owner_id == UserRow.id)
    .where(
        UserRow.status == literal_column(f"'{UserStatus.ACTIVE}'"),
        ApiTokenRow.digest == bindparam("digest"),
        ApiTokenRow.revoked_at.is_(None),
        ApiTokenRow.expires_at > NOW,
    )
)
# Answers a row if the owner of the token is still what it was.
_IS_STILL = fixed(
    select(ApiTokenRow.id)
    .join(UserRow, ApiTokenRow.owner_id == UserRow.id)
    .where(
        ApiTokenRow.digest == bindparam("digest"),
        ApiTokenRow.revoked_at.is_(None),
        UserRow.version == bindparam("version"),
        # One by one: an array takes longer to write than the rest of it together.
        tuple_(bindparam("roles", type_=BigInteger), bindparam("role_versions", type_=BigInteger))
        == select(*_versions_of(RoleAssignmentRow))
        .where(RoleAssignmentRow.user_id == UserRow.id, in_scope(IN_FORCE))
        .correlate(UserRow)
        .scalar_subquery(),
    )
)
_HAS_SUBJECT = UserRow.external_id == bindparam("subject")
_HAS_EMAIL = and_(UserRow.external_id.is_(None), UserRow.email == bindparam("email"))
_ONE_LIVE = _callers().where(is_live(UserRow)).order_by(UserRow.external_id.asc()).limit(1)
_BY_SUBJECT = fixed(_ONE_LIVE.where(_HAS_SUBJECT))
_BY_SUBJECT_OR_EMAIL = fixed(_ONE_LIVE.where(or_(_HAS_SUBJECT, _HAS_EMAIL)))


async def by_token(reader: Reader, digest: bytes, now: datetime) -> TokenCaller | None:
    """The owner of a token that is neither revoked nor expired."""
    row = (await reader.execute(_BY_TOKEN, {"digest": digest, "now": now})).one_or_none()
    if row is None:
        return None
    caller = _caller(row)
    roles, role_versions = row.role_versions
    still = {
        "digest": digest,
        "version": row.version,
        "now": now,
        "roles": roles,
        "role_versions": role_versions,
    }
    return TokenCaller(
        caller=caller,
        token_id=row.token_id,
        last_used_at=row.last_used_at,
        expires_at=min(row.expires_at, row.first_expiry or row.expires_at),
        assumption=(_IS_STILL, still),
    )


async def by_subject(reader: Reader, subject: str, email: str | None, now: datetime) -> Caller | None:
    """Whose externalId the subject is; if it is nobody's and there is an email, who has that and no externalId.

    One who is shut out by the one is not let in by the other.
    """
    statement = _BY_SUBJECT if email is None else _BY_SUBJECT_OR_EMAIL
    parameters = {"subject": subject, "now": now, **({"email": email} if email is not None else {})}
    row = (await reader.execute(statement, parameters)).one_or_none()
    return _caller(row) if row is not None and row.status is UserStatus.ACTIVE else None


def _caller(row: AnyRow) -> Caller:
    return Caller(
        kind=ActorKind.USER,
        user=user_data.record(row),
        permissions=frozenset(row.permissions),
        role_ids=frozenset(row.role_ids),
    )
