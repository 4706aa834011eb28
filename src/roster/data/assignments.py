"""The statements of role assignments."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, func, insert, literal, literal_column, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from roster.data.columns import Moment
from roster.data.connections import Asked, Reader, Rows, Writer
from roster.data.filters import Conditions
from roster.data.forms import Form, Matcher, once_a_form
from roster.data.models import RoleAssignmentRow, UserRow
from roster.data.operators import one_of_given_ids, one_of_ids
from roster.data.pages import (
    Ordered,
    Shape,
    SortKey,
    count_statement,
    count_up_to,
    counts_up_to,
    fetch_page,
    fetch_pages,
    page_statement,
    with_id,
)
from roster.data.scopes import in_scope
from roster.data.statements import AnyCompound, AnyRow, AnySelect, Column, fixed
from roster.domain.actors import Actor
from roster.domain.assignments import IN_FORCE, Change, RoleAssignment
from roster.domain.filters import AssignmentSelection
from roster.domain.pages import AssignmentOrderField, Page, PageRequest
from roster.domain.users import UserStatus

COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    RoleAssignmentRow.id,
    RoleAssignmentRow.user_id,
    RoleAssignmentRow.role_id,
    RoleAssignmentRow.assigned_at,
    RoleAssignmentRow.assigned_by_kind,
    RoleAssignmentRow.assigned_by_user_id,
    RoleAssignmentRow.reason,
    RoleAssignmentRow.expires_at,
    RoleAssignmentRow.ended_at,
    RoleAssignmentRow.revoked_by_kind,
    RoleAssignmentRow.revoked_by_user_id,
    RoleAssignmentRow.revoke_reason,
)


def _assignment(row: AnyRow) -> RoleAssignment:
    return RoleAssignment(
        id=row.id,
        user_id=row.user_id,
        role_id=row.role_id,
        assigned_at=row.assigned_at,
        assigned_by=Actor(kind=row.assigned_by_kind, user_id=row.assigned_by_user_id),
        reason=row.reason,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        revoked_by=row.revoked_by_kind and Actor(kind=row.revoked_by_kind, user_id=row.revoked_by_user_id),
        revoke_reason=row.revoke_reason,
    )


_BY_IDS = fixed(select(*COLUMNS).where(one_of_given_ids(RoleAssignmentRow.id)))
_OPEN = select(*COLUMNS).where(RoleAssignmentRow.ended_at.is_(None))
_OPEN_OF_USERS = fixed(_OPEN.where(one_of_given_ids(RoleAssignmentRow.user_id)))
_OPEN_OF_ROLE = fixed(_OPEN.where(RoleAssignmentRow.role_id == bindparam("role_id")))
_HOLDER_COUNTS = fixed(
    select(RoleAssignmentRow.role_id, func.count())
    .where(one_of_given_ids(RoleAssignmentRow.role_id), in_scope(IN_FORCE))
    .group_by(RoleAssignmentRow.role_id)
)
_LASTING_HOLDER_COUNTS = fixed(
    select(RoleAssignmentRow.role_id, func.count())
    .join(UserRow, UserRow.id == RoleAssignmentRow.user_id)
    .where(
        one_of_given_ids(RoleAssignmentRow.role_id),
        RoleAssignmentRow.ended_at.is_(None),
        RoleAssignmentRow.expires_at.is_(None),
        UserRow.status == literal_column(f"'{UserStatus.ACTIVE}'"),
    )
    .group_by(RoleAssignmentRow.role_id)
)
_ADD = fixed(insert(RoleAssignmentRow), writes=tuple(column.key for column in COLUMNS))

_ORDERED = Ordered(
    keys=with_id([SortKey(expression=RoleAssignmentRow.assigned_at, nullable=False)], RoleAssignmentRow.id),
    record=_assignment,
    columns=COLUMNS,
)


async def by_ids(reader: Reader, ids: Sequence[UUID]) -> Mapping[UUID, RoleAssignment]:
    rows = await reader.execute(_BY_IDS, {"ids": ids})
    return {row.id: _assignment(row) for row in rows}


def _selected(form: Form[AssignmentSelection]) -> AnySelect:
    which = form.which
    statement = select(*COLUMNS).where(in_scope(which.scope))
    return (
        statement if which.filter is None else statement.where(Conditions.of(form).assignments(which.filter))
    )


def _of_user(form: Form[AssignmentSelection], user_id: Column) -> AnySelect:
    return _selected(form).where(RoleAssignmentRow.user_id == user_id)


def _of_role(form: Form[AssignmentSelection], role_id: Column) -> AnySelect:
    return _selected(form).where(RoleAssignmentRow.role_id == role_id)


async def page(
    reader: Reader,
    which: AssignmentSelection,
    matcher: Matcher,
    request: PageRequest[AssignmentOrderField],
) -> Page[RoleAssignment]:
    form, values = matcher.form(which)
    return await fetch_page(reader, _page(form, Shape.of(request)), request, _ORDERED, **values)


@once_a_form
def _page(form: Form[AssignmentSelection], shape: Shape) -> AnySelect | AnyCompound:
    return page_statement(_selected(form), _ORDERED.keys, shape)


async def count(reader: Reader, which: AssignmentSelection, matcher: Matcher, cap: int) -> int:
    form, values = matcher.form(which)
    return await count_up_to(reader, _count(form), cap, **values)


@once_a_form
def _count(form: Form[AssignmentSelection]) -> AnySelect:
    return count_statement(_selected(form))


async def pages_by_users(
    reader: Reader,
    user_ids: Sequence[UUID],
    which: AssignmentSelection,
    matcher: Matcher,
    request: PageRequest[AssignmentOrderField],
) -> Mapping[UUID, Page[RoleAssignment]]:
    form, values = matcher.form(which)
    return await fetch_pages(reader, user_ids, partial(_of_user, form), request, _ORDERED, **values)


async def counts_by_users(
    reader: Reader, user_ids: Sequence[UUID], which: AssignmentSelection, matcher: Matcher, cap: int
) -> Mapping[UUID, int]:
    form, values = matcher.form(which)
    return await counts_up_to(reader, user_ids, partial(_of_user, form), cap, **values)


async def pages_by_roles(
    reader: Reader,
    role_ids: Sequence[UUID],
    which: AssignmentSelection,
    matcher: Matcher,
    request: PageRequest[AssignmentOrderField],
) -> Mapping[UUID, Page[RoleAssignment]]:
    form, values = matcher.form(which)
    return await fetch_pages(reader, role_ids, partial(_of_role, form), request, _ORDERED, **values)


async def counts_by_roles(
    reader: Reader, role_ids: Sequence[UUID], which: AssignmentSelection, matcher: Matcher, cap: int
) -> Mapping[UUID, int]:
    form, values = matcher.form(which)
    return await counts_up_to(reader, role_ids, partial(_of_role, form), cap, **values)


async def holder_counts(
    reader: Reader | Writer, role_ids: Sequence[UUID], now: datetime
) -> Mapping[UUID, int]:
    """How many users, whatever their status, hold each role now."""
    found = dict(await reader.execute(_HOLDER_COUNTS, {"ids": role_ids, "now": now}))
    return {role_id: found.get(role_id, 0) for role_id in role_ids}


async def lasting_holder_counts(reader: Reader | Writer, role_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """How many ACTIVE users hold each role without expiry: those that `min_holders` counts."""
    found = dict(await reader.execute(_LASTING_HOLDER_COUNTS, {"ids": role_ids}))
    return {role_id: found.get(role_id, 0) for role_id in role_ids}


async def open_of_users(writer: Writer, user_ids: Sequence[UUID]) -> Sequence[RoleAssignment]:
    """What has not been ended, expired or not. Stable once the users are locked."""
    return records([await writer.execute(*asking_for_open(user_ids))])


def asking_for_open(user_ids: Sequence[UUID]) -> Asked:
    """What `open_of_users` asks, to be asked with more in one round trip."""
    return _OPEN_OF_USERS, {"ids": user_ids}


def records(answers: Iterable[Rows]) -> Sequence[RoleAssignment]:
    return [_assignment(row) for rows in answers for row in rows]


async def open_of_role(writer: Writer, role_id: UUID) -> Sequence[RoleAssignment]:
    """What has not been ended, expired or not. Stable once the role is locked to change it."""
    return [_assignment(row) for row in await writer.execute(_OPEN_OF_ROLE, {"role_id": role_id})]


async def add(writer: Writer, assignments: Sequence[RoleAssignment]) -> None:
    if assignments:
        await writer.send(_ADD, [values(given) for given in assignments])


def values(given: RoleAssignment) -> dict[str, Any]:
    """The row of the assignment."""
    return {
        "id": given.id,
        "user_id": given.user_id,
        "role_id": given.role_id,
        "assigned_at": given.assigned_at,
        "assigned_by_kind": given.assigned_by.kind,
        "assigned_by_user_id": given.assigned_by.user_id,
        "reason": given.reason,
        "expires_at": given.expires_at,
        "ended_at": given.ended_at,
        "revoked_by_kind": given.revoked_by and given.revoked_by.kind,
        "revoked_by_user_id": given.revoked_by and given.revoked_by.user_id,
        "revoke_reason": given.revoke_reason,
    }


async def set_expiries(writer: Writer, expiries: Mapping[UUID, datetime | None]) -> None:
    """Gives each assignment its new expiry, or none."""
    if expiries:
        new = select(
            func.unnest(literal(list(expiries), ARRAY(Uuid))).label("id"),
            func.unnest(literal(list(expiries.values()), ARRAY(Moment))).label("expires_at"),
        ).subquery()
        await writer.send(
            update(RoleAssignmentRow)
            .where(RoleAssignmentRow.id == new.c.id)
            .values(expires_at=new.c.expires_at)
        )


async def close_expired(writer: Writer, ids: Sequence[UUID]) -> None:
    """Ends each at its expiry, so that the role can be held anew and history stays true."""
    if ids:
        await writer.send(
            update(RoleAssignmentRow)
            .where(one_of_ids(RoleAssignmentRow.id, ids))
            .values(ended_at=RoleAssignmentRow.expires_at)
        )


async def expired_before(writer: Writer, moment: datetime, limit: int) -> Sequence[RoleAssignment]:
    """Those that are open though they expired before the moment, the first that did first."""
    statement = (
        select(*COLUMNS)
        .where(RoleAssignmentRow.ended_at.is_(None), RoleAssignmentRow.expires_at < moment)
        .order_by(RoleAssignmentRow.expires_at)
        .limit(limit)
    )
    return [_assignment(row) for row in await writer.execute(statement)]


async def revoke(writer: Writer, ids: Sequence[UUID], change: Change) -> None:
    if ids:
        await writer.send(
            update(RoleAssignmentRow)
            .where(one_of_ids(RoleAssignmentRow.id, ids))
            .values(
                ended_at=change.at,
                revoked_by_kind=change.by.kind,
                revoked_by_user_id=change.by.user_id,
                revoke_reason=change.reason,
            )
        )
