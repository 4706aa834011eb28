"""Loaders: what is asked for at once goes in one call, and nothing is asked for twice."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from roster.api.context import DataLoader


class Asked:
    """Doubles what it is asked for, after a while, and keeps count of the calls."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[Sequence[int]] = []
        self.error = error

    async def __call__(self, keys: Sequence[int]) -> Mapping[int, int]:
        self.calls.append(keys)
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return {key: 2 * key for key in keys}


async def test_what_is_asked_for_at_once_goes_in_one_call_each_once() -> None:
    asked = Asked()
    loader = DataLoader(asked)
    calls = [loader.calls([key])[key] for key in (1, 2, 1)]
    assert await asyncio.gather(*set(calls)) == [{1: 2, 2: 4}]
    assert asked.calls == [[1, 2]]


async def test_what_was_asked_for_is_not_asked_again() -> None:
    asked = Asked()
    loader = DataLoader(asked)
    first = loader.calls([1])[1]
    await first
    assert loader.calls([1])[1] is first
    assert await loader.calls([2])[2] == {2: 4}
    assert asked.calls == [[1], [2]]


async def test_what_is_asked_for_while_a_call_is_under_way_goes_in_the_next() -> None:
    asked = Asked()
    loader = DataLoader(asked)
    first = loader.calls([1])[1]
    await asyncio.sleep(0)
    assert loader.calls([2])[2] is not first
    assert loader.calls([1])[1] is first
    assert [await loader.calls([key])[key] for key in (1, 2)] == [{1: 2}, {2: 4}]


async def test_what_failed_is_told_again_and_not_tried_again() -> None:
    """An outage of the database is met once by a request, not once for each row."""
    asked = Asked(ValueError("no"))
    loader = DataLoader(asked)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await loader.calls([1])[1]
    assert asked.calls == [[1]]
