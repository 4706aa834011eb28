"""Recording that assignments expired. What is in force never depends on it: that is decided when it is read."""

import asyncio
import logging
from datetime import datetime, timedelta
from functools import partial

from roster.data import assignments as assignment_data
from roster.data import roles as role_data
from roster.data import users as user_data
from roster.data.connections import Writer
from roster.data.db import Database
from roster.domain.assignments import AssignmentState
from roster.domain.errors import UnavailableError
from roster.domain.events import of_expiry
from roster.domain.instants import now
from roster.services.recording import Recorder

logger = logging.getLogger("roster.expiries")

# A request decides at its own moment, which may lie that far back when it writes.
_GRACE = timedelta(seconds=15)
_BATCH = 500
_EVERY_SECONDS = 15.0


async def keep_recording(db: Database) -> None:
    """Now and then, for as long as a server runs."""
    while True:
        try:
            await record_expiries(db, now())
        except UnavailableError:
            logger.warning("expiries could not be recorded: they will be")
        except Exception:
            logger.exception("expiries could not be recorded")
        await asyncio.sleep(_EVERY_SECONDS)


async def record_expiries(db: Database, now: datetime) -> int:
    """Closes what expired a while ago, with an event each, and answers how many. Any number of processes may do so."""
    recorded = 0
    while count := await db.write(partial(_record, now, Recorder(None))):
        recorded += count
    return recorded


async def _record(now: datetime, recorder: Recorder, writer: Writer) -> int:
    before = now - _GRACE
    seen = await assignment_data.expired_before(writer, before, _BATCH)
    if not seen:
        return 0
    # In the order of all locks: roles, then users. Whoever is busy is looked at next time.
    roles = await role_data.lock(writer, shared={one.role_id for one in seen})
    users = await user_data.lock_free(writer, list({one.user_id for one in seen}))
    held = await assignment_data.open_of_users(writer, list(users))
    expired = [one for one in held if one.state(before) is AssignmentState.EXPIRED and one.role_id in roles]
    await assignment_data.close_expired(writer, [one.id for one in expired])
    events = [of_expiry(one, roles[one.role_id]) for one in expired]
    await recorder.write(writer, sorted(events, key=lambda event: event.at))
    return len(events)
