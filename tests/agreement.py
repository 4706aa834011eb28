"""Whether two executions of an operation say the same, as far as GraphQL says what is said."""

from collections.abc import Sequence
from typing import Any

from graphql import ExecutionResult, GraphQLError

Path = tuple[str | int, ...]
Told = tuple[Path, str, str]


def assert_agree(ours: Any, theirs: Any) -> None:
    """On data wholly; on errors by message, path and cause.

    Where a null took the place of what is above the errors, any of them may be told: the place must be the same.
    """
    assert ours.data == theirs.data
    assert _types(ours.data) == _types(theirs.data)
    mine, others = _errors(ours), _errors(theirs)
    assert mine.keys() == others.keys()
    for place, errors in mine.items():
        if all(path == place for path, *_ in (*errors, *others[place])):
            assert sorted(errors) == sorted(others[place])


def _errors(result: ExecutionResult) -> dict[Path, list[Told]]:
    """By the place of the null that each made."""
    found: dict[Path, list[Told]] = {}
    for error in result.errors or ():
        path: Path = tuple(error.path or ())
        found.setdefault(_null(result.data, path), []).append((path, error.message, _cause(error)))
    return found


def _null(data: Any, path: Path) -> Path:
    for depth, key in enumerate(path):
        if data is None:
            return path[:depth]
        data = data[key]
    assert data is None
    return path


def _cause(error: GraphQLError) -> str:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return type(cause).__name__


def _types(data: Any) -> Any:
    """1 is equal to True and to 1.0, and a StrEnum to its text, but they are not the same JSON."""
    if isinstance(data, dict):
        return [(key, _types(value)) for key, value in data.items()]
    if isinstance(data, Sequence) and not isinstance(data, str):
        return [_types(value) for value in data]
    return type(data)
