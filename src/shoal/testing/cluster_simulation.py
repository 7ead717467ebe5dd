"""A whole cluster in virtual time: schedulers, queues, workers at several vantage points, a replica, one store.

Every process reaches the store by a line of its own, which may be cut; a process that is killed loses its line at the
same moment, so that nothing it would do on its way out reaches anybody.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, cast

from msgspec.structs import replace

from shoal.cluster import Batch, BatchRunner, Dispatcher, Leading, NoIndex, Roll
from shoal.domain import CheckResult, Endpoint, Record
from shoal.engine.agenda import Agenda
from shoal.engine.guard import Guard
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.engine.replica import Replica
from shoal.errors import StoreError
from shoal.options import Options
from shoal.ports import Clock
from shoal.ports.cluster import SharedStore
from shoal.testing.population import Population, SimulatedProber, SimulatedVantage
from shoal.testing.shared_memory import SharedMemoryStore


class Line:
    """One process's way to the store; while ``is_cut`` nothing gets through."""

    def __init__(self, store: SharedMemoryStore) -> None:
        self._store = store
        self.is_cut = False

    def __getattr__(self, name: str) -> Any:
        if self.is_cut:
            raise StoreError("the line to the store is cut")
        return getattr(self._store, name)


class Process:
    """Tasks with a line to the store."""

    def __init__(self, name: str, line: Line) -> None:
        self.name = name
        self.line = line
        self.store = cast(SharedStore, line)
        self._tasks: list[asyncio.Task[None]] = []

    def run(self, *jobs: Coroutine[Any, Any, None]) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(job, name=f"{self.name} {number}") for number, job in enumerate(jobs)]

    @property
    def faults(self) -> list[BaseException]:
        """What ended a task of it that should run for ever."""
        ended = [task for task in self._tasks if task.done() and not task.cancelled()]
        return [error for task in ended if (error := task.exception()) is not None]

    async def kill(self) -> None:
        self.line.is_cut = True
        await self.stop()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


class Audit:
    """What must never happen, counted where it would be seen."""

    def __init__(self, clock: Clock, window: float = 10.0) -> None:
        self._clock = clock
        self.checks: Counter[str] = Counter()
        """Checks begun of each record, by key."""
        self.by_vantage: Counter[str] = Counter()
        self.running: dict[str, int] = {}
        """Checks of each record under way at living workers."""
        self.twice = 0
        """Checks begun while the same record was being checked."""
        self.claimed: dict[str, float] = {}
        """When the claim ends under which a record was sent last, until it was checked."""
        self.sent_twice = 0
        """Records sent while an earlier claim stood."""
        self.sent: list[tuple[float, str, int]] = []
        """When a batch was sent, by which scheduler, and how many records were outstanding then."""
        self.begun: deque[float] = deque()
        self._window = window
        self.most_begun = 0
        """Checks begun within ``window`` seconds at most."""

    def send(self, sender: str, batch: Batch) -> None:
        now = self._clock.now()
        for id in batch.ids:
            self.sent_twice += self.claimed.get(id, 0.0) > now
            self.claimed[id] = batch.until
        self.sent.append((now, sender, len(self.claimed)))

    def begin(self, record: Record, vantage: str) -> None:
        now = self._clock.now()
        self.checks[record.key] += 1
        self.by_vantage[vantage] += 1
        self.twice += self.running.get(record.key, 0) > 0
        self.running[record.key] = self.running.get(record.key, 0) + 1
        self.begun.append(now)
        while self.begun[0] <= now - self._window:
            self.begun.popleft()
        self.most_begun = max(self.most_begun, len(self.begun))

    def end(self, record: Record) -> None:
        self.running[record.key] -= 1
        if not self.running[record.key]:
            del self.running[record.key]
        self.claimed.pop(record.id, None)


