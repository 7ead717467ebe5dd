"""Clock: the only way to learn what time it is."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Wall time for stamps that are kept; durations inside one process come from the loop."""

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        ...
