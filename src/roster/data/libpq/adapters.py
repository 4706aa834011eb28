"""How values are written and read: psycopg's own way but for ids and JSON, of which every row of a user has some."""

from json import JSONDecoder
from json.scanner import make_scanner
from struct import pack
from typing import Any, cast
from uuid import UUID, SafeUUID

import psycopg
from psycopg.adapt import AdaptersMap, Dumper, Loader
from psycopg.pq import Format

_UUID = psycopg.adapters.types["uuid"].oid
_new = object.__new__
# Its slots; typeshed has their values.
_set_int: Any = vars(UUID)["int"].__set__
_set_is_safe: Any = vars(UUID)["is_safe"].__set__
_unknown = SafeUUID.unknown
_from_bytes = int.from_bytes


class _IdLoader(Loader):
    """A third of what UUID's own way from bytes takes, which checks what cannot be wrong here."""

    format = Format.BINARY

    def load(self, data: bytes | bytearray | memoryview) -> UUID:
        made = _new(UUID)
        _set_int(made, _from_bytes(data, "big"))
        _set_is_safe(made, _unknown)
        return made


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
    """PostgreSQL checked it and wrote it in one way: there is nothing to detect."""

    format = Format.BINARY

    def load(self, data: bytes | bytearray | memoryview) -> Any:  # noqa: ANN401 -- whatever the JSON is
        return _scan(str(data[1:], "utf-8"), 0)[0]  # after the version of the format


ADAPTERS = AdaptersMap(psycopg.adapters)
ADAPTERS.register_dumper(Ids, _IdsDumper)
ADAPTERS.register_loader("uuid", _IdLoader)
ADAPTERS.register_loader("jsonb", _JSONLoader)
