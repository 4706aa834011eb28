"""Users together with their roles in force, in one statement: it answers the ids of the roles, and what they are is known.

Roles are few and seldom change. What is known of them is of one state of all roles, and every statement answers the
state that it saw: so it is never older than what is read with it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from uuid import UUID

from sqlalchemy import LargeBinary, Text, func, literal_column, select, type_coerce

from roster.data import roles as role_data
from roster.data import users as user_data
from roster.data.connections import Reader
from roster.data.forms import Form, Matcher, once_a_form
from roster.data.models import RoleAssignmentRow, RoleRow, UserRow
from roster.data.operators import one_of_given_ids
from roster.data.pages import Ordered, Shape, page_of_rows, parameters_of
from roster.data.records import maker
from roster.data.scopes import in_scope
from roster.data.statements import AnyCompound, AnyRow, AnySelect, fixed
from roster.domain.assignments import IN_FORCE
from roster.domain.filters import UserSelection
from roster.domain.pages import Page, PageRequest, UserOrderField
from roster.domain.roles import Role
from roster.domain.text import fold
from roster.domain.users import Holder, UserRef

_ID_SIZE = 16  # bytes
# Of each that is held together. With few roles, most hold the same.
_MOST_HELD = 4096
# As bytes, which take a tenth of what an array of ids takes to read.
_HELD = type_coerce(
    select(func.string_agg(func.uuid_send(RoleAssignmentRow.role_id), literal_column("''::bytea")))
    .where(RoleAssignmentRow.user_id == UserRow.id, in_scope(IN_FORCE))
    .correlate(UserRow)
    .scalar_subquery(),
    LargeBinary,
).label("held")
# Roles are never deleted and their versions only grow: the sum changes with each change, and the moment where a backup
# was put in their place.
_STATE = type_coerce(
    select(func.concat(func.sum(RoleRow.version), " ", func.max(RoleRow.updated_at))).scalar_subquery(), Text
).label("state")
_COLUMNS = (*user_data.COLUMNS, _HELD, _STATE)
_PLACE = len(user_data.COLUMNS)
_BY_KEY = user_data.named_by(_COLUMNS)
_ROLES = fixed(select(*role_data.COLUMNS, _STATE).where(one_of_given_ids(RoleRow.id)))

_record = maker(Holder, *user_data.NAMES, "roles")

# The ids of the roles that somebody holds, one after the other; None for no role.
_Held = bytes | None
# What roles are sorted by, and the role.
_Sorted = tuple[str, bytes, Role]


class KnownRoles:
    """The roles that were asked for of late, as they are in one state of all roles, and which of them are held together."""

    def __init__(self) -> None:
        self._state: str | None = None
        self._by_id: dict[bytes, _Sorted] = {}
        self._by_held: dict[_Held, tuple[Role, ...]] = {}

    async def by_held(
        self, reader: Reader, held: Collection[_Held], state: str
    ) -> Mapping[_Held, Sequence[Role]]:
        """The roles by key, in that state, or as they are now."""
        known = self._by_held if state == self._state else {}
        new = {ids: _split(ids) for ids in held if ids not in known}
        if not new:
            return known
        roles = await self._by_ids(reader, set(chain.from_iterable(new.values())), state)
        made = {
            ids: tuple([role for _, _, role in sorted([roles[id_] for id_ in split])])
            for ids, split in new.items()
        }
        if state == self._state:
            if len(self._by_held) > _MOST_HELD:
                self._by_held = {}
            self._by_held |= made
        return {ids: made[ids] if ids in made else known[ids] for ids in held}

    async def _by_ids(self, reader: Reader, ids: Collection[bytes], state: str) -> Mapping[bytes, _Sorted]:
        known = self._by_id if state == self._state else {}
        missing = [UUID(bytes=id_) for id_ in ids if id_ not in known]
        if not missing:
            return known
        rows = await reader.execute(_ROLES, {"ids": missing})
        found = {row.id.bytes: (fold(row.key), row.id.bytes, role_data.record(row)) for row in rows}
        if rows[0].state == self._state:
            self._by_id |= found
        else:
            self._state, self._by_id, self._by_held = rows[0].state, found, {}
        return known | found


async def by_ref(reader: Reader, ref: UserRef, now: datetime, known: KnownRoles) -> Holder | None:
    rows = await reader.execute(_BY_KEY[ref.key], {"values": [ref.value], "now": now})
    record = await _recorder(reader, rows, known)
    return record(rows[0]) if rows else None


async def page(
    reader: Reader,
    which: UserSelection,
    matcher: Matcher,
    request: PageRequest[UserOrderField],
    known: KnownRoles,
) -> Page[Holder]:
    form, values = matcher.form(which)
    statement = (_page_of_all if which.filter is None else _page)(form, Shape.of(request))
    rows = await reader.execute(statement, {**values, **parameters_of(request)})
    record = await _recorder(reader, rows, known)
    keys = user_data.ordered(request.order).keys
    return page_of_rows(rows, request, Ordered(keys=keys, record=record, columns=_COLUMNS))


@once_a_form
def _page(form: Form[UserSelection], shape: Shape) -> AnySelect | AnyCompound:
    return user_data.page_of(form, shape, _COLUMNS)


@lru_cache(maxsize=256)
def _page_of_all(form: Form[UserSelection], shape: Shape) -> AnySelect | AnyCompound:
    return fixed(user_data.page_of(form, shape, _COLUMNS))


async def _recorder(reader: Reader, rows: Sequence[AnyRow], known: KnownRoles) -> Callable[[AnyRow], Holder]:
    """What makes a record of a row that begins with `_COLUMNS`."""
    roles = await known.by_held(reader, {row[_PLACE] for row in rows}, rows[0].state) if rows else {}
    return lambda row: _record((*row[:_PLACE], roles[row[_PLACE]]))


def _split(ids: _Held) -> list[bytes]:
    return [] if ids is None else [ids[start : start + _ID_SIZE] for start in range(0, len(ids), _ID_SIZE)]
