"""Scheduler: claims what is due and keeps checks in flight, as many as it may."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from shoal.domain import Record
from shoal.engine.agenda import Agenda
from shoal.engine.mishaps import Mishaps
from shoal.engine.recorder import Recorder
from shoal.engine.turns import wait_turn
from shoal.errors import StoreError
from shoal.log import Log
from shoal.options import CheckOptions
from shoal.policy.pacing import TokenBucket
from shoal.policy.schedule import pressed, profile_is_due
from shoal.ports import Clock, Prober, Store, Vantage

_CLAIM = 500
"""Records claimed at once at most: one transaction of the store."""
_IDLE = 1.0
"""Seconds after which an idle scheduler looks again even if nobody woke it."""
_PACED = 5.0
"""Seconds' worth of checks claimed at once under a rate limit: claims must not run out before their turn comes."""

BEARABLE = 10.0
"""Seconds by which checks may be late before those that matter less are put off."""

log = Log("shoal.scheduler")


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
        agenda: Agenda | None = None,
    ) -> None:
        self._store = store
        self._prober = prober
        self._recorder = recorder
        self._vantage = vantage
        self._clock = clock
        self._options = options
        self._agenda = agenda
        """Chooses where checks come late; without it everything is checked in the order of time."""
        self._lease = 3.0 * options.timeout + 30.0
        self._wake = asyncio.Event()
        self._claim = _CLAIM if not options.rate else min(_CLAIM, max(1, int(options.rate * _PACED)))
        # Claims cost a transaction each: wait until a few slots are free.
        self._worthwhile = min(self._claim, 1 + options.concurrency // 20)
        self._bucket = TokenBucket(options.rate, options.rate) if options.rate else None
        self._claimed: set[str] = set()
        self._is_full = False
        self.mishaps = Mishaps()
        self.in_flight = 0

    def wake(self) -> None:
        """Something may have fallen due earlier than was thought."""
        self._wake.set()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as checks:
                while True:
                    await self._vantage.wait_healthy()
                    # Cleared before looking: who wakes us from now on is heard.
                    self._wake.clear()
                    room = self._room()
                    self._is_full = room < self._worthwhile
                    if self._is_full:
                        await self._pause(None)
                        continue
                    batch, due = await self._next_batch(min(room, self._claim))
                    if batch:
                        await self._start(batch, checks)
                    else:
                        await self._pause(due)
        finally:
            # Whoever starts next need not wait until these claims run out.
            await asyncio.shield(self._give_back(tuple(self._claimed)))

    async def _next_batch(self, limit: int) -> tuple[list[Record], float | None]:
        """What to check now, or else when to look again (None: nobody knows)."""
        try:
            now = self._clock.now()
            batch, due = await self._claimed_by_worth(now, limit)
            if due:
                self._recorder.pressure = pressed(self._recorder.pressure, due, now, BEARABLE)
            batch += due
            # A client's feedback saves a record in the middle of its check, which ends its claim: one check is enough.
            fresh = [record for record in batch if record.key not in self._claimed]
            self._claimed.update([record.key for record in fresh])
            return fresh, None if batch else await self._store.next_due()
        except StoreError as error:
            # A lost store is waited for.
            log.warning("nothing can be claimed, trying again", error=str(error))
            return [], None

    async def _claimed_by_worth(self, now: float, limit: int) -> tuple[list[Record], list[Record]]:
        """What is worth most where checks come late, and what is due."""
        if self._agenda is None:
            return [], await self._store.claim_due(now, limit, self._lease)
        pressure = self._recorder.pressure
        keys = self._agenda.take(pressure, now, limit)
        named = await self._store.claim(keys, now, self._lease) if keys else []
        return named, await self._store.claim_due(now, limit - len(named), self._lease)

    async def _start(self, batch: Sequence[Record], checks: asyncio.TaskGroup) -> None:
        for number, record in enumerate(batch):
            if self._bucket is not None:
                await wait_turn(self._bucket)
                if not self._vantage.healthy:
                    await self._give_back([waiting.key for waiting in batch[number:]])
                    return
            self.in_flight += 1
            checks.create_task(self._check(record), name=f"check {record.id}")

    async def _check(self, record: Record) -> None:
        try:
            full = profile_is_due(record, self._clock.now(), self._options)
            result = await self._prober.check(record, full=full)
            self._recorder.result(record, result)
            self._claimed.discard(record.key)
        except Exception as error:  # noqa: BLE001 - one record that trips a fault of ours must not end all checks
            # The record keeps its claim, so that it rests until that runs out.
            self._claimed.discard(record.key)
            self.mishaps.note("a check was not finished", error, record=record.id)
        finally:
            self.in_flight -= 1
            if self._is_full and self._room() >= self._worthwhile:
                self._wake.set()

    async def _give_back(self, keys: Sequence[str]) -> None:
        self._claimed.difference_update(keys)
        if not keys:
            return
        try:
            await self._store.unclaim(keys)
        except StoreError as error:
            log.warning("claims are not given back, they run out by themselves", error=str(error), count=len(keys))

    def _room(self) -> int:
        return self._options.concurrency - self.in_flight

    async def _pause(self, due: float | None) -> None:
        limit = _IDLE if due is None else min(_IDLE, max(0.02, due - self._clock.now()))
        try:
            async with asyncio.timeout(limit):
                await self._wake.wait()
        except TimeoutError:
            pass
