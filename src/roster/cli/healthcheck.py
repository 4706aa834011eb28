"""`roster healthcheck`: whether a server on this machine is ready, for Docker and the like."""

import json
from http.client import HTTPConnection, HTTPException

import typer

from roster.cli.console import fail, read_settings
from roster.cli.options import Host, Port

_SECONDS = 5.0

app = typer.Typer(add_completion=False)


@app.command()
def healthcheck(host: Host = None, port: Port = None) -> None:
    """Exit with 0 if the server on this machine is ready, else say why not and exit with 1."""
    settings = read_settings(host=host, port=port)
    if reason := why_unready(settings.host, settings.port):
        fail(reason)


def why_unready(host: str, port: int) -> str | None:
    """None if the server is ready."""
    connection = HTTPConnection(address(host), port, timeout=_SECONDS)
    try:
        connection.request("GET", "/health/ready", headers={"Host": "localhost"})
        response = connection.getresponse()
        body = response.read()
    except (OSError, HTTPException) as error:
        return f"No answer from {host}, port {port}: {error}"
    finally:
        connection.close()
    if response.status == 200:  # noqa: PLR2004 -- as everybody knows it
        return None
    try:
        return str(json.loads(body)["reason"])
    except (ValueError, KeyError, TypeError):
        return f"The answer from {host}, port {port} has status {response.status}: it is not Roster's."


def address(host: str) -> str:
    """Where one who listens on the host can be asked from this machine: who listens on all addresses, on one of them."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- not bound
