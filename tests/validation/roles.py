"""The validation tables of the mutations of roles, and of the ways to name one."""

from validation import look, values
from validation.cells import (
    Cell,
    Done,
    Field,
    Refused,
    RequestRefused,
    Stored,
    Table,
    Values,
    World,
    at_top,
    invalid,
)
from validation.values import BAD_FORMAT, BLANK, REQUIRED, VERSION, WRONG_KIND, not_found, same
from validation.world import OTHER_ROLE, another_role

_KEYS = Values(
    blank=(Cell("", BLANK), Cell("  ", BLANK)),
    shortest=Cell(" k ", Stored("K")),
    longest=same("K" * 64),
    too_long=Cell("K" * 65, invalid("TOO_LONG", 64)),
    wrong=(Cell("\u00c4RZTE", BAD_FORMAT), Cell("1ST", BAD_FORMAT), Cell("A-B", BAD_FORMAT)),
    unstorable=BAD_FORMAT,
)
_DESCRIPTIONS = values.line(1000)
_LABELS = sorted(f"docs:{number}" for number in range(200))


def _first(reason: str, limit: int | None = None) -> Refused:
    return invalid(reason, limit, ("permissions", "0"))


_PERMISSIONS = Values(
    blank=(same([]), Cell([""], _first("BLANK")), Cell(["  "], _first("BLANK"))),
    shortest=same(["a"]),
    longest=(same(_LABELS), same(["p" * 128])),
    too_long=(
        Cell([*_LABELS, "docs:200"], invalid("TOO_LONG", 200)),
        Cell(["p" * 129], _first("TOO_LONG", 128)),
    ),
    wrong=(
        Cell(["\u00fcber"], _first("BAD_FORMAT")),
        Cell(["Docs"], _first("BAD_FORMAT")),
        Cell(["roster:everything"], _first("NOT_ALLOWED")),
        Cell([None], WRONG_KIND),
        Cell(["a\x00b"], _first("BAD_FORMAT")),
        Cell(["a\ud800b"], _first("BAD_FORMAT")),
    ),
    unstorable=_first("BAD_FORMAT"),
)
_TOO_MANY_HOLDERS = invalid("OUT_OF_RANGE", 1000)
_YES_OR_NO = values.boolean(same(value=False), same(value=True))


def _min_holders(most: Cell) -> Values:
    too_few = Cell(-1, invalid("OUT_OF_RANGE", 0))
    return values.whole_number(same(0), most, Cell(1001, _TOO_MANY_HOLDERS), too_few)


ADD_ROLE = Table(
    input="AddRoleInput",
    mutation="addRole",
    at=(),
    part=lambda _: {"key": "site_reader"},
    whole=at_top,
    look=look.at_role,
    rows=(
        Field(name="key", absent=WRONG_KIND, null=WRONG_KIND, values=_KEYS),
        Field(name="name", absent=Stored("Site reader"), null=Stored("Site reader"), values=values.NAME),
        Field(name="description", absent=Stored(None), null=Stored(None), values=_DESCRIPTIONS),
        Field(name="permissions", absent=Stored([]), null=WRONG_KIND, values=_PERMISSIONS),
        Field(name="isDefault", absent=Stored(value=False), null=WRONG_KIND, values=_YES_OR_NO),
        Field(name="minHolders", absent=Stored(0), null=WRONG_KIND, values=_min_holders(same(1000))),
    ),
)


def _editor(world: World) -> str:
    return world.role


