"""The statements of roles."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Uuid, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, aliased

from roster.data.connections import Asked, Reader, Rows, Writer
from roster.data.filters import Conditions
from roster.data.forms import ACTIVE_AT, Form, Matcher, once_a_form
from roster.data.models import RoleAssignmentRow, RoleRow
from roster.data.operators import given, labels_match, one_of_given_ids, one_of_given_texts
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
from roster.data.scopes import in_scope, is_rare
from roster.data.statements import AnyCompound, AnySelect, fixed
from roster.domain.assignments import AssignmentState, Scope
from roster.domain.filters import (
    ANYTHING,
    LabelsFilter,
    Permits,
    RoleFilter,
    RoleQuestion,
    RoleSelection,
    RolesMeant,
)
from roster.domain.pages import OrderKey, Page, PageRequest, RoleOrderField
from roster.domain.roles import Role, RoleKey, RoleRef
from roster.domain.text import fold

COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    RoleRow.id,
    RoleRow.key,
    RoleRow.name,
    RoleRow.description,
    RoleRow.permissions,
    RoleRow.is_default,
    RoleRow.min_holders,
    RoleRow.archived_at,
    RoleRow.version,
    RoleRow.created_at,
    RoleRow.updated_at,
)
# Any number that PostgreSQL reserves for nobody else: it stands for "the number of live roles".
_COUNT_LOCK = 7_263_781

_BY_IDS = fixed(select(*COLUMNS).where(one_of_given_ids(RoleRow.id)))
_BY_KEYS = fixed(select(*COLUMNS).where(one_of_given_texts(RoleRow.key), RoleRow.archived_at.is_(None)))
_MEANT_BY_KEYS = fixed(
    select(RoleRow.key, RoleRow.id, is_rare(RoleRow.id)).where(one_of_given_texts(RoleRow.key))
)
_DEFAULTS = fixed(select(*COLUMNS).where(RoleRow.is_default, RoleRow.archived_at.is_(None)))
_LOCK_COUNT = fixed(select(func.pg_advisory_xact_lock(_COUNT_LOCK)))
_COUNT = fixed(select(func.count()).select_from(RoleRow).where(RoleRow.archived_at.is_(None)))
_ROW = (*(column.key for column in COLUMNS), "key_fold", "name_fold", "description_fold")
_ADD = fixed(insert(RoleRow), writes=_ROW)
_CHANGE = fixed(update(RoleRow).where(RoleRow.id == bindparam("changed_id")), writes=_ROW)

record = maker(Role, *(column.key for column in COLUMNS))


async def by_ids(reader: Reader | Writer, ids: Sequence[UUID]) -> Mapping[UUID, Role]:
    rows = await reader.execute(_BY_IDS, {"ids": ids})
    return {row.id: record(row) for row in rows}


async def by_refs(reader: Reader | Writer, refs: Sequence[RoleRef]) -> Mapping[RoleRef, Role]:
    """Which roles the references find; one statement for each kind of reference among them."""
    return found_by(refs, await reader.execute_all(asking_for(refs)))


def asking_for(refs: Sequence[RoleRef]) -> list[Asked]:
    """What `by_refs` asks, to be asked with more in one round trip."""
    asked: list[Asked] = []
    for key in _keys_of(refs):
        values = [ref.value for ref in refs if ref.key is key]
        asked.append((_BY_IDS, {"ids": values}) if key is RoleKey.ID else (_BY_KEYS, {"texts": values}))
    return asked


def found_by(refs: Sequence[RoleRef], answers: Iterable[Rows]) -> Mapping[RoleRef, Role]:
    roles = ((key, record(row)) for key, rows in zip(_keys_of(refs), answers, strict=True) for row in rows)
    return {RoleRef(key=key, value=getattr(role, key.value)): role for key, role in roles}


def _keys_of(refs: Sequence[RoleRef]) -> list[RoleKey]:
    return list(dict.fromkeys(ref.key for ref in refs))


async def meant_by_keys(reader: Reader, keys: Sequence[str]) -> Mapping[RoleQuestion, RolesMeant]:
    return _meant(keys, await reader.execute(_MEANT_BY_KEYS, {"texts": keys}))


async def meant_by_permissions(
    reader: Reader, permits: Sequence[Permits]
) -> Mapping[RoleQuestion, RolesMeant]:
    """One statement for all labels; the roles with any at all are among its rows if they are asked for."""
    labels = tuple(each.label for each in permits if each.label is not None)
    any_at_all = ANYTHING in permits
    asked = LabelsFilter(
        has_any=None if any_at_all else labels,
        has_all=None,
        has_none=None,
        is_empty=False if any_at_all else None,
    )
    gives = labels_match(asked, RoleRow.permissions)
    rows = await reader.execute(select(RoleRow.permissions, RoleRow.id, is_rare(RoleRow.id)).where(gives))
    return _meant(
        permits,
        [(each, *row[1:]) for row in rows for each in permits if each.label is None or each.label in row[0]],
    )


async def meant_by_filter(reader: Reader, given: RoleFilter, matcher: Matcher) -> RolesMeant:
    form, values = matcher.form(given)
    rows = await reader.execute(_meant_by_filter(form), values)
    return RolesMeant(ids=[row[0] for row in rows], rare=all(row[1] for row in rows))


@once_a_form
def _meant_by_filter(form: Form[RoleFilter]) -> AnySelect:
    matches = Conditions.of(form).roles(form.which)
    return select(RoleRow.id, is_rare(RoleRow.id)).where(matches)


def _meant(questions: Sequence[RoleQuestion], rows: Sequence[Any]) -> Mapping[RoleQuestion, RolesMeant]:
    found: dict[RoleQuestion, list[Any]] = {question: [] for question in questions}
    for question, role_id, rare in rows:
        found[question].append((role_id, rare))
    return {
        question: RolesMeant(ids=[id_ for id_, _ in roles], rare=all(rare for _, rare in roles))
        for question, roles in found.items()
    }


async def by_users(
    reader: Reader, user_ids: Sequence[UUID], scope: Scope, now: datetime
) -> Mapping[UUID, Sequence[Role]]:
    """The roles that each user holds in the scope, each once, by key."""
    statement = _by_users(scope.states, is_at=scope.active_at is not None)
    parameters = {"ids": user_ids, "now": now, "active_at": scope.active_at}
    found: list[list[Role]] = [[] for _ in user_ids]
    for row in await reader.execute(statement, parameters):
        role = record(row)
        for place in row.places:
            found[place - 1].append(role)
    return dict(zip(user_ids, found, strict=True))


@cache
def _by_users(states: frozenset[AssignmentState], *, is_at: bool) -> AnySelect:
    """Each role once, with the places of those who hold it: there are fewer roles than assignments on a page of users."""
    held = aliased(RoleAssignmentRow)
    users = func.unnest(given("ids", Uuid())).table_valued("id", with_ordinality="place").render_derived()
    scope = Scope(states=states, active_at=ACTIVE_AT if is_at else None)
    who = (
        select(
            held.role_id, func.array_agg(users.c.place.distinct(), type_=ARRAY(BigInteger)).label("places")
        )
        .join(users, users.c.id == held.user_id)
        .where(in_scope(scope, held))
        .group_by(held.role_id)
        .subquery()
    )
    statement = select(*COLUMNS, who.c.places).join(who, who.c.role_id == RoleRow.id)
    return fixed(statement.order_by(RoleRow.key_fold, RoleRow.id))


async def defaults(writer: Writer) -> Sequence[Role]:
    """The live roles that a new user is given."""
    return [record(row) for row in await writer.execute(_DEFAULTS)]


def _selected(form: Form[RoleSelection]) -> AnySelect:
    which, statement = form.which, select(*COLUMNS)
    if not which.include_archived:
        statement = statement.where(RoleRow.archived_at.is_(None))
    return statement if which.filter is None else statement.where(Conditions.of(form).roles(which.filter))


_SORT_KEYS: Mapping[RoleOrderField, SortKey] = {
    RoleOrderField.KEY: SortKey(expression=RoleRow.key_fold, nullable=False),
    RoleOrderField.NAME: SortKey(expression=RoleRow.name_fold, nullable=False),
    RoleOrderField.CREATED_AT: SortKey(expression=RoleRow.created_at, nullable=False),
    RoleOrderField.UPDATED_AT: SortKey(expression=RoleRow.updated_at, nullable=False),
    RoleOrderField.HOLDER_COUNT: SortKey(expression=Conditions(meant={}).holder_count(), nullable=False),
}


@lru_cache(maxsize=256)
def _ordered(order: tuple[OrderKey[RoleOrderField], ...]) -> Ordered[Role]:
    keys = [directed(_SORT_KEYS[key.field], key) for key in order]
    return Ordered(keys=with_id(keys, RoleRow.id), record=record, columns=COLUMNS)


async def page(
    reader: Reader, which: RoleSelection, matcher: Matcher, request: PageRequest[RoleOrderField]
) -> Page[Role]:
    form, values = matcher.form(which)
    return await fetch_page(
        reader, _page(form, Shape.of(request)), request, _ordered(request.order), **values
    )


@once_a_form
def _page(form: Form[RoleSelection], shape: Shape) -> AnySelect | AnyCompound:
    return page_statement(_selected(form), _ordered(shape.order).keys, shape)


async def count(reader: Reader, which: RoleSelection, matcher: Matcher, cap: int) -> int:
    form, values = matcher.form(which)
    return await count_up_to(reader, _count(form), cap, **values)


@once_a_form
def _count(form: Form[RoleSelection]) -> AnySelect:
    return count_statement(_selected(form))


async def lock(
    writer: Writer, *, alone: Collection[UUID] = (), shared: Collection[UUID] = ()
) -> Mapping[UUID, Role]:
    """The roles as they are now, kept so until the transaction ends. Locked in id order, before any users.

    They are locked alone to change a role or the number of its holders.
    """
    return records_by_id(await writer.execute_all(locking(ToLock(alone=alone, shared=shared))))


def locking(roles: ToLock) -> list[Asked]:
    """What `lock` asks, to be asked with more in one round trip."""
    return in_id_order(roles, _locked)


def records_by_id(answers: Iterable[Rows]) -> Mapping[UUID, Role]:
    return {row.id: record(row) for rows in answers for row in rows}


def _locked(ids: str, alone: bool) -> AnySelect:  # noqa: FBT001 -- one of two ways
    statement = select(*COLUMNS).where(one_of_given_ids(RoleRow.id, ids)).order_by(RoleRow.id)
    return statement.with_for_update(read=not alone)


async def lock_count(writer: Writer) -> int:
    """The number of live roles, which nobody else can raise until the transaction ends."""
    await writer.send(_LOCK_COUNT)
    return int((await writer.execute(_COUNT)).scalar_one())


async def add(writer: Writer, role: Role) -> None:
    await writer.send(_ADD, values(role))


async def change(writer: Writer, role: Role) -> None:
    """Writes the role over its row."""
    await writer.send(_CHANGE, {**values(role), "changed_id": role.id})


def values(role: Role) -> dict[str, Any]:
    """The row of the role."""
    return {
        **asdict(role),
        "permissions": list(role.permissions),
        "key_fold": fold(role.key),
        "name_fold": fold(role.name),
        "description_fold": role.description and fold(role.description),
    }
