"""What each constraint means to a caller, by its name: a race that it ends answers like validation does.

Validation comes first, so that a CHECK fires only where two writes cross or a rule is missing above.
"""

from collections.abc import Mapping
from types import MappingProxyType

from roster.domain.errors import (
    InvalidInputError,
    InvalidReason,
    MutationError,
    NotFoundError,
    Path,
    TakenError,
    UniqueField,
)


def _taken(field: UniqueField, path: str) -> TakenError:
    return TakenError(message="This is in use.", path=(path,), field=field, existing_id=None)


def _invalid(*path: str, reason: InvalidReason = InvalidReason.BAD_FORMAT) -> InvalidInputError:
    return InvalidInputError(message="This value is not allowed.", path=path, reason=reason)


def _missing(*path: str) -> NotFoundError:
    return NotFoundError(message="There is no such user or role.", path=path)


_REQUIRED = InvalidReason.REQUIRED
_PAST = InvalidReason.IN_THE_PAST
_NO_FIELD: Path = ()

ERRORS: Mapping[str, MutationError] = MappingProxyType(
    {
        "uq_users_email": _taken(UniqueField.EMAIL, "email"),
        "uq_users_username": _taken(UniqueField.USERNAME, "username"),
        "uq_users_external_id": _taken(UniqueField.EXTERNAL_ID, "external_id"),
        "uq_roles_key": _taken(UniqueField.ROLE_KEY, "key"),
        "ck_users_kind": _invalid("kind"),
        "ck_users_status": _invalid("status"),
        "ck_users_email": _invalid("email"),
        "ck_users_email_form": _invalid("email"),
        "ck_users_username": _invalid("username"),
        "ck_users_first_name": _invalid("first_name"),
        "ck_users_last_name": _invalid("last_name"),
        "ck_users_display_name": _invalid("display_name"),
        "ck_users_phone": _invalid("phone"),
        "ck_users_locale": _invalid("locale"),
        "ck_users_timezone": _invalid("timezone"),
        "ck_users_avatar_url": _invalid("avatar_url"),
        "ck_users_external_id": _invalid("external_id"),
        "ck_users_attributes": _invalid("attributes"),
        "ck_users_version": _invalid("expected_version"),
        "ck_users_updated_at": _invalid(*_NO_FIELD),
        "ck_users_identified": _invalid("email", reason=_REQUIRED),
        "ck_users_erased": _invalid("user"),
        "ck_roles_key": _invalid("key"),
        "ck_roles_name": _invalid("name"),
        "ck_roles_description": _invalid("description"),
        "ck_roles_permissions": _invalid("permissions"),
        "ck_roles_min_holders": _invalid("min_holders"),
        "ck_roles_version": _invalid("expected_version"),
        "ck_roles_updated_at": _invalid(*_NO_FIELD),
        "uq_role_assignments_open": _invalid("roles", reason=InvalidReason.NOT_ALLOWED),
        "ck_role_assignments_assigned_by_kind": _invalid(*_NO_FIELD),
        "ck_role_assignments_assigned_by": _invalid(*_NO_FIELD),
        "ck_role_assignments_revoked_by_kind": _invalid(*_NO_FIELD),
        "ck_role_assignments_revoked_by": _invalid(*_NO_FIELD),
        "ck_role_assignments_open_is_not_revoked": _invalid(*_NO_FIELD),
        "ck_role_assignments_ended_by_expiry": _invalid(*_NO_FIELD),
        "ck_role_assignments_ended_at": _invalid(*_NO_FIELD),
        "ck_role_assignments_ended_before_expiry": _invalid(*_NO_FIELD),
        # The expiry passed while the write waited for its locks.
        "ck_role_assignments_expires_at": _invalid("expires_at", reason=_PAST),
        "ck_role_assignments_reason": _invalid("reason"),
        "ck_role_assignments_revoke_reason": _invalid("reason"),
        "uq_events_place": _invalid(*_NO_FIELD),
        "ck_events_type": _invalid(*_NO_FIELD),
        "ck_events_actor_kind": _invalid(*_NO_FIELD),
        "ck_events_actor": _invalid(*_NO_FIELD),
        "ck_events_role_key": _invalid(*_NO_FIELD),
        "ck_events_subject": _invalid(*_NO_FIELD),
        "ck_events_changes": _invalid(*_NO_FIELD),
        "ck_events_reason": _invalid("reason"),
        "ck_events_request_id": _invalid(*_NO_FIELD),
        "uq_api_tokens_digest": _invalid(*_NO_FIELD),
        "ck_api_tokens_digest": _invalid(*_NO_FIELD),
        "ck_api_tokens_label": _invalid("label"),
        "ck_api_tokens_expires_at": _invalid("expires_at", reason=_PAST),
        "ck_api_tokens_revoked_at": _invalid(*_NO_FIELD),
        "fk_events_user_id": _missing(*_NO_FIELD),
        "fk_events_role_id": _missing(*_NO_FIELD),
        "fk_events_actor_user_id": _missing(*_NO_FIELD),
        "fk_api_tokens_owner_id": _missing("owner"),
        "fk_role_assignments_user_id": _missing("users"),
        "fk_role_assignments_role_id": _missing("roles"),
        "fk_role_assignments_assigned_by_user_id": _missing(*_NO_FIELD),
        "fk_role_assignments_revoked_by_user_id": _missing(*_NO_FIELD),
    }
)
