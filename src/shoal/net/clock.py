"""The real clock."""

from __future__ import annotations

import time


class SystemClock:
    """Wall time. Steps of the system's clock are seen; durations that matter are taken from the loop."""

    def now(self) -> float:
        return time.time()
