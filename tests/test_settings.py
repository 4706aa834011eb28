"""Settings: where each comes from, what is refused, and that all mistakes are told at once."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

from roster import settings
from roster.settings import Settings, SettingsError

Set = Callable[..., None]


@pytest.fixture(autouse=True)
def put(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Nothing is set but what a test sets."""
    for name in list(os.environ):
        if name.startswith("ROSTER_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)

    def put(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return put


def url(loaded: Settings) -> str | None:
    return loaded.database_url.get_secret_value() if loaded.database_url else None


def mistakes(**options: object) -> list[str]:
    with pytest.raises(SettingsError) as told:
        settings.load(**options)
    return str(told.value).splitlines()


def test_without_any_they_are_the_defaults() -> None:
    loaded = settings.load(port=None)
    assert loaded == Settings()
    assert (loaded.host, loaded.port, loaded.workers, loaded.database_url) == ("127.0.0.1", 8000, 1, None)
    assert {settings.origin(name) for name in Settings.model_fields} == {"default"}


def test_an_option_comes_before_a_variable(put: Set) -> None:
    put(ROSTER_PORT="9000", ROSTER_WORKERS="3", ROSTER_LOG_LEVEL="")
    loaded = settings.load(port=9001)
    assert (loaded.port, loaded.workers, loaded.log_level) == (9001, 3, "info")
    assert [settings.origin(name) for name in ("port", "workers", "log_level")] == [
        "ROSTER_PORT",
        "ROSTER_WORKERS",
        "default",
    ]


@pytest.mark.parametrize(
    "scheme",
    [
        "postgres",
        "postgresql",
        "postgresql+psycopg",
        "postgresql+psycopg2",
        "postgresql+asyncpg",
        "postgres+pg",
    ],
)
def test_any_spelling_of_a_postgresql_address_is_understood(scheme: str, put: Set) -> None:
    rest = "roster:p%40ss@db.example.org:5433/roster?sslmode=require"
    put(DATABASE_URL=f"{scheme}://{rest}")
    assert url(settings.load()) == f"postgresql+psycopg://{rest}"


def test_our_own_name_of_the_address_comes_first(put: Set) -> None:
    put(DATABASE_URL="postgresql://a/a", ROSTER_DATABASE_URL="postgresql://b/b")
    assert url(settings.load()) == "postgresql+psycopg://b/b"
    assert settings.origin("database_url") == "ROSTER_DATABASE_URL"


def test_an_empty_address_is_none(put: Set) -> None:
    put(DATABASE_URL="", ROSTER_DATABASE_URL="")
    assert settings.load().database_url is None


def test_a_password_is_put_into_the_address(put: Set) -> None:
    put(DATABASE_URL="postgresql://roster@db:5432/roster", ROSTER_DATABASE_PASSWORD="p@:/ss")  # noqa: S106
    assert url(settings.load()) == "postgresql+psycopg://roster:p%40%3A%2Fss@db:5432/roster"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"DATABASE_URL": "postgresql://a:b@c/d"}, "DATABASE_URL: has a password already."),
        ({}, "ROSTER_DATABASE_URL: is not set, but a password is."),
    ],
)
def test_a_password_that_fits_nowhere_is_a_mistake(variables: dict[str, str], told: str, put: Set) -> None:
    put(**variables, ROSTER_DATABASE_PASSWORD="secret")  # noqa: S106
    assert mistakes() == [told]


