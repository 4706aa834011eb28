"""Whose the subject is, and may not call now, is not let in by the email as somebody else."""

from typing import Any

import pytest

import make
from acting import NOW
from roster.data import callers
from roster.data.db import Database
from roster.domain.callers import Caller
from roster.domain.users import UserStatus

EMAIL = "ada@example.org"
NOT_ACTIVE = (UserStatus.PENDING, UserStatus.SUSPENDED)
GONE = (UserStatus.ARCHIVED, UserStatus.ERASED)


async def found(db: Database) -> Caller | None:
    async with db.read() as reader:
        return await callers.by_subject(reader, "ada", EMAIL, NOW)


@pytest.mark.parametrize("status", NOT_ACTIVE)
async def test_the_email_finds_nobody_while_whose_the_subject_is_may_not_call(
    db: Database, status: UserStatus
) -> None:
    await make.user(db, external_id="ada", status=status)
    await make.user(db, email=EMAIL)
    assert await found(db) is None


@pytest.mark.parametrize("status", GONE)
async def test_the_email_finds_who_came_after_whose_the_subject_was(db: Database, status: UserStatus) -> None:
    given: dict[str, Any] = {"external_id": "ada", "email": EMAIL}
    if status is UserStatus.ERASED:
        given = dict.fromkeys(("email", "first_name", "last_name"))
    await make.user(db, status=status, **given)
    user = await make.user(db, email=EMAIL)
    caller = await found(db)
    assert caller
    assert caller.user == user
