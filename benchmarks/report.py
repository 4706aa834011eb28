"""The table."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from benchmarks.contenders import ROSTER
from benchmarks.measuring import Run
from benchmarks.workloads import WORKLOADS

_HEADINGS = (
    "",
    "at once",
    "requests/s",
    "Roster to it",
    "p50 ms",
    "p99 ms",
    "server CPU ms",
    "database CPU ms",
)
_TITLES = {workload.key: workload.title for workload in WORKLOADS}


def ratios(runs: Iterable[Run], one: str, other: str) -> list[float]:
    """How many times as many requests `one` answered as `other`, round by round. The runs are of one workload."""
    return _compared({(run.of, run.round): run.result.rate for run in runs}, one, other)


def times(runs: Iterable[Run], one: str, other: str) -> list[float]:
    """How many times as long a request took `one` as `other`, round by round. The runs are of one workload."""
    return _compared({(run.of, run.round): run.result.p50 for run in runs}, one, other)


def _compared(values: Mapping[tuple[str, int], float], one: str, other: str) -> list[float]:
    rounds = sorted(number for name, number in values if name == one and values.get((other, number)))
    return [values[one, number] / values[other, number] for number in rounds]


def mistaken(runs: Iterable[Run]) -> list[str]:
    """A line for each run with wrong answers, or with none."""
    return [
        f"{run.workload}, {run.of}, {run.connections} at once, round {run.round + 1}: "
        + (f"{run.result.errors} wrong, such as {run.result.example}" if run.result.errors else "no answer")
        for run in runs
        if run.result.errors or not run.result.requests
    ]


def table(runs: Sequence[Run], peaks: Mapping[str, float]) -> str:
    """Medians over the rounds, in Markdown, a table for each workload."""
    parts = [_failure(runs)]
    for key in dict.fromkeys(run.workload for run in runs):
        of_workload = [run for run in runs if run.workload == key]
        rows = [
            _row(of_workload, name, connections)
            for connections in sorted({run.connections for run in of_workload})
            for name in dict.fromkeys(run.of for run in of_workload)
        ]
        parts.append(f"### {key}: {_TITLES[key]}\n\n{_markdown(_HEADINGS, rows)}")
    parts.append(_memory(peaks))
    return "\n\n".join(filter(None, parts)) + "\n"


def _row(runs: Sequence[Run], name: str, connections: int) -> tuple[str, ...]:
    at_once = [run for run in runs if run.connections == connections]
    results = [run.result for run in at_once if run.of == name]
    compared = [] if name == ROSTER.name else ratios(at_once, ROSTER.name, name)
    return (
        name,
        str(connections),
        f"{median(result.rate for result in results):,.0f}",
        f"{median(compared):.2f}" if compared else "",
        f"{median(result.p50 for result in results):.2f}",
        f"{median(result.p99 for result in results):.2f}",
        f"{median(result.server_cpu for result in results):.2f}",
        f"{median(result.database_cpu for result in results):.2f}",
    )


def _memory(peaks: Mapping[str, float]) -> str:
    rows = [(name, f"{peak:,.0f}") for name, peak in peaks.items() if peak]
    return f"### Peak memory of the largest process\n\n{_markdown(('', 'MB'), rows)}"


def growth_table(runs: Sequence[Run], peaks: Mapping[str, float]) -> str:
    """How the time of a request grows from the first size of the data to the second."""
    small, large = dict.fromkeys(run.of for run in runs)
    rows = []
    for key, connections in dict.fromkeys((run.workload, run.connections) for run in runs):
        same = [run for run in runs if (run.workload, run.connections) == (key, connections)]
        medians = [median(run.result.p50 for run in same if run.of == size) for size in (small, large)]
        rows.append(
            (
                f"{key}: {_TITLES[key]}",
                str(connections),
                *(f"{value:.2f}" for value in medians),
                f"{median(times(same, large, small)):.2f}",
            )
        )
    headings = ("", "at once", f"p50 ms, {small}", f"p50 ms, {large}", "ratio")
    return "\n\n".join(filter(None, [_failure(runs), _markdown(headings, rows), _memory(peaks)])) + "\n"


def _failure(runs: Iterable[Run]) -> str:
    lines = mistaken(runs)
    return (
        "**This run failed: not all answers were right.**\n\n" + "\n".join(f"- {line}" for line in lines)
        if lines
        else ""
    )


def _markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    # All but the first column are numbers.
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *rows))


def write(path: Path, text: str, runs: Sequence[Run], peaks: Mapping[str, float]) -> None:
    """The text at the path, and every run beside it in JSON."""
    path.write_text(text, encoding="utf-8")
    told = {"peak_megabytes": peaks, "runs": [asdict(run) for run in runs]}
    path.with_suffix(".json").write_text(json.dumps(told, indent=1), encoding="utf-8")