def test_secrets_come_from_files(put: Set, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://roster@db/roster\n")
    (tmp_path / "password").write_text("a secret ")
    put(
        ROSTER_DATABASE_URL_FILE=str(tmp_path / "url"),
        ROSTER_DATABASE_PASSWORD_FILE=str(tmp_path / "password"),
    )
    assert url(settings.load()) == "postgresql+psycopg://roster:a%20secret%20@db/roster"
    assert settings.origin("database_url") == "ROSTER_DATABASE_URL_FILE"


def test_a_file_that_cannot_be_read_is_a_mistake(put: Set, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    put(
        ROSTER_DATABASE_URL_FILE=str(tmp_path / "none"),
        ROSTER_DATABASE_PASSWORD_FILE=str(tmp_path / "binary"),
    )
    assert sorted(mistakes()) == [
        f"ROSTER_DATABASE_PASSWORD_FILE: {tmp_path}/binary cannot be read: it is not UTF-8.",
        f"ROSTER_DATABASE_URL_FILE: {tmp_path}/none cannot be read: No such file or directory.",
    ]


def test_a_secret_given_twice_is_a_mistake(put: Set, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://roster@db/roster")
    put(ROSTER_DATABASE_URL_FILE=str(tmp_path / "url"), ROSTER_DATABASE_URL="postgresql://other/other")
    assert mistakes() == ["ROSTER_DATABASE_URL_FILE: ROSTER_DATABASE_URL is set too; which one is meant?"]


def test_all_mistakes_are_told_at_once(put: Set) -> None:
    put(
        DATABASE_URL="sqlite:///x",
        ROSTER_PROT="1",
        ROSTER_QQQ="1",
        ROSTER_POOL_SIZE="many",
        ROSTER_LOG_FORMAT="xml",
        ROSTER_ACCESS_CONTROL="false",
        ROSTER_ANONYMOUS_PERMISSIONS="roster:users:write",
        ROSTER_OIDC_ISSUER="http://login.example.org",
    )
    assert mistakes(workers=65, host="192.0.2.1") == [
        "ROSTER_PROT is not a setting. Did you mean ROSTER_PORT?",
        "ROSTER_QQQ is not a setting. `roster config` shows all that there are.",
        (
            "DATABASE_URL: must be the address of a PostgreSQL database: postgresql://user:password@host:port/name, with"
            " every special character of user and password as %XX, and a directory of a socket or several hosts as ?host="
        ),
        (
            "ROSTER_ANONYMOUS_PERMISSIONS: 'roster:users:write' is neither of roster:users:read and roster:roles:read."
        ),
        "ROSTER_OIDC_ISSUER: must be an https address: by http, anyone on the way could put in keys of their own.",
        (
            "--host: 192.0.2.1 is not a loopback address, and ROSTER_ACCESS_CONTROL=false lets everyone who can reach it do"
            " everything: leave access control on, or listen on loopback."
        ),
        "--workers: Input should be less than or equal to 64",
        "ROSTER_POOL_SIZE: Input should be a valid integer, unable to parse string as an integer",
        "ROSTER_LOG_FORMAT: Input should be 'auto', 'json' or 'text'",
    ]


def test_a_data_directory_beside_a_server_is_a_mistake(put: Set) -> None:
    put(DATABASE_URL="postgresql://roster@db/roster")
    assert mistakes(data_dir=Path("/data")) == ["--data-dir: DATABASE_URL names a server, which has none."]


def test_hosts_are_separated_by_commas(put: Set) -> None:
    put(ROSTER_ALLOWED_HOSTS="api, roster.internal,fd00::7")
    assert settings.load().allowed_hosts == ("api", "roster.internal", "fd00::7")
    assert settings.masked(settings.load())["allowed_hosts"] == "api,roster.internal,fd00::7"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_a_loopback_address_is_listened_on_whoever_may_do_what(host: str, put: Set) -> None:
    assert settings.load(host=host).host == host
    put(ROSTER_ACCESS_CONTROL="false")
    assert settings.load(host=host).host == host


# Bound nowhere: refused, or only read.
OPEN = ["0.0.0.0", "0", "::", "192.0.2.1", "2001:db8::1", "", "a..b", "no.such.host.invalid"]  # noqa: S104


@pytest.mark.parametrize("host", OPEN)
def test_another_address_is_refused_without_access_control(host: str, put: Set) -> None:
    assert settings.load(host=host).host == host
    put(ROSTER_ACCESS_CONTROL="false")
    assert [line.partition(" is ")[0] for line in mistakes(host=host)] == [f"--host: {host}"]


def test_a_mistake_in_access_control_is_one_mistake(put: Set) -> None:
    put(ROSTER_ACCESS_CONTROL="perhaps", ROSTER_HOST="192.0.2.1")
    assert [line.partition(":")[0] for line in mistakes()] == ["ROSTER_ACCESS_CONTROL"]


@pytest.mark.parametrize(
    ("given", "permissions"),
    [
        ("", ()),
        ("roster:users:read", ("roster:users:read",)),
        (" roster:roles:read , roster:users:read", ("roster:roles:read", "roster:users:read")),
    ],
)
def test_anybody_may_be_let_read(given: str, permissions: tuple[str, ...], put: Set) -> None:
    put(ROSTER_ANONYMOUS_PERMISSIONS=given)
    assert settings.load().anonymous_permissions == permissions
    assert settings.masked(settings.load())["anonymous_permissions"] == ",".join(permissions)


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ("roster:users:write", "roster:users:write"),
        ("roster:users:read,roster:tokens:write", "roster:tokens:write"),
        ("ROSTER:USERS:READ", "ROSTER:USERS:READ"),
        ("roster:users:read,", ""),
        ("roster:users:read roster:roles:read", "roster:users:read roster:roles:read"),
        ("*", "*"),
    ],
)
def test_anybody_may_be_let_do_nothing_else(given: str, refused: str, put: Set) -> None:
    put(ROSTER_ANONYMOUS_PERMISSIONS=given)
    assert mistakes() == [
        f"ROSTER_ANONYMOUS_PERMISSIONS: {refused!r} is neither of roster:users:read and roster:roles:read."
    ]


@pytest.mark.parametrize(
    "issuer",
    [
        "https://login.example.org",
        "https://login.example.org/",
        "https://login.example.org:8443/realms/staff",
        "https://login.example.org/a/v2.0/~x;y=%20",
        "https://[2001:db8::1]/staff",
        "http://127.0.0.1:8080/realms/staff",
        "http://localhost",
        "http://[::1]:8080",
    ],
)
def test_an_issuer_is_taken_as_it_is(issuer: str, put: Set) -> None:
    put(ROSTER_OIDC_ISSUER=issuer, ROSTER_OIDC_AUDIENCE="roster")
    loaded = settings.load()
    assert (loaded.oidc_issuer, loaded.oidc_audience) == (issuer, "roster")
    assert loaded.oidc_match_email is False


@pytest.mark.parametrize(
    "issuer",
    [
        "login.example.org",
        "ftp://login.example.org",
        "HTTPS://login.example.org",
        "https://",
        "https:///staff",
        "https://login.example.org/?realm=staff",
        "https://login.example.org?",
        "https://login.example.org#",
        "https://login.example.org/staff#",
        "https://login.example.org ",
        "https://login.example.org/staff ",
        "https://login.example.org/staff\n",
        "https://login.example.org/my staff",
        " https://login.example.org",
        "https://ada:S3cr3t@login.example.org",
        "https://b\u00fccher.example",
        "http://login.example.org",
        "http://192.0.2.1",
        "http://[2001:db8::1]",
        "http://no.such.host.invalid",
        "http://127.0.0.1@login.example.org",
    ],
)
def test_another_issuer_is_a_mistake_and_nothing_else_is(issuer: str, put: Set) -> None:
    for audience in ({}, {"ROSTER_OIDC_AUDIENCE": "roster"}):
        put(ROSTER_OIDC_ISSUER=issuer, **audience)
        (mistake,) = mistakes()
        assert mistake.startswith("ROSTER_OIDC_ISSUER: must be an https address")
        assert "S3cr3t" not in mistake


def test_an_issuer_and_an_audience_come_together(put: Set) -> None:
    put(ROSTER_OIDC_ISSUER="https://login.example.org")
    assert mistakes() == ["ROSTER_OIDC_AUDIENCE: is not set, but an issuer is."]
    put(ROSTER_OIDC_ISSUER="", ROSTER_OIDC_AUDIENCE="roster")
    assert mistakes() == ["ROSTER_OIDC_AUDIENCE: is set, but no issuer is."]


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://roster:S3cr3t@db/roster",
        "postgresql://roster:S3cr3t%40@db/roster",
        "postgresql://db/roster?user=roster&password=S3cr3t&sslmode=require",
    ],
)
def test_what_is_shown_has_no_secret(given: str, put: Set) -> None:
    put(DATABASE_URL=given)
    shown = str(settings.masked(settings.load()))
    assert "***" in shown
    assert "S3cr3t" not in shown
    assert "db/roster" in shown


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://roster:S3cr%zz@db/roster",
        "postgresql://roster:S3cr/3t@db/roster",
        "postgresql://roster:S3cr@3t@db/roster",
        "postgresql://roster:S3cr3t",
        "postgresql://roster:S3cr3t@db:port/roster",
        "postgresql://roster:S3cr3t@one:5432,two:5433/roster",
        "postgresql://roster:S3cr3t@%2Fa%2Fsocket/roster",
    ],
)
def test_an_address_that_cannot_be_read_is_a_mistake_and_not_shown(given: str, put: Set) -> None:
    put(DATABASE_URL=given)
    (mistake,) = mistakes()
    assert mistake.startswith(
        "DATABASE_URL: must be the address of a PostgreSQL database: postgresql://user:pass"
    )
    assert "S3" not in mistake


