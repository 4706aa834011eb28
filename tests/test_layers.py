"""The contracts between the layers: the code keeps them all, and each of them catches what it is there to catch."""

import os
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

pytestmark = pytest.mark.lint

_CHECKOUT = Path(__file__).parents[1]
_LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

LAYERS = "Calls go down"
GRAPHQL = "Only api knows GraphQL"
EXECUTION = "Execution knows no noun"
SQL = "Only data knows SQL"
DATA = "Only services, app and cli reach data"
SETTINGS = "Only app and cli read settings"
EMBEDDED = "Only cli runs a server of its own"

# Which contract is broken, and it alone, by which import in which module.
VIOLATIONS = [
    (LAYERS, "app", "import roster.cli"),
    (LAYERS, "api/context", "import roster.app"),
    (LAYERS, "services/users", "from roster.api import ids"),
    (LAYERS, "data/users", "from roster.services import versions"),
    (LAYERS, "domain/users", "from roster.services.versions import check_version"),
    (LAYERS, "settings", "from roster.domain import users"),
    (LAYERS, "embedded/server", "from roster.domain import users"),
    *(
        (GRAPHQL, module, f"import {library}")
        for module, library in product(
            ["services/users", "data/db", "domain/text"], ["strawberry", "graphql", "fastapi", "starlette"]
        )
    ),
    *(
        (SQL, module, f"import {library}")
        for module, library in product(
            ["app", "api/users/types", "services/users", "domain/text"], ["sqlalchemy", "psycopg"]
        )
    ),
    (EXECUTION, "api/execution/executor", "from roster.domain.users import User"),
    (EXECUTION, "api/execution/plans", "from roster.api.context import Context"),
    (EXECUTION, "api/execution/fields", "from roster.api import ids"),
    (DATA, "api/context", "import roster.data"),
    (DATA, "api/users/types", "from roster.data.users import by_ids"),
    (
        DATA,
        "api/roles/types",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from roster.data import db",
    ),
    (SETTINGS, "api/http", "from roster.settings import Settings"),
    (SETTINGS, "services/users", "from roster import settings"),
    (SETTINGS, "data/db", "def late():\n    from roster.settings import Settings"),
    (EMBEDDED, "app", "from roster.embedded import EmbeddedPostgres"),
    (EMBEDDED, "api/http", "from roster import embedded"),
    (EMBEDDED, "data/db", "import roster.embedded"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code and its contracts, to be broken."""
    for file in (_CHECKOUT / "src").rglob("*.py"):
        copied = tmp_path / file.relative_to(_CHECKOUT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copied)
    shutil.copy(_CHECKOUT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(directory: Path) -> tuple[int, dict[str, str]]:
    """The exit code, and whether each contract is KEPT or BROKEN by the code in the directory."""
    ran = subprocess.run(  # noqa: S603 -- ourselves
        [sys.executable, "-c", _LINT, "--no-logo", "--no-cache"],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(directory / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, dict(re.findall(r"^(.+) (KEPT|BROKEN)", ran.stdout, flags=re.MULTILINE))


ALL_KEPT = dict.fromkeys([LAYERS, GRAPHQL, EXECUTION, SQL, DATA, SETTINGS, EMBEDDED], "KEPT")


def test_the_code_keeps_every_contract(copy: Path) -> None:
    assert lint(copy) == (0, ALL_KEPT)


@pytest.mark.parametrize(("contract", "module", "line"), VIOLATIONS)
def test_an_import_across_the_layers_breaks_its_contract(
    copy: Path, contract: str, module: str, line: str
) -> None:
    with (copy / f"src/roster/{module}.py").open("a") as file:
        file.write(f"\n{line}\n")
    assert lint(copy) == (1, ALL_KEPT | {contract: "BROKEN"})


@pytest.mark.parametrize("name", ["utils.py", "common/__init__.py"])
def test_a_new_top_level_module_breaks_the_layers(copy: Path, name: str) -> None:
    new = copy / "src/roster" / name
    new.parent.mkdir(exist_ok=True)
    new.touch()
    assert lint(copy) == (1, ALL_KEPT | {LAYERS: "BROKEN"})
