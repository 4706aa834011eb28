"""The one error of the package."""

ELSEWHERE = "Choose another directory with --data-dir, or set DATABASE_URL."


class EmbeddedPostgresError(Exception):
    """The embedded server cannot run; the message is for the operator and says what to do."""
