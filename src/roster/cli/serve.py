"""`roster serve`: one process owns the database server and the socket, and its workers answer."""

import gc
import logging
import signal
import time
from contextlib import ExitStack
from functools import partial
from shlex import quote
from socket import socket
from typing import Annotated, NoReturn

import typer
import uvicorn

from roster import __version__
from roster.api.schema import schema
from roster.app import create_app
from roster.cli import admin, databases, healthcheck, seed
from roster.cli.console import fail, read_settings, start_logging, tell
from roster.cli.options import DataDir, Host, Port
from roster.cli.workers import DRAIN_SECONDS, STOP_SIGNALS, Pauses, Workers, listen
from roster.data.db import Database
from roster.embedded import EmbeddedPostgres, EmbeddedPostgresError
from roster.settings import Settings

logger = logging.getLogger("roster")

_LOOK_SECONDS = 0.2  # How soon a dead database server is noticed; a dead worker is at once.
_READY_SECONDS = 60.0

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that answer requests.", show_default="1")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Fill the directory with 1,000 users if it is empty.")
    ] = False,
) -> None:
    """Answer GraphQL, on the server that DATABASE_URL names or else on an embedded PostgreSQL."""
    begun = time.monotonic()
    settings = read_settings(host=host, port=port, data_dir=data_dir, workers=workers)
    start_logging(settings)
    stop = _Stop()
    with ExitStack() as running:
        try:
            _serve(settings, running, stop, demo=demo, begun=begun)
        except KeyboardInterrupt:
            tell("Stopping")
            # Whoever asks twice gets the same: all that is acknowledged is kept, within seconds.
            for asked in STOP_SIGNALS:
                signal.signal(asked, signal.SIG_IGN)


class _Stop:
    """What happens at Ctrl-C, SIGTERM and SIGHUP: it is noted, and interrupts what may be interrupted."""

    def __init__(self) -> None:
        self.asked, self.interrupts = False, True
        for signum in STOP_SIGNALS:
            if signal.getsignal(signum) is not signal.SIG_IGN:  # as under nohup
                signal.signal(signum, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True
        if self.interrupts:
            raise KeyboardInterrupt

    def check(self) -> None:
        """Also for what was asked where Python swallows an exception, such as in a destructor."""
        if self.asked:
            raise KeyboardInterrupt


def _serve(settings: Settings, running: ExitStack, stop: _Stop, *, demo: bool, begun: float) -> NoReturn:
    try:
        listener = running.enter_context(listen(settings.host, settings.port))
    except OSError as error:
        fail(
            f"Cannot listen on {settings.host}, port {settings.port}: {error.strerror}. Choose another with --port."
        )
    url, postgres = _database(settings, running)
    databases.upgrade(url)
    if demo:
        seed.fill_if_empty(url)
    secret = _secret(settings, url, embedded=postgres is not None)
    if not settings.access_control:
        tell("Access control is off: whoever reaches this server may do everything")
    schema()  # Built once, here, for all workers.
    work = partial(_answer, settings, url, listener, postgres)
    workers = running.enter_context(Workers(settings.workers, work))
    # From here on nothing takes long, and a worker that is being forked must not be forgotten.
    stop.interrupts = False
    keeper = _Keeper(workers, postgres, stop)
    _wait_until_ready(keeper, listener)
    tell(f"Roster {__version__} is ready after {time.monotonic() - begun:.1f} s")
    _announce(listener, settings, secret)
    while True:
        keeper.keep()
        workers.wait(_LOOK_SECONDS)


def _database(settings: Settings, running: ExitStack) -> tuple[str, EmbeddedPostgres | None]:
    if url := databases.external(settings):
        return url, None
    tell(f"Starting PostgreSQL in {settings.data_dir}")
    postgres = databases.embedded(settings)
    try:
        return running.enter_context(postgres), postgres
    except EmbeddedPostgresError as error:
        fail(str(error))


def _secret(settings: Settings, url: str, *, embedded: bool) -> str | None:
    """The token of the local administrator; on a server of one's own there is none."""
    if not settings.access_control:
        return None
    if embedded:
        return admin.local_secret(settings.data_dir, url)
    admin.tell_if_there_is_none(url)
    return None


def _answer(settings: Settings, url: str, listener: socket, postgres: EmbeddedPostgres | None) -> None:
    """What a worker does."""
    if postgres:
        postgres.disown()
    hosts = (healthcheck.address(settings.host), *settings.allowed_hosts)
    db = Database(url, pool_size=settings.pool_size, driver=settings.database_driver)
    config = uvicorn.Config(
        create_app(db, settings, hosts=hosts),
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    # What is there by now stays: it need not be looked at again and again, and what a request makes is gone by counting.
    # Not so documents that are forgotten, some thousand of which are let go at a time.
    gc.freeze()
    gc.set_threshold(50_000, 5, 2)
    uvicorn.Server(config).run(sockets=[listener])


class _Keeper:
    """Keeps all running."""

    def __init__(self, workers: Workers, postgres: EmbeddedPostgres | None, stop: _Stop) -> None:
        self._workers, self._postgres, self._stop = workers, postgres, stop
        self._pauses = Pauses()

    def keep(self) -> None:
        """Start again what ended. Raise KeyboardInterrupt if we were asked to stop."""
        self._stop.check()
        self._workers.keep()
        if self._postgres and self._postgres.is_lost() and self._pauses.over():
            self._pauses.tried()
            self._stop.interrupts = True  # Recovery may take minutes.
            self._stop.check()
            self._start_again(self._postgres)
            self._stop.interrupts = False

    @staticmethod
    def _start_again(postgres: EmbeddedPostgres) -> None:
        logger.error("PostgreSQL is lost: starting it again")
        try:
            postgres.start_again()
        except EmbeddedPostgresError as error:
            logger.error("%s", error)  # noqa: TRY400 -- it says all
        else:
            logger.info("PostgreSQL runs again")


def _wait_until_ready(keeper: _Keeper, listener: socket) -> None:
    host, port = listener.getsockname()[:2]
    deadline = time.monotonic() + _READY_SECONDS
    keeper.keep()
    while reason := healthcheck.why_unready(host, port):
        keeper.keep()
        if time.monotonic() >= deadline:
            fail(f"The server does not come up. {reason}")
        time.sleep(0.02)


def _announce(listener: socket, settings: Settings, secret: str | None) -> None:
    """On stdout, and so in no log: the token of the local administrator is for whoever started the server."""
    host, port = listener.getsockname()[:2]
    host = healthcheck.address(host)
    url = f"http://[{host}]:{port}/graphql" if ":" in host else f"http://{host}:{port}/graphql"
    # In the fragment, which no browser sends.
    typer.echo(f"API and playground: {url}{f'#token={secret}' if secret else ''}")
    query = """'{"query": "{ roles { nodes { key name holderCount } } }"}'"""
    curl = f"curl {url} -H 'Content-Type: application/json' -d {query}"
    if secret:
        file = quote(str(admin.token_file(settings.data_dir.absolute())))
        # Not as an argument, which every user of the machine sees.
        curl = f"sed 's/^/Authorization: Bearer /' {file} | {curl} -H @-"
    typer.echo(f"From a shell: {curl}")