@pytest.mark.parametrize(
    "rest", ["db", "db:5433", "[::1]:5432", "", "/roster", "/roster?host=/a/socket&port=1"]
)
def test_addresses_of_every_form_are_read(rest: str, put: Set) -> None:
    put(DATABASE_URL=f"postgresql://roster@{rest}")
    read = url(settings.load())
    assert read == f"postgresql+psycopg://roster@{rest}"
    make_url(read)
    conninfo_to_dict(read.replace("+psycopg", ""))


def test_what_kubernetes_sets_is_no_mistake(put: Set) -> None:
    put(ROSTER_SERVICE_HOST="10.0.0.1", ROSTER_PORT="tcp://10.0.0.1:8000", ROSTER_PORT_8000_TCP_PROTO="tcp")
    assert settings.load().port == 8000


def test_an_empty_file_is_a_mistake(put: Set, tmp_path: Path) -> None:
    (tmp_path / "password").touch()
    put(DATABASE_URL="postgresql://a@b/c", ROSTER_DATABASE_PASSWORD_FILE=str(tmp_path / "password"))
    assert mistakes() == [f"ROSTER_DATABASE_PASSWORD_FILE: {tmp_path}/password is empty."]


def test_a_mistake_does_not_show_a_secret(put: Set) -> None:
    put(DATABASE_URL="mysql://roster:S3cr3t@db/roster", ROSTER_DATABASE_PASSWORD="S3cr3t")  # noqa: S106
    assert "S3cr3t" not in str(mistakes())
