"""What the tests share: a real PostgreSQL built by the migrations, and the application on it."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import insert, make_url, select

from applications import open_api
from client import Client
from emptying import empty
from postgres import connect
from roster.data import migrations
from roster.data.db import Database
from roster.data.models import RoleRow
from roster.embedded import EmbeddedPostgres
from roster.settings import Settings

# The same examples every time, as many as every run can bear; HYPOTHESIS_PROFILE=thorough goes far and elsewhere.
settings.register_profile("brief", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "brief"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=10, help="How often the tests of faults kill.")
    parser.addoption("--operations", type=int, default=2_000, help="How many the differential test makes.")
    parser.addoption("--seed", type=int, default=0, help="Of what, for other ones.")


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    given: int = request.config.getoption("--rounds")
    return given


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@contextmanager
def _open_directory() -> Iterator[Path]:
    """A directory that every user can enter, unlike pytest's own: as root the embedded server is another user."""
    directory = Path(tempfile.mkdtemp(prefix="roster-tests-")).resolve()
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Where a module's embedded servers keep their data."""
    with _open_directory() as directory:
        yield directory


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """An empty database on a server of this test process alone. Nothing here needs to survive a crash."""
    with _open_directory() as directory, EmbeddedPostgres(directory / "data", durable=False) as url:
        yield url


@pytest.fixture(scope="session")
def database_url(server_url: str) -> str:
    """The same, migrated."""
    migrations.upgrade(server_url)
    return server_url


@pytest.fixture
def own_url(server_url: str) -> Iterator[str]:
    """An empty database of the test's own beside it, for a server that is to have an administrator."""
    with connect(server_url, autocommit=True) as server:
        server.execute("create database own")
        yield make_url(server_url).set(database="own").render_as_string(hide_password=False)
        server.execute("drop database own with (force)")


@pytest.fixture(scope="session")
async def shared_db(database_url: str) -> AsyncIterator[Database]:
    """One pool for every test: it also keeps one event loop for all of them."""
    db = Database(database_url, pool_size=20, driver=Settings().database_driver)
    yield db
    await db.close()


@pytest.fixture(scope="session")
async def seeded(shared_db: Database) -> list[dict[str, Any]]:
    """The rows of roles as the migrations leave them."""
    async with shared_db.engine.begin() as connection:
        rows = [dict(row) for row in (await connection.execute(select(RoleRow.__table__))).mappings()]
        # The event that told of the role is gone after the first test: so that each finds the same, before it too.
        await empty(connection)
        await connection.execute(insert(RoleRow), rows)
        return rows


@pytest.fixture
async def db(shared_db: Database, seeded: list[dict[str, Any]]) -> AsyncIterator[Database]:
    """A database with nothing in it but the role ADMIN, as the migrations leave it."""
    yield shared_db
    async with shared_db.engine.begin() as connection:
        await empty(connection)
        await connection.execute(insert(RoleRow), seeded)


@pytest.fixture
async def api(db: Database) -> AsyncIterator[Client]:
    """The whole application, called over HTTP, in the database of `db`."""
    async with open_api(db.engine.url.render_as_string(hide_password=False), pool_size=5) as client:
        yield client


@pytest.fixture
async def narrow_api(db: Database) -> AsyncIterator[Client]:
    """The same on a pool of one connection."""
    async with open_api(db.engine.url.render_as_string(hide_password=False), pool_size=1) as client:
        yield client
