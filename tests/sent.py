"""What is asked of the database."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGER = logging.getLogger("roster.statements")


class _Collector(logging.Handler):
    def __init__(self, seen: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.__dict__["sql"])


@contextmanager
def sent_statements() -> Iterator[list[str]]:
    """The text of every statement that is sent meanwhile (BEGIN and COMMIT are not among them)."""
    collector, level = _Collector([]), _LOGGER.level
    _LOGGER.addHandler(collector)
    _LOGGER.setLevel(logging.DEBUG)
    try:
        yield collector.seen
    finally:
        _LOGGER.setLevel(level)
        _LOGGER.removeHandler(collector)
