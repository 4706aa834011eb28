"""The `roster` command within the tests' own process."""

import os
from pathlib import Path

from typer.testing import CliRunner, Result

from roster.cli import main


def roster(*arguments: str | Path, **variables: str) -> Result:
    """With no settings but those given as variables."""
    # CliRunner takes a variable away that is None.
    unset = {name: None for name in os.environ if name.startswith("ROSTER_") or name == "DATABASE_URL"}
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env={**unset, **variables})
