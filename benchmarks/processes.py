"""What processes have used, from /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
# In /proc/PID/stat, counted from the state, which follows the name: utime and stime, then cutime and cstime.
_TIMES, _TIMES_OF_THE_DEAD = slice(11, 13), slice(13, 15)


def cpu_seconds(root: int) -> float:
    """What a process and its descendants have used, those that ended included."""
    of_tree = [_stat(pid) for pid in _tree(root)]
    ticks = sum(int(each) for stat in of_tree for each in stat[_TIMES])
    ticks += sum(int(each) for each in _stat(root)[_TIMES_OF_THE_DEAD])
    return ticks / _TICKS


def peak_megabytes(root: int) -> float:
    """The most memory that the largest process of the tree had at once."""
    return max((_peak(pid) for pid in _tree(root)), default=0)


def _peak(pid: int) -> float:
    try:
        lines = (_PROC / str(pid) / "status").read_text("ascii", "replace").splitlines()
    except OSError:
        return 0
    return max((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), default=0)


def _tree(root: int) -> Iterator[int]:
    yield root
    for task in (_PROC / str(root) / "task").glob("*"):
        try:
            children = (task / "children").read_text("ascii").split()
        except OSError:  # It has ended.
            continue
        for child in children:
            yield from _tree(int(child))


def _stat(pid: int) -> list[str]:
    """Empty if the process has ended."""
    try:
        return (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []
