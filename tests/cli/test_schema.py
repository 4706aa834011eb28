"""`roster schema`."""

import re
from pathlib import Path

from commands import roster

SCHEMA = Path(__file__).parents[2] / "schema.graphql"


def test_schema_print_prints_the_schema_in_the_repository() -> None:
    result = roster("schema", "print")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == SCHEMA.read_text()


def test_schema_check_accepts_the_schema_in_the_repository() -> None:
    result = roster("schema", "check", SCHEMA)
    assert (result.exit_code, result.output) == (0, "")


def test_schema_check_shows_the_difference_to_another(tmp_path: Path) -> None:
    other = tmp_path / "schema.graphql"
    other.write_text(SCHEMA.read_text().replace("  emailVerifiedAt: DateTime\n", "  verifiedAt: DateTime\n"))
    result = roster("schema", "check", other)
    assert result.exit_code == 1
    changed = [line for line in result.stderr.splitlines() if re.match(r"[+-] ", line)]
    # In User, in CreateUserInput and in UpdateUserInput.
    assert changed == ["-  verifiedAt: DateTime", "+  emailVerifiedAt: DateTime"] * 3
    assert result.stderr.endswith(
        f"{other} is not the schema of this version: `roster schema print > {other}`\n"
    )
