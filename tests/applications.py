"""The application, for what does not depend on who calls, and for what does."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
from starlette.types import ASGIApp, Message

from client import Client
from roster.app import create_app
from roster.data.db import Database
from roster.settings import Settings


def open_app(url: str, *, hosts: Iterable[str] = ()) -> ASGIApp:
    """Without access control: everyone is the local operator."""
    return create_app(Database(url), Settings(access_control=False), hosts=hosts)


@asynccontextmanager
async def api_of(
    url: str, settings: Settings, *, headers: Sequence[tuple[str, str]] = ()
) -> AsyncIterator[Client]:
    """Called over HTTP; nothing that runs beside the requests does."""
    db = Database(url, pool_size=settings.pool_size, driver=settings.database_driver)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(db, settings)),
        base_url="http://localhost",
        headers=list(headers),
    ) as http:
        yield Client(http, db)
    await db.close()


def open_api(url: str, *, pool_size: int) -> AbstractAsyncContextManager[Client]:
    """Without access control."""
    return api_of(url, Settings(access_control=False, pool_size=pool_size))


def guarded_api(db: Database, *secrets: str, pool_size: int = 1) -> AbstractAsyncContextManager[Client]:
    """With access control, called by whoever shows the secret of a token, or by nobody."""
    shown = [("authorization", f"Bearer {secret}") for secret in secrets]
    url = db.engine.url.render_as_string(hide_password=False)
    return api_of(url, Settings(pool_size=pool_size), headers=shown)


@asynccontextmanager
async def running(app: ASGIApp) -> AsyncIterator[None]:
    """As a server tells it that it begins, and ends."""
    told, answers = asyncio.Queue[Message](), asyncio.Queue[Message]()
    lifespan = asyncio.ensure_future(app({"type": "lifespan"}, told.get, answers.put))
    await told.put({"type": "lifespan.startup"})
    assert await answers.get() == {"type": "lifespan.startup.complete"}
    yield
    await told.put({"type": "lifespan.shutdown"})
    assert await answers.get() == {"type": "lifespan.shutdown.complete"}
    await lifespan
