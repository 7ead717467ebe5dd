"""Runner: what a worker does with a batch. Checks, folds and saves; nothing central grows with checks per second."""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec.structs import replace

from shoal.cluster.batch import Batch
from shoal.cluster.roll import REPORT_INTERVAL, News, Word, encode_word
from shoal.domain import CheckResult, Record
from shoal.engine.mishaps import Mishaps
from shoal.engine.recorder import Recorder
from shoal.engine.scheduler import BEARABLE
from shoal.engine.turns import wait_turn
from shoal.errors import StoreError
from shoal.log import Log
from shoal.options import CheckOptions, ClusterOptions
from shoal.policy.forecast import BUILT_IN
from shoal.policy.learning import Model
from shoal.policy.pacing import TokenBucket
from shoal.policy.schedule import pressed, profile_is_due
from shoal.policy.source_use import SourceUse
from shoal.ports import Clock, Prober, Vantage
from shoal.ports.cluster import SharedStore

_MODEL_INTERVAL: Final = 15.0
"""Seconds between two looks at what the scheduler has learned."""

log = Log("shoal.worker")


class NoIndex:
    """What a recorder keeps its records in where none are picked: nowhere. ``working`` is told by the scheduler."""

    def __init__(self, uses: SourceUse | None = None) -> None:
        self.model: Model = BUILT_IN
        self.working = 0
        self.uses = SourceUse() if uses is None else uses

    def record(self, key: str) -> Record | None:
        return None

    def apply(self, record: Record, now: float) -> None:
        pass

    def remove(self, key: str) -> bool:
        return False


class BatchRunner:
    """Takes batches one after the other; ``take`` returns when there is room for the next."""

    def __init__(
        self,
        store: SharedStore,
        prober: Prober,
        vantage: Vantage,
        recorder: Recorder,
        index: NoIndex,
        clock: Clock,
        check: CheckOptions,
        options: ClusterOptions,
        name: str,
    ) -> None:
        self._store = store
        self._prober = prober
        self._vantage = vantage
        self._recorder = recorder
        self._index = index
        self._clock = clock
        self._check_options = check
        self._options = options
        self._name = name
        # A check that is still under way must not be given to another worker.
        self._lease = max(options.lease, 1.5 * check.timeout + 5.0)
        # What waits in the queue comes at once when a worker has been away: its network must not be flooded.
        self._bucket = TokenBucket(check.rate, check.rate) if check.rate else None
        self._claimed: dict[str, Record] = {}
        self._free = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._word = 0
        self._news = News(recorder)
        self.mishaps = Mishaps()
        self.is_heard = False
        """Whether its last word reached the store."""
        self.dropped = 0
        """Checks that were no longer wanted when their batch came."""

    @property
    def in_flight(self) -> int:
        return len(self._claimed)

    async def take(self, batch: Batch) -> None:
        """Start its checks. What is out of date is dropped: the store knows."""
        tasks = self._tasks
        if tasks is None or not batch.is_readable or not self._vantage.healthy:
            self.dropped += len(batch.ids)
            return
        while self.in_flight and self.in_flight + len(batch.ids) > self._check_options.concurrency:
            self._free.clear()
            await self._free.wait()
        try:
            records = await self._store.confirm(batch.ids, batch.until, self._clock.now(), self._lease)
        except StoreError as error:
            # It falls due again.
            log.warning("a batch cannot be read from the store", error=str(error))
            return
        self.dropped += len(batch.ids) - len(records)
        self._index.working = batch.live
        self._recorder.pressure = pressed(self._recorder.pressure, records, self._clock.now(), BEARABLE)
        for record in records:
            if record.key not in self._claimed:
                if self._bucket is not None:
                    await wait_turn(self._bucket)
                self._claimed[record.key] = record
                tasks.create_task(self._check(record), name=f"check {record.id}")

    async def _check(self, record: Record) -> None:
        try:
            full = profile_is_due(record, self._clock.now(), self._check_options)
            result = await self._prober.check(record, full=full)
            self._recorder.result(record, self._seen_from_here(result))
        except Exception as error:  # noqa: BLE001 - one record that trips a fault of ours must not end all checks
            self.mishaps.note("a check was not finished", error, record=record.id)
        finally:
            del self._claimed[record.key]
            self._free.set()

    def _seen_from_here(self, result: CheckResult) -> CheckResult:
        vantage = self._options.vantage
        return replace(result, observations=tuple(replace(seen, vantage=vantage) for seen in result.observations))

    async def run(self) -> None:
        """Until cancelled; then what is under way is given back."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._report(), name="worker report")
                tasks.create_task(self._learn(), name="worker model")
        finally:
            self._tasks = None
            await asyncio.shield(self._leave())

    def interrupted(self) -> tuple[str, ...]:
        """Keys whose checks are under way."""
        return tuple(self._claimed)

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._store.report(self._name, b"", self._news.take())
        except (StoreError, TimeoutError):
            log.info("the store is not told that this worker ends; it will notice")

    async def give_back(self, keys: tuple[str, ...]) -> None:
        """Checks that were not finished are due again at once."""
        try:
            async with asyncio.timeout(1.0):
                await self._store.unclaim(keys)
        except (StoreError, TimeoutError):
            log.info("claims are not given back, they run out by themselves", count=len(keys))

    async def _report(self) -> None:
        while True:
            self._word += 1
            vantage, limit = self._options.vantage, self._check_options.concurrency
            word = Word(self._word, vantage, limit, self.in_flight, self._vantage.healthy)
            news = self._news.take()
            try:
                await self._store.report(self._name, encode_word(word), news)
                self.is_heard = True
            except StoreError:
                self.is_heard = False
                # Counted again with the next word.
                self._news.put_back(news)
            await asyncio.sleep(REPORT_INTERVAL)

    async def _learn(self) -> None:
        while True:
            try:
                await self._recorder.recall()
            except StoreError:
                log.info("what was learned cannot be read, the last model stands")
            await asyncio.sleep(_MODEL_INTERVAL)
