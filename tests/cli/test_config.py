"""`roster config`."""

import json
import os

from commands import roster
from roster.settings import Settings, names

URL = "postgresql://roster:S3cr3t@db.example.org/roster"


def test_every_setting_is_shown_with_its_origin_and_no_secret() -> None:
    result = roster("config", DATABASE_URL=URL, ROSTER_WORKERS="3")
    assert result.exit_code == 0
    assert "S3cr3t" not in result.output
    set_there = [line.removeprefix("# ").partition("=")[0] for line in result.stdout.splitlines()[1::2]]
    assert set_there == [names(each)[0] for each in Settings.model_fields]
    assert "# Processes that answer requests. (ROSTER_WORKERS)\nROSTER_WORKERS=3\n" in result.stdout
    assert (
        "(DATABASE_URL)\n# ROSTER_DATABASE_URL=postgresql://roster:***@db.example.org/roster\n"
        in result.stdout
    )


def test_what_is_shown_can_be_set() -> None:
    shown = roster(
        "config",
        ROSTER_WORKERS="3",
        ROSTER_LOG_FORMAT="json",
        ROSTER_ACCESS_CONTROL="0",
        ROSTER_ANONYMOUS_PERMISSIONS="roster:users:read, roster:roles:read",
        ROSTER_OIDC_ISSUER="https://login.example.org/realms/staff/",
        ROSTER_OIDC_AUDIENCE="a roster",
        ROSTER_OIDC_MATCH_EMAIL="yes",
        DATABASE_URL=URL,
    ).stdout
    variables = dict(line.split("=", 1) for line in shown.splitlines() if not line.startswith("#"))
    again = roster("config", "--json", **variables)
    values = {name: told["value"] for name, told in json.loads(again.stdout).items()}
    assert (values["workers"], values["log_format"], values["access_control"]) == (3, "json", False)
    assert values["anonymous_permissions"] == "roster:users:read,roster:roles:read"
    assert values["oidc_issuer"] == "https://login.example.org/realms/staff/"
    assert (values["oidc_audience"], values["oidc_match_email"]) == ("a roster", True)


def test_as_json() -> None:
    told = json.loads(roster("config", "--json", DATABASE_URL=URL, ROSTER_PORT="0").stdout)
    assert list(told) == list(Settings.model_fields)
    assert told["port"] == {"value": 0, "from": "ROSTER_PORT"}
    assert told["workers"] == {"value": 1, "from": "default"}
    assert told["database_url"]["value"] == "postgresql://roster:***@db.example.org/roster"
    assert os.fspath(Settings().data_dir) == told["data_dir"]["value"]
