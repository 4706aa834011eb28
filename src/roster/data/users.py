"""The statements of users."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    bindparam,
    false,
    insert,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from roster.data.columns import CText
from roster.data.connections import Asked, Reader, Rows, Writer
from roster.data.filters import Conditions
from roster.data.forms import Form, Matcher, once_a_form
from roster.data.models import UserRow
from roster.data.operators import one_of_given_ids, one_of_given_texts
from roster.data.pages import (
    Ordered,
    Shape,
    SortKey,
    count_statement,
    count_up_to,
    directed,
    fetch_page,
    page_statement,
    with_id,
)
from roster.data.records import maker
from roster.data.row_locks import ToLock, in_id_order
from roster.data.scopes import is_gone, is_live
from roster.data.statements import AnyCompound, AnySelect, Column, fixed
from roster.domain.filters import UserSelection
from roster.domain.pages import OrderKey, Page, PageRequest, UserOrderField
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
NAMES = tuple(column.key for column in COLUMNS)
_fields_of = attrgetter(*NAMES)
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


record = maker(User, *NAMES)
_BY_IDS = fixed(select(*COLUMNS).where(one_of_given_ids(UserRow.id)))


def named_by(columns: Sequence[Column]) -> Mapping[UserKey, AnySelect]:
    """Whom the values of the parameter `values` name, by what kind of value they are."""
    users = select(*columns)
    return {
        UserKey.ID: fixed(users.where(one_of_given_ids(UserRow.id, "values"))),
        **{
            key: fixed(users.where(one_of_given_texts(getattr(UserRow, key), "values"), is_live(UserRow)))
            for key in (UserKey.EMAIL, UserKey.USERNAME, UserKey.EXTERNAL_ID)
        },
    }


_BY_KEY = named_by(COLUMNS)
_LOCKING_FREE = fixed(_BY_IDS.order_by(UserRow.id).with_for_update(key_share=True, skip_locked=True))
_ROW = (*NAMES, "first_name_fold", "last_name_fold", "display_name_fold", "search_fold")
_TOUCHED = (
    update(UserRow)
    .where(one_of_given_ids(UserRow.id))
    .values(version=UserRow.version + 1, updated_at=bindparam("moment"))
)
_TOUCH = fixed(_TOUCHED)
_SET_STATUS = fixed(_TOUCHED.values(status=bindparam("new_status")))
_ADD = fixed(insert(UserRow), writes=_ROW)
_CHANGE = fixed(update(UserRow).where(UserRow.id == bindparam("changed_id")), writes=_ROW)


async def by_ids(reader: Reader | Writer, ids: Sequence[UUID]) -> Mapping[UUID, User]:
    rows = await reader.execute(_BY_IDS, {"ids": ids})
    return {row.id: record(row) for row in rows}


async def by_refs(reader: Reader | Writer, refs: Sequence[UserRef]) -> Mapping[UserRef, User]:
    """Whom the references find; one statement for each kind of reference among them."""
    return found_by(refs, await reader.execute_all(asking_for(refs)))


def asking_for(refs: Sequence[UserRef]) -> list[Asked]:
    """What `by_refs` asks, to be asked with more in one round trip."""
    return [
        (_BY_KEY[key], {"values": [ref.value for ref in refs if ref.key is key]}) for key in _keys_of(refs)
    ]


def found_by(refs: Sequence[UserRef], answers: Iterable[Rows]) -> Mapping[UserRef, User]:
    users = ((key, record(row)) for key, rows in zip(_keys_of(refs), answers, strict=True) for row in rows)
    return {UserRef(key=key, value=getattr(user, key.value)): user for key, user in users}


def _keys_of(refs: Sequence[UserRef]) -> list[UserKey]:
    return list(dict.fromkeys(ref.key for ref in refs))


def selected(form: Form[UserSelection], columns: Sequence[Column] = COLUMNS) -> AnySelect:
    """Who is in a list."""
    which, statement = form.which, select(*columns)
    if not which.include_archived:
        statement = statement.where(is_live(UserRow))
    return statement if which.filter is None else statement.where(Conditions.of(form).users(which.filter))


@lru_cache(maxsize=256)
def ordered(order: tuple[OrderKey[UserOrderField], ...]) -> Ordered[User]:
    keys = [directed(_SORT_KEYS[key.field], key) for key in order]
    return Ordered(keys=with_id(keys, UserRow.id), record=record, columns=COLUMNS)


def _parts(which: UserSelection) -> Sequence[ColumnElement[bool]]:
    """A status that few have, or users whom a list includes that leaves them out by default, have indexes of their own."""
    if which.filter is not None and which.filter.status is not None:
        listed = UserStatus if which.include_archived else LIVE_STATUSES
        return [UserRow.status == status for status in listed if status in which.filter.status] or [false()]
    return [is_live(UserRow), is_gone(UserRow)] if which.include_archived else [true()]


async def page(
    reader: Reader, which: UserSelection, matcher: Matcher, request: PageRequest[UserOrderField]
) -> Page[User]:
    form, values = matcher.form(which)
    statement = (_page_of_all if which.filter is None else _page)(form, Shape.of(request))
    return await fetch_page(reader, statement, request, ordered(request.order), **values)


def page_of(
    form: Form[UserSelection], shape: Shape, columns: Sequence[Column] = COLUMNS
) -> AnySelect | AnyCompound:
    """The statement of a page of the selected users."""
    return page_statement(selected(form, columns), ordered(shape.order).keys, shape, _parts(form.which))


@once_a_form
def _page(form: Form[UserSelection], shape: Shape) -> AnySelect | AnyCompound:
    return page_of(form, shape)


@lru_cache(maxsize=256)
def _page_of_all(form: Form[UserSelection], shape: Shape) -> AnySelect | AnyCompound:
    return fixed(page_of(form, shape))


async def count(reader: Reader, which: UserSelection, matcher: Matcher, cap: int) -> int:
    form, values = matcher.form(which)
    return await count_up_to(reader, _count(form), cap, **values)


@once_a_form
def _count(form: Form[UserSelection]) -> AnySelect:
    return count_statement(selected(form))


def locking(users: ToLock) -> list[Asked]:
    """What locks the users until the transaction ends, in id order, and answers them as they are then.

    They are locked alone to change a user or what it holds.
    """
    return in_id_order(users, _locked)


def _locked(ids: str, alone: bool) -> AnySelect:  # noqa: FBT001 -- one of two ways
    statement = select(*COLUMNS).where(one_of_given_ids(UserRow.id, ids)).order_by(UserRow.id)
    return statement.with_for_update(read=not alone, key_share=alone)


def records_by_id(answers: Iterable[Rows]) -> Mapping[UUID, User]:
    return {row.id: record(row) for rows in answers for row in rows}


async def lock_free(writer: Writer, ids: Sequence[UUID]) -> Mapping[UUID, User]:
    """Alone, but for those that somebody else has locked, who are left out."""
    return {row.id: record(row) for row in await writer.execute(_LOCKING_FREE, {"ids": ids})}


async def add(writer: Writer, user: User) -> None:
    await writer.send(_ADD, values(user))


async def change(writer: Writer, user: User) -> None:
    """Writes the user over its row."""
    await writer.send(_CHANGE, {**values(user), "changed_id": user.id})


async def touch(
    writer: Writer, users: Iterable[User], moment: datetime, *, status: UserStatus | None = None
) -> Mapping[UUID, User]:
    """One version more for each user, and the status if one is given; answers the users as they are then.

    They are locked alone, so that it is known how they are.
    """
    after = {
        user.id: replace(user, status=status or user.status, version=user.version + 1, updated_at=moment)
        for user in users
    }
    parameters: dict[str, Any] = {"ids": list(after), "moment": moment}
    if status:
        await writer.send(_SET_STATUS, parameters | {"new_status": status})
    else:
        await writer.send(_TOUCH, parameters)
    return after


def values(user: User) -> dict[str, Any]:
    """The row of the user."""
    first, last = (name and _fold_of_name(name) for name in (user.first_name, user.last_name))
    shown = _fold_of_name(user.display_name)
    return {
        **dict(zip(NAMES, _fields_of(user), strict=True)),
        "first_name_fold": first,
        "last_name_fold": last,
        "display_name_fold": shown,
        # An address and a username are their own folds.
        "search_fold": "\n".join(filter(None, (first, last, shown, user.email, user.username))),
    }
