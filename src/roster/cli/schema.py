"""`roster schema`: the GraphQL schema as a file."""

from difflib import unified_diff
from pathlib import Path
from typing import Annotated

import typer

from roster.api.schema import sdl
from roster.cli.console import fail

app = typer.Typer(
    add_completion=False,
    help="The GraphQL schema as a file.",
    no_args_is_help=True,
)

SchemaFile = Annotated[Path, typer.Argument(help="The file.", exists=True, dir_okay=False)]


@app.command("print")
def print_schema() -> None:
    """Print the schema."""
    typer.echo(sdl(), nl=False)


@app.command("check")
def check_schema(file: SchemaFile = Path("schema.graphql")) -> None:
    """Exit with 1, and show the difference, if the file is not the schema of this version."""
    old = file.read_text().splitlines(keepends=True)
    difference = "".join(unified_diff(old, sdl().splitlines(keepends=True), str(file), "this version"))
    if difference:
        fail(f"{difference}\n{file} is not the schema of this version: `roster schema print > {file}`")
