"""Ids are UUIDv7 (RFC 9562), made here and not by the database, so that a write whose answer was lost can be recognised."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """A new UUIDv7: later ids sort after earlier ones of the same process."""
    return uuid_utils.compat.uuid7()
