"""The indexes of users: one for every filter and every order, each with its price in docs/SCALE.md.

A change of a user moves its row, because updated_at is indexed, and so writes to all of them that the row is in.
"""

from collections.abc import Iterable

from sqlalchemy import Index, TextClause, text

from roster.domain.users import GONE_STATUSES, LIVE_STATUSES, UserStatus


def _is_one_of(statuses: Iterable[UserStatus]) -> TextClause:
    return text("status IN ({})".format(", ".join(f"'{status}'" for status in statuses)))


LIVE = _is_one_of(LIVE_STATUSES)
GONE = _is_one_of(GONE_STATUSES)
# What users are ordered by.
ORDER_COLUMNS = (
    "created_at",
    "updated_at",
    "email",
    "username",
    "display_name_fold",
    "first_name_fold",
    "last_name_fold",
    "status",
)
# Where parts of words are looked for.
WORD_COLUMNS = (
    "email",
    "username",
    "first_name_fold",
    "last_name_fold",
    "display_name_fold",
    "search_fold",
)


def _order(column: str) -> tuple[Index, Index]:
    """One for those who are listed by default and one for the others, so that no list wades through those it leaves out."""
    return (
        Index(f"ix_users_{column}_live", column, "id", postgresql_where=LIVE),
        Index(f"ix_users_{column}_gone", column, "id", postgresql_where=GONE),
    )


def _words(column: str) -> Index:
    """Of trigrams."""
    return Index(
        f"ix_users_{column}_words", column, postgresql_using="gin", postgresql_ops={column: "gin_trgm_ops"}
    )


def of_users() -> tuple[Index, ...]:
    """Anew for the table that they are given to."""
    return (
        Index("uq_users_email", "email", unique=True, postgresql_where=LIVE),
        Index("uq_users_username", "username", unique=True, postgresql_where=LIVE),
        Index("uq_users_external_id", "external_id", unique=True, postgresql_where=LIVE),
        *(index for column in ORDER_COLUMNS for index in _order(column)),
        *(_words(column) for column in WORD_COLUMNS),
        # A status that few have, in the order that is the default.
        Index("ix_users_status_created_at", "status", "created_at", "id"),
        # Few are services.
        Index(
            "ix_users_created_at_service",
            "created_at",
            "id",
            postgresql_where=text(f"kind = 'SERVICE' AND {LIVE}"),
        ),
        Index("ix_users_external_id_gone", "external_id", postgresql_where=GONE),
        Index("ix_users_phone", "phone"),
        Index("ix_users_locale", text("lower(locale)")),
        Index("ix_users_timezone", text("lower(timezone)")),
        Index("ix_users_email_verified_at", "email_verified_at"),
        Index(
            "ix_users_attributes",
            "attributes",
            postgresql_using="gin",
            postgresql_ops={"attributes": "jsonb_path_ops"},
        ),
    )
