"""What has become of an assignment, to the millisecond."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import make
from roster.domain.actors import LOCAL_OPERATOR
from roster.domain.assignments import AssignmentState, RoleAssignment

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
OPEN: RoleAssignment = make.an_assignment(make.a_user(), make.a_role())
REVOKED = {"revoked_by": LOCAL_OPERATOR}


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({}, AssignmentState.ACTIVE),
        ({"expires_at": NOW + MILLISECOND}, AssignmentState.ACTIVE),
        ({"expires_at": NOW}, AssignmentState.EXPIRED),
        ({"expires_at": NOW - MILLISECOND}, AssignmentState.EXPIRED),
        ({"expires_at": NOW, "ended_at": NOW}, AssignmentState.EXPIRED),
        ({"ended_at": NOW, **REVOKED}, AssignmentState.REVOKED),
        ({"expires_at": NOW + MILLISECOND, "ended_at": NOW, **REVOKED}, AssignmentState.REVOKED),
        ({"expires_at": NOW, "ended_at": NOW - MILLISECOND, **REVOKED}, AssignmentState.REVOKED),
    ],
)
def test_an_assignment_is_active_until_it_expires_or_is_revoked(
    given: dict[str, Any], state: AssignmentState
) -> None:
    assignment = replace(OPEN, **given)
    assert assignment.state(NOW) is state
    assert assignment.revoked_at == (assignment.ended_at if state is AssignmentState.REVOKED else None)
