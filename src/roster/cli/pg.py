"""`roster pg`: PostgreSQL's own programs on the database in force."""

import os
import subprocess
from pathlib import Path
from typing import Annotated

import typer
from psycopg import conninfo, pq

from roster.cli import databases
from roster.cli.console import WRONGLY_ASKED, fail, read_settings
from roster.cli.databases import DataDir
from roster.embedded import EmbeddedPostgresError, find_programs

Program = Annotated[str, typer.Argument(help="Its name.")]

app = typer.Typer(add_completion=False)


# What follows the program's name is for the program.
@app.command(context_settings={"allow_interspersed_args": False, "allow_extra_args": True})
def pg(context: typer.Context, program: Program, data_dir: DataDir = None) -> None:
    """Run a program of PostgreSQL on the database: `psql`, `pg_dump`, `pg_restore`, …

    What follows the program's name is for it, such as `roster pg pg_dump --format=custom --file=roster.dump`.
    """
    settings = read_settings(data_dir=data_dir)
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
        command: list[Path | str] = [programs / program, *context.args]
        ran = subprocess.run(command, env=os.environ | environment(url), check=False)  # noqa: S603 -- the user's own
    raise typer.Exit(ran.returncode)


def environment(url: str) -> dict[str, str]:
    """The variables by which PostgreSQL's programs find a database (libpq, "Environment Variables")."""
    given = conninfo.conninfo_to_dict(url.replace("postgresql+psycopg://", "postgresql://", 1))
    variables = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults()}
    named = {(variables[keyword] or b"").decode(): str(value) for keyword, value in given.items()}
    return {name: value for name, value in named.items() if name}
