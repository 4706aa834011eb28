"""The validation tables of the mutations of who holds what, and of their parts."""

from validation import look, values
from validation.cells import Cell, Done, Field, Stored, Table, Value, World, at_top
from validation.values import VERSION, WRONG_KIND, limit_exceeded, references


def _users(world: World) -> dict[str, Value]:
    return {"refs": [{"id": world.user}]}


def _ann(world: World) -> str:
    return world.user


def _just_ann(world: World) -> list[str]:
    return [world.user]


_USERS = Field(
    name="users",
    absent=WRONG_KIND,
    null=WRONG_KIND,
    values=values.reference(Cell(_users, Stored(_just_ann))),
    look=look.found_users,
)
_REVOKE_REASON = Field(
    name="reason", absent=Stored(None), null=Stored(None), values=values.REASON, look=look.revoke_reason
)
_ASSIGN_REASON = Field(name="reason", absent=Stored(None), null=Stored(None), values=values.REASON)
_EXPIRES_AT = Field(name="expiresAt", absent=Stored(None), null=Stored(None), values=values.EXPIRY)

ASSIGN_ROLES = Table(
    input="AssignRolesInput",
    mutation="assignRoles",
    at=(),
    part=lambda world: {"users": _users(world), "roles": [{"id": world.role}]},
    whole=at_top,
    look=look.at_editor,
    rows=(
        _USERS,
        Field(
            name="roles",
            absent=WRONG_KIND,
            null=WRONG_KIND,
            values=references(
                none=Stored(["HELD"]),
                one=Cell([{"key": "editor"}], Stored(["EDITOR", "HELD"])),
                most=Cell([{"key": "EDITOR"}] * 100, Stored(["EDITOR", "HELD"])),
                too_many=Cell([{"key": "EDITOR"}] * 101, limit_exceeded(100)),
            ),
            look=look.held_keys,
        ),
        _EXPIRES_AT,
        _ASSIGN_REASON,
    ),
)
REVOKE_ROLES = Table(
    input="RevokeRolesInput",
    mutation="revokeRoles",
    at=(),
    part=lambda world: {"users": _users(world), "roles": [{"id": world.held}]},
    whole=at_top,
    look=look.held_keys,
    rows=(
        _USERS,
        Field(
            name="roles",
            absent=WRONG_KIND,
            null=WRONG_KIND,
            values=references(
                none=Stored(["HELD"]),
                one=Cell([{"key": "held"}], Stored([])),
                most=Cell([{"key": "HELD"}] * 2000, Stored([])),
                too_many=Cell([{"key": "HELD"}] * 2001, limit_exceeded(2000)),
            ),
        ),
        _REVOKE_REASON,
    ),
)
SET_USER_ROLES = Table(
    input="SetUserRolesInput",
    mutation="setUserRoles",
    at=(),
    part=lambda world: {"user": {"id": world.user}, "roles": [{"role": {"id": world.role}}]},
    whole=at_top,
    look=look.at_user,
    rows=(
        Field(
            name="user",
            absent=WRONG_KIND,
            null=WRONG_KIND,
            values=values.reference(Cell(lambda world: {"id": world.user}, Stored(_ann))),
            look=look.found_user,
        ),
        Field(name="roles", absent=WRONG_KIND, null=WRONG_KIND, values=values.GRANTS),
        Field(name="expectedVersion", absent=Done(), null=Done(), values=VERSION),
        _REVOKE_REASON,
    ),
)
ROLE_ASSIGNMENT = Table(
    input="RoleAssignmentInput",
    mutation="setUserRoles",
    at=("roles", "0"),
    part=lambda world: {"role": {"id": world.role}},
    whole=lambda world, part: {"user": {"id": world.user}, "roles": [part]},
    look=look.at_editor,
    rows=(
        Field(
            name="role",
            absent=WRONG_KIND,
            null=WRONG_KIND,
            values=values.reference(Cell({"key": "editor"}, Stored(["EDITOR"]))),
            look=look.held_keys,
        ),
        _EXPIRES_AT,
    ),
)
USER_SELECTOR = Table(
    input="UserSelector",
    mutation="assignRoles",
    at=("users",),
    part=lambda _: {},
    whole=lambda world, part: {"users": part, "roles": [{"id": world.role}]},
    look=look.found_users,
    rows=(
        Field(
            name="refs",
            absent=WRONG_KIND,
            null=WRONG_KIND,
            values=references(
                none=Stored([]),
                one=Cell([{"username": "ann"}], Stored(_just_ann)),
                most=Cell([{"username": "ann"}] * 200, Stored(_just_ann)),
                too_many=Cell([{"username": "ann"}] * 201, limit_exceeded(200)),
            ),
        ),
    ),
)
TABLES = (ASSIGN_ROLES, REVOKE_ROLES, SET_USER_ROLES, ROLE_ASSIGNMENT, USER_SELECTOR)
