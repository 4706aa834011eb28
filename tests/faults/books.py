"""That the log and the directory of a running server say the same: no change is without its event, and no event without."""

from typing import Any

from sqlalchemy import select

from replay import Row, check_replay, log
from roster.data.db import Database
from roster.data.models import RoleRow


async def check_books(url: str) -> None:
    db = Database(url, pool_size=1)
    try:
        # What the server does on its own has no request to tell its versions by.
        await check_replay(db, [await _admin_before(db)], versions=False)
    finally:
        await db.close()


async def _admin_before(db: Database) -> Row:
    """The one role that is older than the log, as it was when that began."""
    async with db.read() as reader:
        found = await reader.execute(select(RoleRow.__table__).where(RoleRow.key == "ADMIN"))
        admin: dict[str, Any] = found.one()._asdict()
    for event in reversed(await log(db)):
        if event["role_id"] == admin["id"]:
            admin |= {change["field"]: change["before"] for change in event["changes"]}
    return admin | {"updated_at": admin["created_at"]}
