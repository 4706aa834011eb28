"""Finding one by its id or by another of its names: who is found, who is nobody, and what is no name at all."""

from dataclasses import dataclass
from typing import Any

import pytest

import make
from client import Client
from roster.domain.users import UserStatus
from validation.cells import RequestRefused
from validation.running import check_request_refused, literal, send

USER = "query($by: UserRef!) { user(by: $by) { id } }"
ROLE = "query($by: RoleRef!) { role(by: $by) { id } }"
NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
NOBODY = "0" * 32
# No id of any kind, whoever is asked for.
MALFORMED = [
    "",
    " ",
    "usr_",
    NOBODY,
    f"usr_{NOBODY[1:]}",
    f"usr_{NOBODY}0",
    f"usr_{'A' * 32}",
    f"USR_{NOBODY}",
    f"usr-{NOBODY}",
    f"usr_{'g' * 32}",
    f" usr_{NOBODY}",
    f"usr_{NOBODY}\n",
    f"key_{NOBODY}",
    "usr_" + "\uff10" * 32,
    "usr_" + "\x00" * 32,
    "usr_" + "\ud800" * 32,
    "usr_00000000-0000-0000-0000-000000000000",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Everyone:
    """Their ids."""

    live: str
    archived: str
    erased: str
    role: str
    archived_role: str
    assignment: str
    event: str
    token: str


@pytest.fixture
async def everyone(api: Client) -> Everyone:
    live = make.a_user(
        email="ann@example.org", username="ann", external_id="Hr-1", status=UserStatus.SUSPENDED
    )
    archived = make.a_user(
        email="gone@example.org", username="gone", external_id="Hr-2", status=UserStatus.ARCHIVED
    )
    erased = make.a_user(
        email=None,
        first_name=None,
        last_name=None,
        display_name="Erased user",
        status=UserStatus.ERASED,
    )
    role = make.a_role(key="EDITOR")
    archived_role = make.a_role(key="FORMER", archived_at=make.LONG_AGO)
    held = make.an_assignment(live, role)
    await make.store(api.db, live, archived, erased, role, archived_role, held)
    token = await make.token(api.db, live)
    event = await make.event(api.db, user_id=live.id)
    return Everyone(
        live=make.user_id(live.id),
        archived=make.user_id(archived.id),
        erased=make.user_id(erased.id),
        role=make.role_id(role.id),
        archived_role=make.role_id(archived_role.id),
        assignment=make.assignment_id(held.id),
        event=make.event_id(event.id),
        token=make.token_id(token.id),
    )


@pytest.mark.parametrize("who", ["live", "archived", "erased"])
async def test_an_id_finds_a_user_whatever_its_status(api: Client, everyone: Everyone, who: str) -> None:
    id_ = getattr(everyone, who)
    assert await api(USER, by={"id": id_}) == {"id": id_}
    assert await api(NODE, id=id_) == {"__typename": "User", "id": id_}


@pytest.mark.parametrize("which", ["role", "archived_role"])
async def test_an_id_finds_a_role_live_or_archived(api: Client, everyone: Everyone, which: str) -> None:
    id_ = getattr(everyone, which)
    assert await api(ROLE, by={"id": id_}) == {"id": id_}
    assert await api(NODE, id=id_) == {"__typename": "Role", "id": id_}


async def test_an_id_finds_an_assignment(api: Client, everyone: Everyone) -> None:
    assert await api(NODE, id=everyone.assignment) == {
        "__typename": "RoleAssignment",
        "id": everyone.assignment,
    }


async def test_an_id_finds_an_event_and_a_token(api: Client, everyone: Everyone) -> None:
    assert await api(NODE, id=everyone.event) == {"__typename": "Event", "id": everyone.event}
    assert await api(NODE, id=everyone.token) == {"__typename": "ApiToken", "id": everyone.token}


async def test_an_id_that_nothing_has_finds_null(api: Client, everyone: Everyone) -> None:
    assert await api(USER, by={"id": f"usr_{NOBODY}"}) is None
    assert await api(ROLE, by={"id": f"rol_{NOBODY}"}) is None
    for kind in ("usr", "rol", "asg", "evt", "tok"):
        assert await api(NODE, id=f"{kind}_{NOBODY}") is None
        # The digits of one kind are another's: nothing has this id either.
        digits = everyone.live[4:] if kind != "usr" else everyone.role[4:]
        assert await api(NODE, id=f"{kind}_{digits}") is None


@pytest.mark.parametrize("id_", MALFORMED)
async def test_what_is_no_id_is_a_bad_id(api: Client, id_: str) -> None:
    for query, field, asked, path in (
        (USER, "user", {"by": {"id": id_}}, ["by", "id"]),
        (ROLE, "role", {"by": {"id": id_}}, ["by", "id"]),
        (NODE, "node", {"id": id_}, None),
    ):
        answer = await send(api, query, **asked)
        (error,) = answer["errors"]
        assert (error["path"], error["extensions"].pop("path", None)) == ([field], path)
        assert error["extensions"] == {"code": "BAD_ID"}
        assert answer["data"] == {field: None}


async def test_the_id_of_another_kind_is_a_bad_id(api: Client, everyone: Everyone) -> None:
    for query, id_ in (
        (USER, everyone.role),
        (USER, everyone.assignment),
        (ROLE, everyone.live),
        (ROLE, everyone.assignment),
    ):
        error = await api.error(query, by={"id": id_})
        assert error["extensions"] == {"code": "BAD_ID", "path": ["by", "id"]}


async def test_nodes_are_in_the_order_asked_for(api: Client, everyone: Everyone) -> None:
    ids = [
        everyone.role,
        f"usr_{NOBODY}",
        everyone.assignment,
        everyone.erased,
        everyone.live,
        everyone.role,
    ]
    with api.statements() as seen:
        found = await api(NODES, ids=ids)
    assert [node and node["id"] for node in found] == [ids[0], None, *ids[2:]]
    assert len(seen) == 3


async def test_a_malformed_id_among_nodes_is_an_error_of_its_own(api: Client, everyone: Everyone) -> None:
    ids = [everyone.live, "evt_1", everyone.role, "", f"asg_{NOBODY}"]
    answer = await api.answer(NODES, ids=ids)
    assert [node and node["id"] for node in answer["data"]["nodes"]] == [ids[0], None, ids[2], None, None]
    assert [(error["path"], error["extensions"]) for error in answer["errors"]] == [
        (["nodes", 1], {"code": "BAD_ID"}),
        (["nodes", 3], {"code": "BAD_ID"}),
    ]


async def test_nodes_are_at_most_200(api: Client, everyone: Everyone) -> None:
    assert await api(NODES, ids=[]) == []
    assert await api(NODES, ids=[everyone.live] * 200) == [{"__typename": "User", "id": everyone.live}] * 200
    error = await api.error(NODES, ids=[everyone.live] * 201)
    assert (error["path"], error["extensions"]) == (["nodes"], {"code": "BAD_USER_INPUT", "path": ["ids"]})


@pytest.mark.parametrize(
    "by",
    [
        {"email": "ann@example.org"},
        {"email": " Ann@EXAMPLE.Org\t"},
        {"username": "ann"},
        {"username": " ANN "},
        {"externalId": "Hr-1"},
    ],
)
async def test_an_identifier_finds_a_live_user_in_any_case(
    api: Client, everyone: Everyone, by: dict[str, str]
) -> None:
    assert await api(USER, by=by) == {"id": everyone.live}


@pytest.mark.parametrize(
    "by",
    [
        {"externalId": "hr-1"},
        {"externalId": " Hr-1"},
        {"externalId": ""},
        {"email": "gone@example.org"},
        {"username": "gone"},
        {"externalId": "Hr-2"},
        {"email": "bob@example.org"},
        {"email": "ann"},
        {"email": ""},
        {"email": "ann@example.org" * 100},
        {"username": "ann@example.org"},
        {"username": "%"},
        {"username": "a_n"},
        {"username": ""},
    ],
)
async def test_an_identifier_finds_nobody_else(api: Client, everyone: Everyone, by: dict[str, str]) -> None:
    assert everyone.archived
    assert await api(USER, by=by) is None


async def test_an_international_domain_is_found_as_it_is_written(api: Client) -> None:
    user = await make.user(api.db, email="ann@xn--bcher-kva.example")
    for email in ("Ann@B\u00fccher.example", "ann@bu\u0308cher.example", "ann@XN--BCHER-KVA.example"):
        assert await api(USER, by={"email": email}) == {"id": make.user_id(user.id)}


@pytest.mark.parametrize("key", ["EDITOR", "editor", " Editor "])
async def test_a_key_finds_a_live_role_in_any_case(api: Client, everyone: Everyone, key: str) -> None:
    assert await api(ROLE, by={"key": key}) == {"id": everyone.role}


@pytest.mark.parametrize("key", ["FORMER", "NOBODY", "", "ED_TOR", "%", "1", "\u00c4"])
async def test_a_key_finds_no_other_role(api: Client, everyone: Everyone, key: str) -> None:
    assert everyone.archived_role
    assert await api(ROLE, by={"key": key}) is None


async def test_a_key_that_was_used_again_finds_the_live_role(api: Client, everyone: Everyone) -> None:
    again = await make.role(api.db, key="FORMER")
    assert await api(ROLE, by={"key": "former"}) == {"id": make.role_id(again.id)}
    assert await api(ROLE, by={"id": everyone.archived_role}) == {"id": everyone.archived_role}


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
@pytest.mark.parametrize(
    ("query", "key"), [(USER, "email"), (USER, "username"), (USER, "externalId"), (ROLE, "key")]
)
async def test_what_no_database_can_hold_is_bad_input(api: Client, query: str, key: str, text: str) -> None:
    answer = await send(api, query, by={key: text})
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "path": ["by", key]}


