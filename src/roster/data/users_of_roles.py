"""The statements of the users who hold each of some roles now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, and_, any_, exists, func, literal, not_, select
from sqlalchemy.dialects.postgresql import ARRAY

from roster.data import users
from roster.data.connections import Reader
from roster.data.forms import Form, Matcher
from roster.data.models import RoleAssignmentRow, UserRow
from roster.data.pages import counts_up_to, fetch_pages
from roster.data.scopes import in_scope, is_rare
from roster.data.statements import AnySelect, Column
from roster.domain.assignments import IN_FORCE
from roster.domain.filters import UserSelection
from roster.domain.pages import Page, PageRequest, UserOrderField
from roster.domain.users import User


def _holders(form: Form[UserSelection], role_id: Column) -> AnySelect:
    """Looks up the user for each who holds the role: so it ends as soon as enough are counted."""
    user = users.selected(form).where(UserRow.id == RoleAssignmentRow.user_id).offset(0)
    held = and_(RoleAssignmentRow.role_id == role_id, in_scope(IN_FORCE))
    return select(RoleAssignmentRow.id).where(held, exists(user.correlate(RoleAssignmentRow)))


def _held_by(role_id: Column) -> Sequence[ColumnElement[bool]]:
    """Of a role that few ever held its holders are fetched; else it is looked up for each user in turn."""
    held = and_(RoleAssignmentRow.role_id == role_id, in_scope(IN_FORCE))
    rare = is_rare(role_id)
    holders = select(RoleAssignmentRow.user_id).where(held).correlate_except(RoleAssignmentRow)
    holds = select(literal(1)).where(held, RoleAssignmentRow.user_id == UserRow.id).offset(0)
    return (
        and_(rare, UserRow.id == any_(func.array(holders.scalar_subquery(), type_=ARRAY(Uuid)))),
        and_(not_(rare), exists(holds.correlate_except(RoleAssignmentRow))),
    )


async def pages(
    reader: Reader,
    role_ids: Sequence[UUID],
    which: UserSelection,
    matcher: Matcher,
    request: PageRequest[UserOrderField],
) -> Mapping[UUID, Page[User]]:
    """A page of the users who hold each role now."""
    form, values = matcher.form(which)
    base, ordered = users.selected(form), replace(users.ordered(request.order), parts=_held_by)
    return await fetch_pages(reader, role_ids, lambda _: base, request, ordered, **values)


async def counts(
    reader: Reader, role_ids: Sequence[UUID], which: UserSelection, matcher: Matcher, cap: int
) -> Mapping[UUID, int]:
    form, values = matcher.form(which)
    return await counts_up_to(reader, role_ids, partial(_holders, form), cap, **values)
