"""`roster healthcheck`."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import make_url

from commands import roster
from postgres import connect
from serving import free_port, serve

ANY = "0.0.0.0"  # noqa: S104 -- asked, not bound


def test_a_ready_server_is_healthy(database_url: str) -> None:
    with serve(database_url=database_url) as served:
        port = served.url.rpartition(":")[2]
        result = roster("healthcheck", ROSTER_PORT=port)
        assert (result.exit_code, result.output) == (0, "")
        # As in a container, where it listens on all addresses.
        everywhere = roster("healthcheck", ROSTER_PORT=port, ROSTER_HOST=ANY)
        assert (everywhere.exit_code, everywhere.output) == (0, "")


def test_a_server_that_is_not_ready_says_why(server_url: str) -> None:
    """On a database that nobody has migrated."""
    with connect(server_url, autocommit=True) as connection:
        connection.execute("create database unready")
    url = make_url(server_url).set(database="unready").render_as_string(hide_password=False)
    with serve(database_url=url) as served:
        port = served.url.rpartition(":")[2]
        with connect(url) as connection:
            connection.execute("delete from alembic_version")
        result = roster("healthcheck", ROSTER_PORT=port)
    assert result.exit_code == 1
    assert result.stderr == "The database is older than this version of Roster: run `roster migrate`.\n"


def test_nobody_there_is_unhealthy() -> None:
    port = free_port()
    result = roster("healthcheck", ROSTER_PORT=str(port))
    assert result.exit_code == 1
    assert result.stderr == f"No answer from 127.0.0.1, port {port}: [Errno 111] Connection refused\n"


@contextmanager
def another_program(answer: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve_once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve_once)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.0 404 Not Found\r\n\r\nnothing", "has status 404: it is not Roster's."),
        (b"HTTP/1.0 503 Busy\r\n\r\n[]", "has status 503: it is not Roster's."),
        (b"SSH-2.0\r\n", "No answer from 127.0.0.1"),
    ],
)
def test_another_program_there_is_unhealthy(answer: bytes, said: str) -> None:
    with another_program(answer) as port:
        result = roster("healthcheck", ROSTER_PORT=str(port))
    assert result.exit_code == 1
    assert said in result.stderr