_TOO_FEW = Refused("TooFewHoldersError", "TOO_FEW_HOLDERS")
UPDATE_ROLE = Table(
    input="UpdateRoleInput",
    mutation="updateRole",
    at=(),
    # A reason is recorded of what changes something.
    part=lambda world: {"role": {"id": world.role}, "name": "Copy editor"},
    whole=at_top,
    look=look.at_role,
    rows=(
        Field(
            name="role",
            absent=WRONG_KIND,
            null=WRONG_KIND,
            values=values.reference(Cell(lambda world: {"id": world.role}, Stored(_editor))),
            look=look.found_role,
        ),
        Field(name="expectedVersion", absent=Done(), null=Done(), values=VERSION),
        Field(name="name", absent=Stored("Editor"), null=REQUIRED, values=values.NAME),
        Field(name="description", absent=Stored("Edits."), null=Stored(None), values=_DESCRIPTIONS),
        Field(name="permissions", absent=Stored(["docs:write"]), null=REQUIRED, values=_PERMISSIONS),
        Field(name="isDefault", absent=Stored(value=True), null=REQUIRED, values=_YES_OR_NO),
        Field(name="minHolders", absent=Stored(0), null=REQUIRED, values=_min_holders(Cell(1000, _TOO_FEW))),
        Field(
            name="reason", absent=Stored(None), null=Stored(None), values=values.REASON, look=look.role_reason
        ),
    ),
)
_IN_USE = Refused("RoleInUseError", "ROLE_IN_USE")
ARCHIVE_ROLE = Table(
    input="ArchiveRoleInput",
    mutation="archiveRole",
    at=(),
    part=lambda world: {"role": {"id": world.held}, "revokeAssignments": True},
    whole=at_top,
    look=look.is_archived,
    rows=(
        Field(
            name="role",
            absent=WRONG_KIND,
            null=WRONG_KIND,
            values=values.reference(Cell(lambda world: {"id": world.held}, Stored(value=True))),
        ),
        Field(name="expectedVersion", absent=Done(), null=Done(), values=VERSION),
        Field(
            name="revokeAssignments",
            absent=_IN_USE,
            null=WRONG_KIND,
            values=values.boolean(Cell(given=False, outcome=_IN_USE), same(value=True)),
        ),
        Field(
            name="reason",
            absent=Stored(None),
            null=Stored(None),
            values=values.REASON,
            look=look.revoke_reason,
        ),
    ),
)
_BAD_ID = RequestRefused("BAD_ID", ("role", "id"))
_IDS = Values(
    blank=(Cell("", _BAD_ID), Cell("  ", _BAD_ID)),
    shortest=Cell(_editor, Stored(_editor)),
    longest=Cell(lambda world: world.held, Stored(lambda world: world.held)),
    too_long=Cell(lambda world: f"{world.role}0", _BAD_ID),
    wrong=(
        Cell(lambda world: world.role.upper(), _BAD_ID),
        Cell(lambda world: world.user, _BAD_ID),
        Cell(f"evt_{'0' * 32}", _BAD_ID),
        Cell(f"rol_{'g' * 32}", _BAD_ID),
        Cell(f"rol_{'0' * 31}", _BAD_ID),
        Cell(f"rol_{'0' * 32}", not_found("role")),
    ),
    unstorable=_BAD_ID,
)
_NO_ROLE = not_found("role")
_KEYS_TO_FIND = Values(
    blank=(Cell("", _NO_ROLE), Cell("  ", _NO_ROLE)),
    shortest=Cell(" k ", Stored(OTHER_ROLE), another_role(key="K")),
    longest=Cell("k" * 64, Stored(OTHER_ROLE), another_role(key="K" * 64)),
    too_long=Cell("K" * 65, _NO_ROLE),
    wrong=(Cell("\u00c4RZTE", _NO_ROLE), Cell("A-B", _NO_ROLE)),
    unstorable=RequestRefused("BAD_USER_INPUT", ("role", "key")),
)
ROLE_REF = Table(
    input="RoleRef",
    mutation="updateRole",
    at=("role",),
    part=lambda _: {},
    whole=lambda _, part: {"role": part},
    look=look.found_role,
    rows=(
        Field(name="id", absent=WRONG_KIND, null=WRONG_KIND, values=_IDS),
        Field(name="key", absent=WRONG_KIND, null=WRONG_KIND, values=_KEYS_TO_FIND),
    ),
)
TABLES = (ADD_ROLE, UPDATE_ROLE, ARCHIVE_ROLE, ROLE_REF)
