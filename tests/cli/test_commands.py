"""The `roster` command as a whole."""

import subprocess

import pytest

from commands import roster
from roster import __version__
from serving import ROSTER


@pytest.mark.parametrize("arguments", [[], ["schema"]])
def test_without_a_command_the_help_is_shown(arguments: list[str]) -> None:
    result = roster(*arguments)
    assert result.exit_code == 2
    assert "Usage: roster" in result.output


def test_the_version_is_shown() -> None:
    result = roster("--version")
    assert (result.exit_code, result.stdout) == (0, f"roster {__version__}\n")


@pytest.mark.parametrize("command", ["serve", "seed", "migrate", "config", "healthcheck"])
def test_a_wrong_setting_ends_every_command(command: str) -> None:
    result = roster(command, ROSTER_POOL_SIZE="0", ROSTER_WORKER="1")
    assert result.exit_code == 2
    assert result.stderr == (
        "ROSTER_WORKER is not a setting. Did you mean ROSTER_WORKERS?\n"
        "ROSTER_POOL_SIZE: Input should be greater than or equal to 1\n"
    )


def test_a_closed_stderr_is_no_reason_to_fail() -> None:
    ran = subprocess.run(["/bin/sh", "-c", f"exec {ROSTER} config 2>&-"], capture_output=True, check=True)  # noqa: S603
    assert b"ROSTER_PORT=8000" in ran.stdout
