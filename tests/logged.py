"""What Roster logs, as it is logged, before it is rendered."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from structlog.contextvars import get_contextvars

Line = dict[str, Any]
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class _Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "roster.statements":
            return
        given = {name: value for name, value in vars(record).items() if name not in _OWN}
        line = {"event": record.getMessage(), "level": record.levelname, **given, **get_contextvars()}
        self.lines.append(line | ({"cause": record.exc_info[1]} if record.exc_info else {}))


@contextmanager
def logged() -> Iterator[list[Line]]:
    """Collects every line but those of single statements, at every level, with what is bound to the context that it is logged in."""
    logger, keeper = logging.getLogger("roster"), _Keeper()
    before = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(keeper)
    try:
        yield keeper.lines
    finally:
        logger.removeHandler(keeper)
        logger.setLevel(before)


@contextmanager
def one_line() -> Iterator[Line]:
    """The same where there is one line, which is in what is yielded afterwards."""
    line: Line = {}
    with logged() as lines:
        yield line
    (only,) = lines
    line.update(only)
