"""What every mutation does around its service: its errors become data, and what was loaded before is forgotten."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import strawberry

from roster.api.context import Info
from roster.api.errors import MutationErrorType
from roster.api.request_log import note_code
from roster.domain.checks import ABSENT, Given
from roster.domain.errors import MutationError, Rejected

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[T]):
    """What a payload resolves on: `value` is None if and only if there are errors, and then nothing was written."""

    value: T | None
    errors: Sequence[MutationError]


async def outcome(info: Info, work: Callable[[], Awaitable[T]]) -> Outcome[T]:
    try:
        return Outcome(value=await work(), errors=())
    except Rejected as rejected:
        for error in rejected.errors:
            note_code(error.code.value)
        return Outcome(value=None, errors=rejected.errors)
    finally:
        info.context.forget()


def value(root: strawberry.Parent[Outcome[Any]]) -> Any:  # noqa: ANN401 -- whatever the payload is of
    return root.value


def part(name: str, empty: object) -> Callable[[Outcome[Any]], Any]:
    """A resolver for one attribute of the value, and for what to answer when there is none."""

    def resolver(root: strawberry.Parent[Outcome[Any]]) -> Any:  # noqa: ANN401 -- whatever it is
        return empty if root.value is None else getattr(root.value, name)

    return resolver


def _errors(root: strawberry.Parent[Outcome[Any]]) -> list[Any]:
    return list(root.errors)


def errors_field() -> Any:  # noqa: ANN401 -- as strawberry.field has it
    """The field `errors`, which every payload has."""
    return strawberry.field(
        resolver=_errors,
        graphql_type=list[MutationErrorType],
        description="Everything that stands in the way, at once; empty if and only if it was done.",
    )


def or_absent(given: T) -> Given[T]:
    return ABSENT if given is strawberry.UNSET else given


def or_none(given: T | None) -> T | None:
    return None if given is strawberry.UNSET else given
