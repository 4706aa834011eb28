"""Statements on libpq against servers of their own: one that is started again, one that speaks TLS, one that talks nonsense."""

import asyncio
import os
import signal
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import URL, Text, bindparam, make_url, select, text

from issuer import make_certificate
from postgres import postmaster, wait_until
from roster.data.connections import Reader
from roster.data.db import Database
from roster.data.statements import fixed
from roster.domain.errors import UnavailableError
from roster.embedded import EmbeddedPostgres

UNREACHABLE = "The database cannot be reached: try again."
_SSL_REQUEST = struct.pack("!II", 8, 80877103)
_ECHO = fixed(select(bindparam("said", type_=Text)))


async def echo(reader: Reader, said: str) -> str:
    return str((await reader.execute(_ECHO, {"said": said})).scalar_one())


async def ask_once(db: Database, said: str = "hello") -> str:
    async with db.read() as reader:
        return await echo(reader, said)


@asynccontextmanager
async def database(url: URL | str, *, pool_size: int = 3) -> AsyncIterator[Database]:
    shown = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    made = Database(shown, pool_size=pool_size)
    try:
        yield made
    finally:
        await made.close()


# ---- started again ----


async def test_a_server_that_is_started_again_is_found_again(place: Path) -> None:
    with ExitStack() as stack:
        server = EmbeddedPostgres(place / "again", durable=False)
        url = stack.enter_context(server)
        async with database(url) as db:
            for end in (signal.SIGINT, signal.SIGKILL):
                said = [f"{n}" for n in range(9)]
                assert await asyncio.gather(*(ask_once(db, one) for one in said)) == said
                asleep = [asyncio.create_task(_sleep(db)) for _ in range(2)]
                await asyncio.sleep(0.1)
                os.kill(postmaster(place / "again"), end)
                for ended in await asyncio.gather(*asleep, return_exceptions=True):
                    assert isinstance(ended, UnavailableError)
                await asyncio.to_thread(wait_until, server.is_lost)
                for _ in range(4):
                    with pytest.raises(UnavailableError, match=UNREACHABLE):
                        await ask_once(db)
                assert db.driver.lent == 0
                server.start_again()
            assert await asyncio.gather(*(ask_once(db, one) for one in said)) == said


async def _sleep(db: Database) -> None:
    async with db.read() as reader:
        await reader.execute(text("SELECT pg_sleep(60)"))


# ---- TLS ----

Changed = Callable[[bytes], bytes]


async def pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, changed: Changed = bytes
) -> None:
    with suppress(ConnectionError):
        while said := await reader.read(1 << 20):
            writer.write(changed(said))
            await writer.drain()
    writer.close()


@asynccontextmanager
async def between(
    url: str, *, tls: ssl.SSLContext | None = None, changed: Changed = bytes
) -> AsyncIterator[URL]:
    """The server at the other end of somebody who speaks TLS for it, or changes what it says."""
    real = make_url(url)
    meetings: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        meetings.add(cast("asyncio.Task[None]", asyncio.current_task()))
        if tls:
            assert await reader.readexactly(8) == _SSL_REQUEST
            writer.write(b"S")
            try:
                await writer.start_tls(tls)
            except (OSError, ssl.SSLError):  # hung up on
                writer.close()
                return
        from_server, to_server = await asyncio.open_unix_connection(f"{real.query['host']}/.s.PGSQL.5432")
        async with asyncio.TaskGroup() as group:
            group.create_task(pass_on(reader, to_server))
            group.create_task(pass_on(from_server, writer, changed))

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield real.set(host="127.0.0.1", port=port, query={"sslmode": "require" if tls else "disable"})
        await asyncio.wait(meetings, timeout=5)


@pytest.fixture(scope="module")
def certificates(place: Path) -> dict[str, Path]:
    """Of whom one is the server's."""
    return {name: make_certificate(place).rename(place / f"{name}.pem") for name in ("its own", "another")}


@pytest.fixture
def tls(certificates: dict[str, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates["its own"])
    return context


async def test_tls_is_spoken_whatever_the_sizes(server_url: str, tls: ssl.SSLContext) -> None:
    """What is decrypted already and not read yet is not on the socket any more: nobody may wait for it there."""
    async with between(server_url, tls=tls) as url, database(url) as db, asyncio.timeout(60):
        for size in (*range(7_000, 50_000, 509), 1_000_000, 9_000_001):
            answers = await asyncio.gather(*(ask_once(db, f"{n}" * size) for n in range(2)))
            assert answers == ["0" * size, "1" * size], size
        rows = text("SELECT repeat('x', CAST(:size AS int)) FROM generate_series(1, 7)")
        for size in range(3_000, 40_000, 509):
            async with db.read() as reader:
                said = (await reader.execute(rows, {"size": size})).scalars()
                assert {len(one) for one in said} == {size}


async def test_what_is_cancelled_over_tls_is_ended_over_tls(server_url: str, tls: ssl.SSLContext) -> None:
    async with between(server_url, tls=tls) as url, database(url, pool_size=1) as db:
        for _ in range(3):
            asleep = asyncio.create_task(_sleep(db))
            await asyncio.sleep(0.1)
            asleep.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asleep
            async with db.read() as reader:
                sleeping = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
                assert (await reader.execute(sleeping)).scalar_one() == 0


@pytest.mark.parametrize(("root", "trusted"), [("its own", True), ("another", False)])
async def test_a_server_is_trusted_if_its_certificate_is(
    server_url: str, tls: ssl.SSLContext, certificates: dict[str, Path], root: str, trusted: bool
) -> None:
    async with between(server_url, tls=tls) as url:
        verified = url.update_query_dict({"sslmode": "verify-full", "sslrootcert": str(certificates[root])})
        async with database(verified) as db:
            if trusted:
                assert await ask_once(db) == "hello"
            else:
                with pytest.raises(UnavailableError, match=UNREACHABLE):
                    await ask_once(db)
            assert db.driver.lent == 0


# ---- nonsense ----


@pytest.mark.parametrize("nonsense", [b"T\xff\xff\xff\xff", b"T\0\0\0\3", b"\0" * 50])
async def test_a_server_that_talks_nonsense_is_hung_up_on(server_url: str, nonsense: bytes) -> None:
    def change(said: bytes) -> bytes:
        return nonsense if b"change this" in said else said

    async with between(server_url, changed=change) as url, database(url, pool_size=1) as db:
        assert await ask_once(db) == "hello"
        with pytest.raises(UnavailableError, match=UNREACHABLE):
            async with asyncio.timeout(5):
                await ask_once(db, "change this")
        assert await ask_once(db) == "hello"
        assert db.driver.lent == 0
