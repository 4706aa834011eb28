"""Wires the application by hand: the database, GraphQL, the playground and health."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from roster.api import health, http
from roster.api.context import Context
from roster.api.hosts import OwnHosts
from roster.api.request_log import RequestLog
from roster.data.db import Database, count_statements
from roster.domain.actors import LOCAL_OPERATOR
from roster.services.health import readiness
from roster.services.services import Services


def create_app(database_url: str, *, hosts: Iterable[str] = (), pool_size: int = 10) -> FastAPI:
    """The application on a migrated database. Whoever reaches it is the local operator: serve it on loopback only.

    `hosts` are the names that it is asked by, beside those of loopback.
    """
    db = Database(database_url, pool_size=pool_size)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await db.close()

    app = FastAPI(title="Roster", openapi_url=None, lifespan=lifespan)
    app.state.db = db
    app.add_middleware(OwnHosts, hosts=hosts)
    app.add_middleware(RequestLog, count_statements=count_statements)  # around what was added before
    app.include_router(health.router(partial(readiness, db)))
    app.include_router(http.router(lambda: Context(partial(Services.of, db, LOCAL_OPERATOR))))
    return app
