"""The `roster` command: a module a command, with its `app`.

A module is imported when its command is asked for: `healthcheck` runs every few seconds, and need not load a server.
"""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from roster import __version__

_RUN, _ACCESS, _DATA, _INTERFACE = "Run it", "Who may use it", "Its data", "Its interface"
# In the order of the help, and under what it lists each.
COMMANDS = {
    "serve": _RUN,
    "healthcheck": _RUN,
    "doctor": _RUN,
    "config": _RUN,
    "admin": _ACCESS,
    "token": _ACCESS,
    "seed": _DATA,
    "migrate": _DATA,
    "pg": _DATA,
    "schema": _INTERFACE,
}


class _Commands(TyperGroup):
    # Any: the types are of the Click within Typer, which is private to it.
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        if cmd_name not in COMMANDS:
            return None
        command: Any = get_command(import_module(f"{__name__}.{cmd_name}").app)
        command.name, command.rich_help_panel = cmd_name, COMMANDS[cmd_name]
        return command


main = typer.Typer(
    name="roster",
    cls=_Commands,
    help="A directory of users and roles behind one GraphQL API.",
    epilog="Exit codes: 0 done; 1 it could not be done, or the answer is no; 2 the command or a setting is wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they show the values of variables
)


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
