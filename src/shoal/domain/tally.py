"""Tallies: what happened since the process started, for whoever keeps books of it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from shoal.domain.gateway import GatewayStats
from shoal.domain.observation import Observation

CHECK_BOUNDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)
"""Seconds. Finest where good proxies lie, and reaching beyond the longest time-out that makes sense."""
STORE_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds. A local disk answers in milliseconds; what takes seconds is ill."""


class Histogram:
    """How often a number of seconds fell at or under each bound. ``counts`` has one more for what is above them."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        return sum(self.counts)


class CheckTally:
    """Attempts of checks: how long they took to each milestone, by whether they worked."""

    __slots__ = ("stages",)

    def __init__(self) -> None:
        self.stages = {
            stage: (Histogram(CHECK_BOUNDS), Histogram(CHECK_BOUNDS))
            for stage in ("connect", "handshake", "first_byte", "total")
        }
        """Those that failed, those that worked."""

    def note(self, seen: Observation) -> None:
        timing = seen.timing
        for stage, histograms in self.stages.items():
            seconds = getattr(timing, stage)
            if seconds > 0.0:
                histograms[seen.works].observe(seconds)


class StoreTally:
    """Calls of the store by name: how long they took, and how many failed."""

    __slots__ = ("errors", "times")

    def __init__(self) -> None:
        self.times: dict[str, Histogram] = {}
        self.errors: Counter[str] = Counter()

    def note(self, call: str, seconds: float, *, failed: bool) -> None:
        if call not in self.times:
            self.times[call] = Histogram(STORE_BOUNDS)
        self.times[call].observe(seconds)
        if failed:
            self.errors[call] += 1


class GatewayTally:
    """What the gateway's counts alone do not tell."""

    __slots__ = ("attempt_failures", "first_byte", "refusals")

    def __init__(self) -> None:
        self.refusals: Counter[str] = Counter()
        """Requests that got no answer of their target, by the code of the refusal."""
        self.attempt_failures: Counter[str] = Counter()
        """Failed attempts by ``stage.reason``."""
        self.first_byte = Histogram(CHECK_BOUNDS)
        """Seconds from a request that was ready to be sent to its target's first byte."""


class GatewayBooks(NamedTuple):
    stats: Callable[[], GatewayStats]
    tally: GatewayTally


class Tallies:
    """All books of one process. ``gateway`` is None where none listens."""

    __slots__ = ("checks", "gateway", "store")

    def __init__(self) -> None:
        self.checks = CheckTally()
        self.store = StoreTally()
        self.gateway: GatewayBooks | None = None
