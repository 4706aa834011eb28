"""The committed playground is what its source builds."""

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from roster.api import playground

HERE = Path(playground.__file__).parent

pytestmark = [
    pytest.mark.packaging,
    pytest.mark.skipif(not shutil.which("npm"), reason="needs npm"),
]


def contents(static: Path) -> dict[str, bytes]:
    """By path, unpacked: how small they get depends on the version of Node."""
    files = {str(path.relative_to(static)): path.read_bytes() for path in static.rglob("*") if path.is_file()}
    return {
        name: gzip.decompress(packed) if name.endswith(".gz") else packed for name, packed in files.items()
    }


def test_the_committed_playground_is_what_its_source_builds(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(HERE / "source", source, ignore=shutil.ignore_patterns("node_modules"))
    for command in (["npm", "ci"], ["npm", "run", "build"]):
        subprocess.run(command, cwd=source, check=True)  # noqa: S603 -- ours
    built, committed = contents(tmp_path / "static"), contents(HERE / "static")
    assert sorted(built) == sorted(committed)
    assert [name for name in built if built[name] != committed[name]] == []
