"""Ranking: paths in order of forecast, kept up one change at a time, whole and once more for each filter in use."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

from shoal.domain import Path, Query, Record, Trust

STEPS = 256
"""Steps of the ranking, even in the logit of the forecast: near 1 they are a thousandth wide."""
_SPAN = 7.0
"""Logit at which the highest step begins (a forecast of 0.999), and, negative, at which the lowest ends."""


class Entry:
    """One path in the index. ``chance`` is its forecast as of ``chance_at``; ``step`` is where it stands."""

    __slots__ = ("chance", "chance_at", "latest", "path", "record", "step", "turns", "uses", "works")

    def __init__(self, record: Record, path: Path) -> None:
        self.record = record
        self.path = path
        self.chance = 0.0
        self.chance_at = 0.0
        self.step = 0
        self.works = False
        self.turns = 0
        """Picks among the last ones that count towards its share."""
        self.uses = 0
        self.latest = -1_000_000
        """Number of its latest pick."""


def step_of(chance: float, trust: Trust) -> int:
    """Where a forecast stands; the user's own proxies come before all others."""
    own = STEPS if trust is Trust.OWN else 0
    if chance <= 0.0:
        return own
    if chance >= 1.0:
        return own + STEPS - 1
    place = int((log(chance / (1.0 - chance)) + _SPAN) * (STEPS / (2.0 * _SPAN)))
    return own + min(STEPS - 1, max(0, place))


class Ranking:
    """The entries that a filter lets through, by step. Adding, moving and removing take the same time at any size."""

    __slots__ = ("_places", "_steps", "_top", "query", "used")

    def __init__(self, query: Query) -> None:
        self.query = query
        self.used = 0
        self._steps: list[list[Entry]] = [[] for _ in range(2 * STEPS)]
        self._places: dict[Entry, tuple[int, int]] = {}
        self._top = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, entry: Entry) -> bool:
        return entry in self._places

    @property
    def has_own(self) -> bool:
        """True while one of the user's own proxies may be in it."""
        while self._top and not self._steps[self._top]:
            self._top -= 1
        return self._top >= STEPS

    def put(self, entry: Entry) -> None:
        """Add it, or move it to the step where it now stands."""
        place = self._places.get(entry)
        if place is not None:
            if place[0] == entry.step:
                return
            self.drop(entry)
        step = self._steps[entry.step]
        self._places[entry] = (entry.step, len(step))
        step.append(entry)
        self._top = max(self._top, entry.step)

    def drop(self, entry: Entry) -> None:
        place = self._places.pop(entry, None)
        if place is None:
            return
        number, slot = place
        step = self._steps[number]
        last = step.pop()
        if last is not entry:
            step[slot] = last
            self._places[last] = (number, slot)

    def best_first(self, turn: int = 0, *, own: bool = True, public: bool = True) -> Iterator[Entry]:
        """Every entry from the best step down, those of one step from place ``turn`` on, so that equals take turns.

        Nothing may be moved meanwhile."""
        steps = self._steps
        while self._top and not steps[self._top]:
            self._top -= 1
        highest = self._top if own else min(self._top, STEPS - 1)
        for number in range(highest, -1 if public else STEPS - 1, -1):
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
