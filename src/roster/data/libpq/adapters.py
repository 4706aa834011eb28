"""How values are written and read: psycopg's own way but for many ids at once and JSON, which every row of a user has."""

from json import JSONDecoder
from json.scanner import make_scanner
from struct import pack
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg.adapt import AdaptersMap, Dumper, Loader
from psycopg.pq import Format

_UUID = psycopg.adapters.types["uuid"].oid


class Ids(list[UUID]):
    """Parameters that are arrays of ids."""


class _IdsDumper(Dumper):
    """One call for all of them, where psycopg's own makes three for each."""

    format = Format.BINARY
    oid = psycopg.adapters.types["uuid"].array_oid

    def dump(self, obj: Ids) -> bytes:
        elements = b"".join([b"\0\0\0\x10" + each.int.to_bytes(16, "big") for each in obj])
        # One dimension, no nulls, of uuid, and its length and first index.
        return pack("!iiiii", 1, 0, _UUID, len(obj), 1) + elements


_scan: Any = make_scanner(cast("Any", JSONDecoder()))


class _JSONLoader(Loader):
    """PostgreSQL checked it and wrote it in one way: there is nothing to detect. Few users have attributes."""

    format = Format.BINARY

    def load(self, data: bytes | bytearray | memoryview) -> Any:  # noqa: ANN401 -- whatever the JSON is
        # The text comes after the version of the format.
        return {} if data == b"\1{}" else _scan(str(data[1:], "utf-8"), 0)[0]


ADAPTERS = AdaptersMap(psycopg.adapters)
ADAPTERS.register_dumper(Ids, _IdsDumper)
ADAPTERS.register_loader("jsonb", _JSONLoader)
