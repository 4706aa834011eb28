"""`roster doctor`: what is in order, what is not, and what to do about it."""

import asyncio
import json
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import typer

from roster import __version__, settings
from roster.cli import databases
from roster.cli.console import FAILED
from roster.cli.options import AsJson, DataDir
from roster.data.db import Database
from roster.data.inspection import Inspection, InspectionError, inspect
from roster.embedded import OLDEST, EmbeddedPostgresError, find_programs, has_database
from roster.services.health import REASONS, Readiness, readiness
from roster.settings import Settings, SettingsError

# Bytes. A log segment and its recycled neighbours are 100 MB.
_LITTLE, _TOO_LITTLE = 1_000_000_000, 100_000_000


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


_MARKS = {
    Verdict.OK: typer.style("✓", fg="green"),
    Verdict.WARNING: typer.style("!", fg="yellow"),
    Verdict.PROBLEM: typer.style("✗", fg="red"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    check: str
    verdict: Verdict
    found: str
    advice: str | None = None


app = typer.Typer(add_completion=False)


@app.command()
def doctor(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check versions, settings, disk, database and migrations, and say what to do. Exits with 1 if there is a problem."""
    findings = list(_examine(data_dir))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            typer.echo(f"{_MARKS[finding.verdict]} {finding.check:<12} {finding.found}")
            if finding.advice:
                typer.echo(f"  {'':<12} → {finding.advice}")
    if any(finding.verdict is Verdict.PROBLEM for finding in findings):
        raise typer.Exit(FAILED)


def _examine(data_dir: Path | None) -> Iterator[Finding]:
    yield _ok("Roster", f"{__version__} on Python {platform.python_version()}")
    try:
        chosen = settings.load(data_dir=data_dir)
    except SettingsError as error:
        for mistake in str(error).splitlines():
            yield _problem("settings", mistake, "`roster config` shows all settings.")
        return
    yield _ok("settings", "valid")
    if chosen.database_url is None:
        yield from _examine_directory(chosen.data_dir)
        if not has_database(chosen.data_dir):
            yield _ok("database", f"none yet in {chosen.data_dir}", "`roster serve` makes one.")
            return
    try:
        with databases.found(chosen) as url:
            yield from _examine_database(inspect(url), chosen)
            yield asyncio.run(_examine_migrations(url))
    except (EmbeddedPostgresError, PermissionError) as error:
        yield _problem("database", str(error))
    except InspectionError as error:
        yield _problem("database", str(error).strip(), "Start the server, or correct DATABASE_URL.")


def _examine_directory(data_dir: Path) -> Iterator[Finding]:
    if data_dir.exists() and not data_dir.is_dir():
        yield _problem("directory", f"{data_dir} is a file", "Choose another with --data-dir.")
        return
    place = next(path for path in (data_dir, *data_dir.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB free for {data_dir}"
    if free < _LITTLE:
        make = _problem if free < _TOO_LITTLE else _warning
        yield make("disk", found, "Free some, or move the directory: writes are refused once it is full.")
    else:
        yield _ok("disk", found)
    try:
        yield _ok("programs", f"PostgreSQL's, in {find_programs(data_dir)}")
    except EmbeddedPostgresError as error:
        yield _problem("programs", str(error))


def _examine_database(seen: Inspection, chosen: Settings) -> Iterator[Finding]:
    if seen.major < OLDEST:
        yield _problem(
            "PostgreSQL", seen.version, f"Roster needs PostgreSQL {OLDEST} or newer: upgrade the server."
        )
    else:
        yield _ok("PostgreSQL", f"{seen.version}, {seen.bytes / 1e6:.0f} MB of data")
    if seen.encoding != "UTF8":
        yield _problem(
            "encoding", seen.encoding, "Names need UTF8: create the database with `ENCODING 'UTF8'`."
        )
    wanted = chosen.workers * chosen.pool_size
    if chosen.database_url and wanted > seen.connections:
        yield _problem(
            "connections",
            f"{chosen.workers} workers with {chosen.pool_size} each are wanted, the server allows {seen.connections}",
            "Lower ROSTER_WORKERS or ROSTER_POOL_SIZE, or raise max_connections.",
        )
    if not seen.durable:
        yield _warning(
            "durability",
            "fsync or full_page_writes is off",
            "A power cut may ruin the database: turn them on.",
        )
    if seen.checksum_failures:
        yield _problem(
            "checksums",
            f"{seen.checksum_failures} pages are damaged",
            "The disk loses data: restore a backup on another.",
        )
    elif not seen.checksums:
        yield _warning("checksums", "off", "A disk that loses data goes unnoticed: `pg_checksums --enable`.")


async def _examine_migrations(url: str) -> Finding:
    db = Database(url, pool_size=1)
    try:
        found = await readiness(db)
    finally:
        await db.close()
    if found is Readiness.READY:
        return _ok("migrations", "the database is up to date")
    return _problem("migrations", REASONS[found])


def _ok(check: str, found: str, advice: str | None = None) -> Finding:
    return Finding(check=check, verdict=Verdict.OK, found=found, advice=advice)


def _warning(check: str, found: str, advice: str) -> Finding:
    return Finding(check=check, verdict=Verdict.WARNING, found=found, advice=advice)


def _problem(check: str, found: str, advice: str | None = None) -> Finding:
    return Finding(check=check, verdict=Verdict.PROBLEM, found=found, advice=advice)
