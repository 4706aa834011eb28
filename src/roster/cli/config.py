"""`roster config`: what is set, and where."""

import json
from typing import Annotated

import typer

from roster import settings
from roster.cli.console import read_settings
from roster.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]

app = typer.Typer(add_completion=False)


@app.command()
def config(as_json: AsJson = False) -> None:
    """Show every setting: its value in force, without secrets, and where that comes from. Fit for an environment file."""
    shown = settings.masked(read_settings())
    if as_json:
        values = {name: {"value": value, "from": settings.origin(name)} for name, value in shown.items()}
        typer.echo(json.dumps(values, indent=2))
        return
    for name, field in Settings.model_fields.items():
        typer.echo(f"# {field.description} ({settings.origin(name)})")
        typer.echo(f"{settings.names(name)[0]}={'' if shown[name] is None else shown[name]}")
