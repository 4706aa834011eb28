"""What an operator wants to know of a database, asked in one statement."""

from dataclasses import dataclass

from sqlalchemy import create_engine, pool, text
from sqlalchemy.exc import DBAPIError

_CONNECT_SECONDS = 5

_QUESTIONS = text("""
    select current_setting('server_version') as version,
           current_setting('server_version_num')::int / 10000 as major,
           current_setting('server_encoding') as encoding,
           current_setting('max_connections')::int
             - current_setting('superuser_reserved_connections')::int
             - coalesce(current_setting('reserved_connections', true)::int, 0) as connections,
           current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on' as durable,
           current_setting('data_checksums') = 'on' as checksums,
           (select coalesce(sum(checksum_failures), 0)::int from pg_stat_database) as checksum_failures,
           pg_database_size(current_database()) as bytes
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """`connections` is how many clients may have at once, `durable` whether what is written outlives a power cut."""

    version: str
    major: int
    encoding: str
    connections: int
    durable: bool
    checksums: bool
    checksum_failures: int
    bytes: int


class InspectionError(Exception):
    """The database could not be asked; the message is the driver's, for the operator."""


def inspect(url: str) -> Inspection:
    engine = create_engine(url, poolclass=pool.NullPool, connect_args={"connect_timeout": _CONNECT_SECONDS})
    try:
        with engine.connect() as connection:
            return Inspection(**connection.execute(_QUESTIONS).mappings().one())
    except DBAPIError as error:
        raise InspectionError(str(error.orig)) from error
