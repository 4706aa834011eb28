"""A plan of what is to change in who holds what: made from what is held, then written at once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from roster.data import assignments as assignment_data
from roster.data.connections import Writer
from roster.domain.assignments import AssignmentState, Change, RoleAssignment
from roster.domain.events import Event, EventType, changes_of, of_assignment, of_expiry
from roster.domain.roles import Role
from roster.domain.users import MAX_LIVE_ASSIGNMENTS, User, UserStatus

Pair = tuple[UUID, UUID]


class Plan:
    """`assigned`, `changed` and `revoked` hold the assignments as they are after `write`."""

    def __init__(
        self,
        users: Mapping[UUID, User],
        held: Sequence[RoleAssignment],
        ids: Mapping[Pair, UUID],
        change: Change,
    ) -> None:
        """`ids` gives each new assignment of (user, role) its id, the same however often the work begins again."""
        self._users, self._ids, self.change = users, ids, change
        self._held = {(assignment.user_id, assignment.role_id): assignment for assignment in held}
        self._live = Counter(user_id for user_id, role_id in self._held if self.holds(user_id, role_id))
        self._expired: list[RoleAssignment] = []
        # The roles that lose or gain a lasting holder: an ACTIVE user who holds it without expiry.
        self.lost: set[UUID] = set()
        self.gained: set[UUID] = set()
        self.assigned: list[RoleAssignment] = []
        self.changed: list[RoleAssignment] = []
        self.revoked: list[RoleAssignment] = []
        self.unchanged = 0

    def holds(self, user_id: UUID, role_id: UUID) -> RoleAssignment | None:
        """The assignment in force, if there is one."""
        held = self._held.get((user_id, role_id))
        return held if held and held.state(self.change.at) is AssignmentState.ACTIVE else None

    def hold(self, user_id: UUID, role_id: UUID, expires_at: datetime | None) -> None:
        """From now on the user holds the role until `expires_at`, or for good."""
        held = self.holds(user_id, role_id)
        if held is None:
            self._assign(user_id, role_id, expires_at)
        elif held.expires_at == expires_at:
            self.unchanged += 1
        else:
            self._note_lasting(held, self.lost)
            self.changed.append(replace(held, expires_at=expires_at))
            self._note_lasting(self.changed[-1], self.gained)

    def _assign(self, user_id: UUID, role_id: UUID, expires_at: datetime | None) -> None:
        if expired := self._held.get((user_id, role_id)):
            self._expired.append(expired)
        assignment = RoleAssignment(
            id=self._ids[user_id, role_id],
            user_id=user_id,
            role_id=role_id,
            assigned_at=self.change.at,
            assigned_by=self.change.by,
            reason=self.change.reason,
            expires_at=expires_at,
            ended_at=None,
            revoked_by=None,
            revoke_reason=None,
        )
        self._live[user_id] += 1
        self.assigned.append(assignment)
        self._note_lasting(assignment, self.gained)

    def drop(self, user_id: UUID, role_id: UUID) -> None:
        """From now on the user does not hold the role."""
        held = self.holds(user_id, role_id)
        if held is None:
            self.unchanged += 1
            return
        self._note_lasting(held, self.lost)
        self._live[user_id] -= 1
        self.revoked.append(
            replace(
                held,
                ended_at=self.change.at,
                revoked_by=self.change.by,
                revoke_reason=self.change.reason,
            )
        )

    def hold_exactly(self, user_id: UUID, wanted: Mapping[UUID, datetime | None]) -> None:
        """From now on the user holds these roles, each until its moment or for good, and no other."""
        for _, role_id in [pair for pair in self._held if pair[0] == user_id and pair[1] not in wanted]:
            self.drop(user_id, role_id)
        for role_id, expires_at in wanted.items():
            self.hold(user_id, role_id, expires_at)

    def drop_everything(self) -> None:
        """Every user holds nothing from now on; what has expired is closed too."""
        for user_id, role_id in self._held:
            if self.holds(user_id, role_id):
                self.drop(user_id, role_id)
            else:
                self._expired.append(self._held[user_id, role_id])

    def _note_lasting(self, assignment: RoleAssignment, roles: set[UUID]) -> None:
        active = self._users[assignment.user_id].status is UserStatus.ACTIVE
        if active and assignment.expires_at is None:
            roles.add(assignment.role_id)

    @property
    def touched(self) -> list[User]:
        """The users of whose assignments one changes, as they were."""
        changes = (*self.assigned, *self.changed, *self.revoked)
        return [self._users[id_] for id_ in dict.fromkeys(assignment.user_id for assignment in changes)]

    @property
    def overloaded(self) -> list[UUID]:
        """The users who would hold more than a user may."""
        return [user_id for user_id, live in self._live.items() if live > MAX_LIVE_ASSIGNMENTS]

    @property
    def touched_roles(self) -> frozenset[UUID]:
        """The roles that are given, taken or given for another time."""
        return frozenset(assignment.role_id for assignment in (*self.assigned, *self.changed, *self.revoked))

    async def write(self, writer: Writer, roles: Mapping[UUID, Role]) -> list[Event]:
        """Answers what is to be recorded. `roles` are those of every assignment that changes."""
        await assignment_data.close_expired(writer, [expired.id for expired in self._expired])
        await assignment_data.revoke(writer, [assignment.id for assignment in self.revoked], self.change)
        await assignment_data.set_expiries(
            writer, {assignment.id: assignment.expires_at for assignment in self.changed}
        )
        await assignment_data.add(writer, self.assigned)
        return list(self._events(roles))

    def _events(self, roles: Mapping[UUID, Role]) -> Iterator[Event]:
        for expired in self._expired:
            yield of_expiry(expired, roles[expired.role_id])
        for revoked in self.revoked:
            yield of_assignment(EventType.ROLE_REVOKED, revoked, roles[revoked.role_id], self.change)
        for type_, assignments in (
            (EventType.ROLE_ASSIGNMENT_CHANGED, self.changed),
            (EventType.ROLE_ASSIGNED, self.assigned),
        ):
            for given in assignments:
                before = self.holds(given.user_id, given.role_id)
                changes = changes_of({"expires_at": (before and before.expires_at, given.expires_at)})
                yield of_assignment(type_, given, roles[given.role_id], self.change, changes)
