"""Every setting, its rule and its default. Imported by app and cli only.

A setting is read from the option of the command line, else from the environment as `ROSTER_` and its name, else from
the file that `ROSTER_…_FILE` names if it is a secret. `load` tells all mistakes at once.
"""

import ipaddress
import os
import re
import socket
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import quote

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "ROSTER_"
# What Kubernetes tells every container of a service named roster; ROSTER_PORT is then an address.
_OF_KUBERNETES = re.compile(rf"{PREFIX}(SERVICE_|PORT_\d+_)")
_FOR_ANYBODY = ("roster:users:read", "roster:roles:read")


def _default_data_dir() -> Path:
    # The server runs as an unprivileged user when we are root, and cannot enter root's home.
    return Path("/var/lib/roster") if os.geteuid() == 0 else platformdirs.user_data_path("roster")


class SettingsError(Exception):
    """What is wrong with the settings, a mistake a line."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        validate_by_name=True,
        validate_default=True,
        hide_input_in_errors=True,
    )

    # A validator sees what stands before its own field: the order counts.
    database_password: SecretStr | None = Field(
        default=None, description="The password for the database URL, if that has none."
    )
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices(f"{PREFIX}DATABASE_URL", "DATABASE_URL"),
        description="The PostgreSQL server to use, `postgresql://user@host/name`; without it an embedded one.",
    )
    data_dir: Path = Field(
        default_factory=_default_data_dir, description="Where the embedded PostgreSQL keeps its data."
    )
    access_control: bool = Field(
        default=True,
        description=(
            "Whether callers must show who they are; false lets everyone who can reach the server do everything, and is"
            " for loopback only."
        ),
    )
    anonymous_permissions: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description=(
            "What callers without a token may do, separated by commas: `roster:users:read`, `roster:roles:read`."
        ),
    )
    oidc_issuer: str | None = Field(
        default=None,
        description="The OpenID Connect issuer whose tokens are accepted, exactly as it names itself in them.",
    )
    oidc_audience: str | None = Field(
        default=None, description="What tokens of that issuer must have as their audience."
    )
    oidc_match_email: bool = Field(
        default=False,
        description=(
            "Find the user by the token's verified email too, if nobody has its subject as `externalId`."
        ),
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Hosts, separated by commas, that are answered beside those of loopback and `host`.",
    )
    host: str = Field(
        default="127.0.0.1", description="The address to listen on; a loopback one without `access_control`."
    )
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    workers: int = Field(default=1, ge=1, le=64, description="Processes that answer requests.")
    pool_size: int = Field(default=10, ge=1, le=100, description="Database connections of each worker.")
    database_driver: Literal["libpq", "sqlalchemy"] = Field(
        default="libpq",
        description="What runs the statements: libpq itself, or SQLAlchemy's engine, slower and better known.",
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="`text` for people, `json` for machines; `auto` is text on a terminal."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The lowest level that is logged."
    )

    @field_validator("database_url")
    @classmethod
    def _of_postgresql(cls, url: SecretStr | None, given: ValidationInfo) -> SecretStr | None:
        """Any common spelling of a PostgreSQL address, with the driver that Roster uses and the password put in."""
        password: SecretStr | None = given.data.get("database_password")
        if url is None:
            if password:
                raise ValueError("is not set, but a password is.")
            return None
        address = re.fullmatch(r"postgres(?:ql)?(?:\+\w+)?://(?:([^/?#@]*)@)?([^@]*)", url.get_secret_value())
        if not address or not _is_readable(address[2], url.get_secret_value()):
            raise ValueError(
                "must be the address of a PostgreSQL database: postgresql://user:password@host:port/name, with every"
                " special character of user and password as %XX, and a directory of a socket or several hosts as ?host="
            )
        user, rest = address[1] or "", address[2]
        if password:
            if ":" in user:
                raise ValueError("has a password already.")
            user += ":" + quote(password.get_secret_value(), safe="")
        return SecretStr(f"postgresql+psycopg://{user}@{rest}" if user else f"postgresql+psycopg://{rest}")

    @field_validator("port", mode="before")
    @classmethod
    def _not_of_kubernetes(cls, port: object) -> object:
        return cls.model_fields["port"].default if str(port).startswith("tcp://") else port

    @field_validator("allowed_hosts", "anonymous_permissions", mode="before")
    @classmethod
    def _separated(cls, listed: object) -> object:
        return tuple(each.strip() for each in listed.split(",")) if isinstance(listed, str) else listed

    @field_validator("anonymous_permissions")
    @classmethod
    def _harmless(cls, permissions: tuple[str, ...]) -> tuple[str, ...]:
        """Whoever changes something is to be known."""
        if refused := [each for each in permissions if each not in _FOR_ANYBODY]:
            raise ValueError(f"{refused[0]!r} is neither of {' and '.join(_FOR_ANYBODY)}.")
        return permissions

    @field_validator("oidc_issuer")
    @classmethod
    def _of_an_issuer(cls, url: str | None) -> str | None:
        """As OpenID Connect Discovery 1.0, section 2, has it. Left as it is: tokens name it to the letter."""
        if url is None:
            return None
        parts = re.fullmatch(r"(https?)://(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?(/[!-~]*)?", url, re.ASCII)
        if not parts or re.search("[?#]", url):
            raise ValueError(
                "must be an https address without user, query and fragment: https://login.example.org/staff"
            )
        if parts[1] == "http" and not _is_loopback(parts[2].strip("[]")):
            raise ValueError(
                "must be an https address: by http, anyone on the way could put in keys of their own."
            )
        return url

    @field_validator("oidc_audience")
    @classmethod
    def _with_issuer(cls, audience: str | None, given: ValidationInfo) -> str | None:
        """Without one, a token that the issuer made for any other service would be good for us as well."""
        if "oidc_issuer" not in given.data:
            return audience
        if (given.data["oidc_issuer"] is None) != (audience is None):
            raise ValueError(
                "is not set, but an issuer is." if audience is None else "is set, but no issuer is."
            )
        return audience

    @field_validator("host")
    @classmethod
    def _out_of_reach(cls, host: str, given: ValidationInfo) -> str:
        if not given.data.get("access_control", True) and not _is_loopback(host):
            raise ValueError(
                f"{host} is not a loopback address, and {PREFIX}ACCESS_CONTROL=false lets everyone who can reach it do"
                " everything: leave access control on, or listen on loopback."
            )
        return host


SECRETS = frozenset(
    name for name, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation)
)


def load(**options: object) -> Settings:
    """The settings in force. `options` are those of the command line; one that is None was not given.

    Raise SettingsError.
    """
    given = {name: value for name, value in options.items() if value is not None}
    read, mistakes = _read_files()
    mistakes += _unknown_names()
    if "data_dir" in given and origin("database_url") != "default":
        mistakes.append(f"--data-dir: {origin('database_url')} names a server, which has none.")
    try:
        settings = Settings(**given | read)  # type: ignore[arg-type]
    except ValidationError as error:
        mistakes += [_told(fault["loc"][0], fault["msg"], given) for fault in error.errors()]
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return settings


def names(setting: str) -> tuple[str, ...]:
    """The variables that a setting is read from, the first that is there."""
    own = PREFIX + setting.upper()
    other = (setting.upper(),) if setting == "database_url" else ()
    return (own, own + "_FILE", *other) if setting in SECRETS else (own,)


def _named(setting: str) -> str:
    return names(setting)[0] if origin(setting) == "default" else origin(setting)


def origin(setting: str) -> str:
    """The variable that a setting comes from, or `default`."""
    return next((name for name in names(setting) if os.environ.get(name)), "default")


def masked(settings: Settings) -> Mapping[str, object]:
    """Each setting as it may be shown: of a secret no more than that it is there, but for a URL without its password."""
    shown: dict[str, object] = settings.model_dump(mode="json")
    shown |= {name: ",".join(value) for name, value in shown.items() if isinstance(value, list)}
    if settings.database_url:
        # To the last @, so that nothing of a password shows, whatever is in it.
        url = re.sub(r"//([^:@]*):.*@", r"//\1:***@", settings.database_url.get_secret_value())
        shown["database_url"] = re.sub(r"(?<=password=)[^&]*", "***", url).replace("+psycopg", "", 1)
    return shown


def _read_files() -> tuple[dict[str, str], list[str]]:
    read, mistakes = {}, []
    for setting in SECRETS:
        name = f"{PREFIX}{setting.upper()}_FILE"
        if not (path := os.environ.get(name)):
            continue
        if origin(setting) != name:
            mistakes.append(f"{name}: {origin(setting)} is set too; which one is meant?")
        try:
            read[setting] = Path(path).read_text(encoding="utf-8").removesuffix("\n")
            if not read[setting]:
                mistakes.append(f"{name}: {path} is empty.")
        except (OSError, ValueError) as error:
            mistakes.append(
                f"{name}: {path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}."
            )
    return read, mistakes


def _unknown_names() -> list[str]:
    known = [name for setting in Settings.model_fields for name in names(setting)]
    mistakes = []
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known and not _OF_KUBERNETES.match(name):
            # Compared without the prefix, which would make all alike.
            close = get_close_matches(
                name.removeprefix(PREFIX), [other.removeprefix(PREFIX) for other in known], n=1
            )
            hint = (
                f"Did you mean {PREFIX}{close[0]}?" if close else "`roster config` shows all that there are."
            )
            mistakes.append(f"{name} is not a setting. {hint}")
    return mistakes


def _told(place: int | str, message: str, given: Mapping[str, object]) -> str:
    """A mistake under the name by which its value was given."""
    setting = next((name for name in Settings.model_fields if place in {name, *names(name)}), str(place))
    where = f"--{setting.replace('_', '-')}" if setting in given else _named(setting)
    return f"{where}: {message.removeprefix('Value error, ')}"


def _is_readable(after_user: str, url: str) -> bool:
    """As SQLAlchemy and libpq both read it; whichever could not would show the password in its message."""
    host = re.match(r"(\[[0-9a-fA-F:.]+\]|[^:/?#\[\]%,]*)(:\d+)?(?=[/?#]|$)", after_user)
    return host is not None and not re.search(r"%(?![0-9A-Fa-f]{2})", url)


def _is_loopback(host: str) -> bool:
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except (socket.gaierror, UnicodeError):
        return False
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)
