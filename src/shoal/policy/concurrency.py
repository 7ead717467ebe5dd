"""How many checks this machine bears: additive increase, multiplicative decrease."""

from __future__ import annotations

from typing import Final

FLOOR: Final = 16
"""Checks in flight that any machine bears: a tenth of the smallest descriptor limit in use."""
CUT_SHORT: Final = 0.5
"""After a refusal of our own system (EMFILE, ENOBUFS, EADDRNOTAVAIL): as TCP after a loss."""
CUT_SLOW: Final = 0.8
"""While our own loop lags: times that are measured late fail good proxies."""
LAG: Final = 0.25
"""Seconds that a timer may come late. A busy loop of uvloop is within 0.05."""
REST: Final = 2.0
"""Seconds between two cuts: what is in flight has to drain before the effect shows."""
GROWTH: Final = 0.02
"""Part of the ceiling that is won back each second without trouble: all of it within a minute."""


class Concurrency:
    """The bound on checks in flight. Times are seconds of any steady clock; ``allowed`` is never above ``ceiling``."""

    __slots__ = ("_cut_at", "_grown_at", "_level", "ceiling")

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self._level = float(ceiling)
        self._cut_at = float("-inf")
        self._grown_at = 0.0

    @property
    def allowed(self) -> int:
        return int(self._level)

    @property
    def is_reduced(self) -> bool:
        return self._level < self.ceiling

    def good(self, now: float) -> None:
        """A check ended without a sign of shortage."""
        if self._level >= self.ceiling:
            return
        passed = min(1.0, now - self._grown_at)
        if passed > 0.0:
            self._grown_at = now
            self._level = min(self.ceiling, self._level + max(self.ceiling * GROWTH, 1.0) * passed)

    def short(self, now: float, in_flight: int) -> None:
        """Our own system refused a socket, a port or a buffer."""
        self._cut(now, in_flight, CUT_SHORT)

    def lagged(self, now: float, in_flight: int, lag: float) -> None:
        """A timer came ``lag`` seconds late."""
        if lag > LAG:
            self._cut(now, in_flight, CUT_SLOW)

    def _cut(self, now: float, in_flight: int, factor: float) -> None:
        if now - self._cut_at < REST:
            return
        self._cut_at = self._grown_at = now
        # What was not in flight did not help to cause it.
        level = min(self._level, max(in_flight, 1)) * factor
        self._level = min(float(self.ceiling), max(float(FLOOR), level))
