"""The `roster` command."""

import ipaddress
import os
import signal
import socket
from contextlib import ExitStack
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, NoReturn

import platformdirs
import typer
import uvicorn

from roster.api.schema import sdl
from roster.app import create_app
from roster.data import migrations
from roster.embedded import EmbeddedPostgres, EmbeddedPostgresError
from roster.settings import Settings

main = typer.Typer(
    name="roster", help="A directory of users and roles behind one GraphQL API.", no_args_is_help=True
)
schema = typer.Typer(help="The GraphQL schema as a file.", no_args_is_help=True)
main.add_typer(schema, name="schema")

SchemaFile = Annotated[Path, typer.Argument(help="The file.", exists=True, dir_okay=False)]


def _default_data_dir() -> Path:
    # The server runs as an unprivileged user when we are root, and cannot enter root's home.
    return Path("/var/lib/roster") if os.geteuid() == 0 else platformdirs.user_data_path("roster")


@main.command()
def serve(
    host: Annotated[str, typer.Option(help="A loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 8000,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the embedded PostgreSQL keeps its data.", show_default=False)
    ] = None,
) -> None:
    """Answer GraphQL, on the server that DATABASE_URL names or else on an embedded PostgreSQL."""
    if not _is_loopback(host):
        _fail(
            f"{host} is not a loopback address. Whoever reaches this server may do everything, so it answers on loopback only."
        )
    # As Ctrl-C does, and unlike the default, which would end us before the embedded server.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as running:
        try:
            url = Settings().database_url or running.enter_context(_embedded(data_dir or _default_data_dir()))
        except EmbeddedPostgresError as error:
            _fail(str(error))
        _upgrade(url)
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"API and playground: http://{shown}:{port}/graphql")
        uvicorn.run(create_app(url), host=host, port=port, log_level="warning")


def _is_loopback(host: str) -> bool:
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except socket.gaierror:
        return False
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)


def _embedded(data_dir: Path) -> EmbeddedPostgres:
    typer.echo(f"Starting PostgreSQL in {data_dir}", err=True)
    return EmbeddedPostgres(data_dir)


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


@main.command()
def migrate() -> None:
    """Bring the database that DATABASE_URL names up to date. Safe to run again, and from several servers at once."""
    url = Settings().database_url
    if url is None:
        _fail("DATABASE_URL is not set. An embedded PostgreSQL is brought up to date by `roster serve`.")
    _upgrade(url)


def _upgrade(url: str) -> None:
    try:
        migrations.upgrade(url)
    except migrations.MigrationError as error:
        _fail(str(error))


@schema.command("print")
def print_schema() -> None:
    """Print the schema."""
    typer.echo(sdl(), nl=False)


@schema.command("check")
def check_schema(file: SchemaFile = Path("schema.graphql")) -> None:
    """Exit with 1, and show the difference, if the file is not the schema of this version."""
    old = file.read_text().splitlines(keepends=True)
    difference = "".join(unified_diff(old, sdl().splitlines(keepends=True), str(file), "this version"))
    if difference:
        _fail(f"{difference}\n{file} is not the schema of this version: `roster schema print > {file}`")
