"""The application, for what does not depend on who calls, and for what does."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from client import Client
from roster.app import create_app
from roster.data.db import Database
from roster.settings import Settings


def open_app(url: str, *, pool_size: int = 10, hosts: Iterable[str] = ()) -> FastAPI:
    """Without access control: everyone is the local operator."""
    return create_app(url, Settings(access_control=False, pool_size=pool_size), hosts=hosts)


@asynccontextmanager
async def guarded_api(db: Database, *secrets: str, pool_size: int = 1) -> AsyncIterator[Client]:
    """With access control, called over HTTP by whoever shows the secret of a token, or by nobody."""
    app = create_app(
        db.engine.url.render_as_string(hide_password=False), Settings(pool_size=pool_size), hosts=()
    )
    shown = [("authorization", f"Bearer {secret}") for secret in secrets]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost", headers=shown
    ) as http:
        yield Client(http, app.state.db)
    await app.state.db.close()
