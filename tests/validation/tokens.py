"""The validation tables of the mutations of API tokens."""

from validation import look, values
from validation.cells import Cell, Field, NotApplicable, RequestRefused, Stored, Table, Values, World, at_top
from validation.values import WRONG_KIND, ahead, not_found


def _ann(world: World) -> str:
    return world.user


def _token(world: World) -> str:
    return world.token


CREATE_API_TOKEN = Table(
    input="CreateApiTokenInput",
    mutation="createApiToken",
    at=(),
    part=lambda world: {
        "owner": {"id": world.user},
        "label": "For the nightly import",
        "expiresAt": ahead(days=30)(world),
    },
    whole=at_top,
    look=look.at_token,
    rows=(
        Field(
            name="owner",
            absent=WRONG_KIND,
            null=WRONG_KIND,
            values=values.reference(Cell({"username": "ann"}, Stored(_ann))),
        ),
        Field(name="label", absent=WRONG_KIND, null=WRONG_KIND, values=values.NAME),
        Field(name="expiresAt", absent=WRONG_KIND, null=WRONG_KIND, values=values.TOKEN_EXPIRY),
    ),
)
_BAD_ID = RequestRefused("BAD_ID", ("token",))
_IDS = Values(
    blank=(Cell("", _BAD_ID), Cell("  ", _BAD_ID)),
    shortest=Cell(_token, Stored(_token)),
    longest=NotApplicable("Every id is as long as any other."),
    too_long=Cell(lambda world: f"{world.token}0", _BAD_ID),
    wrong=(
        Cell(lambda world: world.token.replace("tok_", "TOK_"), _BAD_ID),
        Cell(lambda world: world.user, _BAD_ID),
        Cell(f"rst_{'0' * 32}", _BAD_ID),
        Cell(f"tok_{'g' * 32}", _BAD_ID),
        Cell(f"tok_{'0' * 31}", _BAD_ID),
        Cell(f"tok_{'0' * 32}", not_found("token")),
    ),
    unstorable=_BAD_ID,
)
REVOKE_API_TOKEN = Table(
    input="RevokeApiTokenInput",
    mutation="revokeApiToken",
    at=(),
    part=lambda world: {"token": world.token},
    whole=at_top,
    look=look.found_token,
    rows=(
        Field(name="token", absent=WRONG_KIND, null=WRONG_KIND, values=_IDS),
        Field(
            name="reason",
            absent=Stored(None),
            null=Stored(None),
            values=values.REASON,
            look=look.owner_reason,
        ),
    ),
)
TABLES = (CREATE_API_TOKEN, REVOKE_API_TOKEN)
