"""The plans of the statements that the application runs, as PostgreSQL itself tells them in its log.

auto_explain sees every statement, however it was sent. The plans are those for the values at hand.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from roster.data.db import Database

Node = dict[str, Any]

SETTINGS = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_format": "json",
    "plan_cache_mode": "force_custom_plan",
}
_PLAN = re.compile(r"duration: ([0-9.]+) ms  plan:\n((?:\t.*\n)+)")


async def explain_everything(db: Database) -> None:
    """From the next connection on."""
    async with db.engine.begin() as connection:
        for name, value in SETTINGS.items():
            await connection.execute(text(f"ALTER DATABASE {db.engine.url.database} SET {name} = '{value}'"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One statement that was run."""

    query: str
    milliseconds: float
    root: Node

    def nodes(self) -> Iterator[Node]:
        return _within(self.root)

    def scanned(self) -> Sequence[str]:
        """The tables that were read from end to end."""
        return [
            node["Relation Name"]
            for node in self.nodes()
            if node["Node Type"] == "Seq Scan" and node["Actual Loops"]
        ]

    def sorted(self) -> float:
        """How many rows were sorted at most by one node."""
        sorts = [node for node in self.nodes() if node["Node Type"] in {"Sort", "Incremental Sort"}]
        return max(map(_rows_into, sorts), default=0)

    def read(self) -> float:
        """How many rows were looked at, in tables or, where that sufficed, in indexes."""
        return sum(map(_looked_at, self.nodes()))


def _within(node: Node) -> Iterator[Node]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _within(inner)


def _rows_into(node: Node) -> float:
    (inner,) = [each for each in node["Plans"] if each["Parent Relationship"] == "Outer"]
    return float(inner["Actual Rows"])


def _looked_at(node: Node) -> float:
    if "Relation Name" not in node and node["Node Type"] != "Bitmap Index Scan":
        return 0
    removed = sum(node.get(f"Rows Removed by {by}", 0) for by in ("Filter", "Index Recheck"))
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


class Log:
    """What the server has written since it was looked at last."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, path.stat().st_size

    def plans(self) -> list[Explained]:
        with self._path.open(encoding="utf-8", errors="replace") as log:
            log.seek(self._read)
            written = log.read()
            self._read = log.tell()
        return [_explained(float(took), json.loads(plan)) for took, plan in _PLAN.findall(written)]


def _explained(milliseconds: float, told: Node) -> Explained:
    return Explained(query=told["Query Text"], milliseconds=milliseconds, root=told["Plan"])
