"""What the tests of the image and of compose.yaml need: Podman on a base image of this machine, and a reader.

No registry of images is asked: what the Dockerfile starts from is made of the Python that runs the tests.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

_CERTIFICATES = Path("/etc/ssl/certs")
_OF_THE_INDEX = ("cert", "index-url", "proxy", "trusted-host")  # Of pip's settings.


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Return what the command wrote, all of which is in the failure if it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def read_compose(text: str) -> dict[str, Any]:
    """Return the file with its merges done; fails for what Compose would not take."""
    # Imported here, as these tests are collected without the extra `packaging`, too.
    compose = import_module("compose_spec").PyOptions(apply_merge=True).from_yaml(text)
    compose.validate()
    read: dict[str, Any] = compose.to_dict()
    for service in read["services"].values():  # Which the library does not look at.
        assert set(service.get("depends_on", ())) <= set(read["services"])
    return read


@dataclass(frozen=True, slots=True, kw_only=True)
class Podman:
    """Keeps everything in a directory of its own, which is the caller's to delete."""

    directory: Path

    def __call__(self, *arguments: str | Path) -> str:
        """Return what Podman wrote, all of which is in the failure if it fails."""
        return run(*self._command, *arguments)

    def try_to(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self._command, *arguments], capture_output=True, text=True, check=False)  # noqa: S603

    @property
    def _command(self) -> list[str]:
        return [
            "podman",
            f"--root={self.directory / 'images'}",
            f"--runroot={self.directory / 'containers'}",
            "--cgroup-manager=cgroupfs",
            "--events-backend=none",
            "--runtime=runc",  # crun refuses machines with both versions of control groups.
        ]

    def build(self, context: Path, tag: str, *options: str | Path) -> None:
        self("build", "--format=docker", "--layers=false", "--pull=never", f"--tag={tag}", *options, context)

    def inspect(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("inspect", name))[0]
        return found

    def make_base(self, tag: str) -> None:
        """Make an image with Python and a shell, and less than is in any that the Dockerfile is made for."""
        root = self.directory / "base"
        python = f"python{sysconfig.get_python_version()}"
        stdlib = Path(sysconfig.get_path("stdlib"))
        copied = root / "usr/local/lib" / python
        unneeded = shutil.ignore_patterns("__pycache__", "dist-packages", "site-packages", "test")
        shutil.copytree(stdlib, copied, ignore=unneeded)
        shutil.copytree(Path(str(import_module("pip").__file__)).parent, copied / "pip")
        programs = root / "usr/local/bin"
        programs.mkdir()
        shutil.copy(Path(sys.base_prefix, "bin", python), programs / python)
        for name in ("python", "python3"):
            (programs / name).symlink_to(python)
        for directory in ("bin", "etc/ssl/certs", "proc", "run", "tmp", "usr/lib"):
            (root / directory).mkdir(parents=True)
        shutil.copy("/bin/sh", root / "bin/sh")
        _copy_libraries(root, programs / python, root / "bin/sh", *copied.rglob("*.so"))
        (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\nENV PATH=/usr/local/bin:/bin\n")
        self.build(root, tag)


def _copy_libraries(root: Path, *binaries: Path) -> None:
    """Copy what the binaries, and the wheels in our own environment, find on every Debian."""
    wheels = Path(sysconfig.get_path("platlib")).rglob("*.so*")
    for library in set(re.findall(r"(?:=> |^\s)(/\S+)", run("ldd", *binaries, *wheels), re.MULTILINE)):
        if Path(library).is_relative_to(sysconfig.get_path("platlib")):
            continue
        # The loader has a path that programs know; what it loads it finds in its default directory.
        place = root / library[1:] if "/ld-" in library else root / "usr/lib" / Path(library).name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, place)


def index_options(directory: Path) -> list[str]:
    """Return the options of a build that let pip in it reach the index that pip here reaches."""
    listed = run(sys.executable, "-m", "pip", "config", "list")
    settings = {
        name: ast.literal_eval(value)
        for name, value in re.findall(r"^(?:global|install|:env:)\.([a-z-]+)=(.+)$", listed, re.MULTILINE)
        if name in _OF_THE_INDEX
    }
    file = directory / "pip.conf"
    file.write_text("\n".join(["[global]", *(f"{name} = {value}" for name, value in settings.items()), ""]))
    return [f"--secret=id=pip,src={file}", f"--volume={_CERTIFICATES}:{_CERTIFICATES}:ro", "--network=host"]
