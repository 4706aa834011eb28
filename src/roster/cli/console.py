"""What the commands say, and the exit codes: 0 done, 1 could not be done or the answer is no, 2 wrongly asked."""

import logging
from typing import NoReturn

import typer

from roster import settings as all_settings
from roster.cli import logs
from roster.settings import Settings, SettingsError

logger = logging.getLogger("roster")

FAILED, WRONGLY_ASKED = 1, 2


def read_settings(**options: object) -> Settings:
    """The settings in force; ends the command if there is a mistake in them, and tells all of them."""
    try:
        return all_settings.load(**options)
    except SettingsError as error:
        fail(str(error), WRONGLY_ASKED)


def start_logging(settings: Settings) -> None:
    logs.configure(settings.log_format, settings.log_level)


def fail(message: str, code: int = FAILED) -> NoReturn:
    if logs.for_machines():
        logger.error(message)
    else:
        typer.echo(message, err=True)
    raise typer.Exit(code)


def tell(line: str) -> None:
    """Say what is going on: to a person, or as a line of the log where one is written for machines."""
    if logs.for_machines():
        logger.info(line)
    else:
        typer.echo(line, err=True)
