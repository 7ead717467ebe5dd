"""Rivals: how other pools decide, so that figures mean something. All check what they hand out first, then the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from heapq import heappop, heappush
from math import exp
from random import Random

from shoal.replay.policy import Served

_FORGET = 86_400.0
"""Seconds over which the decayed success share forgets: a day."""
_HOT = 5
"""How many times the number of distinct picks is checked at every step before the others get a turn; 5 to 20 did
equally well in the comparison of research on list histories."""


class _Ranked(ABC):
    """Checks those it thinks best at every step and spends the rest of the budget oldest first, new ones before all."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.known: list[int] = []
        self.checked: dict[int, float] = {}
        self._oldest: list[tuple[float, float, int]] = []
        self._distinct = 50

    @abstractmethod
    def score(self, proxy: int, now: float) -> float:
        """How good it is thought to be; 0 is never handed out nor checked out of turn."""

    def scored(self, now: float) -> list[tuple[float, float, int]]:
        """All that have a score, best first; ties in random order."""
        rows = [(self.score(proxy, now), self.rng.random(), proxy) for proxy in self.candidates()]
        return sorted((row for row in rows if row[0] > 0.0), reverse=True)

    @abstractmethod
    def candidates(self) -> Sequence[int]:
        """Those that may have a score."""

    def add(self, proxies: Sequence[int], now: float) -> None:
        self.known += proxies
        for proxy in proxies:
            heappush(self._oldest, (0.0, self.rng.random(), proxy))

    def checks(self, limit: int, now: float) -> list[int]:
        hot = [proxy for _, _, proxy in self.scored(now)[: _HOT * self._distinct]]
        chosen = set(hot[: max(1, limit * 6 // 10)])
        # Entries of proxies that were checked out of turn are outdated: they go back with their true time.
        while len(chosen) < limit and self._oldest:
            at, tie, proxy = heappop(self._oldest)
            last = self.checked.get(proxy, 0.0)
            if at < last:
                heappush(self._oldest, (last, tie, proxy))
            elif at >= now:
                heappush(self._oldest, (at, tie, proxy))
                break
            else:
                chosen.add(proxy)
                heappush(self._oldest, (now, tie, proxy))
        return sorted(chosen)

    def learn(self, results: Sequence[tuple[int, bool]], now: float) -> None:
        for proxy, ok in results:
            self.checked[proxy] = max(now, self.checked.get(proxy, 0.0))
            self.note(proxy, ok, now)

    @abstractmethod
    def note(self, proxy: int, ok: bool, now: float) -> None:
        """Learn one result."""

    def serve(self, count: int, most: int, now: float, step: float) -> list[Served]:
        self._distinct = -(-count // most)
        best = self.scored(now)[: self._distinct]
        return [Served(proxy) for _, _, proxy in best for _ in range(most)][:count]


class DropOnFailure(_Ranked):
    """Alive at the last check: handed out at random. One failure throws it out, until its turn to be tried again."""

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._alive: dict[int, None] = {}

    def candidates(self) -> Sequence[int]:
        return list(self._alive)

    def score(self, proxy: int, now: float) -> float:
        return 1.0

    def note(self, proxy: int, ok: bool, now: float) -> None:
        if ok:
            self._alive[proxy] = None
        else:
            self._alive.pop(proxy, None)


class ScoreLadder(_Ranked):
    """100 on success, minus 1 on failure; those with the highest score at random."""

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._points: dict[int, int] = {}

    def candidates(self) -> Sequence[int]:
        return list(self._points)

    def score(self, proxy: int, now: float) -> float:
        return float(self._points[proxy])

    def note(self, proxy: int, ok: bool, now: float) -> None:
        if ok:
            self._points[proxy] = 100
        elif proxy in self._points:
            self._points[proxy] -= 1
            if not self._points[proxy]:
                del self._points[proxy]


class DecayedShare(_Ranked):
    """The share of successes, older ones counting less: a good forecast without any model."""

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._masses: dict[int, tuple[float, float, float]] = {}

    def candidates(self) -> Sequence[int]:
        return list(self._masses)

    def score(self, proxy: int, now: float) -> float:
        good, bad, at = self._masses[proxy]
        keep = exp((at - now) / _FORGET)
        return (good * keep + 0.05) / ((good + bad) * keep + 1.0)

    def note(self, proxy: int, ok: bool, now: float) -> None:
        if not ok and proxy not in self._masses:
            return
        good, bad, at = self._masses.get(proxy, (0.0, 0.0, now))
        keep = exp((at - now) / _FORGET)
        self._masses[proxy] = (good * keep + ok, bad * keep + (not ok), now)

    def serve(self, count: int, most: int, now: float, step: float) -> list[Served]:
        picks = super().serve(count, most, now, step)
        return [Served(pick.proxy, self.score(pick.proxy, now)) for pick in picks]


class Oracle:
    """Knows the next snapshot; needs no checks. Nobody can do better."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.future: Sequence[int] = ()
        """Filled by the replay before each step: those known that work at the next snapshot."""

    def add(self, proxies: Sequence[int], now: float) -> None:
        pass

    def checks(self, limit: int, now: float) -> list[int]:
        return []

    def learn(self, results: Sequence[tuple[int, bool]], now: float) -> None:
        pass

    def serve(self, count: int, most: int, now: float, step: float) -> list[Served]:
        return [Served(proxy, 1.0) for proxy in self.future for _ in range(most)][:count]
