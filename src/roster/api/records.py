"""GraphQL types describe the domain's records, and their fields resolve on them: nothing is copied."""

from collections.abc import Callable


def resolves_on(record: type) -> Callable[[object, object], bool]:
    """For a type's `is_type_of`: how GraphQL knows, behind an interface, which type a record is of."""

    def is_type_of(value: object, _info: object) -> bool:
        return isinstance(value, record)

    return is_type_of
