"""Checks that a user asks for: at once, beside those that the scheduler plans."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Final

from shoal.domain import Record
from shoal.engine.recorder import Recorder
from shoal.ports import Prober, Vantage

_LIMIT: Final = 16
"""Checks at once: who asks for more may import a list, which is checked in its turn."""


class Asked(StrEnum):
    """What became of the wish."""

    CHECKED = "checked"
    PLANNED = "planned"
    """Another process checks it as soon as it looks."""
    PAUSED = "paused"
    """Our own network or judges are down: a check would tell nothing."""
    BUSY = "busy"


class OnRequest:
    """Runs full checks through ``prober`` and hands their results to the recorder."""

    def __init__(self, prober: Prober, recorder: Recorder, vantage: Vantage) -> None:
        self._prober = prober
        self._recorder = recorder
        self._vantage = vantage
        self._running: dict[str, asyncio.Event] = {}

    async def check(self, record: Record) -> Asked:
        """Check it and wait for the result; who asks for one that is being checked so waits for the same."""
        running = self._running.get(record.key)
        if running is not None:
            await running.wait()
            return Asked.CHECKED
        if not self._vantage.healthy:
            return Asked.PAUSED
        if len(self._running) >= _LIMIT:
            return Asked.BUSY
        done = self._running[record.key] = asyncio.Event()
        try:
            result = await self._prober.check(record, full=True)
            self._recorder.result(record, result)
        finally:
            del self._running[record.key]
            done.set()
        return Asked.CHECKED
