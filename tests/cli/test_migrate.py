"""`roster migrate`."""

from pathlib import Path

from commands import roster
from postgres import ask
from roster.embedded import EmbeddedPostgres


def test_a_database_is_brought_up_to_date_and_may_be_again(place: Path) -> None:
    for _ in range(2):
        assert roster("migrate", "--data-dir", place / "data").exit_code == 0
    with EmbeddedPostgres(place / "data") as url:
        assert ask(url, "select key from roles") == "ADMIN"
        result = roster("migrate", DATABASE_URL=url)
        assert result.exit_code == 0
        assert result.stderr.startswith("Using the database postgresql://roster@/roster?host=")


def test_a_database_that_cannot_be_reached_is_a_message() -> None:
    result = roster("migrate", DATABASE_URL="postgresql://nobody:secret@127.0.0.1:1/nothing")
    assert result.exit_code == 1
    assert "\nThe database could not be brought up to date: connection failed" in result.stderr
    assert "Traceback" not in result.output
    assert "secret" not in result.output
