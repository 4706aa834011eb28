"""Whom `roster serve` lets in, and where it says how: the token of the local administrator is on stdout alone."""

import os
import pwd
import re
import stat
from pathlib import Path

import httpx
import pytest

from faults import processes
from roster.domain.tokens import is_secret
from serving import Served, make_administrator, run, serve

VIEWER = "{ viewer { actor { kind label } } }"
LOCAL = {"viewer": {"actor": {"kind": "USER", "label": "Local administrator"}}}
ADVICE = "There is no administrator yet: `roster admin create` makes the first, and a token for them"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can serve the directory of another user")


def post(served: Served, **headers: str) -> httpx.Response:
    return httpx.post(f"{served.url}/graphql", json={"query": VIEWER}, headers=headers, timeout=60)


def written(data_dir: Path) -> str:
    """By PostgreSQL, which hears of statements that fail."""
    return (data_dir / "server.log").read_text()


@pytest.mark.parametrize("demo", [(), ("--demo",)])
def test_the_address_lets_in_whoever_started_it_and_a_later_start_tells_the_same(
    place: Path, demo: tuple[str, ...]
) -> None:
    data_dir = place / "-".join(["data", *demo])
    addresses = []
    for _ in range(2):
        with serve("--data-dir", data_dir, *demo) as served:
            assert served.ask(VIEWER) == LOCAL
            out = served.stop()
        (address,) = re.findall(r"^API and playground: (\S+)$", out, re.MULTILINE)
        addresses.append(address.removeprefix(f"{served.url}/graphql#token="))
    assert set(addresses) == {served.token}
    assert is_secret(addresses[0])
    assert stat.S_IMODE((data_dir / "admin.token").stat().st_mode) == 0o600


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_token_is_in_a_log_an_environment_or_an_argument(
    place: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    data_dir = place / form
    monkeypatch.setenv("ROSTER_LOG_LEVEL", "debug")
    monkeypatch.setenv("ROSTER_LOG_FORMAT", form)
    with serve("--data-dir", data_dir, "--workers", "2") as served:
        token = served.token
        assert token
        others = [token[:-1] + ("1" if token[-1] == "0" else "0"), token.upper()]
        statuses = [
            post(served, authorization=f"Bearer {shown}").status_code
            for shown in [token, *others]
            for _ in "12"
        ]
        assert statuses == [200, 200, 401, 401, 401, 401]
        made = run("token", "create", "--owner", "local-admin", "--label", "ci", data_dir=data_dir).stdout
        assert post(served, authorization=f"Bearer {made.strip()}").json()["data"] == LOCAL
        assert post(served, authorization=f"Basic {token}").status_code == 401
        assert httpx.get(f"{served.url}/graphql?token={token}").status_code == 200
        seen = [
            Path(f"/proc/{pid}/{what}").read_bytes()
            for pid in processes.of(data_dir)
            for what in ("environ", "cmdline")
        ]
        assert len(seen) > 2 * 4
        served.stop()
        log = served.logged() + written(data_dir)
        assert "debug" in log
        for secret in (token, *others, made.strip()):
            assert secret.lower() not in log.lower()
            assert not any(secret.encode() in each for each in seen)


def test_a_token_that_lets_nobody_in_is_told_and_not_shown(place: Path) -> None:
    data_dir = place / "revoked"
    with serve("--data-dir", data_dir) as served:
        listed = run("token", "list", data_dir=data_dir).stdout
        (token,) = re.findall(r"tok_[0-9a-f]{32}", listed)
        assert run("token", "revoke", token, data_dir=data_dir).returncode == 0
        assert post(served, **served.headers).status_code == 401
    with serve("--data-dir", data_dir) as served:
        out = served.stop()
        assert f"{data_dir}/admin.token lets no administrator in any more." in served.logged()
    assert f"API and playground: {served.url}/graphql\n" in out
    assert "sed" not in out


@AS_ROOT
def test_in_a_directory_of_another_user_only_the_one_who_started_it_reads_the_token(place: Path) -> None:
    data_dir = place / "of nobody"
    data_dir.mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(data_dir, nobody.pw_uid, nobody.pw_gid)
    with serve("--data-dir", data_dir) as served:
        assert served.ask(VIEWER) == LOCAL
    file = (data_dir / "admin.token").stat()
    assert (stat.S_IMODE(file.st_mode), file.st_uid) == (0o600, os.geteuid())


@AS_ROOT
def test_a_link_that_the_user_of_a_directory_made_is_not_followed(place: Path) -> None:
    data_dir = place / "of an adversary"
    data_dir.mkdir()
    secret = place / "secret"
    secret.write_text("root's\n")
    secret.chmod(0o644)
    (data_dir / "admin.token").symlink_to(secret)
    nobody = pwd.getpwnam("nobody")
    for path in (data_dir, data_dir / "admin.token"):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    with serve("--data-dir", data_dir) as served:
        out = served.stop()
        assert f"{data_dir}/admin.token is not used: " in served.logged()
    assert "root's" not in out
    assert (secret.read_text(), stat.S_IMODE(secret.stat().st_mode)) == ("root's\n", 0o644)


def test_without_a_token_nothing_is_told(place: Path) -> None:
    with serve("--data-dir", place / "data") as served:
        answer = httpx.post(
            f"{served.url}/graphql", json={"query": "{ roles { nodes { key } } }"}, timeout=60
        )
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["UNAUTHENTICATED"]
    assert "ADMIN" not in answer.text


# ---- without access control ----


def test_without_access_control_everyone_is_the_local_operator(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSTER_ACCESS_CONTROL", "false")
    data_dir = place / "open"
    with serve("--data-dir", data_dir) as served:
        operator = {"viewer": {"actor": {"kind": "CLI", "label": "Local operator"}}}
        assert post(served).json() == {"data": operator}
        assert served.ask('mutation { addRole(input: {key: "CLERK"}) { role { key } } }') == {
            "addRole": {"role": {"key": "CLERK"}}
        }
        assert served.ask("{ users { totalCount } }") == {"users": {"totalCount": 0}}
        out = served.stop()
    assert out.startswith(f"API and playground: {served.url}/graphql\n")
    assert not (data_dir / "admin.token").exists()


def test_an_external_database_without_access_control_needs_no_administrator(
    own_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSTER_ACCESS_CONTROL", "false")
    with serve(database_url=own_url) as served:
        assert post(served).json()["data"]["viewer"]["actor"]["kind"] == "CLI"
        assert "administrator" not in served.logged()


# ---- on a server of one's own ----


def test_on_a_server_of_ones_own_it_is_said_how_the_first_administrator_is_made(own_url: str) -> None:
    with serve(database_url=own_url) as served:
        assert ADVICE in served.logged()
        token = make_administrator(own_url)
        viewer = post(served, authorization=f"Bearer {token}").json()
        assert viewer == {"data": {"viewer": {"actor": {"kind": "USER", "label": "first-admin"}}}}
        out = served.stop()
    assert out.startswith(f"API and playground: {served.url}/graphql\n")
    assert "rst_" not in out
    with serve(database_url=own_url) as served:
        served.stop()
        assert "administrator" not in served.logged()
