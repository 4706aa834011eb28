"""The log goes on where a server goes on without another: on a standby, and on the new timeline of a recovery."""

from functools import partial
from pathlib import Path

from sqlalchemy import text

import make
from acting import NOW
from roster.data import events as event_data
from roster.data import migrations
from roster.data.db import Database
from roster.domain.actors import LOCAL_OPERATOR
from roster.domain.assignments import Change
from roster.domain.events import Event, EventType, of_role
from roster.domain.pages import EventOrderField, PageRequest
from roster.embedded import EmbeddedPostgres

ALL: PageRequest[EventOrderField] = PageRequest(order=(), size=200, backward=False, after=None, before=None)
BY_CLI = Change(by=LOCAL_OPERATOR, at=NOW, reason=None)


async def add(db: Database) -> None:
    event = of_role(EventType.ROLE_UPDATED, await make.admin_role(db), BY_CLI)
    await db.write(partial(event_data.add, events=[event]))


async def feed(db: Database) -> list[Event]:
    async with db.read() as reader:
        return [edge.node for edge in (await event_data.page(reader, None, ALL)).edges]


async def clusters(db: Database) -> list[tuple[int, str]]:
    """Each epoch, and its timeline."""
    async with db.read() as reader:
        found = await reader.execute(text("SELECT epoch, right(cluster, 8) FROM event_epochs ORDER BY epoch"))
        return [tuple(row) for row in found]


async def test_the_log_goes_on_after_a_recovery(place: Path) -> None:
    data_dir = place / "recovered"
    cluster = data_dir / "cluster"
    with EmbeddedPostgres(data_dir, durable=False) as url:
        migrations.upgrade(url)
        db = Database(url)
        await add(db)
        old = await feed(db)
        assert len(old) == 2
        await db.close()
    # It follows another, and can be read.
    (cluster / "standby.signal").touch()
    with EmbeddedPostgres(data_dir, durable=False) as url:
        db = Database(url)
        async with db.read() as reader:
            assert (await reader.execute(text("SELECT pg_is_in_recovery()"))).scalar_one()
        assert await feed(db) == old
        await db.close()
    # It has recovered as far as it can, and goes on by itself.
    (cluster / "standby.signal").unlink()
    (cluster / "recovery.signal").touch()
    with (cluster / "postgresql.auto.conf").open("a") as settings:
        settings.write("restore_command = 'false'\n")
    with EmbeddedPostgres(data_dir, durable=False) as url:
        db = Database(url)
        assert await feed(db) == old
        assert await clusters(db) == [(1, "00000001")]
        await add(db)
        assert await clusters(db) == [(1, "00000001"), (2, "00000002")]
        assert (await feed(db))[:-1] == old
        await db.close()
