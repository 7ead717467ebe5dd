"""What is in use of each source right now, held against its limits."""

from __future__ import annotations

import heapq
from collections import Counter

from shoal.policy.source_budget import day_of
from shoal.policy.source_limits import LimitTable

_LONGEST_USE = 3600.0
_TIMES_KEPT = 65_536
"""Pairs of proxy and target whose last use is remembered; a quarter is forgotten, oldest first, when there are more."""


class SourceUse:
    """Counts uses and checks. Synchronous and in memory; day counts start anew with the process.

    A pick asks ``may``, then ``begin``; whoever ends the use calls ``end`` with the same record's sources and the bytes
    that went both ways. A use of which no end is told (a lease that ran out) ends by itself ``until``. Uses for which
    no target is told count as uses for one target of their own. Times are epoch seconds.
    """

    def __init__(self, limits: LimitTable | None = None) -> None:
        self.limits = self._limits = LimitTable({}) if limits is None else limits
        self._ends: dict[str, list[float]] = {}
        self._bytes: Counter[str] = Counter()
        self._day = 0
        self._last: dict[tuple[str, str], float] = {}
        self._leases: dict[str, tuple[tuple[str, ...], float]] = {}

    def may(self, key: str, sources: tuple[str, ...], now: float, target: str | None = None) -> bool:
        """True when the record of that key may be used now (for ``target``, where one is known)."""
        if self._limits.is_plain:
            return True
        self._roll(now)
        for source in self._limits.bounded(sources):
            limits = self._limits.get(source)
            if limits.max_in_flight is not None and self.in_flight(source, now) >= limits.max_in_flight:
                return False
            if limits.byte_budget is not None and self._bytes[source] >= limits.byte_budget:
                return False
        pause = self._limits.of(sources).min_interval
        return pause <= 0.0 or now - self._last.get((key, target or ""), float("-inf")) >= pause

    def begin(
        self, key: str, sources: tuple[str, ...], now: float, target: str | None = None, *, until: float | None = None
    ) -> None:
        """A use begins; ``until`` it is over at the latest (default: in an hour)."""
        if self._limits.is_plain:
            return
        for source in self._limits.bounded(sources):
            heapq.heappush(self._ends.setdefault(source, []), now + _LONGEST_USE if until is None else until)
        if self._limits.of(sources).min_interval > 0.0:
            self._last.pop((key, target or ""), None)
            self._last[key, target or ""] = now
            if len(self._last) > _TIMES_KEPT:
                for old in list(self._last)[: _TIMES_KEPT // 4]:
                    del self._last[old]

    def end(self, sources: tuple[str, ...], now: float, bytes_used: int = 0) -> None:
        """A use is over. Which one does not matter: the one that would end first is taken away."""
        if self._limits.is_plain:
            return
        self.spend(sources, now, bytes_used)
        for source in self._limits.bounded(sources):
            if self.in_flight(source, now):
                heapq.heappop(self._ends[source])

    def lease(
        self, id: str, key: str, sources: tuple[str, ...], now: float, target: str | None = None, *, until: float
    ) -> None:
        """A use that goes by a name begins."""
        if self._limits.is_plain:
            return
        self.begin(key, sources, now, target, until=until)
        while self._leases and self._leases[oldest := next(iter(self._leases))][1] <= now:
            del self._leases[oldest]
        self._leases[id] = (sources, until)

    def renew(self, id: str, now: float, until: float) -> None:
        """It lasts longer; nothing happens when it is not known (any more)."""
        sources, ends = self._leases.pop(id, ((), 0.0))
        if ends > now:
            self._leases[id] = (sources, until)
            for source in self._limits.bounded(sources):
                if self.in_flight(source, now):
                    heapq.heapreplace(self._ends[source], until)

    def release(self, id: str, now: float, bytes_used: int = 0) -> None:
        """It is over."""
        sources, ends = self._leases.pop(id, ((), 0.0))
        if ends > now:
            self.end(sources, now, bytes_used)
        else:
            self.spend(sources, now, bytes_used)

    def in_flight(self, source: str, now: float) -> int:
        """Uses of a bounded source that have begun and not ended."""
        ends = self._ends.get(source, [])
        while ends and ends[0] <= now:
            heapq.heappop(ends)
        return len(ends)

    def spend(self, sources: tuple[str, ...], now: float, bytes_used: int) -> None:
        """Count bytes that went through a record of these sources."""
        if self._limits.is_plain or not bytes_used:
            return
        self._roll(now)
        for source in self._limits.bounded(sources):
            self._bytes[source] += bytes_used

    def spent(self, source: str, now: float) -> int:
        """Bytes today."""
        self._roll(now)
        return self._bytes[source]

    def is_spent(self, sources: tuple[str, ...], now: float) -> bool:
        """True when one of the sources has used up its bytes of today."""
        if self._limits.is_plain:
            return False
        self._roll(now)
        for source in self._limits.bounded(sources):
            budget = self._limits.get(source).byte_budget
            if budget is not None and self._bytes[source] >= budget:
                return True
        return False

    def _roll(self, now: float) -> None:
        day = day_of(now)
        if day != self._day:
            self._day = day
            self._bytes.clear()
