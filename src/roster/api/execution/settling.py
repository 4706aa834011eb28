"""graphql-core's executor, but nothing that runs is ever cancelled because something beside it failed.

What a statement costs is paid by then, and a coroutine that never began is a leak. What fails is told at once within the
answer, which waits for the rest to end.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from graphql import GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo, Undefined
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.execution.executor import Executor
from graphql.pyutils import AwaitableOrValue, Path

T = TypeVar("T")


class SettlingExecutor(Executor[None]):
    def with_abort_signal(self, awaitable: Awaitable[T]) -> Awaitable[T]:  # type: ignore[override]
        """Not as a coroutine around it: there is no signal."""
        return awaitable

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
