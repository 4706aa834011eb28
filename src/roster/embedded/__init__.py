"""A PostgreSQL server of our own, from programs that are installed: one process owns a data directory and its server.

The rule of the package: acknowledged data survives anything, no server outlives its owner, and no directory that was not
made here ever changes its owner or permissions. What is made in the data directory:

    cluster/      the PostgreSQL data directory proper, 0700, of the server's user; complete or not there
    owner.lock    locked by the process that started the server
    server.lock   locked by that process, its children and every PostgreSQL process, so free only when all are gone
    server.log    what PostgreSQL wrote, appended to at each start
    socket        a link to the private directory of the server's socket, while it runs
    admin.token   a token of the local administrator, 0600; the command makes it, and this package lets it be
    binaries/     a copy of PostgreSQL, only where the server's user cannot enter the installed one
"""

from roster.embedded.errors import EmbeddedPostgresError
from roster.embedded.processes import end_with_parent
from roster.embedded.programs import OLDEST
from roster.embedded.server import EmbeddedPostgres, find_programs, has_database, running_url

__all__ = [
    "OLDEST",
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "end_with_parent",
    "find_programs",
    "has_database",
    "running_url",
]