ONE_OF: list[tuple[str, dict[str, Any]]] = [
    (USER, {}),
    (USER, {"email": "ann@example.org", "username": "ann"}),
    (USER, {"id": f"usr_{NOBODY}", "externalId": None}),
    (USER, {"email": None}),
    (USER, {"email": None, "username": None}),
    (ROLE, {}),
    (ROLE, {"id": f"rol_{NOBODY}", "key": "EDITOR"}),
    (ROLE, {"key": None}),
]


@pytest.mark.parametrize(("query", "by"), ONE_OF)
async def test_a_reference_has_exactly_one_member(api: Client, query: str, by: dict[str, Any]) -> None:
    answer = await api.answer(query, by=by)
    check_request_refused(answer, RequestRefused("BAD_USER_INPUT"))
    field = "user" if query == USER else "role"
    answer = await api.answer(f"{{ {field}(by: {literal(by)}) {{ id }} }}")
    check_request_refused(answer, RequestRefused("GRAPHQL_VALIDATION_FAILED"))


async def test_a_variable_inside_a_reference_must_be_non_null(api: Client, everyone: Everyone) -> None:
    query = "query($name: String%s) { user(by: {username: $name}) { id } }"
    answer = await api.answer(query % "", name="ann")
    check_request_refused(answer, RequestRefused("GRAPHQL_VALIDATION_FAILED"))
    assert await api(query % "!", name="ann") == {"id": everyone.live}
