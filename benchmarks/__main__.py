"""`python -m benchmarks compare` and `python -m benchmarks growth`; see README.md beside this file."""

import os
import platform
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import report
from benchmarks.contenders import NAMES, ROSTER
from benchmarks.measuring import Plan, Run, measure, peaks, site, tell
from benchmarks.workloads import WORKLOADS, Workload

_GROWING = "W1,W2,W3,W5,W6,W7,W8,W9a,W9b,W10"

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
Rounds = Annotated[int, typer.Option(min=1, help="How often each workload is run.")]
Seconds = Annotated[int, typer.Option(min=1, help="How long each run takes.")]
Only = Annotated[str, typer.Option(help="The workloads, such as W1,W2; all if not given.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Where the data is kept for another run; otherwise it is removed.")
]
Output = Annotated[Path, typer.Option(help="Where the table goes, in Markdown; JSON goes beside it.")]


@app.command()
def compare(
    users: Annotated[int, typer.Option(min=1000, help="How many there are.")] = 100_000,
    rounds: Rounds = 5,
    seconds: Seconds = 2,
    at_once: Annotated[str, typer.Option(help="How many requests are under way at a time.")] = "1,32",
    only: Only = "",
    contenders: Annotated[str, typer.Option(help="Whose servers are compared.")] = ",".join(NAMES),
    data_dir: DataDir = None,
    output: Output = Path("build/benchmarks/compare.md"),
) -> None:
    """Compare Roster with others on the same data."""
    plan = _plan(only, contenders, at_once, rounds, seconds)
    with _places(data_dir, output) as (data, work), site(plan, data / str(users), users, work) as place:
        sites = {str(users): place}
        runs, needed = list(measure(plan, sites)), peaks(sites)
    _finish(output, f"{users:,} users", report.table(runs, needed), runs, needed)


@app.command()
def growth(
    small: Annotated[int, typer.Option(min=1000, help="How many users there are at first.")] = 100_000,
    large: Annotated[int, typer.Option(min=1000, help="How many there are then.")] = 1_000_000,
    rounds: Rounds = 5,
    seconds: Seconds = 2,
    at_once: Annotated[str, typer.Option(help="How many requests are under way at a time.")] = "1",
    only: Only = _GROWING,
    data_dir: DataDir = None,
    output: Output = Path("build/benchmarks/growth.md"),
) -> None:
    """Compare Roster with itself, on few users and on many."""
    plan = _plan(only, ROSTER.name, at_once, rounds, seconds)
    with _places(data_dir, output) as (data, work), ExitStack() as stack:
        sites = {
            f"{users:,} users": stack.enter_context(site(plan, data / str(users), users, work / str(users)))
            for users in (small, large)
        }
        runs, needed = list(measure(plan, sites)), peaks(sites)
    _finish(output, f"From {' to '.join(sites)}", report.growth_table(runs, needed), runs, needed)


def _plan(only: str, contenders: str, at_once: str, rounds: int, seconds: int) -> Plan:
    chosen = contenders.split(",")
    if unknown := sorted(set(chosen) - set(NAMES)):
        raise typer.BadParameter(f"There is no contender {unknown[0]}; there are {', '.join(NAMES)}.")
    for program in ("wrk", "npm"):
        if shutil.which(program) is None:
            tell(f"There is no {program} here; see benchmarks/README.md.")
            raise typer.Exit(1)
    return Plan(
        workloads=_workloads(only),
        contenders=chosen,
        connections=[int(each) for each in at_once.split(",")],
        rounds=rounds,
        seconds=seconds,
    )


def _workloads(only: str) -> Sequence[Workload]:
    keys = [workload.key for workload in WORKLOADS]
    chosen = only.split(",") if only else keys
    if unknown := sorted(set(chosen) - set(keys)):
        raise typer.BadParameter(f"There is no workload {unknown[0]}; there are {', '.join(keys)}.")
    return [workload for workload in WORKLOADS if workload.key in chosen]


@contextmanager
def _places(data_dir: Path | None, output: Path) -> Iterator[tuple[Path, Path]]:
    """Where the data and where the logs and bodies of requests go, which stay beside the output."""
    work = output.parent / "work"
    work.mkdir(parents=True, exist_ok=True)
    if data_dir is not None:
        data_dir.mkdir(parents=True, exist_ok=True)
        yield data_dir, work
        return
    with tempfile.TemporaryDirectory(prefix="roster-benchmarks-") as made:
        # As root the embedded server is another user, who must be able to enter it.
        Path(made).chmod(0o755)
        yield Path(made), work


def _finish(output: Path, heading: str, table: str, runs: Sequence[Run], needed: Mapping[str, float]) -> None:
    command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    made = f"{datetime.now(UTC):%Y-%m-%d}, {machine}, by `{command}`. Medians of the rounds."
    text = f"## {heading}\n\n{made}\n\n{table}"
    report.write(output, text, runs, needed)
    typer.echo(text)
    if report.mistaken(runs):
        tell("Not all answers were right: the table says which.")
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
