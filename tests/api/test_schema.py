"""The schema as a contract: the file in the repository is it, it explains all of itself, and tools can read it."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    build_client_schema,
    build_schema,
    get_introspection_query,
    is_introspection_type,
    is_specified_scalar_type,
    lexicographic_sort_schema,
    print_schema,
)
from strawberry.utils.str_converters import to_camel_case

from client import Client
from roster.api.errors import ERROR_TYPES
from roster.api.schema import sdl
from roster.domain import errors
from roster.domain.errors import ErrorCode, MutationError

SCHEMA = build_schema(sdl())
OUR_TYPES = {
    name: kind
    for name, kind in SCHEMA.type_map.items()
    if not is_introspection_type(kind) and not is_specified_scalar_type(kind)
}
Described = GraphQLNamedType | GraphQLField | GraphQLArgument | GraphQLInputField | GraphQLEnumValue


def walk() -> Iterator[tuple[str, Described]]:
    """Everything that can be described, by its place."""
    for name, kind in OUR_TYPES.items():
        yield name, kind
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", definition) for value, definition in kind.values.items())
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            for field, definition in kind.fields.items():
                yield f"{name}.{field}", definition
                yield from ((f"{name}.{field}({arg}:)", given) for arg, given in definition.args.items())
        if isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", definition) for field, definition in kind.fields.items())


def test_the_schema_in_the_repository_is_that_of_the_code() -> None:
    assert (Path(__file__).parents[2] / "schema.graphql").read_text() == sdl()


def test_everything_has_a_description() -> None:
    places = dict(walk())
    assert {
        place for place, described in places.items() if not (described.description or "").strip()
    } == set()
    # Every kind of place was looked at.
    assert {type(described) for described in places.values()} == {
        GraphQLArgument,
        GraphQLEnumType,
        GraphQLEnumValue,
        GraphQLField,
        GraphQLInputField,
        GraphQLInputObjectType,
        GraphQLInterfaceType,
        GraphQLObjectType,
        GraphQLScalarType,
    }
    assert {"User.roles(activeAt:)", "UserStatus.ERASED", "UserFilter.and", "Mutation.assignRoles"} <= set(
        places
    )


def test_every_description_ends_as_a_sentence_does() -> None:
    ends = {place: (described.description or "")[-1:] for place, described in walk()}
    assert {place: end for place, end in ends.items() if end != "."} == {}


def test_three_inputs_take_one_of_their_members() -> None:
    inputs = [kind for kind in OUR_TYPES.values() if isinstance(kind, GraphQLInputObjectType)]
    assert {kind.name for kind in inputs if kind.is_one_of} == {"UserRef", "RoleRef", "UserSelector"}


def test_no_default_is_null() -> None:
    """It would say that null is as good as absent, which in updates it is not."""
    assert "= null" not in sdl()


def test_every_scalar_says_where_it_is_specified() -> None:
    scalars = {
        kind.name: kind.specified_by_url for kind in OUR_TYPES.values() if isinstance(kind, GraphQLScalarType)
    }
    assert scalars == {
        "DateTime": "https://www.rfc-editor.org/rfc/rfc3339",
        "Email": "https://www.rfc-editor.org/rfc/rfc5321",
        "JSON": "https://www.rfc-editor.org/rfc/rfc8259",
        "JSONValue": "https://www.rfc-editor.org/rfc/rfc8259",
    }


def test_only_what_graphql_knows_is_used_as_a_directive() -> None:
    assert "directive @" not in sdl()


def test_every_list_holds_no_nulls_but_that_of_nodes() -> None:
    """Null stands for what nothing has, and in no other list."""
    answered = [
        (f"{name}.{field}", str(definition.type))
        for name, kind in OUR_TYPES.items()
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType))
        for field, definition in kind.fields.items()
    ]
    nullable = [place for place, kind in answered if kind.startswith("[") and not kind.endswith("!]!")]
    assert nullable == ["Query.nodes"]


async def test_introspection_over_http_gives_the_same_schema(api: Client) -> None:
    answer = await api.answer(
        get_introspection_query(specified_by_url=True, one_of=True, input_value_deprecation=True)
    )
    assert set(answer) == {"data"}
    introspected = lexicographic_sort_schema(build_client_schema(answer["data"]))
    assert print_schema(introspected) == print_schema(lexicographic_sort_schema(SCHEMA))


# Not __subclasses__(): a dataclass with slots is made of another class, which stays listed there.
MUTATION_ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, MutationError) and kind is not MutationError
}


def test_every_mutation_error_has_its_type() -> None:
    implementations = SCHEMA.get_implementations(SCHEMA.type_map["MutationError"]).objects  # type: ignore[arg-type]
    assert sorted(kind.name for kind in implementations) == sorted(MUTATION_ERRORS)
    names = [kind.__strawberry_definition__.name for kind in ERROR_TYPES]
    assert sorted(names) == sorted(MUTATION_ERRORS)


def test_every_code_is_that_of_one_mutation_error() -> None:
    assert sorted(kind.code for kind in MUTATION_ERRORS.values()) == sorted(ErrorCode)


@pytest.mark.parametrize("kind", MUTATION_ERRORS.values())
def test_a_mutation_error_is_of_its_own_type_alone(kind: type[MutationError]) -> None:
    made = kind.__new__(kind)
    answering = [type_ for type_ in ERROR_TYPES if type_.is_type_of(made, None)]
    assert [type_.__strawberry_definition__.name for type_ in answering] == [kind.__name__]


@pytest.mark.parametrize("kind", MUTATION_ERRORS.values())
def test_what_a_mutation_error_knows_a_caller_can_ask(kind: type[MutationError]) -> None:
    known = {to_camel_case(field.name) for field in fields(kind)}
    type_ = SCHEMA.type_map[kind.__name__]
    assert isinstance(type_, GraphQLObjectType)
    assert set(type_.fields) == {"code", *known}
