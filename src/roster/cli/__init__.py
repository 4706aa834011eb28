"""The `roster` command. Each module is a command; here they are put together."""

from typing import Annotated

import typer

from roster import __version__
from roster.cli import config, doctor, health, migrate, pg, schema, seed, serve

main = typer.Typer(
    name="roster",
    help="A directory of users and roles behind one GraphQL API.",
    epilog="Exit codes: 0 done; 1 it could not be done, or the answer is no; 2 the command or a setting is wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they show the values of variables
)

RUN, DATA, INTERFACE = "Run it", "Its data", "Its interface"
main.command(rich_help_panel=RUN)(serve.serve)
main.command(rich_help_panel=RUN)(health.healthcheck)
main.command(rich_help_panel=DATA)(seed.seed)
main.command(rich_help_panel=DATA)(migrate.migrate)
# What follows the program's name is for the program.
main.command(
    rich_help_panel=DATA, context_settings={"allow_interspersed_args": False, "allow_extra_args": True}
)(pg.pg)
main.command(rich_help_panel=RUN)(config.config)
main.command(rich_help_panel=RUN)(doctor.doctor)
main.add_typer(schema.app, name="schema", rich_help_panel=INTERFACE)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"roster {__version__}")
        raise typer.Exit


@main.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass
