"""Whoever comes first: without them nobody could let anybody in."""

from datetime import datetime, timedelta

from roster.data import assignments as assignment_data
from roster.data import roles as role_data
from roster.data.db import Database
from roster.domain.assignment_input import RoleGrantInput
from roster.domain.assignments import IN_FORCE
from roster.domain.callers import OPERATOR, Call
from roster.domain.errors import UnauthenticatedError
from roster.domain.instants import format_instant
from roster.domain.permissions import EVERY_PERMISSION
from roster.domain.roles import ADMIN, RoleKey, RoleRef
from roster.domain.tokens import ApiTokenToRevoke, check_new_token
from roster.domain.user_input import NewUser, NewUserInput, check_new_user
from roster.domain.users import User, UserKey, UserKind, UserRef, UserStatus
from roster.services.callers import Callers
from roster.services.services import Services

# Whoever runs an embedded database.
LOCAL_NAME = "local-admin"
_LOCAL = UserRef(key=UserKey.USERNAME, value=LOCAL_NAME)
_LOCAL_LABEL = "admin.token"
_LOCAL_LIFETIME = timedelta(days=365)


def operator_services(db: Database, now: datetime) -> Services:
    """The services for whoever runs the command on the machine itself."""
    return Services.of(db, Call(caller=OPERATOR, now=now, request_id=None))


def check_administrator(
    *,
    email: str | None,
    username: str | None,
    external_id: str | None,
    display_name: str | None,
    now: datetime,
) -> NewUser:
    """Someone with an email, else a service with a username, who is to hold ADMIN for good. Raises Rejected."""
    role = RoleGrantInput(role=RoleRef(key=RoleKey.KEY, value=ADMIN), expires_at=None)
    given = NewUserInput(
        kind=UserKind.SERVICE if email is None and username is not None else UserKind.PERSON,
        email=email,
        username=username,
        first_name=None,
        last_name=None,
        display_name=display_name,
        phone=None,
        locale=None,
        timezone=None,
        avatar_url=None,
        external_id=external_id,
        attributes=None,
        email_verified_at=None,
        status=UserStatus.ACTIVE,
        roles=(role,),
    )
    return check_new_user(given, now)


async def new_token(db: Database, owner: UserRef, label: str, lifetime: timedelta, now: datetime) -> str:
    """The secret of a new API token. Raises Rejected."""
    expires_at = format_instant(now + lifetime)
    given = check_new_token(owner=owner, label=label, expires_at=expires_at, now=now)
    return (await operator_services(db, now).tokens.create(given)).secret


async def is_administrator(db: Database, secret: str, now: datetime) -> bool:
    """Whether one who shows it may do everything."""
    callers = Callers(db=db, anonymous=frozenset(), issuer=None, match_email=False)
    try:
        caller = await callers.of_headers([f"Bearer {secret}"], now)
    except UnauthenticatedError:
        return False
    return caller.permissions >= EVERY_PERMISSION


async def is_local_deposed(db: Database, now: datetime) -> bool:
    """Whether there is a local administrator who may no longer do everything: somebody saw to that."""
    services = operator_services(db, now)
    user = await services.users.by_ref(_LOCAL)
    if user is None:
        return False
    held = await services.roles.by_users([user.id], IN_FORCE)
    permissions = {label for role in held[user.id] for label in role.permissions}
    return user.status is not UserStatus.ACTIVE or not permissions >= EVERY_PERMISSION


async def local_token(db: Database, now: datetime) -> str:
    """The secret of a new token for the local administrator, who is made if there is none; it replaces those before.

    Raises Rejected.
    """
    services = operator_services(db, now)
    if user := await services.users.by_ref(_LOCAL):
        await _revoke_local_tokens(services, user)
    else:
        local = check_administrator(
            email=None, username=LOCAL_NAME, external_id=None, display_name="Local administrator", now=now
        )
        await services.users.create(local)
    return await new_token(db, _LOCAL, _LOCAL_LABEL, _LOCAL_LIFETIME, now)


async def _revoke_local_tokens(services: Services, user: User) -> None:
    """Nobody has them any more, or should."""
    for token in await services.tokens.every():
        if (token.owner_id, token.label) == (user.id, _LOCAL_LABEL):
            await services.tokens.revoke(ApiTokenToRevoke(token_id=token.id, reason="Replaced"))


async def there_is_one(db: Database) -> bool:
    """Whether an ACTIVE user holds ADMIN for good."""
    ref = RoleRef(key=RoleKey.KEY, value=ADMIN)
    async with db.read() as reader:
        admin = (await role_data.by_refs(reader, [ref]))[ref]
        return (await assignment_data.lasting_holder_counts(reader, [admin.id]))[admin.id] > 0


async def first_administrator(db: Database, given: NewUser, now: datetime) -> User:
    """Raises Rejected, also when there is an administrator already."""
    return await operator_services(db, now).users.create_first_administrator(given)
