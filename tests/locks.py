"""Reads the files that pip installs from by hash."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One package of a lock. `pin` is all but the hashes."""

    name: str
    pin: str
    hashes: frozenset[str]

    def applies(self) -> bool:
        """Return whether pip installs it here."""
        marker = Requirement(self.pin).marker
        return marker is None or marker.evaluate()


def read_lock(file: Path) -> set[Locked]:
    lines = file.read_text().replace("\\\n", " ").splitlines()
    return {_read(line) for line in lines if not line.startswith("#")}


def _read(line: str) -> Locked:
    pin, *hashes = re.split(r"\s+--hash=", line.strip())
    assert re.fullmatch(r"[a-z0-9-]+==[0-9][^ ]*( ; .+)?", pin), line
    assert hashes, line
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), line
    return Locked(name=Requirement(pin).name, pin=pin, hashes=frozenset(hashes))
