"""The log of this process: every record, ours or a library's, in one form on stderr."""

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Literal

import orjson
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import TimeStamper
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, WrappedLogger

_TEXT, _JSON = "text", "json"
# What a record has that nobody gave it, and Uvicorn's second copy of its message, with colours.
_NOT_EXTRA = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


def configure(form: Literal["auto", "json", "text"], level: str) -> None:
    """Lines of JSON, or text for people; `auto` is text on a terminal alone. Drops what was configured before.

    Uvicorn must be told to leave it so: `log_config=None, access_log=False`.
    """
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    text = form == "text" or (form == "auto" and on_terminal)
    handler = logging.StreamHandler()
    colors = on_terminal and not os.environ.get("NO_COLOR")
    handler.setFormatter(_for_people(colors=colors) if text else _JSONLines())
    handler.set_name(_TEXT if text else _JSON)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    handler.setLevel(level.upper())  # for loggers that have a level of their own, such as SQLAlchemy's
    # Below, Uvicorn shows the headers of a WebSocket's handshake, and query strings; Alembic tells its every step, and
    # HTTPX its every request.
    for name in ("uvicorn", "alembic", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    _find_out_no_more_than_is_told()


def for_machines() -> bool:
    """Whether `configure` chose JSON."""
    return any(handler.get_name() == _JSON for handler in logging.getLogger().handlers)


def _find_out_no_more_than_is_told() -> None:
    """As the logging HOWTO has it under Optimization: who logged, in which file, thread and process, is on no line."""
    logging._srcfile = None  # noqa: SLF001 -- documented there
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class _JSONLines(logging.Formatter):
    """What structlog's processors would make of a record: every request writes a line, which took a tenth of its time."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"event": record.getMessage(), **get_contextvars()}
        line |= {name: value for name, value in vars(record).items() if name not in _NOT_EXTRA}
        moment = datetime.fromtimestamp(record.created, UTC)
        line |= {"level": record.levelname.lower(), "logger": record.name, "timestamp": moment}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=repr, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z).decode()


def _for_people(*, colors: bool) -> logging.Formatter:
    # Not the renderer's own traceback, which shows the values of variables.
    renderer = ConsoleRenderer(colors=colors, sort_keys=False, exception_formatter=plain_traceback)
    return ProcessorFormatter(
        processors=[
            merge_contextvars,
            ExtraAdder(),
            add_log_level,
            add_logger_name,
            TimeStamper(fmt="iso", utc=True),
            _cleared,
            renderer,
        ]
    )


def _cleared(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Without what structlog needed to get here, and Uvicorn's second copy of its message, with colours."""
    event.pop("color_message", None)
    return ProcessorFormatter.remove_processors_meta(None, "", event)
