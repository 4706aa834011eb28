"""Runs of all workloads against all contenders, interleaved, so that what the machine does meanwhile hits all alike."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

from benchmarks import agreement, database, servers
from benchmarks.contenders import CONTENDERS, PGBENCH, ROSTER
from benchmarks.database import Database
from benchmarks.load import HttpLoad, Load, Result, StatementLoad, write_scripts
from benchmarks.servers import Server
from benchmarks.subjects import Subjects, draw
from benchmarks.workloads import Workload, bodies

WARM_UP_SECONDS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured: so many rounds of so many seconds, for each number of connections."""

    workloads: Sequence[Workload]
    contenders: Sequence[str]
    connections: Sequence[int]
    rounds: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A database and what asks it, by workload."""

    database: Database
    loads: Mapping[str, Sequence[Load]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One result. `of` is the contender, or what else is compared."""

    workload: str
    of: str
    connections: int
    round: int
    result: Result


def tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


@contextmanager
def site(plan: Plan, data_dir: Path, users: int, work: Path) -> Iterator[Site]:
    """The contenders of the plan on so many users; they were seen to do the same. `work` is for files.

    Raises ContenderError, DisagreementError and WrongDataError.
    """
    work.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        tell(f"PostgreSQL with {users:,} users in {data_dir}")
        opened = stack.enter_context(database.running(data_dir, users))
        token = servers.new_token(opened)
        with opened.connect() as connection:
            subjects = draw(connection, users)
        started = []
        for contender in CONTENDERS:
            if contender.name in plan.contenders:
                tell(f"Starting {contender.name}")
                shown = token if contender is ROSTER else None
                server = stack.enter_context(servers.running(contender, opened, work, shown))
                started.append((server, agreement.cursors_of(server, subjects)))
        for workload in plan.workloads:
            agreement.check(workload, started, subjects, opened)
        tell("All answers are equal")
        loads = {
            workload.key: _loads(workload, started, opened, subjects, work) for workload in plan.workloads
        }
        for workload in plan.workloads:
            if PGBENCH in plan.contenders and workload.is_statement:
                loads[workload.key].append(_statement_load(workload, opened, subjects, work))
        yield Site(database=opened, loads=loads)


def _loads(
    workload: Workload,
    started: Sequence[tuple[Server, Mapping[str, str]]],
    opened: Database,
    subjects: Subjects,
    work: Path,
) -> list[Load]:
    loads: list[Load] = []
    for server, cursors in started:
        if workload.takes_part(server.contender):
            file = work / f"{server.contender.name}-{workload.key}.bodies"
            lines = bodies(workload, server.contender, subjects, cursors)
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            loads.append(
                HttpLoad(
                    server=server, database=opened, bodies=file, writes=workload.writes, once=workload.once
                )
            )
    return loads


def _statement_load(workload: Workload, opened: Database, subjects: Subjects, work: Path) -> Load:
    each = list(islice(workload.variables(subjects), workload.bodies))
    return StatementLoad(
        database=opened, scripts=write_scripts(workload.operation, each, opened, work, prefix=workload.key)
    )


def measure(plan: Plan, sites: Mapping[str, Site]) -> Iterator[Run]:
    """All runs. The sites take turns too."""
    for number, workload, connections in product(range(plan.rounds), plan.workloads, plan.connections):
        tell(f"Round {number + 1} of {plan.rounds}, {workload.key}, {connections} at once")
        for name, load in _in_turn(_named(sites, workload.key), number):
            if number == 0 and connections == plan.connections[0]:
                load.run(max(plan.connections), WARM_UP_SECONDS)
            result = load.run(connections, plan.seconds)
            yield Run(workload=workload.key, of=name, connections=connections, round=number, result=result)


def peaks(sites: Mapping[str, Site]) -> dict[str, float]:
    """The memory that each server needed at most, in megabytes."""
    keys = dict.fromkeys(key for place in sites.values() for key in place.loads)
    return {name: load.peak_megabytes() for key in keys for name, load in _named(sites, key)}


def _named(sites: Mapping[str, Site], workload: str) -> list[tuple[str, Load]]:
    """By contender, or by site where there are several."""
    return [
        (name if len(sites) > 1 else load.name, load)
        for name, place in sites.items()
        for load in place.loads[workload]
    ]


def _in_turn(loads: Sequence[tuple[str, Load]], number: int) -> Sequence[tuple[str, Load]]:
    """Each round begins with another, so that nobody always follows the same one."""
    start = number % max(len(loads), 1)
    return [*loads[start:], *loads[:start]]
