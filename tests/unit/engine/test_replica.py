import asyncio
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from msgspec.structs import replace

from shoal.domain import Record, Trust
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.engine.replica import Replica
from shoal.errors import StoreError
from shoal.options import CheckOptions, PoolOptions, StoreOptions
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import make_admitted, make_path
from shoal.testing.fakes import make_success
from shoal.testing.virtual_time import VirtualClock, run_virtual


class Store(MemoryStore):
    """Cannot be read again while ``broken``."""

    broken = False

    async def seq(self) -> int:
        if self.broken:
            raise StoreError("gone")
        return await super().seq()


class Bench:
    """A process that follows a store which others write to."""

    def __init__(self, feed_limit: int = 1000) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.store = Store(feed_limit=feed_limit)
        rng = Random(1)
        self.pool = Pool(PoolOptions(), rng)
        self.recorder = Recorder(self.store, self.pool, self.clock, rng, CheckOptions(), StoreOptions())
        self.replica = Replica(self.store, self.pool, self.recorder, self.clock)

    async def foreign(self, number: int, version: int = 1, **rest: Any) -> Record:
        """Another process adds, checks and saves."""
        now = self.clock.now()
        admitted = make_admitted(number)
        await self.store.add([admitted], now)
        record = await self.store.get_by_key(admitted.key)
        assert record is not None
        record = replace(record, paths=(make_path(last_ok=now),), version=version, next_check=now + 100.0, **rest)
        await self.store.save([record])
        return record

    @asynccontextmanager
    async def following(self) -> Any:
        since = await self.replica.load()
        async with asyncio.TaskGroup() as tasks:
            job = tasks.create_task(self.replica.run(since), name="replica")
            yield
            await asyncio.sleep(0.01)
            job.cancel()


async def settle() -> None:
    await asyncio.sleep(0.01)


def test_what_is_in_the_store_is_in_the_index_from_the_start() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        for number in range(1, 30):
            await bench.foreign(number)
        await bench.store.add([make_admitted(100)], bench.clock.now())
        await bench.replica.load()
        assert len(bench.pool) == 29

    run_virtual(main())


def test_what_others_save_and_delete_shows_here() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        async with bench.following():
            one, other = await bench.foreign(1), await bench.foreign(2)
            await settle()
            assert len(bench.pool) == 2
            await bench.foreign(1, version=2, checks=7)
            await bench.store.delete([other.key], bench.clock.now(), 60.0)
            await settle()
            assert [record.checks for record in bench.pool.records()] == [7]
            assert bench.pool.record(one.key) is not None

    run_virtual(main())


def test_an_older_state_does_not_overwrite_a_newer_one() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        async with bench.following():
            record = await bench.foreign(1, version=5)
            newer = replace(record, version=6, checks=9)
            bench.pool.apply(newer, bench.clock.now())
            await settle()
            assert bench.pool.record(record.key) is newer

    run_virtual(main())


def test_what_sources_change_shows_without_a_new_version() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        async with bench.following():
            record = await bench.foreign(1)
            await settle()
            await bench.store.add([make_admitted(1, trust=Trust.OWN, tags=("mine",), source="import")], 0.0)
            await settle()
            known = bench.pool.record(record.key)
            assert known is not None
            assert (known.trust, known.tags, known.sources) == (Trust.OWN, ("mine",), ("list", "import"))

    run_virtual(main())


def test_our_own_writing_comes_back_and_changes_nothing() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        async with bench.following():
            record = await bench.foreign(1)
            await settle()
            bench.recorder.result(record, make_success(record, bench.clock.now()))
            mine = bench.pool.record(record.key)
            await bench.recorder.flush()
            await settle()
            assert bench.pool.record(record.key) is mine

    run_virtual(main())


def test_a_deleted_proxy_is_not_brought_back_by_news_from_before() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        async with bench.following():
            await asyncio.sleep(1.0)
            record = await bench.foreign(1)
            await asyncio.sleep(1.0)
            # Deleted here, while somebody's save is still on its way through store and feed.
            bench.recorder.forget(record.key)
            await bench.foreign(1, version=2)
            await settle()
            assert bench.pool.record(record.key) is None
            await bench.store.delete([record.key], bench.clock.now(), 0.0)
            await asyncio.sleep(1.0)
            await bench.foreign(1, version=1)
            await settle()
            assert bench.pool.record(record.key) is not None, "another life of the key"

    run_virtual(main())


def test_whoever_missed_too_much_reads_everything_again() -> None:
    async def main() -> None:
        bench = Bench(feed_limit=10)
        await bench.store.open()
        async with bench.following():
            for number in range(1, 101):
                await bench.foreign(number)
            await settle()
            assert len(bench.pool) == 100

    run_virtual(main())


def test_what_went_while_too_much_was_missed_goes_here_too() -> None:
    async def main() -> None:
        bench = Bench(feed_limit=10)
        await bench.store.open()
        async with bench.following():
            for number in range(1, 9):
                await bench.foreign(number)
            await settle()
            await bench.store.delete([make_admitted(1).key], bench.clock.now(), 60.0)
            for number in range(20, 60):
                await bench.foreign(number)
            await settle()
            assert bench.pool.record(make_admitted(1).key) is None
            assert len(bench.pool) == 47

    run_virtual(main())


def test_reading_again_keeps_what_is_newer_here_or_not_saved_yet() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        saved = await bench.foreign(1)
        await bench.store.add([make_admitted(2)], bench.clock.now())
        await bench.replica.load()
        (fresh,) = await bench.store.claim_due(bench.clock.now(), 1, 60.0)
        for record in (saved, fresh):
            bench.recorder.result(record, make_success(record, bench.clock.now()))
        mine = [bench.pool.record(record.key) for record in (saved, fresh)]
        await bench.replica.load()
        assert [bench.pool.record(record.key) for record in (saved, fresh)] == mine
        assert None not in mine

    run_virtual(main())


def test_a_store_that_fails_is_waited_for_and_nothing_is_missed() -> None:
    async def main() -> None:
        bench = Bench(feed_limit=10)
        await bench.store.open()
        async with bench.following():
            bench.store.broken = True
            for number in range(1, 31):
                await bench.foreign(number)
            await asyncio.sleep(5.0)
            assert len(bench.pool) == 0
            bench.store.broken = False
            await asyncio.sleep(1.5)
            assert len(bench.pool) == 30

    run_virtual(main())


def test_it_ends_when_the_store_is_closed() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.replica.run(0), name="replica")
            await settle()
            await bench.store.close()

    run_virtual(main())
