"""Chance that is the same everywhere: every throw follows from a word, in any version of Python."""

from collections.abc import Iterator, Sequence
from hashlib import shake_128
from struct import Struct
from typing import TypeVar

T = TypeVar("T")
_NOISE_BYTES = 10
_THROWS = Struct(">64H")
_BITS = 16


class Dice:
    """64 throws, which is more than anybody here needs. `noise` is 80 random bits, for ids."""

    __slots__ = ("_next", "noise")

    def __init__(self, word: str) -> None:
        drawn = shake_128(word.encode()).digest(_NOISE_BYTES + _THROWS.size)
        self.noise = int.from_bytes(drawn[:_NOISE_BYTES])
        throws: Iterator[int] = iter(_THROWS.unpack_from(drawn, _NOISE_BYTES))
        self._next = throws.__next__

    def below(self, limit: int) -> int:
        return self._next() * limit >> _BITS

    def pick(self, options: Sequence[T]) -> T:
        return options[self._next() * len(options) >> _BITS]

    def between(self, start: int, end: int) -> int:
        """After `start`, and not after `end`, which is later."""
        return start + 1 + (self._next() * (end - start) >> _BITS)
