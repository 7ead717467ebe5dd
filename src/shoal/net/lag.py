"""How far the loop is behind: the one sign of overload that counts whatever the cause."""

from __future__ import annotations

import asyncio
import time
from typing import Final

_TICK: Final = 0.05
"""Seconds between two looks: what is shorter is nobody's trouble."""


class LoopLag:
    """Told while the loop is still busy, not only when it has caught up: a burst of requests is served within one turn
    of the loop, and those at its end must know how long it lasts already.

    ``start`` and ``stop`` belong to one loop; without a start it says 0.
    """

    __slots__ = ("_handle", "_loop", "_ticked")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._ticked = 0.0

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tick()

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._loop = self._handle = None

    def seconds(self) -> float:
        """Seconds by which a timer that should fire now is late."""
        return 0.0 if self._loop is None else max(0.0, time.monotonic() - self._ticked - _TICK)

    def _tick(self) -> None:
        if self._loop is not None:
            self._ticked = time.monotonic()
            self._handle = self._loop.call_later(_TICK, self._tick)
