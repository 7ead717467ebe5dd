"""Visiting: asks each target through the paths that work, on a schedule of its own beside the checks."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from msgspec.structs import replace

from shoal.domain import Blame, Kind, Record, Scheme, Target
from shoal.engine.mishaps import Mishaps
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.engine.targets import Targets
from shoal.errors import StoreError
from shoal.log import Log
from shoal.options import TargetOptions
from shoal.policy.pacing import TokenBucket
from shoal.policy.reach import carries, next_visit
from shoal.ports import Clock, Vantage, Visitor

_LOOK: Final = 2.0
"""Seconds between two looks at which paths are due."""
_QUEUE: Final = 500
"""Visits lined up for one target at most; further ones are found at the next look."""
_REST: Final = 60.0
"""Seconds after which is asked again where no verdict came: a proxy's or our own trouble, or a target that is down."""
_FEELERS: Final = 3
"""Paths that are asked in that time while the target answers nobody."""
_BURST: Final = 1.0
"""Requests that a target may see at once."""

log = Log("shoal.targets")


class Visiting:
    """Runs until cancelled. While the vantage is unhealthy nothing is asked."""

    def __init__(
        self,
        targets: Targets,
        visitor: Visitor,
        pool: Pool,
        recorder: Recorder,
        vantage: Vantage,
        clock: Clock,
        options: TargetOptions,
    ) -> None:
        self._targets = targets
        self._visitor = visitor
        self._pool = pool
        self._recorder = recorder
        self._vantage = vantage
        self._clock = clock
        self._options = options
        self._slots = asyncio.Semaphore(options.concurrency)
        self._under_way: set[tuple[str, str, Scheme]] = set()
        self._resting: dict[tuple[str, str, Scheme], float] = {}
        """Those whose last visit taught nothing, and until when they rest."""
        self.mishaps = Mishaps()
        self.visits = 0

    async def run(self) -> None:
        running: dict[Target, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    await self._targets.load()
                except StoreError as error:
                    log.warning("targets cannot be read, trying again", error=str(error))
                wanted = set(self._targets.table.by_name.values())
                for gone in running.keys() - wanted:
                    running.pop(gone).cancel()
                for target in wanted - running.keys():
                    running[target] = tasks.create_task(self._serve(target), name=f"target {target.name}")
                await asyncio.sleep(_LOOK)

    async def _serve(self, target: Target) -> None:
        """Ask one target through whatever falls due, at its own pace."""
        bucket = TokenBucket(target.rate, max(1.0, target.rate * _BURST))
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as visits:
            while True:
                await self._vantage.wait_healthy()
                for record, scheme in self._due(target):
                    if not self._vantage.healthy:
                        break
                    wait = bucket.take(loop.time())
                    while wait > 0.0:
                        await asyncio.sleep(wait)
                        wait = bucket.take(loop.time())
                    await self._slots.acquire()
                    self._under_way.add((target.name, record.key, scheme))
                    visits.create_task(self._visit(target, record, scheme), name=f"visit {target.name} {record.id}")
                is_down = self._targets.is_down(target.name)
                await asyncio.sleep(min(_REST, target.interval) if is_down else _LOOK)

    def _due(self, target: Target) -> deque[tuple[Record, Scheme]]:
        now = self._clock.now()
        self._resting = {this: until for this, until in self._resting.items() if until > now}
        most = _FEELERS if self._targets.is_down(target.name) else _QUEUE
        due = []
        for record in self._pool.records():
            for path in record.paths:
                if not path.health.is_up or path.honesty.is_dangerous:
                    continue
                at = next_visit(path, target)
                this = (target.name, record.key, path.scheme)
                if at > now or this in self._under_way or this in self._resting:
                    continue
                if carries(path, target):
                    due.append((at, record.id, record, path.scheme))
        # Those that were never asked first, then the longest unasked.
        due.sort(key=lambda one: one[:2])
        return deque([(record, scheme) for _, _, record, scheme in due[:most]])

    async def _visit(self, target: Target, record: Record, scheme: Scheme) -> None:
        try:
            newest = self._pool.record(record.key)
            if newest is None:
                return
            seen = await self._visitor.visit(newest, scheme, target)
            self.visits += 1
            counts = self._targets.note(target, newest.endpoint.host, seen)
            if not counts or (not seen.works and seen.blame in (Blame.PROXY, Blame.LOCAL)):
                rest = min(_REST, target.interval)
                self._resting[target.name, record.key, scheme] = self._clock.now() + rest
            if not counts:
                # The target answers nobody: that says nothing of this path, except what is the proxy's own fault.
                seen = replace(seen, target=None)
            if self._targets.table.by_name.get(target.name) == target:
                self._recorder.used(record.key, seen)
        except Exception as error:  # noqa: BLE001 - one record that trips a fault of ours must not end all visits
            self.mishaps.note("a visit was not finished", error, record=record.id, kind=Kind.PROBE.value)
        finally:
            self._under_way.discard((target.name, record.key, scheme))
            self._slots.release()
