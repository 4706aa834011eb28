"""`roster pg`: PostgreSQL's own programs on the database in force."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg import conninfo, pq

from roster.cli import databases
from roster.cli.console import WRONGLY_ASKED, fail, read_settings
from roster.cli.options import DataDir
from roster.embedded import EmbeddedPostgresError, find_programs, has_database

Program = Annotated[str, typer.Argument(help="Its name.")]
New = Annotated[
    bool, typer.Option("--new", help="Make the embedded database if there is none, as to restore into it.")
]

app = typer.Typer(add_completion=False)


# What follows the program's name is for the program.
@app.command(context_settings={"allow_interspersed_args": False, "allow_extra_args": True})
def pg(context: typer.Context, program: Program, data_dir: DataDir = None, new: New = False) -> None:
    """Run a program of PostgreSQL on the database: `psql`, `pg_dump`, `pg_restore`, …

    What follows the program's name is for it, such as `roster pg pg_dump --format=custom --file=roster.dump`.
    """
    settings = read_settings(data_dir=data_dir)
    if not (settings.database_url or new or has_database(settings.data_dir)):
        # A backup of a mistyped directory would be a good backup of nothing.
        fail(f"There is no database in {settings.data_dir}. --new makes one.")
    try:
        programs = find_programs(None if settings.database_url else settings.data_dir)
    except EmbeddedPostgresError as error:
        fail(str(error))
    if not (programs / program).is_file():
        fail(
            f"{program} is not a program of PostgreSQL: there is none of that name in {programs}.",
            WRONGLY_ASKED,
        )
    with databases.opened(settings) as url:
        try:
            variables = environment(url)
        except psycopg.Error as error:
            fail(f"DATABASE_URL: {error}", WRONGLY_ASKED)
        raise typer.Exit(_run([programs / program, *context.args], variables))


def _run(command: list[Path | str], variables: dict[str, str]) -> int:
    """The exit code, as a shell would tell it. Ctrl-C is for the program: in psql it ends a statement."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with subprocess.Popen(  # noqa: S603 -- the user's own
            command,
            env=os.environ | variables,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 -- no thread runs
        ) as process:
            code = process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code


def environment(url: str) -> dict[str, str]:
    """The variables by which PostgreSQL's programs find a database (libpq, "Environment Variables")."""
    given = conninfo.conninfo_to_dict(url.replace("postgresql+psycopg://", "postgresql://", 1))
    variables = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults()}
    named = {(variables[keyword] or b"").decode(): str(value) for keyword, value in given.items()}
    return {name: value for name, value in named.items() if name}
