"""The `roster` command. Each module is a command; here they are put together."""

from typing import Annotated

import typer

from roster import __version__
from roster.cli import schema
from roster.cli.health import healthcheck
from roster.cli.migrate import migrate
from roster.cli.serve import serve

main = typer.Typer(
    name="roster",
    help="A directory of users and roles behind one GraphQL API.",
    epilog="Exit codes: 0 done; 1 it could not be done, or the answer is no; 2 the command or a setting is wrong.",
    no_args_is_help=True,
)

RUN, DATA, INTERFACE = "Run it", "Its data", "Its interface"
main.command(rich_help_panel=RUN)(serve)
main.command(rich_help_panel=RUN)(healthcheck)
main.command(rich_help_panel=DATA)(migrate)
main.add_typer(schema.app, name="schema", rich_help_panel=INTERFACE)


def _show_version(asked: bool) -> None:  # noqa: FBT001 -- Typer's way
    if asked:
        typer.echo(f"roster {__version__}")
        raise typer.Exit


@main.callback()
def _options(
    version: Annotated[  # noqa: FBT002 -- Typer's way
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass
