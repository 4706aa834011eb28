"""Refusing a write by someone who has not seen the latest."""

from roster.domain.errors import Rejected, StaleVersionError
from roster.domain.roles import Role
from roster.domain.users import User


def check_version(current: User | Role, expected: int | None) -> None:
    if expected is not None and expected != current.version:
        raise Rejected(
            StaleVersionError(
                message=f"This has changed: it is at version {current.version}, not {expected}.",
                path=("expected_version",),
                expected_version=expected,
                current_version=current.version,
                current=current,
            )
        )
