"""The validation tables of the mutations of users, and of the ways to name one."""

from typing import Any

from validation import look, values
from validation.cells import (
    Cell,
    Choice,
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
from validation.values import NOT_ALLOWED, REQUIRED, VERSION, WRONG_KIND, not_found, same
from validation.world import OTHER_USER, another_user


def _new(name: str, rule: Values, default: Any = None) -> Field:
    return Field(name=name, values=rule, absent=Stored(default), null=Stored(default))


def _changed(name: str, rule: Values, *, kept: Any, cleared: Any = None) -> Field:
    return Field(name=name, values=rule, absent=Stored(kept), null=Stored(cleared))


_KINDS = values.choice(
    same(Choice("PERSON")), Cell(Choice("SERVICE"), invalid("REQUIRED", path=("username",)))
)
_FIRST_STATUSES = values.choice(
    same(Choice("ACTIVE")),
    same(Choice("PENDING")),
    *(Cell(Choice(status), NOT_ALLOWED) for status in ("SUSPENDED", "ARCHIVED", "ERASED")),
)
CREATE_USER = Table(
    input="CreateUserInput",
    mutation="createUser",
    at=(),
    part=lambda _: {"email": "new@example.org"},
    whole=at_top,
    look=look.at_user,
    rows=(
        Field(name="kind", absent=Stored("PERSON"), null=WRONG_KIND, values=_KINDS),
        Field(name="email", absent=REQUIRED, null=REQUIRED, values=values.EMAIL),
        _new("username", values.USERNAME),
        _new("firstName", values.NAME),
        _new("lastName", values.NAME),
        _new("displayName", values.DISPLAY_NAME, "new"),
        _new("phone", values.PHONE),
        _new("locale", values.LOCALE),
        _new("timezone", values.TIMEZONE),
        _new("avatarUrl", values.AVATAR_URL),
        _new("externalId", values.EXTERNAL_ID),
        _new("attributes", values.ATTRIBUTES, {}),
        _new("emailVerifiedAt", values.MOMENT),
        Field(name="status", absent=Stored("ACTIVE"), null=WRONG_KIND, values=_FIRST_STATUSES),
        _new("roles", values.GRANTS, ["EDITOR"]),
    ),
)


def _ann(world: World) -> str:
    return world.user


def _this_user(world: World) -> dict[str, str]:
    return {"id": world.user}


UPDATE_USER = Table(
    input="UpdateUserInput",
    mutation="updateUser",
    at=(),
    # A reason is recorded of what changes something.
    part=lambda world: {"user": {"id": world.user}, "avatarUrl": "https://example.org/new.png"},
    whole=at_top,
    look=look.at_user,
    rows=(
        Field(
            name="user",
            absent=WRONG_KIND,
            null=WRONG_KIND,
            values=values.reference(Cell(_this_user, Stored(_ann))),
            look=look.found_user,
        ),
        Field(name="expectedVersion", absent=Done(), null=Done(), values=VERSION),
        Field(name="email", absent=Stored("ann@example.org"), null=REQUIRED, values=values.EMAIL),
        _changed("username", values.USERNAME, kept="ann"),
        _changed("firstName", values.NAME, kept="Ann"),
        _changed("lastName", values.NAME, kept="Lee"),
        _changed("displayName", values.DISPLAY_NAME, kept="Ann L.", cleared="Ann Lee"),
        _changed("phone", values.PHONE, kept="+4930901820"),
        _changed("locale", values.LOCALE, kept="de-CH"),
        _changed("timezone", values.TIMEZONE, kept="Europe/Zurich"),
        _changed("avatarUrl", values.AVATAR_URL, kept="https://example.org/ann.png"),
        _changed("externalId", values.EXTERNAL_ID, kept="hr-1"),
        _changed("attributes", values.ATTRIBUTES, kept={"team": "a"}, cleared={}),
        _changed("emailVerifiedAt", values.MOMENT, kept="2025-01-01T00:00:00.000Z"),
        Field(
            name="reason", absent=Stored(None), null=Stored(None), values=values.REASON, look=look.user_reason
        ),
    ),
)
_STATUSES = values.choice(
    same(Choice("ACTIVE")),
    same(Choice("SUSPENDED")),
    *(
        Cell(
            Choice(status),
            Refused("InvalidTransitionError", "INVALID_TRANSITION", path=("users", "refs", "0")),
        )
        for status in ("PENDING", "ERASED")
    ),
)
SET_USER_STATUS = Table(
    input="SetUserStatusInput",
    mutation="setUserStatus",
    at=(),
    part=lambda world: {"users": {"refs": [{"id": world.user}]}, "status": Choice("ARCHIVED")},
    whole=at_top,
    look=look.at_user,
    rows=(
        Field(
            name="users",
            absent=WRONG_KIND,
            null=WRONG_KIND,
            values=values.reference(
                Cell(lambda world: {"refs": [{"id": world.user}]}, Stored(lambda world: [world.user]))
            ),
            look=look.found_users,
        ),
        Field(name="status", absent=WRONG_KIND, null=WRONG_KIND, values=_STATUSES),
        Field(
            name="reason",
            absent=Stored(None),
            null=Stored(None),
            values=values.REASON,
            look=look.revoke_reason,
        ),
    ),
)
_CONFIRMATION = Values(
    blank=(Cell("", values.BLANK), Cell("  ", values.BLANK)),
    shortest=Cell("gone", Stored("ERASED")),
    longest=Cell(" Gone@EXAMPLE.org ", Stored("ERASED")),
    too_long=Cell("gone@example.org.", NOT_ALLOWED),
    wrong=(Cell("g\u00f6ne", NOT_ALLOWED), Cell("Erased user", NOT_ALLOWED)),
    unstorable=NOT_ALLOWED,
)
ERASE_USER = Table(
    input="EraseUserInput",
    mutation="eraseUser",
    at=(),
    part=lambda world: {
        "user": {"id": world.archived},
        "confirm": "gone@example.org",
        "reason": "Asked for.",
    },
    whole=at_top,
    look=look.at_status,
    rows=(
        Field(
            name="user",
            absent=WRONG_KIND,
            null=WRONG_KIND,
            values=values.reference(Cell(lambda world: {"id": world.archived}, Stored("ERASED"))),
        ),
        Field(name="confirm", absent=WRONG_KIND, null=WRONG_KIND, values=_CONFIRMATION),
        Field(name="reason", absent=WRONG_KIND, null=WRONG_KIND, values=values.REASON, look=look.user_reason),
    ),
)


def _identifier(name: str, shortest: str, longest: str, too_long: str, wrong: str, key: str) -> Field:
    """One that finds live users: what cannot be one finds nobody."""
    nobody = not_found("user")
    return Field(
        name=name,
        absent=WRONG_KIND,
        null=WRONG_KIND,
        values=Values(
            blank=(Cell("", nobody), Cell("  ", nobody)),
            shortest=Cell(shortest, Stored(OTHER_USER), another_user(**{key: shortest.strip().lower()})),
            longest=Cell(longest, Stored(OTHER_USER), another_user(**{key: longest})),
            too_long=Cell(too_long, nobody),
            wrong=Cell(wrong, nobody),
            unstorable=RequestRefused("BAD_USER_INPUT", ("user", name)),
        ),
    )


_BAD_ID = RequestRefused("BAD_ID", ("user", "id"))
_IDS = Values(
    blank=(Cell("", _BAD_ID), Cell("  ", _BAD_ID)),
    shortest=Cell(_ann, Stored(_ann)),
    longest=Cell(lambda world: world.archived, Stored(lambda world: world.archived)),
    too_long=Cell(lambda world: f"{world.user}0", _BAD_ID),
    wrong=(
        Cell(lambda world: world.user.replace("usr_", "USR_"), _BAD_ID),
        Cell(lambda world: "usr_" + world.user.removeprefix("usr_").upper().replace("0", "A"), _BAD_ID),
        Cell(lambda world: world.role, _BAD_ID),
        Cell(f"evt_{'0' * 32}", _BAD_ID),
        Cell(f"usr_{'g' * 32}", _BAD_ID),
        Cell(f"usr_{'0' * 31}", _BAD_ID),
        Cell(f"usr_{'0' * 32}", not_found("user")),
    ),
    unstorable=_BAD_ID,
)
USER_REF = Table(
    input="UserRef",
    mutation="updateUser",
    at=("user",),
    part=lambda _: {},
    whole=lambda _, part: {"user": part},
    look=look.found_user,
    rows=(
        Field(name="id", absent=WRONG_KIND, null=WRONG_KIND, values=_IDS),
        _identifier(
            "email", " A@B.CO ", values.address(254), values.address(255), "\u00e4nn@example.org", "email"
        ),
        _identifier("username", " X ", "u" * 64, "u" * 65, "\u00fcmit", "username"),
        _identifier("externalId", "x", "x" * 255, "x" * 256, values.BIDI_OVERRIDE, "external_id"),
    ),
)
TABLES = (CREATE_USER, UPDATE_USER, SET_USER_STATUS, ERASE_USER, USER_REF)
