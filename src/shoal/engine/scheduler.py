"""Scheduler: claims what is due and keeps checks in flight, as many as it may."""

from __future__ import annotations

import asyncio

import structlog

from shoal.domain import Record
from shoal.engine.recorder import Recorder
from shoal.errors import StoreError
from shoal.options import CheckOptions
from shoal.policy.pacing import TokenBucket
from shoal.policy.schedule import profile_is_due
from shoal.ports import Clock, Prober, Store, Vantage

_CLAIM = 500
"""Records claimed at once at most: one transaction of the store."""
_IDLE = 1.0
"""Seconds after which an idle scheduler looks again even if nobody woke it."""

log = structlog.get_logger("shoal.scheduler")


class Scheduler:
    """Runs until cancelled. While the vantage is unhealthy nothing new is started."""

    def __init__(
        self,
        store: Store,
        prober: Prober,
        recorder: Recorder,
        vantage: Vantage,
        clock: Clock,
        options: CheckOptions,
    ) -> None:
        self._store = store
        self._prober = prober
        self._recorder = recorder
        self._vantage = vantage
        self._clock = clock
        self._options = options
        self._lease = 3.0 * options.timeout + 30.0
        self._wake = asyncio.Event()
        # Claims cost a transaction each: wait until a few slots are free.
        self._worthwhile = min(_CLAIM, 1 + options.concurrency // 20)
        self._bucket = TokenBucket(options.rate, options.rate) if options.rate else None
        self.in_flight = 0

    def wake(self) -> None:
        """Something may have fallen due earlier than was thought."""
        self._wake.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as checks:
            while True:
                await self._vantage.wait_healthy()
                room = self._room()
                if room < self._worthwhile:
                    await self._pause(None)
                    continue
                try:
                    batch = await self._store.claim_due(self._clock.now(), min(room, _CLAIM), self._lease)
                    due = None if batch else await self._store.next_due()
                except StoreError as error:
                    # A lost store is waited for.
                    log.warning("nothing can be claimed, trying again", error=str(error))
                    batch, due = [], None
                if not batch:
                    await self._pause(due)
                    continue
                for record in batch:
                    await self._pace()
                    self.in_flight += 1
                    checks.create_task(self._check(record), name=f"check {record.id}")

    async def _check(self, record: Record) -> None:
        try:
            full = profile_is_due(record, self._clock.now(), self._options)
            result = await self._prober.check(record, full=full)
            self._recorder.result(record, result)
        finally:
            self.in_flight -= 1
            if self._room() >= self._worthwhile:
                self._wake.set()

    def _room(self) -> int:
        return self._options.concurrency - self.in_flight

    async def _pace(self) -> None:
        if self._bucket is None:
            return
        wait = self._bucket.take(self._clock.now())
        while wait > 0.0:
            await asyncio.sleep(wait)
            wait = self._bucket.take(self._clock.now())

    async def _pause(self, due: float | None) -> None:
        self._wake.clear()
        limit = _IDLE if due is None else min(_IDLE, max(0.02, due - self._clock.now()))
        try:
            async with asyncio.timeout(limit):
                await self._wake.wait()
        except TimeoutError:
            pass
