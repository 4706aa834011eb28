"""Operations made from a schema: any selections with fragments, aliases, directives, variables and pooled arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

# Values of an argument: as a literal, and as JSON for a variable.
Pool = Sequence[tuple[str, Any]]
Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`constructs` names what is in it, for the statistics."""

    document: str
    variables: Mapping[str, Any]
    constructs: frozenset[str]


@dataclass
class Maker:
    """`pools` has values for arguments, by their name, or by the name of their type.

    A response name is a field without arguments, or an alias of its own: whatever is selected can be merged.
    """

    schema: GraphQLSchema
    pools: Mapping[str, Pool]
    random: Random
    max_depth: int
    _budget: int = 0
    _aliases: int = 0
    _variables: dict[str, tuple[str, Any]] = field(default_factory=dict)
    _fragments: list[str] = field(default_factory=list)
    _constructs: set[str] = field(default_factory=set)

    def operation(self) -> Operation:
        self._budget = self.random.choice([5, 15, 40, 80])
        self._aliases = 0
        self._variables, self._fragments, self._constructs = {}, [], set()
        assert self.schema.query_type
        body = self._selections(self.schema.query_type, self.random.randint(2, self.max_depth))
        declared = ", ".join(f"${name}: {type_}" for name, (type_, _) in self._variables.items())
        head = f"query ({declared}) " if declared else "query "
        return Operation(
            document="\n".join([head + body, *self._fragments]),
            variables={name: value for name, (_, value) in self._variables.items()},
            constructs=frozenset(self._constructs),
        )

    def _selections(self, type_: Composite, depth: int) -> str:
        return f"{{ {' '.join(self._selection(type_, depth) for _ in range(self.random.randint(1, 6)))} }}"

    def _selection(self, type_: Composite, depth: int) -> str:
        kind = self.random.random()
        if kind < 0.06:
            return self._noted("__typename", f"__typename{self._directives()}")
        if kind < 0.16 and self._budget > 0:
            return self._noted("inline fragment", self._inline(type_, depth))
        if kind < 0.24 and self._budget > 0:
            return self._noted("fragment", self._spread(type_, depth))
        if isinstance(type_, GraphQLUnionType):
            return self._inline(type_, depth) if depth > 0 else "__typename"
        fields = [
            one for one in type_.fields.items() if depth > 0 or is_leaf_type(get_named_type(one[1].type))
        ]
        if not fields:
            return "__typename"
        name, definition = self.random.choice(fields)
        return self._field(name, definition, depth)

    def _inline(self, type_: Composite, depth: int) -> str:
        on = self._within(type_)
        return f"...{f' on {on}' if on is not type_ or self._maybe() else ''}{self._directives()} {self._selections(on, depth - 1)}"

    def _spread(self, type_: Composite, depth: int) -> str:
        on = self._within(type_)
        name = f"F{len(self._fragments)}"
        self._fragments.append("")
        self._fragments[int(name[1:])] = f"fragment {name} on {on} {self._selections(on, depth - 1)}"
        return f"...{name}{self._directives()}"

    def _within(self, type_: Composite) -> Composite:
        """It, one that it can be, or one that it is."""
        others: list[Composite] = [*getattr(type_, "interfaces", ())]
        if not isinstance(type_, GraphQLObjectType):
            others += self.schema.get_possible_types(type_)
        return self.random.choice(others) if others and self._maybe(0.7) else type_

    def _field(self, name: str, definition: GraphQLField, depth: int) -> str:
        self._budget -= 1
        given = [
            f"{argument}: {self._value(argument, described)}"
            for argument, described in definition.args.items()
            if is_required_argument(described) or self._maybe(0.4)
        ]
        arguments = f"({', '.join(given)})" if given else ""
        alias = ""
        if arguments or self._maybe(0.1):
            self._aliases += 1
            alias = self._noted("alias", f"a{self._aliases}: ")
        type_ = get_named_type(definition.type)
        below = ""
        if isinstance(type_, Composite):
            enough = self._budget <= 0 or depth <= 0
            below = " { __typename }" if enough else f" {self._selections(type_, depth - 1)}"
            self._constructs.add(
                "interface or union" if not isinstance(type_, GraphQLObjectType) else "object"
            )
        self._constructs.update({"arguments"} if arguments else ())
        return f"{alias}{name}{arguments}{self._directives()}{below}"

    def _value(self, name: str, described: GraphQLArgument) -> str:
        type_ = get_named_type(described.type)
        pool = self.pools.get(name) or self.pools[type_.name]
        literal, value = self.random.choice(pool)
        if self._maybe(0.3):
            return self._noted("variable", self._variable(str(described.type), value))
        return literal

    def _directives(self) -> str:
        if self._maybe(0.9):
            return ""
        name, value = self.random.choice(["skip", "include"]), self._maybe()
        if self._maybe():
            return self._noted(f"@{name} by a variable", f" @{name}(if: {self._variable('Boolean!', value)})")
        return self._noted(f"@{name}", f" @{name}(if: {str(value).lower()})")

    def _variable(self, type_: str, value: Any) -> str:
        name = f"v{len(self._variables)}"
        self._variables[name] = type_, value
        return f"${name}"

    def _noted(self, construct: str, text: str) -> str:
        self._constructs.add(construct)
        return text

    def _maybe(self, chance: float = 0.5) -> bool:
        return self.random.random() < chance
