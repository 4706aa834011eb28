"""Executes operations as graphql-core does, but for the values that plans complete, and what relations load.

Nothing that runs is ever cancelled because something beside it failed: what a statement costs is paid by then, and a
coroutine that never began is a leak. What fails is told at once within the answer, which waits for the rest to end.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    Undefined,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.execution.executor import Executor, to_nodes
from graphql.pyutils import AwaitableOrValue, Path, UndefinedType
from strawberry import Schema
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from roster.api.execution.calls import call_of
from roster.api.execution.documents import Document
from roster.api.execution.plans import (
    Field,
    Level,
    Need,
    Plan,
    Relation,
    Told,
    make_plan,
)
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
    executor = FastExecutor.build(
        schema._schema,  # noqa: SLF001 -- Strawberry has no public name for it
        document.ast,
        context_value=context,
        raw_variable_values=variables,
        operation_name=operation_name,
        is_awaitable=is_awaitable,
        prepared=document,
        strawberry=schema,
        outcomes=outcomes,
    )
    if isinstance(executor, list):
        return ExecutionResult(None, executor)
    result = executor.execute_operation()
    if is_awaitable(result):
        result = await result
    while executor.background_futures:
        await asyncio.wait(executor.background_futures)
    return cast("ExecutionResult", result)


class FastExecutor(Executor[None]):
    # As Strawberry's own executor has it, which is another's subclass.
    build_resolve_info = cast("Any", StrawberryGraphQLCoreExecutionContext.build_resolve_info)
    operation_extensions = None

    def __init__(
        self,
        *args: Any,
        prepared: Document,
        strawberry: Schema,
        outcomes: Counter[str] | None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._document, self._strawberry, self._outcomes = prepared, strawberry, outcomes
        self._plans = prepared.plans(self.variable_values.coerced)

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: None,
    ) -> AwaitableOrValue[Any] | UndefinedType:
        """As graphql-core does it, but what is asked for is known by now."""
        first, *_ = field_details_list
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
        if key not in self._plans:
            definition = self.schema.get_field(info.parent_type, info.field_name)
            assert definition  # noqa: S101 -- it is being executed
            self._plans[key] = make_plan(self, type_, Field(info.parent_type, definition, details))
        return self._plans[key]

    def _level(self, needs: Sequence[Need], path: Path) -> Level:
        return [[] if isinstance(need, Relation) else self._info(need, path) for need in needs]

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

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: None,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """As graphql-core does it, but nothing is cancelled."""
        results: dict[str, Any] = {}
        waiting: dict[str, Awaitable[Any]] = {}
        try:
            for name, details in grouped_field_set.items():
                field_path = Path(path, name, parent_type.name)
                result = self.execute_field(parent_type, source_value, details, field_path, position_context)
                if result is not Undefined:
                    results[name] = result
                    if self.is_awaitable(result):
                        waiting[name] = result
        except Exception:
            self.settle_in_background([*waiting.values()])
            raise
        return self._awaited(results, waiting) if waiting else results

    async def _awaited(
        self, results: dict[str, Any], waiting: Mapping[str, Awaitable[Any]]
    ) -> dict[str, Any]:
        if len(waiting) == 1:
            ((name, result),) = waiting.items()
            results[name] = await result
        else:
            tasks: list[Awaitable[Any]] = [asyncio.ensure_future(result) for result in waiting.values()]
            self.settle_in_background(tasks)
            results |= zip(waiting, await asyncio.gather(*tasks), strict=True)
        return results

    def complete_list_item_value(
        self,
        item: Any,
        complete_results: list[Any],
        item_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        item_path: Path,
        position_context: None,
    ) -> bool:
        """The same: the list can cancel no more than its wait for an item."""
        waits = super().complete_list_item_value(
            item, complete_results, item_type, field_details_list, info, item_path, position_context
        )
        if waits:
            task = asyncio.ensure_future(complete_results[-1])
            self.settle_in_background([task])
            complete_results[-1] = asyncio.shield(task)
        return waits


def _open(needs: Sequence[Need], level: Level) -> _Open:
    """The relations that something is to be loaded for, and their open places."""
    return [
        (need, places)
        for need, places in zip(needs, level, strict=True)
        if isinstance(need, Relation) and places
    ]
