"""Ranking: paths in order of forecast, those further back whose honesty is doubtful; kept up one change at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import log
from typing import Final

from msgspec import Struct

from shoal.domain import Path, Query, Record
from shoal.policy.selection import likely, surely_honest

STEPS = 256
"""Steps of the ranking, even in the logit of the forecast: near 1 they are a thousandth wide."""
_SPAN = 7.0
"""Logit at which the highest step begins (a forecast of 0.999), and, negative, at which the lowest ends."""


SLICE: Final = 1_000
"""Paths that are looked at in one go while something is made of all of them: a few milliseconds."""
_GROUP: Final = 16
_NOWHERE = -1
_SLOTS = list(range(1024))
"""One number for each slot, grown when a step is longer: a number of its own for each entry takes 28 bytes."""


class Entry(Struct, eq=False, gc=False):
    """One path in the index. ``chance`` is its forecast as of about ``chance_at``; ``step`` is where it stands: that
    within its tier, and above it the tier.

    A pool has one for every path that ever worked, so what can be read off others is not kept; and the collector need
    not look at them, since none leads back to itself.
    """

    record: Record
    path: Path
    chance: float = 0.0
    chance_at: float = 0.0
    step: int = 0
    slot: int = _NOWHERE
    """Where it stands within its step in the ranking of all: kept here, since a table of 100,000 takes 20 MB."""
    turns: int = 0
    """Picks among the last ones that count towards its share."""
    uses: int = 0
    """Picks in all, counted from the level at which the others stood when it came."""
    latest: int = -1_000_000
    """Number of its latest pick."""
    next: Entry | None = None
    """Another path of the same record."""

    @property
    def band(self) -> int:
        """Its tier."""
        return self.step // STEPS


_USUAL: Final = 0.98
"""Forecast at which a doubt is turned into steps: what is handed out is mostly about that sure."""
_BACK: Final[dict[float, int]] = {1.0: 0}


def step_of(chance: float, band: int, sure: float = 1.0) -> int:
    """Where a forecast stands; a higher band comes before all lower ones. Who is honest only ``sure``ly stands as many
    steps further back as a forecast of 0.98 would that is multiplied by it: so the steps stay as fine among equals."""
    base = band * STEPS
    if chance <= 0.0:
        return base
    if chance >= 1.0:
        return base + STEPS - 1
    place = int((log(chance / (1.0 - chance)) + _SPAN) * (STEPS / (2.0 * _SPAN)))
    return base + min(STEPS - 1, max(0, place - _back(sure)))


def _back(sure: float) -> int:
    steps = _BACK.get(sure)
    if steps is None:
        # There are a dozen such numbers.
        low = _USUAL * sure
        lost = log(_USUAL / (1.0 - _USUAL)) - log(low / (1.0 - low))
        steps = _BACK[sure] = round(lost * (STEPS / (2.0 * _SPAN)))
    return steps


def place_of(entry: Entry, band: int) -> int:
    """The step of an entry in this tier, by its forecast, latency and honesty."""
    path = entry.path
    return step_of(likely(path, entry.chance), band, surely_honest(path))


def chain_of(entry: Entry | None) -> Iterator[Entry]:
    """The paths of a record, from the first one on."""
    while entry is not None:
        yield entry
        entry = entry.next


class Ranking:
    """The entries that a filter lets through, by step. Adding, moving and removing take the same time at any size. The
    one ranking of an index that is ``of_all`` keeps their places in the entries.

    Bands, one for each tier, lie one above the other; there is one more as soon as an entry asks for it.
    """

    __slots__ = ("_groups", "_size", "_slots", "_steps", "_top", "query", "used")

    def __init__(self, query: Query, *, of_all: bool = False) -> None:
        self.query = query
        self.used = 0
        """Number of the pick that asked for it last."""
        self._steps: list[list[Entry]] = [[] for _ in range(2 * STEPS)]
        self._groups = [0] * (2 * STEPS // _GROUP)
        """How many stand in so many steps together: to count through all steps takes as long as the rest of a pick."""
        self._slots: dict[Entry, int] | None = None if of_all else {}
        self._size = 0
        self._top = 0

    def __len__(self) -> int:
        return self._size

    def __contains__(self, entry: Entry) -> bool:
        return self._slot(entry) >= 0

    def _slot(self, entry: Entry) -> int:
        return entry.slot if self._slots is None else self._slots.get(entry, _NOWHERE)

    def _stands(self, entry: Entry, slot: int) -> None:
        if self._slots is None:
            entry.slot = slot
        else:
            self._slots[entry] = slot

    @property
    def top_band(self) -> int:
        """The highest band that holds anything; 0 when nothing does."""
        while self._top and not self._steps[self._top]:
            self._top -= 1
        return self._top // STEPS

    def put(self, entry: Entry, step: int) -> None:
        """Add it at a step, or move it there from ``entry.step``, which changes when all rankings have moved it."""
        if self._slot(entry) >= 0:
            if step == entry.step:
                return
            self.drop(entry)
        if step >= len(self._steps):
            self._steps += [[] for _ in range((step // STEPS + 1) * STEPS - len(self._steps))]
            self._groups += [0] * (len(self._steps) // _GROUP - len(self._groups))
        entries = self._steps[step]
        slot = len(entries)
        if slot >= len(_SLOTS):
            _SLOTS.extend(range(slot, 2 * slot))
        self._stands(entry, _SLOTS[slot])
        self._size += 1
        self._groups[step // _GROUP] += 1
        entries.append(entry)
        self._top = max(self._top, step)

    def drop(self, entry: Entry) -> None:
        slot = self._slot(entry)
        if slot < 0:
            return
        if self._slots is None:
            entry.slot = _NOWHERE
        else:
            del self._slots[entry]
        self._size -= 1
        self._groups[entry.step // _GROUP] -= 1
        entries = self._steps[entry.step]
        last = entries.pop()
        if last is not entry:
            entries[slot] = last
            self._stands(last, slot)

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
        begin = group = 0
        for group in range(self._top // _GROUP, -1, -1):
            if position < self._groups[group]:
                break
            position -= self._groups[group]
        for number in range((group + 1) * _GROUP - 1, group * _GROUP - 1, -1):
            step = self._steps[number]
            if position < len(step):
                begin = number
                break
            position -= len(step)
        first = self._steps[begin]
        for place in range(position, len(first)):
            yield first[place]
        for number in chain(range(begin - 1, -1, -1), range(self._top, begin, -1)):
            yield from self._steps[number]
        for place in range(position):
            yield first[place]
