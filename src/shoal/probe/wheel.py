"""Time-outs for many: one coarse timer instead of one per connection."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

TICK: Final = 0.05
"""Seconds. A time-out comes at most this late, never early."""


class Timed(Protocol):
    """Something that ends when its time is over."""

    def expire(self, now: float) -> None:
        """Its time has come (seconds of the loop's clock)."""
        ...


class TimerWheel:
    """Buckets of ``TICK`` seconds on the loop's clock. Adding and removing cost a set operation each, waiting costs
    nothing but one timer for all, and a bucket is looked at once."""

    __slots__ = ("_buckets", "_handle", "_loop", "_swept")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._buckets: dict[int, set[Timed]] = {}
        self._handle: asyncio.TimerHandle | None = None
        self._swept = 0

    def add(self, entry: Timed, deadline: float) -> int:
        """Have ``entry`` expire at ``deadline``; the slot by which it is removed comes back."""
        slot = int(deadline / TICK) + 1
        if self._handle is None:
            now = self._loop.time()
            self._swept = int(now / TICK) - 1
            self._handle = self._loop.call_at(now + TICK, self._sweep)
        if slot <= self._swept:
            slot = self._swept + 1
        bucket = self._buckets.get(slot)
        if bucket is None:
            self._buckets[slot] = {entry}
        else:
            bucket.add(entry)
        return slot

    def remove(self, entry: Timed, slot: int) -> None:
        """Forget it; one that has expired already is no error."""
        bucket = self._buckets.get(slot)
        if bucket is not None:
            bucket.discard(entry)

    def _sweep(self) -> None:
        now = self._loop.time()
        # 2.15 / 0.05 is 42.99…: without the grain the next sweep would be called for this very moment, again and again.
        due = int(now / TICK + 1e-6)
        # A loop that was held up for long must not walk through a day of empty slots.
        if due - self._swept > len(self._buckets):
            slots = sorted(slot for slot in self._buckets if slot <= due)
        else:
            slots = list(range(self._swept + 1, due + 1))
        self._swept = due
        for slot in slots:
            for entry in self._buckets.pop(slot, ()):
                entry.expire(now)
        if self._buckets:
            self._handle = self._loop.call_at((due + 1) * TICK, self._sweep)
        else:
            self._handle = None
