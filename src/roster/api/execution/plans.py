"""Plans: for what a selection asks of a type, Python functions that complete values of it.

A function is written for each object type at each selection. It reads attributes, calls resolvers that need nothing
but the parent, tests for the types that values mostly have, and nests. What is loaded it leaves open: each `Relation`
gets the records and the dicts in which its value is missing, to be loaded for all of them at once.

Nothing here tells an error. Whatever is not as it should be raises, and graphql-core begins again with the value.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLUnionType,
    TypeNameMetaFieldDef,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.executor import Executor
from strawberry.types.field import StrawberryField

from roster.api.execution.fields import Load, load_of, ready_of, resolves_on
from roster.api.execution.values import Uncovered, check_of, coercion, enum_named_alike, test_of, uncovered

# Of a level of values: the open places of each relation, and the infos that functions want.
Level = list[Any]
Complete = Callable[[Any, Level], Any]
Fill = Callable[[list[Any], Iterable[Any], Level], None]


@dataclass(frozen=True, slots=True)
class Field:
    """A field where a document asks for it."""

    parent_type: GraphQLObjectType
    definition: GraphQLField
    details: FieldDetailsList

    @property
    def nodes(self) -> list[FieldNode]:
        return [detail.node for detail in self.details]

    @property
    def described(self) -> StrawberryField:
        """Raises Uncovered for what is GraphQL's own."""
        found = self.definition.extensions.get("strawberry-definition")
        if not isinstance(found, StrawberryField):
            raise Uncovered
        return found


@dataclass(frozen=True, slots=True)
class Told:
    """An info that functions of a level want: graphql-core's or, for resolvers, Strawberry's."""

    field: Field
    raw: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A field that is loaded. `fill` takes its open places, a value for each, and the level of these values."""

    field: Field
    load: Load
    fill: Fill
    needs: list["Need"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was completed already, by the id of the record: what came with many parents is one record for many, often."""


Need = Told | Relation | Seen


@dataclass(frozen=True, slots=True)
class Plan:
    """`complete` takes a value, and a level that has something for each of the needs."""

    complete: Complete
    needs: list[Need]


Plans = dict[tuple[int, ...], Plan | None]


def make_plan(executor: Executor[Any], type_: GraphQLOutputType, field: Field) -> Plan | None:
    """For values of the type, not null, that the field answers; None if graphql-core is to complete them."""
    level = _Level(executor, _Source())
    try:
        return Plan(level.completing(type_, field), level.needs)
    except (Uncovered, RecursionError):
        return None


