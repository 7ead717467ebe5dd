"""Ranking: paths in order of forecast, kept up one change at a time, whole and once more for each filter in use."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

from shoal.domain import Path, Query, Record

STEPS = 256
"""Steps of the ranking, even in the logit of the forecast: near 1 they are a thousandth wide."""
_SPAN = 7.0
"""Logit at which the highest step begins (a forecast of 0.999), and, negative, at which the lowest ends."""


_NOWHERE = -1
_STEP_BITS = 16
"""A place is a step in the low bits and a slot above them: one small number where a pair takes 100 bytes."""
_STEP_MASK = (1 << _STEP_BITS) - 1


class Entry:
    """One path in the index. ``chance`` is its forecast as of ``chance_at``; ``step`` is where it stands within its
    ``band``, which stands for its tier."""

    __slots__ = ("band", "chance", "chance_at", "latest", "path", "place", "record", "step", "turns", "uses", "works")

    def __init__(self, record: Record, path: Path) -> None:
        self.record = record
        self.path = path
        self.chance = 0.0
        self.chance_at = 0.0
        self.band = 0
        self.step = 0
        self.place = _NOWHERE
        """Where it stands in the ranking of all: kept here, since a table of 100,000 takes 20 MB."""
        self.works = False
        self.turns = 0
        """Picks among the last ones that count towards its share."""
        self.uses = 0
        self.latest = -1_000_000
        """Number of its latest pick."""


def step_of(chance: float, band: int) -> int:
    """Where a forecast stands; a higher band comes before all lower ones."""
    base = band * STEPS
    if chance <= 0.0:
        return base
    if chance >= 1.0:
        return base + STEPS - 1
    place = int((log(chance / (1.0 - chance)) + _SPAN) * (STEPS / (2.0 * _SPAN)))
    return base + min(STEPS - 1, max(0, place))


class Ranking:
    """The entries that a filter lets through, by step. Adding, moving and removing take the same time at any size. The
    one ranking of an index that is ``of_all`` keeps their places in the entries.

    Bands, one for each tier, lie one above the other; there is one more as soon as an entry asks for it.
    """

    __slots__ = ("_places", "_size", "_steps", "_top", "query", "used")

    def __init__(self, query: Query, *, of_all: bool = False) -> None:
        self.query = query
        self.used = 0
        self._steps: list[list[Entry]] = [[] for _ in range(2 * STEPS)]
        self._places: dict[Entry, int] | None = None if of_all else {}
        self._size = 0
        self._top = 0

    def __len__(self) -> int:
        return self._size

    def __contains__(self, entry: Entry) -> bool:
        return self._place(entry) >= 0

    def _place(self, entry: Entry) -> int:
        return entry.place if self._places is None else self._places.get(entry, _NOWHERE)

    def _stands(self, entry: Entry, place: int) -> None:
        if self._places is None:
            entry.place = place
        else:
            self._places[entry] = place

    @property
    def top_band(self) -> int:
        """The highest band that holds anything; 0 when nothing does."""
        while self._top and not self._steps[self._top]:
            self._top -= 1
        return self._top // STEPS

    def put(self, entry: Entry) -> None:
        """Add it, or move it to the step where it now stands."""
        place = self._place(entry)
        if place >= 0:
            if place & _STEP_MASK == entry.step:
                return
            self.drop(entry)
        if entry.step >= len(self._steps):
            self._steps += [[] for _ in range((entry.step // STEPS + 1) * STEPS - len(self._steps))]
        step = self._steps[entry.step]
        self._stands(entry, len(step) << _STEP_BITS | entry.step)
        self._size += 1
        step.append(entry)
        self._top = max(self._top, entry.step)

    def drop(self, entry: Entry) -> None:
        place = self._place(entry)
        if place < 0:
            return
        if self._places is None:
            entry.place = _NOWHERE
        else:
            del self._places[entry]
        self._size -= 1
        step, slot = self._steps[place & _STEP_MASK], place >> _STEP_BITS
        last = step.pop()
        if last is not entry:
            step[slot] = last
            self._stands(last, place)

    def best_first(self, turn: int = 0, *, band: int | None = None) -> Iterator[Entry]:
        """Every entry (of one band, where it is named) from the best step down, those of one step from place ``turn``
        on, so that equals take turns.

        Nothing may be moved meanwhile."""
        steps = self._steps
        while self._top and not steps[self._top]:
            self._top -= 1
        highest, lowest = self._top, 0
        if band is not None:
            lowest = band * STEPS
            highest = min(highest, lowest + STEPS - 1)
        for number in range(highest, lowest - 1, -1):
            step = steps[number]
            if step:
                start = turn % len(step)
                for place in range(start - len(step), start):
                    yield step[place]

    def onwards(self, position: int) -> Iterator[Entry]:
        """Every entry from a position below the length on, down the steps and round to where it began.

        Nothing may be moved meanwhile."""
        begin = 0
        for number in range(self._top, -1, -1):
            step = self._steps[number]
            if position < len(step):
                begin = number
                break
            position -= len(step)
        first = self._steps[begin]
        for place in range(position, len(first)):
            yield first[place]
        for number in (*range(begin - 1, -1, -1), *range(self._top, begin, -1)):
            yield from self._steps[number]
        for place in range(position):
            yield first[place]
