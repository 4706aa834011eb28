"""Executes operations as graphql-core does, but for the values that plans complete, and what relations load."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    OperationType,
    Undefined,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.executor import default_field_resolver, default_type_resolver, to_nodes
from graphql.execution.values import VariableValues
from graphql.pyutils import AwaitableOrValue, Path, UndefinedType
from strawberry import Schema
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from roster.api.execution.calls import call_of
from roster.api.execution.documents import Document
from roster.api.execution.operations import Operation
from roster.api.execution.plans import (
    Field,
    Level,
    Need,
    Plan,
    Relation,
    Seen,
    Told,
    make_plan,
)
from roster.api.execution.settling import SettlingExecutor
from roster.api.execution.values import is_awaitable

_Open = list[tuple[Relation, list[Any]]]


async def execute(
    schema: Schema,
    document: Document,
    *,
    variables: dict[str, Any] | None,
    operation_name: str | None,
    context: object,
    outcomes: Counter[str] | None = None,
) -> ExecutionResult:
    """Of a valid document that has the operation.

    `outcomes` counts values by who completed them: "fast" (a plan), "broken" (graphql-core, after a plan that raised)
    and "uncovered" (graphql-core alone).
    """
    operation = document.operation(operation_name)
    assert operation  # noqa: S101 -- as said above
    values = operation.variables(variables or {})
    if isinstance(values, list):
        return ExecutionResult(None, values)
    executor = FastExecutor(schema, document, operation, values, context, outcomes)
    result = await executor.answer()
    while executor.background_futures:
        await asyncio.wait(executor.background_futures)
    # They refer to the executor, which so is gone by counting, and with it whatever the request made.
    del executor.async_helpers
    return result


class FastExecutor(SettlingExecutor):
    # As Strawberry's own executor has it, which is another's subclass.
    build_resolve_info = cast("Any", StrawberryGraphQLCoreExecutionContext.build_resolve_info)
    operation_extensions = None

    def __init__(
        self,
        strawberry: Schema,
        document: Document,
        operation: Operation,
        values: VariableValues,
        context: object,
        outcomes: Counter[str] | None,
    ) -> None:
        super().__init__(
            strawberry._schema,  # noqa: SLF001 -- Strawberry has no public name for it
            operation.fragment_definitions,
            operation.fragments,
            None,
            context,
            operation.node,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=is_awaitable,
        )
        self._strawberry, self._document, self._operation = strawberry, document, operation
        self._variant = document.variant(values.coerced)
        self._outcomes = outcomes

    async def answer(self) -> ExecutionResult:
        """As execute_operation has it, but what the operation selects is collected once for all executions."""
        kind = self.operation.operation
        root_type = self.schema.get_root_type(kind)
        assert root_type  # noqa: S101 -- the operation is valid
        data: dict[str, Any] | None = None
        try:
            fields = self._variant.root_fields(self._operation, root_type, self.variable_values)
            serially = kind is OperationType.MUTATION
            result = self.execute_root_grouped_field_set(root_type, None, fields, serially, None)
            data = await result if is_awaitable(result) else cast("dict[str, Any]", result)
        except GraphQLError as error:
            self.collected_errors.add(error, None)
        return ExecutionResult(data, self.collected_errors.errors or None)

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: None,
    ) -> AwaitableOrValue[Any] | UndefinedType:
        """As graphql-core does it, but what is asked for is known by now."""
        first = field_details_list[0]
        definition = self.schema.get_field(parent_type, first.node.name.value)
        resolve = call_of(definition, self._strawberry).resolve if definition else None
        if definition is None or resolve is None or first.fragment_variable_values:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        info = self.build_resolve_info(definition, to_nodes(field_details_list), parent_type, path)
        try:
            values = self._values(definition, first.node)
        except Exception as error:  # noqa: BLE001 -- it is told
            self.handle_field_error(error, definition.type, field_details_list, path)
            return None
        given = (info, path, resolve(source, info, values), position_context)
        return self.complete_awaitable_value(definition.type, field_details_list, *given)

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: None,
    ) -> AwaitableOrValue[dict[str, Any]]:
        given = (return_type, field_details_list, info, path, result, position_context)
        return self._completed(
            return_type,
            field_details_list,
            info,
            path,
            result,
            partial(super().complete_object_value, *given),
        )

    def complete_list_value(
        self,
        return_type: GraphQLList[GraphQLOutputType],
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: None,
    ) -> AwaitableOrValue[list[Any]]:
        given = (return_type, field_details_list, info, path, result, position_context)
        return self._completed(
            return_type, field_details_list, info, path, result, partial(super().complete_list_value, *given)
        )

    def _completed(
        self,
        type_: GraphQLOutputType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        value: Any,
        ordinary: Callable[[], AwaitableOrValue[Any]],
    ) -> AwaitableOrValue[Any]:
        plan = self._plan(type_, details, info)
        if plan is None:
            return self._noted("uncovered", ordinary())
        level = self._level(plan.needs, path)
        try:
            completed = plan.complete(value, level)
        except Exception:  # noqa: BLE001 -- graphql-core meets it again, and tells it
            completed = Undefined
        if completed is Undefined:  # and only now: its errors would carry the one that was caught
            return self._noted("broken", ordinary())
        if open_ := _open(plan.needs, level):
            return self._loaded(open_, path, completed, ordinary)
        return self._noted("fast", completed)

    async def _loaded(
        self, open_: _Open, path: Path, completed: Any, ordinary: Callable[[], AwaitableOrValue[Any]]
    ) -> Any:
        try:
            await self._load(open_, path)
        except Exception:  # noqa: BLE001 -- the same
            completed = Undefined
        if completed is not Undefined:
            return self._noted("fast", completed)
        again = self._noted("broken", ordinary())
        return await again if self.is_awaitable(again) else again

    def _plan(
        self, type_: GraphQLOutputType, details: FieldDetailsList, info: GraphQLResolveInfo[Any]
    ) -> Plan | None:
        key = (id(type_), id(info.parent_type), *(id(detail.node) for detail in details))
        if key not in self._variant.plans:
            definition = self.schema.get_field(info.parent_type, info.field_name)
            assert definition  # noqa: S101 -- it is being executed
            self._variant.plans[key] = make_plan(self, type_, Field(info.parent_type, definition, details))
        return self._variant.plans[key]

    def _level(self, needs: Sequence[Need], path: Path) -> Level:
        return [self._room(need, path) for need in needs]

    def _room(self, need: Need, path: Path) -> Any:
        if isinstance(need, Relation):
            return []
        return {} if isinstance(need, Seen) else self._info(need, path)

    def _info(self, told: Told, path: Path) -> Any:
        field = told.field
        raw = self.build_resolve_info(field.definition, field.nodes, field.parent_type, path)
        return raw if told.raw else self._strawberry.config.info_class(_raw_info=raw, _field=field.described)

    async def _load(self, open_: _Open, path: Path) -> None:
        """One call for each relation, all at once; then what is open in what they answered, and so on."""
        if len(open_) == 1:
            await self._load_one(*open_[0], path)
            return
        loads = (self._load_one(relation, places, path) for relation, places in open_)
        for outcome in await asyncio.gather(*loads, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def _load_one(self, relation: Relation, places: list[Any], path: Path) -> None:
        definition, info = relation.field.definition, self._info(Told(relation.field, raw=False), path)
        values = self._values(definition, relation.field.nodes[0])
        arguments = call_of(definition, self._strawberry).arguments(values, info)
        found = await relation.load([parent for parent, _ in places], info, **arguments)
        level = self._level(relation.needs, path)
        relation.fill(places, found, level)
        if open_ := _open(relation.needs, level):
            await self._load(open_, path)

    def _values(self, definition: GraphQLField, node: FieldNode) -> dict[str, Any]:
        if not definition.args:
            return {}
        return self._document.arguments(definition, node).values(self.variable_values)

    def _noted(self, outcome: str, value: Any) -> Any:
        if self._outcomes is not None:
            self._outcomes[outcome] += 1
        return value


def _open(needs: Sequence[Need], level: Level) -> _Open:
    """The relations that something is to be loaded for, and their open places."""
    return [
        (need, places)
        for need, places in zip(needs, level, strict=True)
        if isinstance(need, Relation) and places
    ]
