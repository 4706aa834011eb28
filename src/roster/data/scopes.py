"""Which rows are looked at: assignments in a scope, users who are live or gone, roles that few ever held."""

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import (
    and_,
    bindparam,
    exists,
    false,
    literal_column,
    not_,
    or_,
    select,
    type_coerce,
)

from roster.data.columns import CText, Moment
from roster.data.models import RoleAssignmentRow, UserRow
from roster.data.operators import Condition, bound
from roster.data.statements import Column
from roster.domain.assignments import AssignmentState, Scope
from roster.domain.users import GONE_STATUSES, LIVE_STATUSES, UserStatus

Users = type[UserRow]
Assignments = type[RoleAssignmentRow]
_FEW = 400
# The parameter for the moment of the request.
NOW = bindparam("now", type_=Moment)


def in_scope(scope: Scope, row: Assignments = RoleAssignmentRow) -> Condition:
    """Which assignments the scope takes in at the moment of the parameter `now`.

    What is in force now needs no look at when it began: never later.
    """
    if scope.active_at is not None:
        at = bound(scope.active_at, Moment)
        return and_(
            row.assigned_at <= at,
            or_(row.ended_at.is_(None), row.ended_at > at),
            or_(row.expires_at.is_(None), row.expires_at > at),
        )
    return or_(false(), *(_is_in(state, row) for state in AssignmentState if state in scope.states))


def _is_in(state: AssignmentState, row: Assignments) -> Condition:
    if state is AssignmentState.ACTIVE:
        return and_(row.ended_at.is_(None), or_(row.expires_at.is_(None), row.expires_at > NOW))
    if state is AssignmentState.EXPIRED:
        ended = or_(row.ended_at.is_not(None), row.expires_at <= NOW)
        return and_(row.revoked_by_kind.is_(None), ended)
    return row.revoked_by_kind.is_not(None)


def is_rare(role_id: Column) -> Condition:
    """Whether few ever held the role: so few that it is best to begin with them."""
    held = select(RoleAssignmentRow.id).where(RoleAssignmentRow.role_id == role_id)
    return not_(exists(held.correlate_except(RoleAssignmentRow).offset(_FEW)))


@lru_cache(maxsize=256)
def is_live(row: Users) -> Condition:
    return has_status(row, LIVE_STATUSES)


@lru_cache(maxsize=256)
def is_gone(row: Users) -> Condition:
    return has_status(row, GONE_STATUSES)


def has_status(row: Users, statuses: Sequence[UserStatus]) -> Condition:
    # Written into the text, so that the planner can see which partial index covers it, and that one status is one.
    written: list[Column] = [literal_column(f"'{status}'") for status in statuses]
    return type_coerce(row.status, CText).in_(written) if written else false()
