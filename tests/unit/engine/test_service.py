import asyncio
from random import Random
from typing import Any

from msgspec.structs import replace

from shoal.domain import Query, Trust
from shoal.domain.stats import Stats
from shoal.errors import StoreError
from shoal.options import Options
from shoal.ports import Counts, Harvest, JudgeStatus, SourceError, SourceState
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import make_admitted, make_path, make_record
from shoal.testing.fakes import FakeProber, FakeSource, FakeVantage, make_candidates, make_failure, make_success
from shoal.testing.simulation import LAB_ADMISSION, Engine
from shoal.testing.virtual_time import EPOCH, VirtualClock, run_virtual


class Store(MemoryStore):
    broken = False

    async def counts(self, now: float) -> Counts:
        if self.broken:
            raise StoreError("the disk is full")
        return await super().counts(now)


class Bench:
    def __init__(self, *sources: FakeSource) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.store = Store()
        self.vantage = FakeVantage()
        self.prober = FakeProber(self.even_works)
        self.engine = Engine(
            store=self.store,
            prober=self.prober,
            vantage=self.vantage,
            clock=self.clock,
            rng=Random(1),
            sources=sources,
            options=Options(admission=LAB_ADMISSION),
        )
        self.service = self.engine.service

    async def even_works(self, record: Any) -> Any:
        await asyncio.sleep(0.5)
        works = int(record.endpoint.host.rpartition(".")[2]) % 2 == 0
        return (make_success if works else make_failure)(record, self.clock.now())

    async def stats(self) -> Stats:
        await self.service.update_counts()
        return self.service.stats()


def listing(count: int) -> FakeSource:
    async def fetch(state: SourceState) -> Harvest:
        return Harvest(make_candidates(range(1, count + 1)), refused={"malformed": 3})

    return FakeSource("list", fetch)


def failing() -> FakeSource:
    async def fetch(state: SourceState) -> Harvest:
        raise SourceError("no such host", network=True)

    return FakeSource("gone", fetch)


def test_stats_tell_what_happened() -> None:
    async def main() -> None:
        bench = Bench(listing(40), failing())
        await bench.store.open()
        async with bench.engine.running():
            await bench.service.update_counts()
            await asyncio.sleep(5.0)
            assert bench.service.pick(Query()) is not None
            assert bench.service.pick(Query(trusts=frozenset({Trust.OWN}))) is None
            stats = await bench.stats()
        assert (stats.known, stats.verified, stats.working, stats.unchecked) == (40, 20, 20, 0)
        assert (stats.checked_total, stats.failures) == (40, {"connect.refused": 20})
        assert stats.checks_per_second == 8.0
        assert (stats.picks_total, stats.picks_failed) == (2, 1)
        assert stats.by_scheme == {"http": 20}
        assert stats.by_source == {"list": 20}
        assert stats.refused == {"malformed": 3}
        assert (stats.sources_ok, stats.sources_total) == (1, 2)
        assert stats.problems == ()
        assert stats.started_at == EPOCH

    run_virtual(main())


def test_checks_per_second_are_those_of_the_last_ten_seconds() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        for second in range(100):
            bench.engine.recorder.checked += 5 if second >= 50 else 1000
            await bench.service.update_counts()
            await asyncio.sleep(1.0)
        assert bench.service.stats().checks_per_second == 5.0

    run_virtual(main())


def test_ready_means_that_a_default_pick_would_find_something() -> None:
    async def main() -> None:
        bench = Bench(listing(4))
        await bench.store.open()
        assert bench.service.ready() == (False, "no proxy has passed a check yet; checks are running")
        async with bench.engine.running():
            await asyncio.sleep(2.0)
            assert bench.service.ready()[0]
            assert (await bench.stats()).picks_total == 0, "asking is no pick"

    run_virtual(main())


def test_with_no_source_reachable_the_first_problem_says_so() -> None:
    async def main() -> None:
        bench = Bench(failing())
        await bench.store.open()
        assert bench.service.stats().problems == (), "nothing is a problem before it was tried"
        async with bench.engine.running():
            await asyncio.sleep(1.0)
            ready, why = bench.service.ready()
        assert not ready
        assert "0 of 1 sources reachable" in why

    run_virtual(main())


def test_a_judge_that_fails_is_named() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        bench.vantage.judges = (
            JudgeStatus("http://127.0.0.1/check/", "shoal", True, False, "refused", 0.0123, checked_at=EPOCH),
        )
        bench.vantage.set(False)
        stats = bench.service.stats()
        assert not stats.vantage_healthy
        assert stats.judges[0].latency_ms == 12.3
        assert "http://127.0.0.1/check/: refused" in stats.problems[0]

    run_virtual(main())


def test_a_failing_store_leaves_the_last_sizes_and_is_told() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        await bench.store.add([make_admitted(1)], EPOCH)
        assert (await bench.stats()).known == 1
        bench.store.broken = True
        stats = await bench.stats()
        assert stats.known == 1
        assert stats.store_error == "the disk is full"
        assert "the disk is full" in stats.problems[0]
        bench.store.broken = False
        assert (await bench.stats()).problems == ()
        # It can be read, but not written.
        bench.engine.recorder.trouble = "the disk is full"
        assert "the disk is full" in (await bench.stats()).problems[0]

    run_virtual(main())


def test_lists_counts_and_single_records() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        await bench.store.add([make_admitted(number) for number in range(1, 9)], EPOCH)
        for number in range(1, 6):
            path = make_path(last_ok=EPOCH)
            bench.engine.pool.apply(make_record(number, paths=(path,)), EPOCH)
        assert len(bench.service.list(Query(limit=2))) == 2
        assert bench.service.count(Query(limit=2)) == 5
        verified = await bench.service.get(make_record(1).id)
        assert verified is not None
        assert verified.is_verified, "the newest state, not what was saved last"
        assert bench.service.forecast(verified.paths[0]).probability > 0.2
        dead = await bench.service.get(make_record(8).id)
        assert dead is not None
        assert not dead.is_verified
        assert await bench.service.get("0" * 16) is None
        assert await bench.service.delete(dead.id) == 1

    run_virtual(main())


def test_refresh_runs_all_sources() -> None:
    async def main() -> None:
        source = listing(1)
        bench = Bench(source)
        await bench.store.open()
        async with bench.engine.running():
            await asyncio.sleep(10.0)
            await bench.service.refresh()
            await asyncio.sleep(1.0)
        assert source.runs == [0.0, 10.0]

    run_virtual(main())


def test_without_collector_and_scheduler_there_is_still_an_answer() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        service = type(bench.service)(
            store=bench.store,
            pool=bench.engine.pool,
            recorder=bench.engine.recorder,
            leasing=bench.engine.leasing,
            clock=bench.clock,
        )
        await service.refresh()
        stats = service.stats()
        assert (stats.sources_total, stats.judges, stats.vantage_healthy) == (0, (), True)
        assert replace(stats, started_at=0.0) == Stats()

    run_virtual(main())
