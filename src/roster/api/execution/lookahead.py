"""What is selected below a field, for resolvers that can answer some of it in one go."""

from collections.abc import Collection

import strawberry
from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode


def asks_below(info: strawberry.Info, names: Collection[str]) -> bool:
    """Whether a field of one of these names, and without arguments, is selected anywhere below the field.

    A hint, as neither types nor @skip and @include are looked at: whoever goes by it must be right without it.
    """
    raw = info._raw_info  # noqa: SLF001 -- Strawberry's own selected_fields makes objects of all that is selected
    open_ = [node.selection_set for node in raw.field_nodes]
    spread: set[str] = set()
    while open_:
        below = open_.pop()
        for node in below.selections if below else ():
            if isinstance(node, FieldNode):
                if node.name.value in names and not node.arguments:
                    return True
                open_.append(node.selection_set)
            elif isinstance(node, InlineFragmentNode):
                open_.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                open_.append(raw.fragments[node.name.value].selection_set)
    return False
