"""The real clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_MAKE_UP: Final = 0.95
"""How fast our time runs while it is ahead of the system's: a clock set back by an hour is made up in twenty."""


class SystemClock:
    """Wall time that never runs backwards.

    A step forward is taken as it comes: a machine that slept has nothing fresh. After a step back our time goes on, a
    little slower, until the system's has caught up: were it followed, every time-stamp would lie in the future, no
    check would fall due and no lease would end for as long as the step was.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._steady = steady
        self._ticks = steady()
        self._now = wall()

    def now(self) -> float:
        """Epoch seconds."""
        wall, ticks = self._wall(), self._steady()
        made_up = self._now + (ticks - self._ticks) * _MAKE_UP
        self._ticks = ticks
        self._now = wall if wall > made_up else made_up
        return self._now
