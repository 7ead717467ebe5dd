"""Events: what happens in the pool, as a stream that may be taken up again where it broke off."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

from msgspec import Struct

from shoal.ports import Clock

_KEPT = 1_000
"""Events kept for those who come back: about an hour."""


class Event(Struct, frozen=True, gc=False):
    """``id`` rises by one or more; ``kind`` says what ``data`` holds."""

    id: int
    kind: str
    at: float
    data: Mapping[str, Any]


class Events:
    """A bounded ring. Numbers begin at the time in milliseconds, so that those of an earlier run lie below."""

    def __init__(self, clock: Clock, kept: int = _KEPT) -> None:
        self._clock = clock
        self._ring: deque[Event] = deque(maxlen=kept)
        self._last = int(clock.now() * 1000.0)
        self._news = asyncio.Event()

    @property
    def last_id(self) -> int:
        return self._last

    def publish(self, kind: str, data: Mapping[str, Any]) -> None:
        self._last += 1
        self._ring.append(Event(self._last, kind, self._clock.now(), data))
        # Whoever waits holds the old one; a new one lets them wait again.
        news, self._news = self._news, asyncio.Event()
        news.set()

    def after(self, since: int) -> tuple[list[Event], bool]:
        """What came after the event ``since``, and whether all of it is still there."""
        oldest = self._ring[0].id if self._ring else self._last + 1
        whole = oldest - 1 <= since <= self._last
        return [event for event in self._ring if not whole or event.id > since], whole

    async def follow(self, since: int) -> AsyncIterator[Event]:
        """Everything after ``since``, for ever; a ``reset`` stands where something was missed."""
        while True:
            news = self._news
            found, whole = self.after(since)
            if not whole:
                since = found[0].id - 1 if found else self._last
                yield Event(since, "reset", self._clock.now(), {})
            for event in found:
                since = event.id
                yield event
            if not found:
                await news.wait()
