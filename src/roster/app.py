"""Wires the application by hand: the database, who calls, GraphQL, the playground, health, and the one small job."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI

from roster.api import health, http
from roster.api.hosts import OwnHosts
from roster.api.request_log import RequestLog
from roster.data.db import Database, count_statements
from roster.domain.callers import OPERATOR, Caller
from roster.domain.instants import now
from roster.services.callers import Callers
from roster.services.expiries import keep_recording
from roster.services.health import readiness
from roster.services.oidc import Issuer
from roster.services.services import Services
from roster.settings import Settings


def create_app(database_url: str, settings: Settings, *, hosts: Iterable[str] = ()) -> FastAPI:
    """The application on a migrated database. `hosts` are the names that it is asked by, beside those of loopback."""
    db = Database(database_url, pool_size=settings.pool_size)
    issuer = None
    if settings.oidc_issuer and settings.oidc_audience:
        issuer = Issuer(settings.oidc_issuer, settings.oidc_audience)
    callers = Callers(
        db=db,
        anonymous=frozenset(settings.anonymous_permissions),
        issuer=issuer,
        match_email=settings.oidc_match_email,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        job = asyncio.create_task(keep_recording(db))
        yield
        job.cancel()
        with suppress(asyncio.CancelledError):
            await job
        if issuer:
            await issuer.close()
        await db.close()

    app = FastAPI(title="Roster", openapi_url=None, lifespan=lifespan)
    app.state.db = db
    app.add_middleware(OwnHosts, hosts=hosts)
    app.add_middleware(RequestLog, count_statements=count_statements)  # around what was added before
    app.include_router(health.router(partial(readiness, db)))
    find_caller = partial(_caller, callers) if settings.access_control else _operator
    app.include_router(http.router(find_caller, partial(Services.of, db)))
    return app


async def _caller(callers: Callers, authorization: Sequence[str]) -> Caller:
    return await callers.of_headers(authorization, now())


async def _operator(_: Sequence[str]) -> Caller:
    """Without access control whoever reaches the server is as good as whoever runs it."""
    return OPERATOR
