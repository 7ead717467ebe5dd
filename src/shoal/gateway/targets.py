"""Targets: how requests went, by target. Bounded; the target unused for longest is forgotten first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shoal.domain.gateway import TargetUse

_LIMIT: Final = 2000


class _Tally:
    __slots__ = ("attempts_failed", "failed", "last_used", "ok")

    def __init__(self) -> None:
        self.ok = self.failed = self.attempts_failed = 0
        self.last_used = 0.0


class Targets:
    """Counts outcomes by ``host:port``."""

    def __init__(self, clock: Callable[[], float], limit: int = _LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        self._tallies: dict[str, _Tally] = {}

    def answered(self, target: str) -> None:
        """The target answered a client."""
        self._of(target).ok += 1

    def failed(self, target: str) -> None:
        """A client got no answer of the target."""
        self._of(target).failed += 1

    def attempt_failed(self, target: str) -> None:
        """One proxy of perhaps several did not bring an answer."""
        self._of(target).attempts_failed += 1

    def top(self, count: int) -> list[TargetUse]:
        """The targets of most requests."""
        most = sorted(self._tallies.items(), key=lambda item: (-item[1].ok - item[1].failed, item[0]))[:count]
        return [TargetUse(target, t.ok, t.failed, t.attempts_failed, t.last_used) for target, t in most]

    def _of(self, target: str) -> _Tally:
        tallies, now = self._tallies, self._clock()
        tally = tallies.get(target)
        if tally is None:
            if len(tallies) >= self._limit:
                # Rare: a table of this size is full of targets that were asked once.
                for old in sorted(tallies, key=lambda name: tallies[name].last_used)[: self._limit // 10 + 1]:
                    del tallies[old]
            tally = tallies[target] = _Tally()
        tally.last_used = now
        return tally
