"""Guard: stands between scheduler and prober, so that our own trouble is neither believed nor made worse."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from shoal.domain import Blame, CheckResult, Reason, Record
from shoal.engine.around import Around
from shoal.log import Log
from shoal.policy.concurrency import Concurrency
from shoal.policy.vantage import LONGEST, WINDOW, Sighting, all_at_once, excused, may_go_on, net_of
from shoal.ports import Clock, Prober, Vantage

_BEAT = 0.25
"""Seconds between two looks at how late our own timers come."""
_TRIAL = 5.0
"""Seconds between two rounds of trials while all is frozen."""
_TRIALS = 10
"""Proxies in a round: those that nearly always worked and failed last."""
_RETRIES = 3
"""Further attempts at a check for which our own system lacked a descriptor, a port or a buffer."""
_RETRY_PAUSE = 0.5

log = Log("shoal.guard")


class Guard(Around):
    """A Prober and a Vantage around others. ``run`` has to be a task beside them.

    - When most proxies that ``is_strong`` names fail within a minute although judges answer directly, nothing is
      demoted and no check is started until they work again, ten minutes at most.
    - Checks in flight are fewer while this machine shows signs of shortage, and a check that failed for one is made
      again instead of being reported.
    """

    def __init__(
        self, prober: Prober, vantage: Vantage, clock: Clock, is_strong: Callable[[Record], bool], concurrency: int
    ) -> None:
        super().__init__(vantage)
        self._prober = prober
        self._clock = clock
        self._is_strong = is_strong
        self.limit = Concurrency(concurrency)
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._seen: dict[str, Sighting] = {}
        self._failed: dict[str, Record] = {}
        self._frozen_at: float | None = None
        self._believed_until = 0.0
        self._thawed = asyncio.Event()
        self._thawed.set()

    # -- ports.Vantage -----------------------------------------------------------------------------------------

    def _may(self) -> bool:
        return self._frozen_at is None

    async def _until_it_may(self) -> None:
        await self._thawed.wait()

    # -- ports.Prober ------------------------------------------------------------------------------------------

    async def check(self, record: Record, *, full: bool = False) -> CheckResult:
        result = await self._check(record, full)
        if result.works or result.blame is Blame.PROXY:
            self._note(record, result.works)
        return excused(result) if self._frozen_at is not None and not result.works else result

    async def _check(self, record: Record, full: bool) -> CheckResult:
        loop = asyncio.get_running_loop()
        retries = _RETRIES
        while True:
            await self._enter()
            try:
                result = await self._prober.check(record, full=full)
            finally:
                self._leave()
            failure = result.failure
            if result.works or failure is None or failure.reason is not Reason.LOCAL_LIMIT:
                self.limit.good(loop.time())
                return result
            # Without a judge nothing can be checked, however often it is tried.
            if not self._vantage.healthy or not retries:
                return result
            self.limit.short(loop.time(), self._busy + 1)
            retries -= 1
            await asyncio.sleep(_RETRY_PAUSE)

    # -- concurrency -------------------------------------------------------------------------------------------

    async def _enter(self) -> None:
        while self._busy >= self.limit.allowed:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    # Called in the moment of leaving: the next one takes the turn.
                    self._call()
                raise
        self._busy += 1

    def _leave(self) -> None:
        self._busy -= 1
        self._call()

    def _call(self) -> None:
        room = self.limit.allowed - self._busy
        while self._waiting and room > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                room -= 1

    # -- everybody at once -------------------------------------------------------------------------------------

    def _note(self, record: Record, ok: bool) -> None:
        if not self._is_strong(record):
            return
        now = self._clock.now()
        key = record.key
        self._seen.pop(key, None)
        self._seen[key] = Sighting(key, net_of(record.endpoint.host), now, ok)
        while self._seen[oldest := next(iter(self._seen))].at < now - WINDOW:
            del self._seen[oldest]
        self._failed.pop(key, None)
        if not ok:
            self._failed[key] = record
            while len(self._failed) > _TRIALS:
                del self._failed[next(iter(self._failed))]
        if self._frozen_at is not None or now < self._believed_until or ok:
            return
        if all_at_once(self._seen.values(), now):
            self._frozen_at = now
            self._thawed.clear()
            log.warning(
                "nearly all good proxies fail at once: checks pause and nothing is demoted", seen=len(self._seen)
            )

    async def run(self) -> None:
        """Watch our own timers, and try those that failed while all is frozen, until cancelled."""
        loop = asyncio.get_running_loop()
        trial_at = 0.0
        while True:
            asleep = loop.time()
            await asyncio.sleep(_BEAT)
            now = loop.time()
            self.limit.lagged(now, self._busy, now - asleep - _BEAT)
            self._call()
            if self._frozen_at is not None and now >= trial_at:
                trial_at = now + _TRIAL
                await self._try(self._frozen_at)

    async def _try(self, frozen_at: float) -> None:
        records = tuple(self._failed.values())
        if not self._vantage.healthy:
            # The judges are gone as well: that is known to be us, and is told in other words.
            return
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._prober.check(one), name=f"trial {one.id}") for one in records]
        failed = sum(not task.result().works for task in tasks)
        now = self._clock.now()
        if may_go_on(len(records), failed, frozen_at, now):
            if failed == len(records):
                # It lasted too long to be a moment's trouble of ours.
                self._believed_until = now + LONGEST
            self._frozen_at = None
            self._seen.clear()
            self._failed.clear()
            self._thawed.set()
            log.info("checks go on", tried=len(records), failed=failed)
