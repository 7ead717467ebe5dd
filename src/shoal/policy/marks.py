"""Marks: which of millions of texts were there before, in some twenty bytes each."""

from __future__ import annotations

from array import array
from typing import Final

_FIRST: Final = 1 << 10
_FULL: Final = 0.6
"""Share of places in use from which on the table is doubled: beyond it look-ups get long."""


class Marks:
    """A set of texts that keeps only their 64-bit hashes (open addressing, linear probing).

    Python keys the hash of a text per process, so no list can make two collide; by chance a million texts do once in
    tens of millions of runs, and then one of them counts as there before."""

    __slots__ = ("_count", "_places")

    def __init__(self) -> None:
        self._places = array("Q", bytes(8 * _FIRST))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, text: str) -> bool:
        places, mark = self._places, _mark(text)
        return places[_place(places, mark)] == mark

    def add(self, text: str) -> None:
        places, mark = self._places, _mark(text)
        place = _place(places, mark)
        if places[place] == mark:
            return
        places[place] = mark
        self._count += 1
        if self._count > _FULL * len(places):
            self._grow()

    def _grow(self) -> None:
        old = self._places
        places = self._places = array("Q", bytes(16 * len(old)))
        for mark in old:
            if mark:
                places[_place(places, mark)] = mark


def _mark(text: str) -> int:
    # 0 means an empty place.
    return hash(text) & 0xFFFF_FFFF_FFFF_FFFF or 1


def _place(places: array[int], mark: int) -> int:
    """Where the mark stands, or the empty place where it would."""
    last = len(places) - 1
    place = mark & last
    while places[place] not in (0, mark):
        place = (place + 1) & last
    return place
