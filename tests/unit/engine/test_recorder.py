import asyncio
from collections.abc import Sequence
from random import Random

import pytest
from msgspec.structs import replace

from shoal.domain import Blame, Kind, Observation, Record, Scheme
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.errors import StoreError
from shoal.options import CheckOptions, PoolOptions, StoreOptions
from shoal.ports.store import Swapped
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import make_admitted, make_path, make_record
from shoal.testing.fakes import make_failure, make_success
from shoal.testing.virtual_time import VirtualClock, run_virtual


class CountingStore(MemoryStore):
    """Remembers batches; fails while ``broken``."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.broken = False
        self.answer_lost = False

    async def swap(self, states: Sequence[tuple[int, Record]]) -> Swapped:
        await asyncio.sleep(0.01)
        if self.broken:
            raise StoreError("the disk is full")
        self.batches.append(len(states))
        done = await super().swap(states)
        if self.answer_lost:
            self.answer_lost = False
            raise StoreError("the answer is lost")
        return done


class Bench:
    """A recorder over a store with ``count`` claimed records."""

    def __init__(self, **options: float) -> None:
        self.store = CountingStore()
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.pool = Pool(PoolOptions(), Random(1))
        self.recorder = Recorder(
            self.store,
            self.pool,
            self.clock,
            Random(1),
            CheckOptions(),
            StoreOptions(**options),  # type: ignore[arg-type]
        )

    async def claim(self, count: int) -> list[Record]:
        await self.store.open()
        await self.store.add([make_admitted(number) for number in range(1, count + 1)], self.clock.now())
        return await self.store.claim_due(self.clock.now(), count, 1e6)

    def start(self) -> "asyncio.Task[None]":
        return asyncio.get_running_loop().create_task(self.recorder.run(), name="recorder")

    def works(self, record: Record) -> None:
        self.recorder.result(record, make_success(record, self.clock.now()))

    def fails(self, record: Record) -> None:
        self.recorder.result(record, make_failure(record, self.clock.now()))

    async def saved(self, record: Record) -> Record:
        found = await self.store.get_by_key(record.key)
        assert found is not None
        return found


def used(record: Record, at: float, works: bool, blame: Blame | None = None) -> Observation:
    return Observation(record.key, Kind.USE, at, works, Scheme.HTTP, blame=blame)


async def end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_results_are_in_the_index_at_once_and_in_the_store_within_the_interval() -> None:
    async def main() -> None:
        bench = Bench(batch_interval=0.2)
        records = await bench.claim(10)
        task = bench.start()
        for record in records:
            bench.works(record)
        assert len(bench.pool) == 10
        assert not (await bench.saved(records[0])).is_verified
        await asyncio.sleep(0.25)
        assert bench.store.batches == [10]
        assert all([(await bench.saved(record)).is_verified for record in records])
        assert (bench.recorder.checked, bench.recorder.working) == (10, 10)
        await end(task)

    run_virtual(main())


def test_no_batch_is_larger_than_the_settings_allow() -> None:
    async def main() -> None:
        bench = Bench(batch=40)
        records = await bench.claim(100)
        task = bench.start()
        for record in records:
            bench.works(record)
        await asyncio.sleep(0.1)
        assert bench.store.batches == [40, 40, 20], "a full batch does not wait"
        await end(task)

    run_virtual(main())


def test_a_failing_store_loses_nothing_and_stops_nothing() -> None:
    async def main() -> None:
        bench = Bench()
        records = await bench.claim(60)
        task = bench.start()
        bench.store.broken = True
        for number, record in enumerate(records):
            bench.works(record)
            if number % 10 == 9:
                await asyncio.sleep(0.5)
        # Newer news of a record that waits to be saved.
        bench.recorder.used(records[0].key, used(records[0], bench.clock.now(), True))
        assert len(bench.pool) == 60
        assert bench.store.batches == []
        await asyncio.sleep(5.0)
        assert bench.recorder.trouble == "the disk is full"
        bench.store.broken = False
        await asyncio.sleep(2.0)
        assert sum(bench.store.batches) == 60 and bench.recorder.trouble is None
        saved = [await bench.saved(record) for record in records]
        assert all(record.is_verified for record in saved)
        assert saved[0].paths[0].health.oks == 2
        await end(task)

    run_virtual(main())


def test_what_is_left_is_written_at_the_end() -> None:
    async def main() -> None:
        bench = Bench(batch_interval=5.0)
        records = await bench.claim(3)
        task = bench.start()
        await asyncio.sleep(0)
        for record in records:
            bench.works(record)
        await end(task)
        assert sum(bench.store.batches) == 3

    run_virtual(main())


def test_a_store_that_fails_at_the_end_is_no_accident_of_its_own() -> None:
    async def main() -> None:
        bench = Bench()
        (record,) = await bench.claim(1)
        task = bench.start()
        bench.store.broken = True
        bench.works(record)
        await asyncio.sleep(1.0)
        await end(task)

    run_virtual(main())


def test_a_cancelled_save_is_written_after_all() -> None:
    async def main() -> None:
        bench = Bench(batch_interval=0.1)
        (record,) = await bench.claim(1)
        task = bench.start()
        bench.works(record)
        await asyncio.sleep(0.105)
        await end(task)
        assert (await bench.saved(record)).is_verified

    run_virtual(main())


def test_what_is_deleted_during_its_check_stays_deleted() -> None:
    async def main() -> None:
        bench = Bench()
        records = await bench.claim(2)
        task = bench.start()
        bench.works(records[1])
        await asyncio.sleep(1.0)
        # In this process …
        await bench.store.delete([records[0].key], bench.clock.now(), 60.0)
        bench.recorder.forget(records[0].key)
        bench.works(records[0])
        assert bench.pool.record(records[0].key) is None
        # … and by another one, of which nobody told us.
        await bench.store.delete([records[1].key], bench.clock.now(), 60.0)
        bench.works(records[1])
        await asyncio.sleep(1.0)
        assert await bench.store.get_by_key(records[0].key) is None
        assert await bench.store.get_by_key(records[1].key) is None
        assert len(bench.pool) == 0
        await end(task)

    run_virtual(main())


def test_what_is_listed_again_after_its_deletion_is_checked_at_once() -> None:
    async def main() -> None:
        bench = Bench()
        (old,) = await bench.claim(1)
        task = bench.start()
        await asyncio.sleep(1.0)
        await bench.store.delete([old.key], bench.clock.now(), 60.0)
        bench.recorder.forget(old.key)
        await asyncio.sleep(1.0)
        await bench.store.add([make_admitted(1)], bench.clock.now(), imported=True)
        (new,) = await bench.store.claim_due(bench.clock.now(), 1, 60.0)
        bench.works(old)
        assert bench.pool.record(old.key) is None, "a result of the old life"
        bench.works(new)
        assert bench.pool.record(new.key) is not None
        await asyncio.sleep(1.0)
        assert (await bench.saved(new)).is_verified
        await end(task)

    run_virtual(main())


def test_deletions_are_not_remembered_for_ever() -> None:
    async def main() -> None:
        bench = Bench()
        for number in range(1000):
            bench.recorder.forget(f"key {number}")
            await asyncio.sleep(1.0)
        assert len(bench.recorder._gone) < 100

    run_virtual(main())


def test_feedback_during_a_check_is_not_lost() -> None:
    async def main() -> None:
        bench = Bench()
        (record,) = await bench.claim(1)
        task = bench.start()
        bench.works(record)
        await asyncio.sleep(60.0)
        (claimed,) = await bench.store.claim_due(bench.clock.now(), 1, 60.0)
        for _ in range(3):
            bench.recorder.used(record.key, used(record, bench.clock.now(), False, Blame.PROXY))
            await asyncio.sleep(0.3)
        bench.works(claimed)
        await asyncio.sleep(1.0)
        saved = await bench.saved(record)
        assert (saved.paths[0].health.oks, saved.paths[0].health.bads) == (2, 3)
        assert saved.checks == 2
        assert saved == replace(bench.pool.record(record.key), last_seen=saved.last_seen)  # type: ignore[type-var]
        await end(task)

    run_virtual(main())


def test_feedback_on_what_nobody_knows_is_ignored() -> None:
    async def main() -> None:
        bench = Bench()
        (record,) = await bench.claim(1)
        bench.recorder.used(record.key, used(record, 0.0, True))
        await bench.recorder.flush()
        assert bench.store.batches == []

    run_virtual(main())


def test_failures_are_counted_by_kind_and_do_not_enter_the_index() -> None:
    async def main() -> None:
        bench = Bench()
        records = await bench.claim(3)
        bench.works(records[0])
        bench.fails(records[1])
        bench.fails(records[2])
        assert bench.recorder.failures == {"connect.refused": 2}
        assert (bench.recorder.checked, bench.recorder.working) == (3, 1)
        assert len(bench.pool) == 1
        await bench.recorder.flush()
        due = (await bench.saved(records[1])).next_check
        assert due > bench.clock.now() + 100.0

    run_virtual(main())


def test_news_that_come_while_a_save_fails_are_not_undone_by_it() -> None:
    async def main() -> None:
        bench = Bench(batch_interval=0.1)
        (record,) = await bench.claim(1)
        task = bench.start()
        bench.store.broken = True
        bench.works(record)
        await asyncio.sleep(0.105)
        bench.recorder.used(record.key, used(record, bench.clock.now(), True))
        await asyncio.sleep(1.0)
        bench.store.broken = False
        await asyncio.sleep(3.0)
        assert (await bench.saved(record)).paths[0].health.oks == 2
        await end(task)

    run_virtual(main())


def test_what_another_process_wrote_meanwhile_is_folded_on_and_not_lost() -> None:
    async def run() -> None:
        bench = Bench()
        (record,) = await bench.claim(1)
        # Another process's use of the same proxy, written while the check is under way.
        theirs = replace(make_record(1, paths=(make_path(last_ok=bench.clock.now() - 5.0),), checks=1), version=1)
        await bench.store.save([theirs])
        bench.works(record)
        bench.works(record)
        await bench.recorder.flush()
        saved = await bench.saved(record)
        assert (saved.paths[0].health.oks, saved.checks, saved.version) == (3, 3, 3)
        assert bench.pool.record(record.key).paths == saved.paths  # type: ignore[union-attr]

    run_virtual(run())


def test_a_save_whose_answer_was_lost_is_not_folded_twice() -> None:
    async def run() -> None:
        bench = Bench()
        (record,) = await bench.claim(1)
        bench.works(record)
        bench.store.answer_lost = True
        with pytest.raises(StoreError):
            await bench.recorder.flush()
        await bench.recorder.flush()
        saved = await bench.saved(record)
        assert (saved.paths[0].health.oks, saved.checks, saved.version) == (1, 1, 1)

    run_virtual(run())


def test_news_while_a_save_meets_another_state_are_folded_on_as_well() -> None:
    async def run() -> None:
        bench = Bench()
        (record,) = await bench.claim(1)
        await bench.store.save([replace(record, checks=7, version=7)])
        bench.works(record)
        flushing = asyncio.get_running_loop().create_task(bench.recorder.flush(), name="flush")
        await asyncio.sleep(0.005)
        bench.works(record)
        await flushing
        saved = await bench.saved(record)
        assert (saved.paths[0].health.oks, saved.checks, saved.version) == (2, 9, 9)

    run_virtual(run())


def test_one_that_does_not_learn_leaves_the_model_to_others() -> None:
    async def run() -> None:
        bench = Bench()
        (record,) = await bench.claim(1)
        bench.recorder.learns = False
        before = bench.pool.model
        for _ in range(3):
            bench.works(record)
            await asyncio.sleep(100.0)
            await bench.recorder.flush()
        assert bench.pool.model is before
        assert await bench.store.get_meta("forecast-model") is None

    run_virtual(run())
