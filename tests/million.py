"""A million users on a server of their own, and the plans of what is asked of them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from applications import open_api
from client import Client
from explained import Explained, Log, explain_everything
from roster.data import migrations, seeding
from roster.data.db import Database
from roster.data.engine import EngineConnection
from roster.embedded import EmbeddedPostgres

Json = dict[str, Any]

PAGE = 25
USERS = 1_000_000
# The tables that grow; what is done with a role takes a look at all roles at most.
BIG = {"users", "role_assignments", "events"}
# ANALYZE looks at 300 rows for each bound that one column is to have: with so many for the ids, of which no condition
# makes use, at every row. What it finds, and so what is planned, is then the same every time.
_ALL_ROWS = 10_000
_ROWS = (Path(__file__).parent / "scale/million.sql").read_text()
_LISTS = {
    "users": "query ($filter: UserFilter) { users(filter: $filter) { nodes { id } totalCount } }",
    "users with roles": "query ($filter: UserFilter) { users(filter: $filter) { nodes { roles { key } } } }",
    "assignments": "query ($filter: RoleAssignmentFilter)"
    " { assignments(filter: $filter) { nodes { id } totalCount } }",
    "events": "query ($filter: EventFilter) { events(filter: $filter) { nodes { id } } }",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How the statements of one request were run."""

    nodes: Sequence[Json]
    plans: Sequence[Explained]

    def counts(self) -> Iterator[Explained]:
        return (plan for plan in self.plans if plan.query.startswith("SELECT count("))

    def pages(self) -> Iterator[Explained]:
        return (plan for plan in self.plans if not plan.query.startswith("SELECT count("))


class Million:
    def __init__(self, client: Client, log: Log) -> None:
        self.client, self._log = client, log

    async def ask(self, query: str, **variables: Any) -> Told:
        self._log.plans()
        found = await self.client(query, **variables)
        return Told(nodes=found.get("nodes", ()), plans=self._log.plans())

    async def ask_list(self, name: str, given: Json) -> Told:
        return await self.ask(_LISTS[name], filter=given)


@asynccontextmanager
async def a_million(place: Path) -> AsyncIterator[Million]:
    """Of the default sizes of pages and caps, each statement planned for its values."""
    with EmbeddedPostgres(place / "data", durable=False) as url:
        migrations.upgrade(url)
        db = Database(url)
        await db.fill(_fill)
        async with db.read() as reader:
            for table in ("users", "role_assignments", "events"):
                await reader.execute(text(f"ALTER TABLE {table} ALTER COLUMN id SET STATISTICS {_ALL_ROWS}"))
            await reader.execute(text("VACUUM ANALYZE"))
        await explain_everything(db)
        await db.close()
        async with open_api(url, pool_size=1) as client:
            yield Million(client, Log(place / "data/server.log"))


async def _fill(writer: EngineConnection) -> None:
    await seeding.prepare(writer)
    connection: Any = (await writer.raw.get_raw_connection()).driver_connection
    await connection.execute(_ROWS)
    await seeding.finish(writer, lambda _done, _of: None)
