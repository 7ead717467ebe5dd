"""Taken in: what is kept of every entry of a pool, begun with those that are there and kept up with every change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from shoal.engine.ranking import SLICE, Entry


class TakenIn(ABC):
    """What was there at the beginning comes in by ``advance``, a part at a time; news of an entry at once."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._missing = list(entries)
        self._gone: set[Entry] = set()
        """What left before it was taken in."""
        self.used_at = 0.0

    def advance(self) -> bool:
        """Take in ``SLICE`` more; True when all are in."""
        for entry in self._missing[-SLICE:]:
            if entry not in self._gone:
                self.put(entry)
        del self._missing[-SLICE:]
        if self._missing:
            return False
        self._gone.clear()
        return True

    @abstractmethod
    def put(self, entry: Entry) -> None:
        """Take it in, or to where it belongs now."""

    def drop(self, entry: Entry) -> None:
        """It left the pool."""
        if self._missing:
            self._gone.add(entry)
        self._leave(entry)

    @abstractmethod
    def _leave(self, entry: Entry) -> None:
        """Keep nothing of it; it may not have been taken in."""
