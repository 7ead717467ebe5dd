"""Growth: how much totals grew within the last while."""

from __future__ import annotations

from collections import deque

_STEPS = 60


class Growth:
    """Totals over the last ``window`` seconds, to a sixtieth of it."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._seen: deque[tuple[float, tuple[int, ...]]] = deque()

    def note(self, now: float, *totals: int) -> None:
        """The totals as of now; they never fall."""
        if len(self._seen) >= 2 and now - self._seen[-2][0] < self._window / _STEPS:
            self._seen.pop()
        self._seen.append((now, totals))
        while len(self._seen) > 2 and self._seen[1][0] <= now - self._window:
            self._seen.popleft()

    def grown(self) -> tuple[int, ...]:
        """By how much each of them grew; nothing before two looks."""
        if len(self._seen) < 2:
            return ()
        return tuple(last - first for first, last in zip(self._seen[0][1], self._seen[-1][1], strict=True))


def success(grown: tuple[int, ...]) -> float | None:
    """The share that did not fail of ``(tried, failed)``; None where nothing was tried."""
    if not grown or not grown[0]:
        return None
    return round(1.0 - grown[1] / grown[0], 4)
