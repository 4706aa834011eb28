"""Walks through lists, page by page, many at once: each is a field of its own in one operation after the other.

Every page is compared with the one that plain Python makes, pageInfo included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import reference_pages
from client import Client

Json = Mapping[str, Any]

USER_FIELDS = (
    *("CREATED_AT", "UPDATED_AT", "EMAIL", "USERNAME"),
    *("DISPLAY_NAME", "FIRST_NAME", "LAST_NAME", "STATUS"),
)
ROLE_FIELDS = ("KEY", "NAME", "CREATED_AT", "UPDATED_AT", "HOLDER_COUNT")
DIRECTIONS = ("ASC", "DESC")
PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
NODES = f"{{ nodes {{ id }} {PAGE_INFO} }}"
EDGES = f"{{ edges {{ cursor node {{ id }} }} {PAGE_INFO} }}"


# Everything that there is, archived and ended too.
ALL_OF = {
    "users": "includeArchived: true",
    "roles": "includeArchived: true",
    "assignments": "states: [ACTIVE, EXPIRED, REVOKED]",
}


@dataclass(kw_only=True)
class Walk:
    """Through all that is in one list, in the order given; `ordered` is what must be seen.

    The list is a root field, or one of the object that `parent` finds.
    """

    list_: str
    order: Sequence[Json] | None = None
    ordered: Sequence[UUID]
    size: int
    backward: bool
    parent: str | None = None
    pages: list[Json] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return bool(self.pages) and not self.pages[-1]["pageInfo"][self._more]

    @property
    def _more(self) -> str:
        return "hasPreviousPage" if self.backward else "hasNextPage"

    def arguments(self) -> dict[str, Any]:
        """Those of the next page."""
        ordering = {"orderBy": self.order} if self.order else {}
        info = self.pages[-1]["pageInfo"] if self.pages else {"startCursor": None, "endCursor": None}
        if self.backward:
            return {**ordering, "last": self.size, "before": info["startCursor"]}
        return {**ordering, "first": self.size, "after": info["endCursor"]}

    def take(self, connection: Json) -> None:
        """The next page, which must be what plain Python has there."""
        nodes = self.pages[-1]["nodes"] if self.pages else []
        place = uuid_of(nodes[0 if self.backward else -1]) if nodes else None
        expected = reference_pages.page(
            self.ordered,
            self.ordered,
            first=None if self.backward else self.size,
            after=None if self.backward else place,
            last=self.size if self.backward else None,
            before=place if self.backward else None,
        )
        assert_page(connection, connection["nodes"], expected)
        self.pages.append(connection)

    def assert_complete(self) -> None:
        """Every row, once, in the order of the list."""
        pages = reversed(self.pages) if self.backward else self.pages
        seen = [uuid_of(node) for page in pages for node in page["nodes"]]
        assert seen == self.ordered


def uuid_of(node: Json) -> UUID:
    return UUID(hex=node["id"].partition("_")[2])


def assert_page(connection: Json, nodes: Sequence[Json], expected: reference_pages.Page) -> None:
    info = connection["pageInfo"]
    assert [uuid_of(node) for node in nodes] == list(expected.ids)
    assert info["hasNextPage"] is expected.has_next
    assert info["hasPreviousPage"] is expected.has_previous
    # A page has both cursors, or is empty.
    assert [bool(info["startCursor"]), bool(info["endCursor"])] == [bool(nodes)] * 2


def assert_edges(connection: Json, expected: reference_pages.Page) -> None:
    edges, info = connection["edges"], connection["pageInfo"]
    assert_page(connection, [edge["node"] for edge in edges], expected)
    ends = [edges[0]["cursor"], edges[-1]["cursor"]] if edges else [None, None]
    assert [info["startCursor"], info["endCursor"]] == ends


async def walk_all(api: Client, walks: Sequence[Walk]) -> None:
    """Takes all walks to their ends, a page of each in one operation after the other."""
    while left := [walk for walk in walks if not walk.done]:
        variables: dict[str, Any] = {}
        for number, walk in enumerate(left):
            variables |= {f"{name}{number}": value for name, value in walk.arguments().items()}
        answer = await api.answer(_document(left), **variables)
        assert "errors" not in answer, answer["errors"]
        for number, walk in enumerate(left):
            found = answer["data"][f"walk{number}"]
            walk.take(found[walk.list_] if walk.parent else found)
    for walk in walks:
        walk.assert_complete()


def _document(walks: Sequence[Walk]) -> str:
    """Each walk has its own variables."""
    declared, fields = [], []
    for number, walk in enumerate(walks):
        types = {name: "Int" if name in {"first", "last"} else "String" for name in walk.arguments()}
        if "orderBy" in types:
            types["orderBy"] = f"[{walk.list_.title().removesuffix('s')}Order!]"
        declared += [f"${name}{number}: {type_}" for name, type_ in types.items()]
        given = ", ".join(f"{name}: ${name}{number}" for name in types)
        list_ = f"{walk.list_}({ALL_OF[walk.list_]}, {given}) {NODES}"
        fields.append(
            f"walk{number}: {walk.parent} {{ {list_} }}" if walk.parent else f"walk{number}: {list_}"
        )
    return f"query ({', '.join(declared)}) {{ {' '.join(fields)} }}"
