"""The statements of users."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Uuid,
    and_,
    any_,
    exists,
    false,
    func,
    insert,
    literal,
    not_,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from roster.data.columns import CText
from roster.data.db import Reader, Writer
from roster.data.filters import Matcher
from roster.data.models import RoleAssignmentRow, UserRow
from roster.data.operators import one_of_ids, one_of_texts
from roster.data.pages import (
    Ordered,
    Parts,
    SortKey,
    count_up_to,
    counts_up_to,
    directed,
    fetch_page,
    fetch_pages,
    with_id,
)
from roster.data.row_locks import in_id_order
from roster.data.scopes import in_scope, is_gone, is_live, is_rare
from roster.data.statements import AnyRow, AnySelect, Column
from roster.domain.assignments import IN_FORCE
from roster.domain.filters import UserSelection
from roster.domain.pages import Page, PageRequest, UserOrderField
from roster.domain.text import fold
from roster.domain.users import LIVE_STATUSES, User, UserKey, UserRef, UserStatus

COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    UserRow.id,
    UserRow.kind,
    UserRow.email,
    UserRow.email_verified_at,
    UserRow.username,
    UserRow.first_name,
    UserRow.last_name,
    UserRow.display_name,
    UserRow.display_name_given,
    UserRow.phone,
    UserRow.locale,
    UserRow.timezone,
    UserRow.avatar_url,
    UserRow.external_id,
    UserRow.attributes,
    UserRow.status,
    UserRow.version,
    UserRow.created_at,
    UserRow.updated_at,
)
_NAMES = tuple(column.key for column in COLUMNS)
_fields_of = attrgetter(*_NAMES)
# Names repeat: a million sample users share some thousands.
_fold_of_name = lru_cache(maxsize=8192)(fold)

_SORT_KEYS: Mapping[UserOrderField, SortKey] = {
    UserOrderField.CREATED_AT: SortKey(expression=UserRow.created_at, nullable=False),
    UserOrderField.UPDATED_AT: SortKey(expression=UserRow.updated_at, nullable=False),
    UserOrderField.EMAIL: SortKey(expression=UserRow.email, nullable=True),
    UserOrderField.USERNAME: SortKey(expression=UserRow.username, nullable=True),
    UserOrderField.DISPLAY_NAME: SortKey(expression=UserRow.display_name_fold, nullable=False),
    UserOrderField.FIRST_NAME: SortKey(expression=UserRow.first_name_fold, nullable=True),
    UserOrderField.LAST_NAME: SortKey(expression=UserRow.last_name_fold, nullable=True),
    UserOrderField.STATUS: SortKey(expression=type_coerce(UserRow.status, CText), nullable=False),
}


def record(row: AnyRow) -> User:
    values = row._mapping  # noqa: SLF001 -- SQLAlchemy's public name for it
    return User(**{name: values[name] for name in _NAMES})


async def by_ids(reader: Reader | Writer, ids: Sequence[UUID]) -> Mapping[UUID, User]:
    rows = await reader.execute(select(*COLUMNS).where(one_of_ids(UserRow.id, ids)))
    return {row.id: record(row) for row in rows}


async def by_refs(reader: Reader | Writer, refs: Sequence[UserRef]) -> Mapping[UserRef, User]:
    """Whom the references find; one statement for each kind of reference among them."""
    found: dict[UserRef, User] = {}
    for key in dict.fromkeys(ref.key for ref in refs):
        values = [ref.value for ref in refs if ref.key is key]
        for row in await reader.execute(select(*COLUMNS).where(_named_by(key, values))):
            user = record(row)
            found[UserRef(key=key, value=getattr(user, key.value))] = user
    return found


def _named_by(key: UserKey, values: Sequence[Any]) -> ColumnElement[bool]:
    if key is UserKey.ID:
        return one_of_ids(UserRow.id, values)
    return one_of_texts(getattr(UserRow, key.value), values) & is_live(UserRow)


def _selected(which: UserSelection, matcher: Matcher) -> AnySelect:
    statement = select(*COLUMNS)
    if not which.include_archived:
        statement = statement.where(is_live(UserRow))
    return statement if which.filter is None else statement.where(matcher.users(which.filter))


def _holders(which: UserSelection, matcher: Matcher, role_id: Column) -> AnySelect:
    """Looks up the user for each who holds the role: so it ends as soon as enough are counted."""
    user = _selected(which, matcher).where(UserRow.id == RoleAssignmentRow.user_id).offset(0)
    held = and_(RoleAssignmentRow.role_id == role_id, in_scope(IN_FORCE, matcher.now))
    return select(RoleAssignmentRow.id).where(held, exists(user.correlate(RoleAssignmentRow)))


def _held_by(matcher: Matcher, role_id: Column) -> Sequence[ColumnElement[bool]]:
    """Of a role that few ever held its holders are fetched; else it is looked up for each user in turn."""
    held = and_(RoleAssignmentRow.role_id == role_id, in_scope(IN_FORCE, matcher.now))
    rare = is_rare(role_id)
    holders = select(RoleAssignmentRow.user_id).where(held).correlate_except(RoleAssignmentRow)
    holds = select(literal(1)).where(held, RoleAssignmentRow.user_id == UserRow.id).offset(0)
    return (
        and_(rare, UserRow.id == any_(func.array(holders.scalar_subquery(), type_=ARRAY(Uuid)))),
        and_(not_(rare), exists(holds.correlate_except(RoleAssignmentRow))),
    )


def _ordered(request: PageRequest[UserOrderField], parts: Parts) -> Ordered[User]:
    keys = [directed(_SORT_KEYS[key.field], key) for key in request.order]
    return Ordered(keys=with_id(keys, UserRow.id), record=record, parts=parts)


def _parts(which: UserSelection, _: Column) -> Sequence[ColumnElement[bool]]:
    """A status that few have, or users whom a list includes that leaves them out by default, have indexes of their own."""
    if which.filter is not None and which.filter.status is not None:
        listed = UserStatus if which.include_archived else LIVE_STATUSES
        return [UserRow.status == status for status in listed if status in which.filter.status] or [false()]
    return [is_live(UserRow), is_gone(UserRow)] if which.include_archived else [true()]


async def page(
    reader: Reader, which: UserSelection, matcher: Matcher, request: PageRequest[UserOrderField]
) -> Page[User]:
    return await fetch_page(
        reader, _selected(which, matcher), request, _ordered(request, partial(_parts, which))
    )


async def count(reader: Reader, which: UserSelection, matcher: Matcher, cap: int) -> int:
    return await count_up_to(reader, _selected(which, matcher), cap)


async def pages_by_roles(
    reader: Reader,
    role_ids: Sequence[UUID],
    which: UserSelection,
    matcher: Matcher,
    request: PageRequest[UserOrderField],
) -> Mapping[UUID, Page[User]]:
    """A page of the users who hold each role now."""
    parts = partial(_held_by, matcher)
    base = _selected(which, matcher)
    return await fetch_pages(reader, role_ids, lambda _: base, request, _ordered(request, parts))


async def counts_by_roles(
    reader: Reader, role_ids: Sequence[UUID], which: UserSelection, matcher: Matcher, cap: int
) -> Mapping[UUID, int]:
    return await counts_up_to(reader, role_ids, partial(_holders, which, matcher), cap)


async def lock(
    writer: Writer, *, alone: Collection[UUID] = (), shared: Collection[UUID] = ()
) -> Mapping[UUID, User]:
    """The users as they are now, kept so until the transaction ends. Locked in id order, after any roles.

    `shared` among all who only rely on them; `alone` to change a user or what it holds.
    """
    statement = in_id_order(alone, shared, _locked)
    return {} if statement is None else {row.id: record(row) for row in await writer.execute(statement)}


def _locked(ids: Sequence[UUID], alone: bool, *, skip_locked: bool = False) -> AnySelect:  # noqa: FBT001 -- one of two ways
    statement = select(*COLUMNS).where(one_of_ids(UserRow.id, ids)).order_by(UserRow.id)
    return statement.with_for_update(read=not alone, key_share=alone, skip_locked=skip_locked)


async def lock_free(writer: Writer, ids: Sequence[UUID]) -> Mapping[UUID, User]:
    """Alone, but for those that somebody else has locked, who are left out."""
    statement = _locked(ids, alone=True, skip_locked=True)
    return {row.id: record(row) for row in await writer.execute(statement)}


async def add(writer: Writer, user: User) -> None:
    await writer.execute(insert(UserRow).values(**values(user)))


async def change(writer: Writer, user: User) -> None:
    """Writes the user over its row."""
    await writer.execute(update(UserRow).where(UserRow.id == user.id).values(**values(user)))


async def touch(
    writer: Writer, ids: Sequence[UUID], moment: datetime, *, status: UserStatus | None = None
) -> Mapping[UUID, User]:
    """One version more for each user, and the status if one is given; answers the users as they are then."""
    statement = (
        update(UserRow)
        .where(one_of_ids(UserRow.id, ids))
        .values(version=UserRow.version + 1, updated_at=moment, **({"status": status} if status else {}))
        .returning(*COLUMNS)
    )
    return {row.id: record(row) for row in await writer.execute(statement)}


def values(user: User) -> dict[str, Any]:
    """The row of the user."""
    first, last = (name and _fold_of_name(name) for name in (user.first_name, user.last_name))
    shown = _fold_of_name(user.display_name)
    return {
        **dict(zip(_NAMES, _fields_of(user), strict=True)),
        "first_name_fold": first,
        "last_name_fold": last,
        "display_name_fold": shown,
        # An address and a username are their own folds.
        "search_fold": "\n".join(filter(None, (first, last, shown, user.email, user.username))),
    }
