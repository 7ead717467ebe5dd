"""Claims are sent as batches, as much as workers can take on; the store alone knows what is outstanding."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import pytest
from msgspec.structs import replace

from shoal.cluster.batch import Batch
from shoal.cluster.dispatch import Dispatcher
from shoal.cluster.roll import SILENT, Roll, Word, encode_word
from shoal.domain import Health, Record
from shoal.engine.agenda import Agenda
from shoal.engine.pool import Pool
from shoal.errors import StoreError
from shoal.options import CheckOptions, ClusterOptions, PoolOptions
from shoal.policy.forecast import fold
from shoal.testing.builders import make_admitted, make_path
from shoal.testing.shared_memory import SharedMemoryStore
from shoal.testing.virtual_time import VirtualClock, run_virtual


class Bench:
    """A dispatcher over ``known`` records; workers are words in the store."""

    def __init__(self, pool: Pool | None = None, **options: object) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.store = SharedMemoryStore(self.clock.now)
        self.roll = Roll(self.store, self.clock)
        self.sent: list[tuple[str, Batch]] = []
        self.broken = False
        self.words = 0
        self.options = ClusterOptions(**options)  # type: ignore[arg-type]
        agenda = None if pool is None else Agenda(pool, CheckOptions(), 0.1)
        self.dispatcher = Dispatcher(
            self.store, self.send, self.roll, self.clock, self.options, live=lambda: 42, agenda=agenda
        )

    async def send(self, vantage: str, batch: Batch) -> None:
        if self.broken:
            raise StoreError("the broker is away")
        self.sent.append((vantage, batch))

    async def start(self, known: int) -> None:
        await self.store.open()
        await self.store.add([make_admitted(number) for number in range(1, known + 1)], self.clock.now())
        self.tasks = [
            asyncio.get_running_loop().create_task(job, name="job")
            for job in (self.dispatcher.run(), self.roll.follow())
        ]

    async def worker(self, name: str, concurrency: int, vantage: str = "default", *, healthy: bool = True) -> None:
        self.words += 1
        await self.store.report(name, encode_word(Word(self.words, vantage, concurrency, 0, healthy)), {})

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @property
    def ids(self) -> list[str]:
        return [id for _, batch in self.sent for id in batch.ids]


def test_nothing_is_claimed_while_no_worker_is_there() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.start(10)
        await asyncio.sleep(30.0)
        assert bench.sent == [] and (await bench.store.counts(bench.clock.now())).due == 10
        await bench.stop()

    run_virtual(main())


def test_no_more_is_outstanding_than_workers_take_on() -> None:
    async def main() -> None:
        bench = Bench(batch=50, lease=1000.0)
        await bench.start(1000)
        for _ in range(20):
            await bench.worker("one", 100)
            await asyncio.sleep(1.0)
        assert len(bench.ids) == len(set(bench.ids)) == 150
        assert {len(batch.ids) for _, batch in bench.sent} == {50} and bench.sent[0][1].live == 42
        # What is checked makes room.
        records = await bench.store.confirm(bench.ids[:40], bench.sent[0][1].until, bench.clock.now(), 1000.0)
        await bench.store.save(records[:40])
        await bench.worker("one", 100)
        await asyncio.sleep(2.0)
        assert len(bench.ids) >= 190
        await bench.stop()

    run_virtual(main())


def test_a_batch_whose_worker_is_silent_is_sent_again_after_its_lease() -> None:
    async def main() -> None:
        bench = Bench(lease=30.0)
        await bench.start(20)
        await bench.worker("one", 100)
        await asyncio.sleep(2.0)
        assert len(bench.ids) == 20
        first = bench.sent[0][1]
        for _ in range(31):
            await bench.worker("other", 100)
            await asyncio.sleep(1.0)
        assert sorted(bench.ids) == sorted(2 * [make_admitted(number).id for number in range(1, 21)])
        # The message that went to the silent one is out of date by now.
        assert await bench.store.confirm(first.ids, first.until, bench.clock.now(), 30.0) == []
        await bench.stop()

    run_virtual(main())


def test_workers_that_fall_silent_or_whose_judges_do_not_answer_get_nothing() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        await bench.worker("ill", 100, healthy=False)
        await bench.worker("gone", 100)
        await bench.roll.read()
        assert bench.roll.capacity() == {"default": 100}
        await asyncio.sleep(SILENT)
        await bench.roll.read()
        assert bench.roll.capacity() == {}

    run_virtual(main())


def test_vantage_points_take_turns_by_what_they_take_on() -> None:
    async def main() -> None:
        bench = Bench(batch=10, lease=1000.0)
        await bench.start(900)
        await bench.worker("one", 400, "eu")
        await bench.worker("other", 200, "us")
        await asyncio.sleep(3.0)
        share = {name: sum(vantage == name for vantage, _ in bench.sent) for name in ("eu", "us")}
        assert sum(share.values()) == 90 and share["eu"] == 60
        await bench.stop()

    run_virtual(main())


def test_what_a_broker_does_not_take_is_due_again_at_once() -> None:
    async def main() -> None:
        bench = Bench(lease=1000.0)
        await bench.start(20)
        bench.broken = True
        for _ in range(3):
            await bench.worker("one", 100)
            await asyncio.sleep(1.0)
        assert bench.dispatcher.trouble == "the broker is away"
        bench.broken = False
        for _ in range(5):
            await bench.worker("one", 100)
            await asyncio.sleep(1.0)
        assert len(bench.ids) == 20 and bench.dispatcher.trouble is None
        await bench.stop()

    run_virtual(main())


def test_a_lost_store_is_waited_for() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.start(20)
        bench.store.is_away = True
        await asyncio.sleep(20.0)
        bench.store.is_away = False
        for _ in range(5):
            await bench.worker("one", 100)
            await asyncio.sleep(1.0)
        assert len(bench.ids) == 20
        await bench.stop()

    run_virtual(main())


def tried(record: Record, results: str, now: float, due: float) -> Record:
    """The record with these results, a quarter of an hour apart, the last an hour ago; due so many seconds ago."""
    health = Health()
    for place, result in enumerate(results):
        health = fold(health, result == "+", now - 3_600.0 - 900.0 * (len(results) - 1 - place))
    path = replace(make_path(last_ok=now), health=health)
    return replace(record, paths=(path,), checks=len(results), last_check=now - 3_600.0, next_check=now - due)


@pytest.mark.parametrize(("late", "coins_of_30"), [(100.0, 10), (1.0, 0)])
def test_where_checks_come_late_half_go_to_what_is_worth_most_elsewhere_time_decides(
    late: float, coins_of_30: int
) -> None:
    async def main() -> None:
        pool = Pool(PoolOptions(), Random(1))
        bench = Bench(pool, batch=50, lease=1000.0)
        await bench.start(50)
        now = bench.clock.now()
        # Forty that failed for long have waited longest; ten that come and go have only just fallen due.
        records = await bench.store.claim_due(now, 50, 1.0)
        coins = {record.id for record in records[40:]}
        known = [
            tried(record, "+-++-+", now, 0.0) if record.id in coins else tried(record, "+" + 20 * "-", now, late)
            for record in records
        ]
        await bench.store.save(known)
        for record in known:
            pool.apply(record, now)
        await bench.worker("one", 20)
        await asyncio.sleep(2.0)
        assert len(bench.ids) == len(set(bench.ids)) == 30
        assert len(coins & set(bench.ids)) == coins_of_30
        # The claims of both halves are one and the same to a worker.
        (batch,) = (batch for _, batch in bench.sent)
        assert len(await bench.store.confirm(batch.ids, batch.until, bench.clock.now(), 30.0)) == 30
        await bench.stop()

    run_virtual(main())
