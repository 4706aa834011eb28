"""Who is compared: each one process with a pool of the same size, on the same database."""

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from graphql import DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, parse, print_ast

HERE = Path(__file__).parent
POOL_SIZE = 10
ROSTER_COMMAND = Path(sys.executable).with_name("roster")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A document with one operation, and the names of its variables."""

    text: str
    variables: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A server.

    `command` runs in `directory`, which has a package.json where `npm` is true, and listens on the variable PORT.
    Without `documents` it is asked for an operation by name, in JSON.
    """

    name: str
    command: tuple[str, ...]
    documents: Path | None = None
    directory: Path = HERE.parents[1]
    npm: bool = False
    path: str = "/graphql"
    user_prefix: str = ""
    role_prefix: str = ""
    variables: tuple[tuple[str, str], ...] = ()

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """By name. Empty without documents."""
        return {} if self.documents is None else _operations(parse(self.documents.read_text("utf-8")))


def _operations(document: DocumentNode) -> dict[str, Operation]:
    fragments = [node for node in document.definitions if isinstance(node, FragmentDefinitionNode)]
    return {
        node.name.value: Operation(
            text="\n".join(map(print_ast, [node, *_used(print_ast(node), fragments)])),
            variables=frozenset(variable.variable.name.value for variable in node.variable_definitions or ()),
        )
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode) and node.name
    }


def _used(text: str, fragments: list[FragmentDefinitionNode]) -> list[FragmentDefinitionNode]:
    used = [fragment for fragment in fragments if f"...{fragment.name.value}" in text]
    rest = [fragment for fragment in fragments if fragment not in used]
    return [*used, *(further for fragment in used for further in _used(print_ast(fragment), rest))]


def _uvicorn(name: str) -> tuple[str, ...]:
    listen = ("--host", "127.0.0.1", "--port", "{port}", "--no-access-log")
    return (sys.executable, "-m", "uvicorn", f"benchmarks.contenders.{name}.server:app", *listen)


_NODE = ("node_modules/.bin/node", "server.js")
_PRODUCTION = ("NODE_ENV", "production")

ROSTER = Contender(
    name="roster",
    command=(str(ROSTER_COMMAND), "serve", "--port", "{port}", "--workers", "1"),
    documents=HERE / "roster" / "documents.graphql",
    user_prefix="usr_",
    role_prefix="rol_",
    variables=(("ROSTER_LOG_FORMAT", "json"), ("ROSTER_POOL_SIZE", str(POOL_SIZE))),
)
CONTENDERS = (
    ROSTER,
    Contender(
        name="postgraphile",
        command=_NODE,
        documents=HERE / "postgraphile" / "documents.graphql",
        directory=HERE / "postgraphile",
        npm=True,
        variables=(_PRODUCTION, ("GRAPHILE_ENV", "production")),
    ),
    Contender(
        name="mercurius",
        command=_NODE,
        documents=HERE / "mercurius" / "documents.graphql",
        directory=HERE / "mercurius",
        npm=True,
        variables=(_PRODUCTION,),
    ),
    Contender(
        name="strawberry-docs",
        command=_uvicorn("strawberry_docs"),
        documents=HERE / "mercurius" / "documents.graphql",
    ),
    Contender(name="asgi-sql", command=_uvicorn("asgi_sql"), path="/"),
)
# No server: the statements of asgi-sql, run by PostgreSQL's own load generator.
PGBENCH = "pgbench"
NAMES = (*(contender.name for contender in CONTENDERS), PGBENCH)
