"""Wires the application by hand: who calls, GraphQL, the playground, health, and the one small job."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import NoReturn, TypeVar

from fastapi import FastAPI, Request
from starlette.types import ASGIApp

from roster.api import health, http
from roster.api.hosts import OwnHosts
from roster.api.http import GraphQLOverHTTP
from roster.api.request_log import RequestLog
from roster.data.db import Database
from roster.data.statements import count_statements
from roster.domain.callers import OPERATOR, Caller
from roster.domain.instants import now
from roster.services.callers import Callers
from roster.services.expiries import keep_recording
from roster.services.health import readiness
from roster.services.oidc import Issuer
from roster.services.services import Services
from roster.settings import Settings

T = TypeVar("T")


def create_app(db: Database, settings: Settings, *, hosts: Iterable[str] = ()) -> ASGIApp:
    """The application on a migrated database, which it closes when it ends.

    `hosts` are the names that it is asked by, beside those of loopback. Its own layers are around FastAPI, not among its
    middleware: for what they answer themselves, finding that FastAPI has nothing to do would take longer than they do.
    """
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

    routes = FastAPI(
        title="Roster", openapi_url=None, lifespan=lifespan, exception_handlers={Exception: _raised}
    )
    routes.include_router(health.router(partial(readiness, db)))
    routes.include_router(http.pages())
    to_caller = partial(_to_caller, callers) if settings.access_control else _to_operator
    graphql = GraphQLOverHTTP(routes, to_caller=to_caller, make_services=partial(Services.of, db))
    return RequestLog(OwnHosts(graphql, hosts), count_statements)


async def _raised(_: Request, mistake: Exception) -> NoReturn:
    """Not for Starlette to answer: RequestLog does."""
    raise mistake


async def _to_caller(
    callers: Callers, authorization: Sequence[str], work: Callable[[Caller], Awaitable[T]]
) -> T:
    return await callers.answer(authorization, now(), work)


async def _to_operator(_: Sequence[str], work: Callable[[Caller], Awaitable[T]]) -> T:
    """Without access control whoever reaches the server is as good as whoever runs it."""
    return await work(OPERATOR)
