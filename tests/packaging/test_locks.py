"""The locks: what they promise to those who install from them, and that they are those of pyproject.toml."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from containers import run
from locks import read_lock

TOP = Path(__file__).parents[2]
PRODUCT, CI, BUILD = LOCKS = ("requirements.lock", ".ci/requirements.lock", ".ci/build.lock")

pytestmark = pytest.mark.packaging


@pytest.mark.parametrize("lock", LOCKS)
def test_all_is_pinned_by_hash_and_no_index_is_named(lock: str) -> None:
    assert len(read_lock(TOP / lock)) > 1
    assert "://" not in (TOP / lock).read_text()


@pytest.mark.parametrize("lock", [PRODUCT, BUILD])
def test_what_ci_installs_is_what_everyone_gets(lock: str) -> None:
    assert read_lock(TOP / lock) < read_lock(TOP / CI)


def test_compiling_them_again_changes_nothing(tmp_path: Path) -> None:
    """So they satisfy pyproject.toml, and whoever adds a requirement there locks it."""
    (tmp_path / ".ci").mkdir()
    for file in (*LOCKS, ".ci/lock", "pyproject.toml"):
        shutil.copy(TOP / file, tmp_path / file)
    scripts = Path(sys.executable).parent
    run(tmp_path / ".ci/lock", env=os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"})
    for lock in LOCKS:
        assert (tmp_path / lock).read_text() == (TOP / lock).read_text()
