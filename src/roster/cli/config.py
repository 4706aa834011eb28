"""`roster config`: what is set, and where."""

import json

import typer

from roster import settings
from roster.cli.console import read_settings
from roster.cli.options import AsJson
from roster.settings import Settings

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
        value = "" if shown[name] is None else shown[name]
        # What hides a secret is not to be set in its place.
        typer.echo(f"{'# ' if name in settings.SECRETS else ''}{settings.names(name)[0]}={value}")
