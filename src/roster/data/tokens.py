"""The statements of API tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute

from roster.data.connections import Reader, Writer
from roster.data.models import ApiTokenRow
from roster.data.operators import one_of_ids
from roster.data.records import maker
from roster.data.statements import Column
from roster.domain.tokens import ERASED_LABEL, ApiToken

COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    ApiTokenRow.id,
    ApiTokenRow.owner_id,
    ApiTokenRow.label,
    ApiTokenRow.created_at,
    ApiTokenRow.expires_at,
    ApiTokenRow.last_used_at,
    ApiTokenRow.revoked_at,
)
_token = maker(ApiToken, *(column.key for column in COLUMNS))


async def by_ids(reader: Reader | Writer, ids: Sequence[UUID]) -> Mapping[UUID, ApiToken]:
    rows = await reader.execute(select(*COLUMNS).where(one_of_ids(ApiTokenRow.id, ids)))
    return {row.id: _token(row) for row in rows}


async def every(reader: Reader) -> Sequence[ApiToken]:
    """The oldest first."""
    rows = await reader.execute(select(*COLUMNS).order_by(ApiTokenRow.created_at, ApiTokenRow.id))
    return [_token(row) for row in rows]


async def live_count(writer: Writer, owner_id: UUID, now: datetime) -> int:
    """How many of the owner's can be used. Nobody else can raise it while the owner is locked."""
    statement = (
        select(func.count())
        .select_from(ApiTokenRow)
        .where(
            ApiTokenRow.owner_id == owner_id, ApiTokenRow.revoked_at.is_(None), ApiTokenRow.expires_at > now
        )
    )
    return int((await writer.execute(statement)).scalar_one())


async def add(writer: Writer, token: ApiToken, digest: bytes) -> None:
    await writer.send(insert(ApiTokenRow).values(**asdict(token), digest=digest))


async def revoke(writer: Writer, token_id: UUID, at: datetime) -> ApiToken | None:
    """The token as it is now; None if it was revoked before."""
    statement = (
        update(ApiTokenRow)
        .where(ApiTokenRow.id == token_id, ApiTokenRow.revoked_at.is_(None))
        .values(revoked_at=_moment_of(at))
        .returning(*COLUMNS)
    )
    row = (await writer.execute(statement)).one_or_none()
    return None if row is None else _token(row)


async def revoke_all_of(writer: Writer, owner_ids: Sequence[UUID], at: datetime) -> Sequence[ApiToken]:
    """All that the owners have left, as they are now."""
    statement = (
        update(ApiTokenRow)
        .where(
            one_of_ids(ApiTokenRow.owner_id, owner_ids),
            ApiTokenRow.revoked_at.is_(None),
            ApiTokenRow.expires_at > at,
        )
        .values(revoked_at=_moment_of(at))
        .returning(*COLUMNS)
    )
    return [_token(row) for row in await writer.execute(statement)]


def _moment_of(at: datetime) -> Column:
    """Never before it was made, whatever the clocks of other servers say."""
    return func.greatest(at, ApiTokenRow.created_at)


async def note_use(writer: Writer, token_id: UUID, at: datetime, *, unless_after: datetime) -> None:
    """Once for all who use it at the same time."""
    last = ApiTokenRow.last_used_at
    statement = update(ApiTokenRow).where(
        ApiTokenRow.id == token_id, or_(last.is_(None), last <= unless_after)
    )
    await writer.send(statement.values(last_used_at=at))


async def erase(writer: Writer, owner_id: UUID) -> None:
    """What the owner called them is gone."""
    await writer.send(update(ApiTokenRow).where(ApiTokenRow.owner_id == owner_id).values(label=ERASED_LABEL))
