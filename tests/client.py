"""A GraphQL client for tests: what it returns is the answer's data, and an error is a failure unless asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from roster.data.db import Database
from sent import sent_statements


class Client:
    def __init__(self, http: httpx.AsyncClient, db: Database) -> None:
        self.http = http
        self.db = db

    async def answer(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer: data, errors and all."""
        response = await self.http.post("/graphql", json={"query": query, "variables": variables})
        answer: dict[str, Any] = response.json()
        return answer

    async def __call__(self, query: str, **variables: Any) -> Any:
        """The data of the only root field; fails if there are errors."""
        answer = await self.answer(query, **variables)
        assert "errors" not in answer, answer["errors"]
        (value,) = answer["data"].values()
        return value

    async def error(self, query: str, **variables: Any) -> dict[str, Any]:
        """The one request error; fails if there is none or another."""
        answer = await self.answer(query, **variables)
        (error,) = answer["errors"]
        told: dict[str, Any] = error
        return told

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Collects the text of every statement that runs meanwhile (BEGIN and COMMIT are not among them)."""
        with sent_statements() as seen:
            yield seen