class _Source:
    """What the functions of a plan call each other, and what else they refer to."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {"uncovered": uncovered}

    def __getitem__(self, name: str) -> Any:
        return self._names[name]

    def name(self, value: object = None) -> str:
        """A new name, and what it stands for unless it is a variable."""
        name = f"_{len(self._names)}"
        self._names[name] = value
        return name

    def define(self, parameters: str, *body: str) -> str:
        """The name of a new function. Of the document its text has response names alone, as literals."""
        name = self.name()
        exec("\n    ".join([f"def {name}({parameters}):", *body]), self._names)  # noqa: S102 -- written here, from the schema
        return name


class _Level:
    """Writes what completes the values of one level: an expression for each type, a function for each object type."""

    def __init__(self, executor: Executor[Any], source: _Source) -> None:
        self.needs: list[Need] = []
        self._executor, self._source = executor, source

    def completing(self, type_: GraphQLOutputType, field: Field) -> Complete:
        expression = self._present(type_, "value", field)
        complete: Complete = self._source[self._source.define("value, level", f"return {expression}")]
        return complete

    def filling(self, response_name: str, field: Field) -> Fill:
        """What is loaded for many is one record for many, often: each is completed once, into one dict for all."""
        value = self._source.name()
        expression = self._expression(field.definition.type, value, field, often=True)
        function = self._source.define(
            "places, values, level",
            "seen = {}",
            f"for (_, result), {value} in zip(places, values, strict=True):",
            f"    result[{response_name!r}] = {expression}",
        )
        fill: Fill = self._source[function]
        return fill

    def _expression(self, type_: GraphQLOutputType, value: str, field: Field, *, often: bool = False) -> str:
        """What completes the value of that name."""
        if isinstance(type_, GraphQLNonNull):
            return self._present(type_.of_type, value, field, often=often)
        return f"(None if {value} is None else {self._present(type_, value, field, often=often)})"

    def _present(self, type_: GraphQLOutputType, value: str, field: Field, *, often: bool = False) -> str:
        """The same for what may not be null."""
        if isinstance(type_, GraphQLList):
            item = self._source.name()
            items = f"[{self._expression(type_.of_type, item, field, often=often)} for {item} in {value}]"
            return f"({items} if type({value}) is list or type({value}) is tuple else uncovered())"
        if isinstance(type_, GraphQLObjectType):
            completed = f"{self._object(type_, field)}({value}, level)"
            seen = f"seen.get(id({value}))"
            return f"({seen} or seen.setdefault(id({value}), {completed}))" if often else completed
        if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            return f"{self._abstract(type_, field)}({value}, level)"
        assert is_leaf_type(type_)  # noqa: S101 -- there is no other output type
        return self._leaf(type_, value)

    def _leaf(self, type_: GraphQLLeafType, value: str) -> str:
        coerced = f"{self._source.name(coercion(type_))}({value})"
        if test := test_of(type_):
            return f"({value} if {test.format(value=value)} else {coerced})"
        if enum := enum_named_alike(type_):
            return f"({value}._name_ if type({value}) is {self._source.name(enum)} else {coerced})"
        return coerced

    def _object(self, type_: GraphQLObjectType, field: Field) -> str:
        """The name of a function that completes records."""
        steps, items, open_ = self._checks(type_, field), [], []
        fields = self._executor.collect_subfields(type_, field.details).grouped_field_set
        for name, details in fields.items():
            definition = self._executor.schema.get_field(type_, details[0].node.name.value)
            if definition is None or any(detail.fragment_variable_values for detail in details):
                raise Uncovered
            selected = Field(type_, definition, details)
            if definition is TypeNameMetaFieldDef:
                items.append(f"{name!r}: {type_.name!r}")
            elif load := load_of(selected.described):
                items.append(f"{name!r}: None")
                open_ += self._left_open(name, selected, load)
            else:
                value = self._source.name()
                steps.append(f"{value} = {self._read(selected)}")
                items.append(f"{name!r}: {self._expression(definition.type, value, selected)}")
        result = f"{{{', '.join(items)}}}"
        end = [f"result = {result}", *open_, "return result"] if open_ else [f"return {result}"]
        return self._source.define("source, level", *steps, *end)

    def _left_open(self, response_name: str, field: Field, load: Load) -> list[str]:
        """What leaves a relation to be loaded, unless its value came with the parent."""
        to_load = f"level[{self._relation(response_name, field, load)}].append((source, result))"
        ready = ready_of(field.described)
        if ready is None or field.nodes[0].arguments:
            return [to_load]
        value, seen = self._source.name(), self._need(Seen())
        expression = self._expression(field.definition.type, value, field, often=True)
        return [
            f"{value} = {self._source.name(ready)}(source)",
            f"if {value} is None: {to_load}",
            "else:",
            f"    seen = level[{seen}]",
            f"    result[{response_name!r}] = {expression}",
        ]

    def _checks(self, type_: GraphQLObjectType, field: Field) -> list[str]:
        """What lets nothing pass but a record of the type: of a class once, if the class tells."""
        is_type_of, known = type_.is_type_of, set[type]()
        of_class = is_type_of if isinstance(is_type_of, resolves_on) else None
        check = self._source.name(check_of(of_class, known))
        steps = [f"if type(source) not in {self._source.name(known)}: {check}(source)"]
        if is_type_of and not of_class:
            info = self._need(Told(field, raw=True))
            steps.append(
                f"if {self._source.name(is_type_of)}(source, level[{info}]) is not True: uncovered()"
            )
        return steps

    def _read(self, field: Field) -> str:
        """How a field is read of the source."""
        described = field.described
        if described.is_basic_field and described.default_resolver is getattr:
            return f"source.{described.python_name}"
        resolver = described.base_resolver
        if resolver is None or resolver.is_async or described.extensions or field.definition.args:
            raise Uncovered
        parent, info = resolver.parent_parameter or resolver.root_parameter, resolver.info_parameter
        given = ["source"] if resolver.self_parameter else []
        given += [f"{parent.name}=source"] if parent else []
        given += [f"{info.name}=level[{self._need(Told(field, raw=False))}]"] if info else []
        return f"{self._source.name(resolver.wrapped_func)}({', '.join(given)})"

    def _relation(self, response_name: str, field: Field, load: Load) -> int:
        below = _Level(self._executor, self._source)
        fill = below.filling(response_name, field)
        return self._need(Relation(field, load, fill, below.needs))

    def _abstract(self, type_: GraphQLAbstractType, field: Field) -> str:
        """The name of a function that finds out what a value is, and completes it as that."""
        completes: dict[object, tuple[GraphQLObjectType, Complete]] = {}
        for possible in self._executor.schema.get_possible_types(type_):
            try:
                completes[possible.name] = possible, self._source[self._object(possible, field)]
            except Uncovered:
                continue
        info = self._need(Told(field, raw=True))
        resolve_type = type_.resolve_type or self._executor.type_resolver
        known: dict[type, Complete] = {}

        def dispatched(value: Any, level: Level) -> Any:
            complete = known.get(type(value))
            if complete is None:
                name = resolve_type(value, level[info], type_)
                if name not in completes:
                    raise Uncovered
                found, complete = completes[name]
                if isinstance(found.is_type_of, resolves_on):
                    known[type(value)] = complete
            return complete(value, level)

        return self._source.name(dispatched)

    def _need(self, need: Need) -> int:
        self.needs.append(need)
        return len(self.needs) - 1
