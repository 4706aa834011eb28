"""The log of this process: every record, ours or a library's, in one form on stderr."""

import logging
import os
import sys
from typing import Literal

from structlog.contextvars import merge_contextvars
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import JSONRenderer, TimeStamper, format_exc_info
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, Processor, WrappedLogger

_TEXT, _JSON = "text", "json"
_AS_JSON: list[Processor] = [format_exc_info, JSONRenderer()]


def configure(form: Literal["auto", "json", "text"], level: str) -> None:
    """Lines of JSON, or text for people; `auto` is text on a terminal alone. Drops what was configured before.

    Uvicorn must be told to leave it so: `log_config=None, access_log=False`.
    """
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    text = form == "text" or (form == "auto" and on_terminal)
    handler = logging.StreamHandler()
    handler.setFormatter(
        ProcessorFormatter(
            processors=[
                merge_contextvars,
                ExtraAdder(),
                add_log_level,
                add_logger_name,
                TimeStamper(fmt="iso", utc=True),
                _cleared,
                *(_for_people(colors=on_terminal and not os.environ.get("NO_COLOR")) if text else _AS_JSON),
            ]
        )
    )
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


def for_machines() -> bool:
    """Whether `configure` chose JSON."""
    return any(handler.get_name() == _JSON for handler in logging.getLogger().handlers)


def _for_people(*, colors: bool) -> list[Processor]:
    # Not the renderer's own traceback, which shows the values of variables.
    return [ConsoleRenderer(colors=colors, sort_keys=False, exception_formatter=plain_traceback)]


def _cleared(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Without what structlog needed to get here, and Uvicorn's second copy of its message, with colours."""
    event.pop("color_message", None)
    return ProcessorFormatter.remove_processors_meta(None, "", event)
