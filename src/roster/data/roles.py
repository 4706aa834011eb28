"""The statements of roles."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute

from roster.data.db import Reader, Writer
from roster.data.filters import Matcher
from roster.data.models import RoleAssignmentRow, RoleRow
from roster.data.operators import labels_match, one_of_ids, one_of_texts
from roster.data.pages import Ordered, SortKey, count_up_to, directed, fetch_page, with_id
from roster.data.row_locks import in_id_order
from roster.data.scopes import in_scope, is_rare
from roster.data.statements import AnyRow, AnySelect
from roster.domain.assignments import Scope
from roster.domain.filters import (
    ANYTHING,
    LabelsFilter,
    Permits,
    RoleFilter,
    RoleQuestion,
    RoleSelection,
    RolesMeant,
)
from roster.domain.pages import Page, PageRequest, RoleOrderField
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
_NAMES = tuple(column.key for column in COLUMNS if column is not RoleRow.permissions)
# Any number that PostgreSQL reserves for nobody else: it stands for "the number of live roles".
_COUNT_LOCK = 7_263_781


def _role(row: AnyRow) -> Role:
    values = row._mapping  # noqa: SLF001 -- SQLAlchemy's public name for it
    return Role(permissions=tuple(values["permissions"]), **{name: values[name] for name in _NAMES})


async def by_ids(reader: Reader | Writer, ids: Sequence[UUID]) -> Mapping[UUID, Role]:
    rows = await reader.execute(select(*COLUMNS).where(one_of_ids(RoleRow.id, ids)))
    return {row.id: _role(row) for row in rows}


async def by_refs(reader: Reader | Writer, refs: Sequence[RoleRef]) -> Mapping[RoleRef, Role]:
    """Which roles the references find; one statement for each kind of reference among them."""
    found: dict[RoleRef, Role] = {}
    for key in dict.fromkeys(ref.key for ref in refs):
        values: list[Any] = [ref.value for ref in refs if ref.key is key]
        named = (
            one_of_ids(RoleRow.id, values)
            if key is RoleKey.ID
            else one_of_texts(RoleRow.key, values) & RoleRow.archived_at.is_(None)
        )
        for row in await reader.execute(select(*COLUMNS).where(named)):
            role = _role(row)
            found[RoleRef(key=key, value=getattr(role, key.value))] = role
    return found


async def meant_by_keys(reader: Reader, keys: Sequence[str]) -> Mapping[RoleQuestion, RolesMeant]:
    statement = select(RoleRow.key, RoleRow.id, is_rare(RoleRow.id)).where(one_of_texts(RoleRow.key, keys))
    return _meant(keys, (await reader.execute(statement)).all())


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
    rows = (
        await reader.execute(select(RoleRow.permissions, RoleRow.id, is_rare(RoleRow.id)).where(gives))
    ).all()
    return _meant(
        permits,
        [(each, *row[1:]) for row in rows for each in permits if each.label is None or each.label in row[0]],
    )


async def meant_by_filter(reader: Reader, given: RoleFilter, matcher: Matcher) -> RolesMeant:
    statement = select(literal(None), RoleRow.id, is_rare(RoleRow.id)).where(matcher.roles(given))
    rows = (await reader.execute(statement)).all()
    return RolesMeant(ids=[row[1] for row in rows], rare=all(row[2] for row in rows))


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
    statement = (
        select(RoleAssignmentRow.user_id, *COLUMNS)
        .join(RoleRow, RoleRow.id == RoleAssignmentRow.role_id)
        .where(one_of_ids(RoleAssignmentRow.user_id, user_ids), in_scope(scope, now))
        .order_by(RoleRow.key_fold, RoleRow.id)
    )
    found: dict[UUID, list[Role]] = {user_id: [] for user_id in user_ids}
    made: dict[UUID, Role] = {}
    for row in await reader.execute(statement):
        role = made.get(row.id) or made.setdefault(row.id, _role(row))
        found[row.user_id].append(role)
    return found


async def defaults(writer: Writer) -> Sequence[Role]:
    """The live roles that a new user is given."""
    statement = select(*COLUMNS).where(RoleRow.is_default, RoleRow.archived_at.is_(None))
    return [_role(row) for row in await writer.execute(statement)]


def _selected(which: RoleSelection, matcher: Matcher) -> AnySelect:
    statement = select(*COLUMNS)
    if not which.include_archived:
        statement = statement.where(RoleRow.archived_at.is_(None))
    return statement if which.filter is None else statement.where(matcher.roles(which.filter))


def _sort_key(field: RoleOrderField, matcher: Matcher) -> SortKey:
    columns: Mapping[RoleOrderField, ColumnElement[Any] | InstrumentedAttribute[Any]] = {
        RoleOrderField.KEY: RoleRow.key_fold,
        RoleOrderField.NAME: RoleRow.name_fold,
        RoleOrderField.CREATED_AT: RoleRow.created_at,
        RoleOrderField.UPDATED_AT: RoleRow.updated_at,
        RoleOrderField.HOLDER_COUNT: matcher.holder_count(),
    }
    return SortKey(expression=columns[field], nullable=False)


async def page(
    reader: Reader, which: RoleSelection, matcher: Matcher, request: PageRequest[RoleOrderField]
) -> Page[Role]:
    keys = [directed(_sort_key(key.field, matcher), key) for key in request.order]
    ordered = Ordered(keys=with_id(keys, RoleRow.id), record=_role)
    return await fetch_page(reader, _selected(which, matcher), request, ordered)


async def count(reader: Reader, which: RoleSelection, matcher: Matcher, cap: int) -> int:
    return await count_up_to(reader, _selected(which, matcher), cap)


async def lock(
    writer: Writer, *, alone: Collection[UUID] = (), shared: Collection[UUID] = ()
) -> Mapping[UUID, Role]:
    """The roles as they are now, kept so until the transaction ends. Locked in id order, before any users.

    `shared` among all who only rely on them; `alone` to change a role or the number of its holders.
    """
    statement = in_id_order(alone, shared, _locked)
    return {} if statement is None else {row.id: _role(row) for row in await writer.execute(statement)}


def _locked(ids: Sequence[UUID], alone: bool) -> AnySelect:  # noqa: FBT001 -- one of two ways
    statement = select(*COLUMNS).where(one_of_ids(RoleRow.id, ids)).order_by(RoleRow.id)
    return statement.with_for_update(read=not alone)


async def lock_count(writer: Writer) -> int:
    """The number of live roles, which nobody else can raise until the transaction ends."""
    await writer.execute(select(func.pg_advisory_xact_lock(_COUNT_LOCK)))
    statement = select(func.count()).select_from(RoleRow).where(RoleRow.archived_at.is_(None))
    return int((await writer.execute(statement)).scalar_one())


async def add(writer: Writer, role: Role) -> None:
    await writer.execute(insert(RoleRow).values(**values(role)))


async def change(writer: Writer, role: Role) -> None:
    """Writes the role over its row."""
    await writer.execute(update(RoleRow).where(RoleRow.id == role.id).values(**values(role)))


def values(role: Role) -> dict[str, Any]:
    """The row of the role."""
    return {
        **asdict(role),
        "permissions": list(role.permissions),
        "key_fold": fold(role.key),
        "name_fold": fold(role.name),
        "description_fold": role.description and fold(role.description),
    }
