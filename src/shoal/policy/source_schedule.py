"""When a source is read again."""

from __future__ import annotations

import random

LONGEST = 86_400.0
"""A failing source is asked at least once a day (seconds): sites come back."""
IDLE_FACTOR = 8
"""A source that brings nothing new is asked at most this many times less often."""
JITTER = 0.1
"""Share of the wait by which it varies, so that many installations do not ask a site in the same second."""


def wait(interval: float, *, failures: int, idle: int) -> float:
    """Seconds between runs before chance: doubled per failure in a row up to a day, doubled per run in a row that
    brought nothing new up to ``IDLE_FACTOR`` times. Never shorter than ``interval``."""
    factor: int = min(IDLE_FACTOR, 1 << min(idle, 8))
    if failures > 0:
        # 2**17 s is above a day, so larger exponents change nothing.
        factor = max(factor, 1 << min(failures, 17))
    return max(interval, min(interval * factor, LONGEST))


def next_run(now: float, interval: float, rng: random.Random, *, failures: int = 0, idle: int = 0) -> float:
    """Epoch seconds of the next run. A source is never dropped, only asked less often."""
    return now + wait(interval, failures=failures, idle=idle) * (1.0 + JITTER * rng.random())
