"""What a data directory keeps: whole things or none, locks, and nothing that is not ours removed."""

import os
import stat
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from roster.embedded import directory
from roster.embedded.processes import Launcher


def test_what_could_not_be_filled_is_not_there(tmp_path: Path) -> None:
    place = tmp_path / "place"

    def fill(*, fail: bool) -> None:
        with directory.whole_or_not_there(place) as new:
            new.mkdir()
            (new / "first").touch()
            assert not place.exists()
            if fail:
                raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fill(fail=True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "place.new/left/by").mkdir(parents=True)  # Its maker was killed.
    fill(fail=False)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["first", "place"]


def test_a_lock_shows_to_others_and_is_not_made_by_looking(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not directory.is_locked(path)
    assert not path.exists()
    held = directory.lock(path, seconds=0, refusal="taken")
    assert directory.is_locked(path)
    os.close(held)
    assert not directory.is_locked(path)


@pytest.mark.parametrize("name", ["roster-theirs", "other"])
def test_what_lies_in_a_directory_that_is_linked_stays(tmp_path: Path, name: str) -> None:
    """Whoever may write to the data directory could let the link lead anywhere."""
    precious = tmp_path / name
    precious.mkdir()
    (precious / "precious").touch()
    link = tmp_path / "socket"
    link.symlink_to(precious)
    lock = directory.lock(tmp_path / "lock", seconds=0, refusal="taken")
    with ExitStack() as undo:
        undo.callback(os.close, lock)
        launcher = Launcher(user=None, group=None, lock=lock)
        made = directory.socket_directory(launcher, link, undo)
        assert made.parent == Path(tempfile.gettempdir()).resolve()
        directory.link(link, made, undo)
        assert link.readlink() == made
    assert [path.name for path in precious.iterdir()] == ["precious"]
    assert not link.is_symlink()
    assert not made.exists()


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_directories_are_made_with_their_mode_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        directory.make(tmp_path / "a/b/c", mode=0o755)
    finally:
        os.umask(before)
    made = [tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/c"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o755}
