"""Leading: one of several schedulers works, the others stand by and take over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from shoal.errors import StoreError
from shoal.log import Log
from shoal.ports.cluster import SharedStore

JOB: Final = "schedule"

log = Log("shoal.leading")


class Leading:
    """``is_leader`` is True while this process holds the lease, as far as it can know: where the store does not answer
    for the time of the lease, another may have taken over, and the work here ends."""

    def __init__(self, store: SharedStore, holder: str, lease: float) -> None:
        self._store = store
        self._holder = holder
        self._lease = lease
        self._interval = min(2.0, lease / 4.0)
        self.is_leader = False

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Until cancelled: wait for the lease, work, and wait again when it is lost. What ``work`` raises comes out."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                asked = loop.time()
                if not await self._hold():
                    await asyncio.sleep(self._interval)
                    continue
                self.is_leader = True
                log.info("this process schedules now", holder=self._holder)
                await self._work_while_held(work, asked)
                self.is_leader = False
                log.warning("another process may schedule now; this one stands by", holder=self._holder)
        finally:
            was_leader, self.is_leader = self.is_leader, False
            if was_leader:
                await asyncio.shield(self._give_up())

    async def _work_while_held(self, work: Callable[[], Awaitable[None]], renewed: float) -> None:
        loop = asyncio.get_running_loop()
        working = loop.create_task(_run(work), name="leader's work")
        try:
            while loop.time() < renewed + self._lease:
                await asyncio.wait((working,), timeout=self._interval)
                if working.done():
                    return working.result()
                asked = loop.time()
                held = await self._hold()
                if held:
                    renewed = asked
                elif held is False:
                    return None
        finally:
            working.cancel()
            await asyncio.wait((working,))
        return None

    async def _hold(self) -> bool | None:
        """None: the store does not answer."""
        try:
            async with asyncio.timeout(self._lease / 2.0):
                return await self._store.hold(JOB, self._holder, self._lease)
        except (StoreError, TimeoutError):
            return None

    async def _give_up(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._store.hold(JOB, self._holder, 0.0)
        except (StoreError, TimeoutError):
            log.info("the lease is not given up, it runs out by itself")


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()
