"""What the filter of each noun means in SQL, by its form.

Each condition may be unknown where a value is missing; what is unknown does not match. `and` and `or` keep that, and
`not` is IS NOT TRUE, so that a negation is a true complement.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    String,
    Uuid,
    and_,
    any_,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import aliased

from roster.data.columns import CText
from roster.data.forms import Form
from roster.data.models import RoleAssignmentRow, RoleRow, UserRow
from roster.data.operators import (
    Condition,
    all_of,
    bound,
    contains,
    date_time_matches,
    int_matches,
    key_matches,
    labels_match,
    one_of_ids,
    text_matches,
)
from roster.data.scopes import Assignments, Users, has_status, in_scope, is_live
from roster.domain.assignments import IN_FORCE, Scope
from roster.domain.filters import (
    ANYTHING,
    LabelsFilter,
    Permits,
    RoleAssignmentFilter,
    RoleFilter,
    RolesMeant,
    UserAssignmentFilter,
    UserFilter,
    UserRolesFilter,
)
from roster.domain.roles import RoleKey, RoleRef
from roster.domain.users import UserKey, UserRef, UserStatus

R = TypeVar("R", UserRow, RoleRow, RoleAssignmentRow)
F = TypeVar("F", UserFilter, RoleFilter, RoleAssignmentFilter)
# How many values that must all be held are joined, so that the planner may begin with a rare one. It weighs every order
# of those: hundreds take it minutes. The others are looked up.
_JOINED = 4
Roles = type[RoleRow]
# What a filter asks about roles, of which a form has a Blank.
Asked = tuple[str, ...] | str | Permits


def user_ref_is(ref: UserRef, row: Users = UserRow) -> Condition:
    if ref.key is UserKey.ID:
        return row.id == bound(ref.value, Uuid())
    column = {UserKey.EMAIL: row.email, UserKey.USERNAME: row.username, UserKey.EXTERNAL_ID: row.external_id}
    return and_(column[ref.key] == bound(ref.value, CText), is_live(row))


def role_ref_is(ref: RoleRef, row: Roles = RoleRow) -> Condition:
    return (
        row.id == ref.value
        if ref.key is RoleKey.ID
        else and_(row.key == ref.value, row.archived_at.is_(None))
    )


@lru_cache(maxsize=256)
def _alias(row: type[R], number: int) -> type[R]:
    """One of the table's rows beside others in a statement. To make it takes as long as the rest of a filter."""
    return aliased(row, name=f"{row.__tablename__}_no_{number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a form means. `meant` is the form's; `joined` unless within `or` or `not`."""

    meant: Mapping[Any, RolesMeant]
    joined: bool = True
    numbers: Iterator[int] = field(default_factory=count)

    @classmethod
    def of(cls, form: Form[Any]) -> "Conditions":
        return cls(meant=dict(form.meant))

    def _another(self, row: type[R]) -> type[R]:
        return _alias(row, next(self.numbers))

    def users(self, given: UserFilter, row: Users = UserRow) -> Condition:
        return all_of(self._user_conditions(given, row))

    def roles(self, given: RoleFilter, row: Roles = RoleRow) -> Condition:
        return all_of(self._role_conditions(given, row))

    def assignments(self, given: RoleAssignmentFilter, row: Assignments = RoleAssignmentRow) -> Condition:
        return all_of(self._assignment_conditions(given, row))

    def holder_count(self, row: Roles = RoleRow) -> ColumnElement[int]:
        held = self._another(RoleAssignmentRow)
        return (
            select(func.count())
            .select_from(held)
            .where(held.role_id == row.id, in_scope(IN_FORCE, held))
            .correlate_except(held)
            .scalar_subquery()
        )

    def _user_conditions(self, given: UserFilter, row: Users) -> Iterator[Condition]:
        yield from self._connectives(given, lambda within, inner: within.users(inner, row))
        for word in given.search or ():
            yield contains(row.search_fold, word)
        if given.id is not None:
            yield one_of_ids(row.id, given.id)
        if given.kind is not None:
            yield row.kind == given.kind
        if given.status is not None:
            yield has_status(row, given.status)
        yield from self._user_field_conditions(given, row)
        if given.attributes is not None:
            yield row.attributes.contains(bound(given.attributes, String()).cast(JSONB))
        if given.permissions is not None:
            yield from self._user_permission_conditions(given.permissions, row)
        if given.roles is not None:
            yield from self._user_roles_conditions(given.roles, row)

    def _user_field_conditions(self, given: UserFilter, row: Users) -> Iterator[Condition]:
        texts = (
            (given.email, row.email),
            (given.username, row.username),
            (given.first_name, row.first_name_fold),
            (given.last_name, row.last_name_fold),
            (given.display_name, row.display_name_fold),
        )
        # These are ASCII, whose fold is lower().
        keys = (
            (given.phone, row.phone),
            (given.external_id, row.external_id),
            (given.locale, func.lower(row.locale)),
            (given.timezone, func.lower(row.timezone)),
        )
        moments = (
            (given.email_verified_at, row.email_verified_at),
            (given.created_at, row.created_at),
            (given.updated_at, row.updated_at),
        )
        yield from (text_matches(text, column) for text, column in texts if text is not None)
        yield from (key_matches(key, column) for key, column in keys if key is not None)
        yield from (date_time_matches(moment, column) for moment, column in moments if moment is not None)

    def _user_permission_conditions(self, given: LabelsFilter, row: Users) -> Iterator[Condition]:
        """Over the union of the permissions of the roles in force, which is empty unless the user is ACTIVE."""

        def has(asked: Asked, *, joined: bool = True) -> Condition:
            return and_(row.status == UserStatus.ACTIVE, self._holds(row, IN_FORCE, asked, joined=joined))

        if given.has_any is not None:
            yield has(given.has_any)
        for number, label in enumerate(given.has_all or ()):
            yield has(label, joined=number < _JOINED)
        if given.has_none is not None:
            yield not_(has(given.has_none, joined=False))
        if given.is_empty is not None:
            any_label = has(ANYTHING, joined=not given.is_empty)
            yield not_(any_label) if given.is_empty else any_label

    def _user_roles_conditions(self, given: UserRolesFilter, row: Users) -> Iterator[Condition]:
        if given.any_of is not None:
            yield self._holds(row, given.scope, given.any_of)
        for number, key in enumerate(given.all_of or ()):
            yield self._holds(row, given.scope, key, joined=number < _JOINED)
        if given.none_of is not None:
            yield not_(self._holds(row, given.scope, given.none_of))
        held, scope = self._another(RoleAssignmentRow), given.scope
        if given.is_empty is not None:
            some = self._exists(row, scope, held)
            yield not_(some) if given.is_empty else some
        if given.some is not None:
            yield self._exists(row, scope, held, self._held_matches(given.some, held))
        if given.every is not None:
            another = self._held_matches(given.every, held).is_not(true())
            # Looked up: that many hold nothing else is not seen beforehand.
            yield not_(self._exists(row, scope, held, another, joined=False))
        if given.none is not None:
            yield not_(self._exists(row, scope, held, self._held_matches(given.none, held)))

    def _holds(self, row: Users, scope: Scope, asked: Asked, *, joined: bool = True) -> Condition:
        """Whether the user has an assignment in scope of any of the roles that are asked for."""
        roles = self.meant[asked]
        if not roles.ids:
            return false()
        held = self._another(RoleAssignmentRow)
        of_them = one_of_ids(held.role_id, roles.ids)
        if roles.rare:
            holders = select(held.user_id).where(of_them, in_scope(scope, held))
            return row.id == any_(func.array(holders.scalar_subquery(), type_=ARRAY(Uuid)))
        return self._exists(row, scope, held, of_them, joined=joined)

    def _exists(
        self, row: Users, scope: Scope, held: Assignments, *conditions: Condition, joined: bool = True
    ) -> Condition:
        """Joined to the users where all depends on it; else looked up for each user that comes to it.

        OFFSET keeps PostgreSQL from reading all that is held beforehand, which it prefers where it does not see that a
        page needs few users.
        """
        found = select(literal(1)).select_from(held)
        found = found.where(held.user_id == row.id, in_scope(scope, held), *conditions)
        return exists((found if joined and self.joined else found.offset(0)).correlate_except(held))

    def _held_matches(self, given: UserAssignmentFilter, row: Assignments) -> Condition:
        return all_of(self._held_conditions(given, row))

    def _held_conditions(
        self, given: UserAssignmentFilter | RoleAssignmentFilter, row: Assignments
    ) -> Iterator[Condition]:
        if given.role is not None:
            yield one_of_ids(row.role_id, self.meant[given.role].ids)
        if given.assigned_at is not None:
            yield date_time_matches(given.assigned_at, row.assigned_at)
        if given.assigned_by is not None:
            giver = self._another(UserRow)
            found = select(giver.id).where(user_ref_is(given.assigned_by, giver)).correlate_except(giver)
            yield row.assigned_by_user_id == found.scalar_subquery()
        if given.expires_at is not None:
            yield date_time_matches(given.expires_at, row.expires_at)

    def _assignment_conditions(self, given: RoleAssignmentFilter, row: Assignments) -> Iterator[Condition]:
        yield from self._connectives(given, lambda within, inner: within.assignments(inner, row))
        if given.user is not None:
            user = self._another(UserRow)
            found = exists().where(user.id == row.user_id, self.users(given.user, user))
            yield found.correlate_except(user)
        yield from self._held_conditions(given, row)

    def _role_conditions(self, given: RoleFilter, row: Roles) -> Iterator[Condition]:
        yield from self._connectives(given, lambda within, inner: within.roles(inner, row))
        for word in given.search or ():
            texts = (row.key_fold, row.name_fold, row.description_fold)
            yield or_(*(contains(text, word) for text in texts))
        if given.id is not None:
            yield one_of_ids(row.id, given.id)
        texts_given = (
            (given.key, row.key_fold),
            (given.name, row.name_fold),
            (given.description, row.description_fold),
        )
        moments = ((given.created_at, row.created_at), (given.updated_at, row.updated_at))
        yield from (text_matches(text, column) for text, column in texts_given if text is not None)
        yield from (date_time_matches(moment, column) for moment, column in moments if moment is not None)
        if given.permissions is not None:
            yield labels_match(given.permissions, row.permissions)
        if given.is_default is not None:
            yield row.is_default.is_(given.is_default)
        if given.holder_count is not None:
            yield int_matches(given.holder_count, self.holder_count(row))

    def _connectives(self, given: F, matches: Callable[["Conditions", F], Condition]) -> Iterator[Condition]:
        alone = replace(self, joined=False)
        if given.and_ is not None:
            yield and_(true(), *(matches(self, inner) for inner in given.and_))
        if given.or_ is not None:
            yield or_(false(), *(matches(alone, inner) for inner in given.or_))
        if given.not_ is not None:
            yield matches(alone, given.not_).is_not(true())
