"""Dispatcher: claims what is due and sends it to workers in batches, as much as they can take on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from shoal.cluster.batch import Batch
from shoal.cluster.roll import Roll
from shoal.engine.agenda import Agenda
from shoal.engine.scheduler import BEARABLE
from shoal.engine.turns import wait_turn
from shoal.errors import StoreError
from shoal.log import Log
from shoal.options import ClusterOptions
from shoal.policy.pacing import TokenBucket
from shoal.policy.schedule import NO_PRESSURE, Pressure, stretched
from shoal.ports import Clock
from shoal.ports.cluster import SharedStore

_IDLE: Final = 1.0
"""Seconds between two looks while nothing is due, as in a pool of one process: each look costs five commands, and what
falls due one by one goes in fewer messages."""
_BUSY: Final = 0.2
_AHEAD: Final = 1.5
"""Checks outstanding per check that workers make at once: the next batch waits at the worker when one ends."""
_WORTHWHILE: Final = 0.25
"""Share of what workers make at once that must be free before more is claimed. A message costs broker, scheduler and
worker some milliseconds together, whatever it holds: many small ones would cost more than the checks themselves."""
_CLAIM: Final = 2_000
_PACED: Final = 5.0
"""Seconds' worth of checks claimed at once under a rate limit: claims must not run out before their turn comes."""
_RETRY: Final = 1.0

Send = Callable[[str, Batch], Awaitable[None]]
"""Hand a batch to the queue of a vantage point. Raises ``StoreError`` when the broker is away."""

log = Log("shoal.dispatch")


class Dispatcher:
    """Runs until cancelled, in the one process that leads. Nothing is in its memory: what was claimed and sent is
    known to the store, and falls due again when its worker is silent."""

    def __init__(
        self,
        store: SharedStore,
        send: Send,
        roll: Roll,
        clock: Clock,
        options: ClusterOptions,
        *,
        live: Callable[[], int],
        rate: float = 0.0,
        agenda: Agenda | None = None,
    ) -> None:
        self._store = store
        self._send = send
        self._roll = roll
        self._clock = clock
        self._options = options
        self._live = live
        self._agenda = agenda
        """Chooses most of a claim where checks come late, as in a pool of one process; without it all goes by time."""
        self._pressure = NO_PRESSURE
        self._bucket = TokenBucket(rate, rate) if rate else None
        self._claim = min(_CLAIM, max(1, int(rate * _PACED))) if rate else _CLAIM
        # A batch waits until all of it may begin.
        self._step = min(options.batch, max(1, int(rate))) if rate else options.batch
        self._turn: dict[str, float] = {}
        self._wake = asyncio.Event()
        self.sent = 0
        self.trouble: str | None = None
        """Why nothing can be sent to workers right now."""

    def wake(self) -> None:
        """Something may have fallen due."""
        self._wake.set()

    async def run(self) -> None:
        try:
            await self._rounds()
        finally:
            # Whoever leads next has its own.
            self.trouble = None

    async def _rounds(self) -> None:
        while True:
            try:
                sent = await self._round()
            except StoreError as error:
                self.trouble = str(error)
                # Whatever was claimed and not sent falls due again.
                log.warning("nothing can be sent to workers, trying again", error=str(error))
                await asyncio.sleep(_RETRY)
                continue
            self.trouble = None
            if not sent:
                await self._pause(_IDLE)

    async def _round(self) -> bool:
        """False when there was nothing to send, or nobody to take it."""
        self._wake.clear()
        capacity = self._roll.capacity()
        now = self._clock.now()
        total = sum(capacity.values())
        room = int(_AHEAD * total) - await self._store.claimed(now)
        if room < max(1, int(_WORTHWHILE * total)):
            await self._pause(_BUSY)
            return bool(capacity)
        ids = await self._claimed_by_worth(now, min(room, self._claim))
        if not ids:
            return False
        until = now + self._options.lease
        step = self._step
        batches = [ids[start : start + step] for start in range(0, len(ids), step)]
        for number, batch in enumerate(batches):
            try:
                await self._send_one(batch, until, capacity)
            except StoreError:
                await self._give_back([id for rest in batches[number:] for id in rest], until)
                raise
        return True

    async def _claimed_by_worth(self, now: float, limit: int) -> list[str]:
        """What is worth most where checks come late, and what is due."""
        store, lease, agenda = self._store, self._options.lease, self._agenda
        if agenda is None:
            return await store.claim_ids(now, limit, lease)
        # Workers judge by the records that they read; here nothing is known of what is claimed but its ids.
        late = await store.late(now)
        pressure = self._pressure = Pressure(proven=stretched(self._pressure.proven, late, BEARABLE))
        keys = agenda.take(pressure, now, limit)
        named = [record.id for record in await store.claim(keys, now, lease)] if keys else []
        # What never worked is not read here unless it is new: the rest, in the order of time, leaves it its turn.
        return named + await store.claim_ids(now, limit - len(named), lease, ahead=0 if named else None)

    async def _send_one(self, ids: Sequence[str], until: float, capacity: dict[str, int]) -> None:
        if self._bucket is not None:
            for _ in ids:
                await wait_turn(self._bucket)
        vantage = self._next(capacity)
        await self._send(vantage, Batch(tuple(ids), until, live=self._live()))
        self.sent += 1

    def _next(self, capacity: dict[str, int]) -> str:
        """Vantage points take turns, the larger the more often; so every proxy is seen from all of them in time."""
        vantage = min(capacity, key=lambda name: (self._turn.get(name, 0.0), name))
        self._turn[vantage] = self._turn.get(vantage, 0.0) + 1.0 / capacity[vantage]
        # One that comes new must not get everything until it has caught up.
        least = min(self._turn.get(name, 0.0) for name in capacity)
        self._turn = {name: self._turn.get(name, least) - least for name in capacity}
        return vantage

    async def _give_back(self, ids: Sequence[str], until: float) -> None:
        try:
            # A claim that ends now is due now.
            await self._store.confirm(ids, until, self._clock.now(), 0.0)
        except StoreError as error:
            log.warning("claims are not given back, they run out by themselves", error=str(error), count=len(ids))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
