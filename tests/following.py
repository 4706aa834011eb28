"""A consumer of the feed of events, such as another system that stays in step: it keeps a cursor, and what it read."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

# Answers the value of a query's only root field.
Ask = Callable[..., Awaitable[Any]]
Told = dict[str, Any]  # An event as the API tells it.

_FEED = """query Feed($size: Int!, $after: String, $filter: EventFilter) {
  events(first: $size, after: $after, filter: $filter) {
    nodes {
      id type at actor { kind user { id } } userId roleId roleKey reason requestId changes { field before after }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
# What makes each COMMIT take a while that nobody can foresee, so that they come in another order than their transactions.
_DAWDLE = """CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(random() * 0.02);
    RETURN NULL;
END $$"""
_DAWDLE_ALWAYS = """CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON events
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()"""
DAWDLE = (_DAWDLE, _DAWDLE_ALWAYS)


@dataclass(kw_only=True)
class Follower:
    size: int = 200
    types: list[str] | None = None
    cursor: str | None = None
    read: list[Told] = field(default_factory=list)

    async def poll(self, ask: Ask) -> list[Told]:
        """Reads on from where it is, to the end as it is now. What was read stays read if an answer fails to come."""
        begun = len(self.read)
        which = None if self.types is None else {"type": self.types}
        while True:
            page = await ask(_FEED, size=self.size, after=self.cursor, filter=which)
            self.read += page["nodes"]
            assert len(page["nodes"]) <= self.size
            self.cursor = page["pageInfo"]["endCursor"] or self.cursor
            if not page["pageInfo"]["hasNextPage"]:
                return self.read[begun:]

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.read]
