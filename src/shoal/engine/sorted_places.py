"""Sorted places: whole numbers in rising order, each with what stands there, changed one at a time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")

_BLOCK: Final = 512
"""Numbers in a block when it is made; one that has twice as many is split. Moving that many pointers costs less than
the search for the block."""


class SortedPlaces(Generic[_T]):
    """A map from numbers to values that is walked in order. Adding, removing and finding a number take the same time at
    any size but for a search that grows with its logarithm."""

    __slots__ = ("_blocks", "_lasts", "_values")

    def __init__(self, items: Iterable[tuple[int, _T]] = ()) -> None:
        self._values: dict[int, _T] = dict(items)
        numbers = sorted(self._values)
        self._blocks = [numbers[start : start + _BLOCK] for start in range(0, len(numbers), _BLOCK)]
        self._lasts = [block[-1] for block in self._blocks]

    def __len__(self) -> int:
        return len(self._values)

    def put(self, place: int, value: _T) -> None:
        """Take the place, which nobody else holds."""
        if place in self._values:
            self._values[place] = value
            return
        self._values[place] = value
        if not self._blocks:
            self._blocks, self._lasts = [[place]], [place]
            return
        number = min(bisect_left(self._lasts, place), len(self._blocks) - 1)
        block = self._blocks[number]
        insort(block, place)
        self._lasts[number] = block[-1]
        if len(block) > 2 * _BLOCK:
            self._blocks[number : number + 1] = [block[:_BLOCK], block[_BLOCK:]]
            self._lasts[number : number + 1] = [block[_BLOCK - 1], block[-1]]

    def drop(self, place: int) -> None:
        """Leave the place; nothing happens when nobody stood there."""
        if self._values.pop(place, None) is None:
            return
        number = bisect_left(self._lasts, place)
        block = self._blocks[number]
        del block[bisect_left(block, place)]
        if block:
            self._lasts[number] = block[-1]
        else:
            del self._blocks[number], self._lasts[number]

    def after(self, place: int) -> Iterator[tuple[int, _T]]:
        """Every number above ``place`` with its value, in order. Nothing may be changed meanwhile."""
        values = self._values
        first = bisect_right(self._lasts, place)
        for number in range(first, len(self._blocks)):
            block = self._blocks[number]
            for one in block if number > first else block[bisect_right(block, place) :]:
                yield one, values[one]
