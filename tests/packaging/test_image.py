"""The Dockerfile, built by Podman on what `containers` makes of this machine, and run as compose.yaml says."""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from sqlalchemy import make_url

from containers import Podman, index_options, read_compose, run
from locks import read_lock
from postgres import connect
from roster.embedded import EmbeddedPostgres

TOP = Path(__file__).parents[2]
# Podman's own limits are higher than some machines allow; its healthchecks need systemd.
LIMITS = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096", "--no-healthcheck"]
BASE, IMAGE = "localhost/python", "localhost/roster"
PASSWORD = "p@ss:w/rd%20"  # noqa: S105 -- of a database that lives as long as the test
SOCKET = "/run/postgresql"
_READY_SECONDS = 60.0
_STOP_SECONDS = 10.0

pytestmark = [
    pytest.mark.packaging,
    pytest.mark.skipif(
        not shutil.which("podman") or not shutil.which("runc"), reason="needs Podman and runc"
    ),
]


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    """Podman with the image built."""
    # Not in pytest's own directory: the path of a socket that Podman makes would be too long.
    with tempfile.TemporaryDirectory(prefix="roster-") as directory:
        podman = Podman(directory=Path(directory))
        try:
            podman.make_base(BASE)
            index = index_options(podman.directory)
            podman.build(TOP, IMAGE, f"--build-arg=PYTHON_IMAGE={BASE}", "--isolation=chroot", *index)
            yield podman
        finally:
            podman("rm", "--all", "--force")  # They hold mounts in the directory.


@pytest.fixture(scope="module")
def socket(place: Path) -> Iterator[Path]:
    """The directory of the socket of a PostgreSQL that asks every user of the machine for the password."""
    with EmbeddedPostgres(place / "data", durable=False) as url:
        directory = Path(str(make_url(url).query["host"]))
        (place / "data/cluster/pg_hba.conf").write_text("local all all scram-sha-256\n")
        with connect(url) as connection:
            connection.execute(f"alter role roster password '{PASSWORD}'")
            connection.execute("select pg_reload_conf()")
        directory.chmod(0o755)
        (directory / ".s.PGSQL.5432").chmod(0o777)
        yield directory


@pytest.fixture
def services(socket: Path, tmp_path: Path) -> dict[str, list[str]]:
    """What makes Podman run the services of compose.yaml, but for where their database is."""
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    described = read_compose((TOP / "compose.yaml").read_text())["services"]
    return {
        name: [*_options(described[name], password, socket), IMAGE, *described[name].get("command", [])]
        for name in ("migrate", "api")
    }


def _options(service: dict[str, Any], password: Path, socket: Path) -> list[str]:
    environment = service["environment"] | {
        "ROSTER_DATABASE_URL": f"postgresql://roster@/roster?host={SOCKET}"  # no network, so by a socket
    }
    return [
        *LIMITS,
        "--network=none",
        f"--volume={socket}:{SOCKET}",
        f"--volume={password}:{service['environment']['ROSTER_DATABASE_PASSWORD_FILE']}:ro",
        f"--read-only={service['read_only']}",
        "--read-only-tmpfs=false",
        *(f"--tmpfs={path}" for path in service["tmpfs"]),
        *(f"--cap-drop={capability}" for capability in service["cap_drop"]),
        *(f"--security-opt={option.removesuffix(':true')}" for option in service["security_opt"]),
        *(f"--env={name}={value}" for name, value in environment.items()),
    ]


def test_hadolint_finds_nothing() -> None:
    run(Path(sys.executable).with_name("hadolint"), "--failure-threshold=style", TOP / "Dockerfile")


def test_it_has_what_the_lock_says_and_its_user_can_change_nothing(podman: Podman) -> None:
    seen = json.loads(podman("run", "--rm", *LIMITS, IMAGE, "python", "-c", _LOOK))
    assert seen["ids"] == [10001, 10001]
    locked = {line.name for line in read_lock(TOP / "requirements.lock") if line.applies()}
    assert {canonicalize_name(name) for name in seen["installed"]} == {*locked, "roster"}
    assert seen["uncompiled"] == []
    assert seen["writable"] == []


_LOOK = """
import json, os, sys
from importlib.metadata import distributions
from pathlib import Path

place = Path(sys.prefix)
print(json.dumps({
    "ids": [os.getuid(), os.getgid()],
    "installed": [distribution.name for distribution in distributions()],
    "uncompiled": [
        str(path) for path in place.rglob("*.py") if not any(path.parent.glob(f"__pycache__/{path.stem}.*.pyc"))
    ],
    "writable": [str(path) for path in [place, *place.rglob("*")] if os.access(path, os.W_OK)],
}))
"""


def test_it_refuses_to_serve_a_network_without_access_control(podman: Podman) -> None:
    refused = podman.try_to("run", "--rm", *LIMITS, "--env=ROSTER_ACCESS_CONTROL=false", IMAGE)
    assert refused.returncode == 2
    assert "ROSTER_ACCESS_CONTROL" in refused.stderr


def test_the_services_migrate_answer_and_end_when_asked_to(
    podman: Podman, services: dict[str, list[str]]
) -> None:
    podman("run", "--rm", *services["migrate"])
    podman("run", "--detach", "--name=api", *services["api"])
    _wait_until_healthy(podman)
    create = ["roster", "admin", "create", "--email", "you@example.org"]
    token = podman("run", "--rm", *services["api"], *create).strip()
    assert json.loads(podman("exec", "api", "python", "-c", _ASK, token)) == {
        "data": {"roles": {"nodes": [{"key": "ADMIN"}]}}
    }
    begun = time.monotonic()
    podman("stop", "--time=60", "api")
    assert time.monotonic() - begun < _STOP_SECONDS
    assert podman.inspect("api")["State"]["ExitCode"] == 0


def _wait_until_healthy(podman: Podman) -> None:
    kind, *healthcheck = podman.inspect(IMAGE)["Healthcheck"]["Test"]
    assert kind == "CMD"
    deadline = time.monotonic() + _READY_SECONDS
    while (checked := podman.try_to("exec", "api", *healthcheck)).returncode:
        assert podman.inspect("api")["State"]["Running"], podman.try_to("logs", "api").stderr
        assert time.monotonic() < deadline, checked.stderr
        time.sleep(0.2)


_ASK = """
import sys
from urllib.request import Request, urlopen

body = b'{"query": "{ roles { nodes { key } } }"}'
headers = {"Content-Type": "application/json", "Authorization": f"Bearer {sys.argv[1]}"}
print(urlopen(Request("http://localhost:8000/graphql", body, headers)).read().decode())
"""