class Scheduler(Process):
    """Leads or stands by; its index follows the store."""

    def __init__(self, world: ClusterWorld, name: str) -> None:
        super().__init__(name, Line(world.store))
        options, clock = world.options, world.clock
        self.index = Pool(options.pool, world.rng)
        self.recorder = Recorder(self.store, self.index, clock, world.rng, options.check, options.store)
        self.recorder.learns = False
        self.roll = Roll(self.store, clock)
        self.replica = Replica(self.store, self.index, self.recorder, clock)
        self.leading = Leading(self.store, name, options.cluster.leader_lease)

        async def send(vantage: str, batch: Batch) -> None:
            world.audit.send(name, batch)
            world.queues[vantage].put_nowait(batch)

        self.dispatcher = Dispatcher(
            self.store,
            send,
            self.roll,
            clock,
            options.cluster,
            live=lambda: self.index.working,
            rate=options.check.rate,
            agenda=Agenda(self.index, options.check, options.pool.max_share),
        )

    async def start(self) -> None:
        since = await self.replica.load()
        await self.roll.read()
        self.run(self.replica.run(since), self.roll.follow(), self.leading.run(self.dispatcher.run))


class Worker(Process):
    """Takes batches from the queue of its vantage point; ``is_cut_off`` names proxies that are out of its reach."""

    def __init__(self, world: ClusterWorld, name: str, vantage: str, is_cut_off: Callable[[Endpoint], bool]) -> None:
        super().__init__(name, Line(world.store))
        self._world, self.vantage = world, vantage
        options, clock = world.options, world.clock
        judges = SimulatedVantage(clock)
        self.prober = SimulatedProber(world.population, judges, clock, world.rng, options.check.timeout, is_cut_off)
        self.guard = Guard(self, judges, clock, lambda record: False, options.check.concurrency)
        index = NoIndex()
        self.recorder = Recorder(self.store, index, clock, world.rng, options.check, options.store)
        self.recorder.learns = False
        cluster = replace(options.cluster, vantage=vantage)
        self.runner = BatchRunner(self.store, self, judges, self.recorder, index, clock, options.check, cluster, name)
        self.held: dict[str, Record] = {}
        """Checks under way."""

    async def check(self, record: Record, *, full: bool = False) -> CheckResult:
        """``ports.Prober``, under the eyes of the audit."""
        self._world.audit.begin(record, self.vantage)
        self.held[record.key] = record
        try:
            return await self.prober.check(record, full=full)
        finally:
            self.prober.begun.clear()
            if self.held.pop(record.key, None) is not None:
                self._world.audit.end(record)

    async def start(self) -> None:
        self.run(self.recorder.run(), self.runner.run(), self.guard.run(), self._receive())

    def in_hand(self) -> set[str]:
        """Keys of records that it checks, is about to, or has not saved yet."""
        return {*self.runner.interrupted(), *self.recorder.unsaved}

    async def kill(self) -> None:
        """As SIGKILL does: what it had under way is gone, and nobody is told."""
        for record in self.held.values():
            self._world.audit.running.pop(record.key, None)
        self.held.clear()
        await super().kill()

    async def _receive(self) -> None:
        queue = self._world.queues[self.vantage]
        while True:
            await self.runner.take(await queue.get())


class ClusterWorld:
    """What all processes share: time, chance, the store, the queues and the truth about proxies."""

    def __init__(self, clock: Clock, population: Population, options: Options, seed: int) -> None:
        self.clock = clock
        self.population = population
        self.options = options
        self.rng = Random(seed)
        self.store = SharedMemoryStore(clock.now)
        self.queues: dict[str, asyncio.Queue[Batch]] = defaultdict(asyncio.Queue)
        self.audit = Audit(clock)
        self.processes: list[Process] = []

    async def scheduler(self, name: str) -> Scheduler:
        scheduler = Scheduler(self, name)
        self.processes.append(scheduler)
        await scheduler.start()
        return scheduler

    async def worker(
        self, name: str, vantage: str, is_cut_off: Callable[[Endpoint], bool] = lambda endpoint: False
    ) -> Worker:
        worker = Worker(self, name, vantage, is_cut_off)
        self.processes.append(worker)
        await worker.start()
        return worker

    async def close(self) -> None:
        for process in self.processes:
            await process.stop()
        await self.store.close()
