"""What a schema says of its fields and types: how a relation is loaded, and of which class a type's records are."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from strawberry.types.fields.resolver import Parameter, Signature

Load = Callable[..., Awaitable[Sequence[Any]]]

# What came with a parent; None if nothing did.
Ready = Callable[[Any], Any]

_LOAD, _READY = "load", "ready"


def batched(load: Load, *, graphql_type: Any, description: str, ready: Ready | None = None) -> Any:
    """A field that is loaded for all parents of a level at once.

    `load(parents, info, **arguments)` answers a value for each parent, in their order, or the Exception that is the
    parent's error. Its `info` is the level's: of its path only the beginning holds for a parent. For one parent alone
    it is asked where graphql-core resolves the field; many such calls are for `load` to put together, by a loader in
    the context. `ready` tells what `load` would answer without arguments, if that came with the parent: then it is not
    asked.
    """

    async def resolver(root: Any, info: strawberry.Info, **arguments: Any) -> Any:
        (found,) = await load([root], info, **arguments)
        if isinstance(found, Exception):
            raise found
        return found

    signature = Signature.from_callable(load)
    _, *others = signature.parameters.values()
    root = Parameter("root", Parameter.POSITIONAL_OR_KEYWORD, annotation=strawberry.Parent[Any])  # type: ignore[misc]
    resolver.__signature__ = signature.replace(parameters=[root, *others])  # type: ignore[attr-defined]
    resolver.__module__ = load.__module__
    return strawberry.field(
        resolver=resolver,
        graphql_type=graphql_type,
        description=description,
        metadata={_LOAD: load, _READY: ready},
    )


def load_of(field: Any) -> Load | None:
    """How a field is loaded for many parents, if it was made by `batched` and nothing stands before its resolver."""
    found: Load | None = None if field.extensions else field.metadata.get(_LOAD)
    return found


def ready_of(field: Any) -> Ready | None:
    found: Ready | None = field.metadata.get(_READY)
    return found


@dataclass(frozen=True, slots=True)
class resolves_on:  # noqa: N801 -- it is called like a function
    """For a type's `is_type_of`: its fields resolve on records of this class, and all of these are of the type."""

    record: type

    def __call__(self, value: object, _info: object) -> bool:
        return isinstance(value, self.record)
