"""The documentation tells the truth: its examples run, and nothing that a caller can meet is left out of it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperCommand
from typer.main import get_command

from client import Client
from roster.cli import main
from roster.domain import errors
from roster.domain.errors import ErrorCode, InvalidReason, RequestError
from roster.domain.instants import format_instant, now
from roster.domain.permissions import Permission
from roster.services import seeding
from roster.services.health import Readiness
from roster.settings import Settings, names

TOP = Path(__file__).parents[1]
API = (TOP / "docs/API.md").read_text()
README = (TOP / "README.md").read_text()
OPERATIONS = (TOP / "docs/OPERATIONS.md").read_text()


def examples(text: str) -> list[str]:
    return re.findall(r"```graphql\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/API.md"])
async def test_every_example_runs(api: Client, page: str) -> None:
    until = format_instant(now() + timedelta(days=90))
    for example in examples((TOP / page).read_text()):
        answer = await api.answer(example, until=until)
        assert "errors" not in answer, (example, answer)
        for field, payload in answer["data"].items():
            refused = bool(isinstance(payload, dict) and payload.get("errors"))
            assert refused == (field == "suspendHer" or "mutation Wrong" in example), (example, payload)


async def test_the_examples_of_the_readme_run_on_the_demo_too(api: Client) -> None:
    await seeding.seed(api.db, 1000, now(), lambda *_: None)
    for example in examples(README):
        answer = await api.answer(example)
        assert "errors" not in answer, (example, answer)
        assert not any(payload.get("errors") for payload in answer["data"].values())
    assert [user["displayName"] for user in answer["data"]["users"]["nodes"]] == ["Mary Anning"]


async def test_the_example_of_errors_shows_every_problem_at_once(api: Client) -> None:
    (wrong,) = [example for example in examples(API) if "mutation Wrong" in example]
    payload = await api(wrong)
    assert [error["path"] for error in payload["errors"]] == [["email"], ["firstName"], ["phone"]]


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_code_is_documented(code: ErrorCode) -> None:
    # Not __subclasses__(): a dataclass with slots is made of another class, which stays listed there.
    (error,) = [kind for kind in vars(errors).values() if getattr(kind, "code", None) is code]
    assert f"| {code} | {error.__name__} |" in API


@pytest.mark.parametrize("reason", InvalidReason)
def test_every_reason_is_documented(reason: InvalidReason) -> None:
    assert reason in API


def test_every_permission_is_documented() -> None:
    told = re.findall(r"^\| (roster:[a-z:]+) \| \S", API, flags=re.MULTILINE)
    assert sorted(told) == sorted(Permission)


def test_every_code_of_a_request_error_is_documented() -> None:
    codes = {kind.code for kind in RequestError.__subclasses__()}
    codes |= {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "INTERNAL"}
    listed = API.partition("## Errors of a request")[2]
    assert codes == set(re.findall(r"^\| ([A-Z_]+) \|", listed, flags=re.MULTILINE))


def commands() -> dict[str, TyperCommand]:
    """Every command by what is typed for it after `roster`."""
    found: dict[str, TyperCommand] = {}

    def walk(group: Any, path: str) -> None:
        for name in group.list_commands(None):
            command = group.get_command(None, name)
            if isinstance(command, TyperCommand):
                found[path + name] = command
            else:
                walk(command, f"{path}{name} ")

    walk(get_command(main), "")
    return found


def options(command: str) -> list[str]:
    return [option for each in commands()[command].params for option in each.opts]


def test_every_command_and_every_option_of_serve_is_documented() -> None:
    assert set(re.findall(r"^\| `roster ([a-z ]+)` \|", README, flags=re.MULTILINE)) == set(commands())
    (line,) = [line for line in README.splitlines() if line.startswith("| `roster serve` |")]
    assert re.findall(r"`(--[a-z-]+)`", line) == options("serve")


def test_every_command_that_the_pages_name_exists() -> None:
    known = {name.partition(" ")[0] for name in commands()}
    for page in ("README.md", "docs/API.md", "docs/OPERATIONS.md", "docs/ARCHITECTURE.md"):
        assert set(re.findall(r"`roster ([a-z]+)", (TOP / page).read_text())) <= known, page


def test_every_setting_is_documented_with_its_default() -> None:
    rows = [line.strip("|").split("|") for line in OPERATIONS.splitlines() if line.startswith("| `ROSTER_")]
    told = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}
    for setting, field in Settings.model_fields.items():
        own, *others = names(setting)
        (key,) = [each for each in told if each.startswith(f"`{own}`")]
        assert all(f"`{other}`" in key for other in others)
        option, default, description = told[key]
        assert description == field.description
        expected = f"--{setting.replace('_', '-')}"
        assert option == (f"`{expected}`" if expected in options("serve") else "")
        if field.default_factory is None and field.default not in (None, ()):
            assert default == f"`{str(field.default).lower()}`"
    assert len(told) == len(Settings.model_fields)


@pytest.mark.parametrize("status", Readiness)
def test_every_status_of_health_is_documented(status: Readiness) -> None:
    assert f"`{status}`" in OPERATIONS


def test_ci_runs_the_tests_by_the_readme_s_command() -> None:
    (command,) = [line for line in README.splitlines() if line.endswith("pytest -n auto")]
    assert command in (TOP / ".ci/run").read_text().splitlines()


def test_the_paths_of_the_architecture_page_exist() -> None:
    page = (TOP / "docs/ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`((?:api|services|data|domain|migrations)/[\w/]+\.py)`", page))
    assert named
    for path in named:
        place = TOP / path if path.startswith("migrations") else TOP / "src/roster" / path
        assert place.exists(), path
