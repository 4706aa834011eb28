"""The wheel and the sdist: what is in them, and that the wheel works where nothing else of ours is."""

import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import httpx
import pytest

from containers import run

TOP = Path(__file__).parents[2]

pytestmark = pytest.mark.packaging


def files() -> set[str]:
    """What is in the repository, and what will be."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=TOP).split("\0")
    return {name for name in listed if name and (TOP / name).is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel, the sdist, and in `again` the wheel that is made of the sdist."""
    directory = tmp_path_factory.mktemp("built")
    _build(TOP, directory, "sdist", "wheel")
    with tarfile.open(_only(directory, "*.tar.gz")) as archive:
        archive.extractall(directory / "unpacked", filter="data")
    _build(_only(directory / "unpacked", "*"), directory / "again", "wheel")
    return directory


def _build(source: Path, into: Path, *kinds: str) -> None:
    # By the hatchling of the lock, not the one that a build of its own would fetch.
    run(sys.executable, "-m", "hatchling", "build", "-d", into, *(f"-t{kind}" for kind in kinds), cwd=source)


def _only(directory: Path, pattern: str) -> Path:
    (found,) = directory.glob(pattern)
    return found


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return _only(built, "*.whl")


def test_the_sdist_is_the_repository(built: Path) -> None:
    with tarfile.open(_only(built, "*.tar.gz")) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert names - {"PKG-INFO"} == files()


def test_the_wheel_has_the_package_what_it_reads_and_nothing_else(wheel: Path) -> None:
    expected = {
        PurePosixPath(name).relative_to("src").as_posix() if name.startswith("src/") else f"roster/{name}"
        for name in files()
        if name.startswith(("src/", "migrations/")) or name == "alembic.ini"
    }
    expected = {name for name in expected if not name.startswith("roster/api/playground/source/")}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if name.startswith("roster/")} == expected
    assert {
        "roster/py.typed",
        "roster/migrations/env.py",
        "roster/api/playground/static/index.html",
        "roster/api/playground/static/THIRD_PARTY.txt",
    } <= expected
    assert {PurePosixPath(name).relative_to(_about(wheel)).as_posix() for name in names - expected} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }


def _about(wheel: Path) -> str:
    return f"{wheel.name.removesuffix('-py3-none-any.whl')}.dist-info"


def test_the_wheel_made_of_the_sdist_is_the_same(built: Path, wheel: Path) -> None:
    assert _only(built / "again", "*.whl").read_bytes() == wheel.read_bytes()


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an empty environment with the wheel, what it runs on and the embedded PostgreSQL."""
    environment = tmp_path_factory.mktemp("elsewhere") / "venv"
    run(sys.executable, "-m", "venv", environment)
    pip = environment / "bin/pip"
    run(pip, "install", "--require-hashes", "--requirement", TOP / "requirements.lock")
    run(pip, "install", f"{wheel}[embedded]")
    run(pip, "check")
    return environment / "bin"


def test_it_knows_its_schema_elsewhere(elsewhere: Path) -> None:
    printed = run(elsewhere / "roster", "schema", "print", cwd=elsewhere, env={})
    assert printed == (TOP / "schema.graphql").read_text()


@pytest.fixture
def demo(elsewhere: Path, place: Path) -> Iterator[str]:
    """The address that `roster serve --demo` tells elsewhere, with the token that opens it."""
    with subprocess.Popen(  # noqa: S603 -- ourselves
        [elsewhere / "roster", "serve", "--demo", "--port", "0", "--data-dir", place / "data"],
        cwd=place,
        env={},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield _announced(process)
            process.terminate()
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()


def _announced(process: subprocess.Popen[str]) -> str:
    said = []
    for line in process.stdout or ():
        said.append(line)
        if address := re.match(r"API and playground: (\S+)$", line):
            return address[1]
    pytest.fail("".join(said))


def test_it_serves_the_demonstration_elsewhere(demo: str) -> None:
    query = "{ users(first: 3) { nodes { displayName roles { key } } totalCount } }"
    url, _, token = demo.partition("#token=")
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx.post(url, json={"query": query}, headers=headers, timeout=30).json()
    assert "errors" not in answer
    users = answer["data"]["users"]
    assert len(users["nodes"]) == 3
    assert users["totalCount"] > 3
