"""What was looked up before and must still hold: asked in the round trip of the first statement that relies on it."""

from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar

from roster.data.connections import Asked, Rows
from roster.domain.errors import UnauthenticatedError


class Assumption:
    """It held if what was asked answered a row; None until then. Where it did not, nothing more that relies on it runs."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.is_asked = False
        self.held: bool | None = None

    def settle(self, rows: Rows) -> None:
        self.held = bool(rows)
        self.check()

    def check(self) -> None:
        """Raises UnauthenticatedError if it is known not to hold: whoever assumed it looks again."""
        if self.held is False:
            raise UnauthenticatedError("The caller is not who they were.")


_assumed: ContextVar[Assumption | None] = ContextVar("assumed", default=None)


class assuming:  # noqa: N801 -- it is a context manager
    """For the statements of this task, and of every task that it begins."""

    __slots__ = ("_assumption", "_token")

    def __init__(self, assumption: Assumption) -> None:
        self._assumption = assumption

    def __enter__(self) -> None:
        self._token = _assumed.set(self._assumption)

    def __exit__(self, *_: object) -> None:
        _assumed.reset(self._token)


def to_be_asked() -> Assumption | None:
    """What is to be asked before the next statement, and of whoever calls `answered` with it: seldom anything."""
    assumption = _assumed.get()
    if assumption is None:
        return None
    assumption.check()
    return None if assumption.is_asked else assumption


async def answered(
    assumption: Assumption, run: Callable[[Asked], Awaitable[Sequence[Rows]]]
) -> Sequence[Rows]:
    """What `run` answers to its own statements, before which it asks what it is given."""
    assumption.is_asked = True
    try:
        first, *answers = await run(assumption.asked)
    except BaseException:
        assumption.is_asked = False
        raise
    assumption.settle(first)
    return answers
