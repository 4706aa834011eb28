"""API tokens: making and revoking them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from roster.data import tokens as token_data
from roster.data import users as user_data
from roster.data.connections import Writer
from roster.data.db import Database
from roster.domain.assignments import Change
from roster.domain.callers import Call
from roster.domain.errors import LimitExceededError, MutationError, NotFoundError, Rejected
from roster.domain.events import EventType, of_token
from roster.domain.permissions import Permission
from roster.domain.tokens import (
    MAX_LIVE_TOKENS,
    ApiToken,
    ApiTokenState,
    ApiTokenToRevoke,
    NewApiToken,
    digest,
    new_secret,
)
from roster.domain.users import LIVE_STATUSES, User
from roster.services import locks, refs
from roster.services.locks import Locks
from roster.services.recording import Recorder


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCreated:
    """`secret` is known to nobody else, and is kept nowhere."""

    token: ApiToken
    secret: str


class Tokens:
    def __init__(self, db: Database, call: Call) -> None:
        self._db, self._call = db, call

    async def by_ids(self, ids: Sequence[UUID]) -> Mapping[UUID, ApiToken]:
        self._call.caller.require(Permission.TOKENS_WRITE)
        async with self._db.read() as reader:
            return await token_data.by_ids(reader, ids)

    async def every(self) -> Sequence[ApiToken]:
        """All that were ever made, the oldest first."""
        self._call.caller.require(Permission.TOKENS_WRITE)
        async with self._db.read() as reader:
            return await token_data.every(reader)

    async def create(self, given: NewApiToken) -> TokenCreated:
        """Tells of users what one who may read them may know: for others than the caller that is needed too."""
        self._call.caller.require(*_to_create(own=self._call.caller.is_named(given.owner)))
        secret, recorder = new_secret(), Recorder(self._call.request_id)
        token = await self._db.write(partial(self._create, given, secret, recorder))
        return TokenCreated(token=token, secret=secret)

    async def _create(self, given: NewApiToken, secret: str, recorder: Recorder, writer: Writer) -> ApiToken:
        found = (await user_data.by_refs(writer, [given.owner])).get(given.owner)
        # What named the caller when they showed who they are may name another by now.
        needs = _to_create(own=found is not None and self._call.caller.is_user(found.id))
        self._call.caller.require(*needs)
        lock = Locks(writer, self._call, needs)
        if found is None:
            raise Rejected(refs.no_user(("owner",)))
        owner = await self._locked(lock, found)
        errors: list[MutationError] = [*lock.takeovers({owner.id: ("owner",)})]
        if owner.status not in LIVE_STATUSES:
            errors.append(refs.not_allowed("This user is archived, and calls nothing.", ("owner",)))
        if await token_data.live_count(writer, owner.id, self._call.now) >= MAX_LIVE_TOKENS:
            message = f"A user has at most {MAX_LIVE_TOKENS} tokens that can be used: revoke one first."
            errors.append(LimitExceededError(message=message, path=("owner",), limit=MAX_LIVE_TOKENS))
        if errors:
            raise Rejected(*errors)
        token = ApiToken(
            id=given.id,
            owner_id=owner.id,
            label=given.label,
            created_at=self._call.now,
            expires_at=given.expires_at,
            last_used_at=None,
            revoked_at=None,
        )
        await token_data.add(writer, token, digest(secret))
        change = Change(by=self._call.caller.actor, at=self._call.now, reason=None)
        await recorder.write(writer, [of_token(EventType.TOKEN_CREATED, token, change)])
        return token

    async def revoke(self, given: ApiTokenToRevoke) -> ApiToken:
        """One that can no longer be used stays as it is."""
        self._call.caller.require(Permission.TOKENS_WRITE)
        return await self._db.write(partial(self._revoke, given, Recorder(self._call.request_id)))

    async def _revoke(self, given: ApiTokenToRevoke, recorder: Recorder, writer: Writer) -> ApiToken:
        token = (await token_data.by_ids(writer, [given.token_id])).get(given.token_id)
        if token is None:
            raise Rejected(NotFoundError(message="There is no such token.", path=("token",)))
        lock = Locks(writer, self._call, [Permission.TOKENS_WRITE])
        owner = (await user_data.by_ids(writer, [token.owner_id]))[token.owner_id]
        # Whoever writes as the owner without a pause, with the token perhaps, does not keep it from being revoked.
        owner = await self._locked(lock, owner, to_change=False)
        if errors := lock.takeovers({owner.id: ("token",)}):
            raise Rejected(*errors)
        if token.state(self._call.now) is not ApiTokenState.ACTIVE:
            return token
        change = Change(
            by=self._call.caller.actor,
            at=locks.moment_of(self._call.now, [owner]),
            reason=given.reason,
        )
        revoked = await token_data.revoke(writer, token.id, change.at)
        if revoked is None:  # by another, meanwhile
            return (await token_data.by_ids(writer, [token.id]))[token.id]
        await recorder.write(writer, [of_token(EventType.TOKEN_REVOKED, revoked, change)])
        return revoked

    @staticmethod
    async def _locked(lock: Locks, owner: User, *, to_change: bool = True) -> User:
        beside = await lock.roles_of([owner.id])
        _, locked = await lock.roles_and_users({}, {owner.id: owner}, beside=beside, to_change=to_change)
        return locked[owner.id]


def _to_create(*, own: bool) -> Sequence[Permission]:
    return (Permission.TOKENS_WRITE,) if own else (Permission.TOKENS_WRITE, Permission.USERS_READ)
