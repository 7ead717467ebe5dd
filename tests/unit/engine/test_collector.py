import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from shoal.domain import Refused, Trust
from shoal.engine.collector import Collector
from shoal.engine.pool import Pool
from shoal.errors import StoreError
from shoal.options import AdmissionOptions, PoolOptions, SourceOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.admission import Admission
from shoal.ports import Added, Admitted, Harvest, SourceError, SourceState
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import SECRET, make_admitted
from shoal.testing.fakes import FakeSource, make_candidates
from shoal.testing.logs import capture_logs
from shoal.testing.simulation import LAB_ADMISSION
from shoal.testing.virtual_time import EPOCH, VirtualClock, run_virtual


class Store(MemoryStore):
    broken = False

    async def add(
        self, batch: Sequence[Admitted], now: float, *, imported: bool = False, capacity: int | None = None
    ) -> Added:
        if self.broken:
            raise StoreError("gone")
        return await super().add(batch, now, imported=imported, capacity=capacity)

    async def save_source_state(self, state: SourceState) -> None:
        if self.broken:
            raise StoreError("gone")
        await super().save_source_state(state)


class Bench:
    def __init__(
        self, *sources: FakeSource, store: Store | None = None, limits: AdmissionOptions = LAB_ADMISSION, **options: Any
    ) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.store = store or Store()
        self.woken = 0
        self.collector = Collector(
            sources,
            self.store,
            Admission(AddressRules.from_options(limits), limits, SECRET),
            self.clock,
            Random(1),
            SourceOptions(**options),
            limits,
            self.wake,
        )

    def wake(self) -> None:
        self.woken += 1

    @asynccontextmanager
    async def running(self) -> Any:
        await self.store.open()
        async with asyncio.TaskGroup() as tasks:
            job = tasks.create_task(self.collector.run(), name="collector")
            try:
                yield self
            finally:
                job.cancel()

    async def known(self) -> int:
        return (await self.store.counts(self.clock.now())).known


def listing(*numbers: int, **rest: Any) -> FakeSource:
    async def fetch(state: SourceState) -> Harvest:
        return Harvest(make_candidates(numbers), etag="tag")

    return FakeSource(rest.pop("name", "list"), fetch, **rest)


def raising(error: BaseException, name: str = "bad") -> FakeSource:
    async def fetch(state: SourceState) -> Harvest:
        raise error

    return FakeSource(name, fetch)


def hanging(name: str = "hung") -> FakeSource:
    async def fetch(state: SourceState) -> Harvest:
        await asyncio.Event().wait()
        raise AssertionError

    return FakeSource(name, fetch)


def test_what_sources_bring_is_in_the_store_at_once() -> None:
    async def main() -> None:
        async with Bench(listing(1, 2, 3), listing(3, 4, name="other", trust=Trust.OWN)).running() as bench:
            await asyncio.sleep(0.1)
            assert await bench.known() == 4
            record = await bench.store.get_by_key(make_admitted(3).key)
            assert record is not None
            assert record.sources == ("list", "other")
            assert record.trust is Trust.OWN
            assert bench.woken == 2
            assert bench.collector.first_round.is_set()
            state = bench.collector.states["list"]
            assert (state.found, state.new, state.etag, state.error) == (3, 3, "tag", None)

    run_virtual(main())


def test_a_source_is_read_again_in_its_interval_and_less_often_while_it_brings_nothing_new() -> None:
    async def main() -> None:
        source = listing(1, interval=100.0)
        async with Bench(source).running():
            await asyncio.sleep(5_000.0)
        gaps = [later - sooner for sooner, later in pairwise(source.runs)]
        assert 100.0 <= gaps[0] <= 110.0
        assert gaps == sorted(gaps) or max(gaps) >= 800.0
        assert max(gaps) <= 880.0 + 1e-6

    run_virtual(main())


@pytest.mark.parametrize("network", [True, False])
def test_a_failing_source_is_asked_ever_more_rarely_and_says_why(network: bool) -> None:
    async def main() -> None:
        source = raising(SourceError("no such host", network=network))
        async with Bench(source).running() as bench:
            await asyncio.sleep(5_000.0)
            state = bench.collector.states["bad"]
            assert state.error == "no such host"
            assert state.failures == len(source.runs)
            assert bench.collector.reachable == {"bad": not network}
            assert bench.collector.first_round.is_set()
            assert (await bench.store.source_states())["bad"] == state
        gaps = [later - sooner for sooner, later in pairwise(source.runs)]
        assert all(later > 1.7 * sooner for sooner, later in pairwise(gaps))

    run_virtual(main())


def test_a_page_without_proxies_counts_as_a_failure() -> None:
    async def main() -> None:
        async with Bench(listing()).running() as bench:
            await asyncio.sleep(0.1)
            state = bench.collector.states["list"]
            assert state.failures == 1
            assert state.error is not None
            assert bench.collector.reachable == {"list": True}

    run_virtual(main())


def test_a_source_that_raises_hurts_no_other() -> None:
    async def main() -> None:
        bad = raising(ZeroDivisionError("a bug"))
        with capture_logs() as logs:
            async with Bench(bad, listing(1, 2)).running() as bench:
                await asyncio.sleep(2_000.0)
                assert await bench.known() == 2
                assert bench.collector.states["bad"].failures == len(bad.runs) > 1
                assert "fault" in (bench.collector.states["bad"].error or "")
        assert any(isinstance(entry.get("exc_info"), ZeroDivisionError) for entry in logs)

    run_virtual(main())


def test_sources_that_hang_hurt_no_other_even_where_all_share_one_slot() -> None:
    async def main() -> None:
        hung = hanging()
        async with Bench(hung, listing(1, 2), concurrency=1, timeout=30.0).running() as bench:
            await asyncio.sleep(299.0)
            assert not bench.collector.first_round.is_set()
            await asyncio.sleep(2.0)
            assert await bench.known() == 2
            assert bench.collector.first_round.is_set()
            assert "300 s" in (bench.collector.states["hung"].error or "")
            assert bench.collector.reachable == {"hung": False, "list": True}

    run_virtual(main())


def test_no_more_sources_are_read_at_once_than_allowed() -> None:
    async def main() -> None:
        running = peak = 0

        async def fetch(state: SourceState) -> Harvest:
            nonlocal running, peak
            running += 1
            peak = max(peak, running)
            await asyncio.sleep(1.0)
            running -= 1
            return Harvest()

        sources = [FakeSource(f"list {number}", fetch) for number in range(10)]
        async with Bench(*sources, concurrency=3).running():
            await asyncio.sleep(10.0)
        assert peak == 3

    run_virtual(main())


def test_a_nudge_runs_every_source_now() -> None:
    async def main() -> None:
        sources = [listing(1, interval=10_000.0), listing(2, name="other", interval=10_000.0)]
        async with Bench(*sources).running() as bench:
            await asyncio.sleep(50.0)
            bench.collector.refresh()
            await asyncio.sleep(0.1)
            assert [source.runs for source in sources] == [[0.0, 50.0]] * 2

    run_virtual(main())


def test_no_sources_are_a_finished_first_round() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            await asyncio.sleep(0.1)
            assert bench.collector.first_round.is_set()

    run_virtual(main())


def test_what_a_restart_finds_fresh_is_not_read_again_and_unknown_sources_are_forgotten() -> None:
    async def main() -> None:
        store = Store()
        await store.open()
        await store.save_source_state(SourceState("list", last_success=EPOCH - 100.0, next_run=EPOCH + 200.0))
        await store.save_source_state(
            SourceState("failing", last_success=EPOCH - 100.0, next_run=EPOCH + 200.0, failures=2)
        )
        await store.save_source_state(SourceState("removed", refused={"private": 9}))
        fresh, failing = listing(1), listing(2, name="failing")
        async with Bench(fresh, failing, store=store).running() as bench:
            await asyncio.sleep(100.0)
            assert fresh.runs == []
            assert failing.runs == [0.0]
            assert bench.collector.reachable["list"]
            assert set(bench.collector.states) == {"list", "failing"}
            await asyncio.sleep(101.0)
            assert fresh.runs == [200.0]

    run_virtual(main())


def test_an_unchanged_list_keeps_what_is_known_of_it() -> None:
    async def main() -> None:
        seen: list[SourceState] = []

        async def fetch(state: SourceState) -> Harvest:
            seen.append(state)
            return Harvest(unchanged=True) if state.etag else Harvest(make_candidates([1]), etag="tag")

        async with Bench(FakeSource("list", fetch)).running() as bench:
            await asyncio.sleep(1_000.0)
            state = bench.collector.states["list"]
        assert seen[0].etag is None
        assert {state.etag for state in seen[1:]} == {"tag"}
        assert (state.found, state.new, state.failures) == (1, 0, 0)
        assert state.idle >= 1

    run_virtual(main())


def test_refusals_are_counted_by_reason() -> None:
    async def main() -> None:
        limits = AdmissionOptions(allow_public=("127.0.0.0/8",), hosts_per_net=256, capacity=4)

        async def fetch(state: SourceState) -> Harvest:
            return Harvest(make_candidates([1, 1, 2, 3, 4, 5, 6]), refused={"malformed": 2})

        bench = Bench(FakeSource("list", fetch), limits=limits)
        await bench.store.open()
        await bench.store.add([make_admitted(2)], EPOCH)
        await bench.store.delete([make_admitted(2).key], EPOCH, 1000.0)
        async with bench.running():
            await asyncio.sleep(0.1)
            assert bench.collector.states["list"].refused == {
                "malformed": 2,
                Refused.DUPLICATE.value: 1,
                Refused.TOMBSTONE.value: 1,
                Refused.FULL.value: 1,
            }
            assert await bench.known() == 4

    run_virtual(main())


def test_a_lost_store_is_waited_for_and_the_site_is_not_asked_again() -> None:
    async def main() -> None:
        source = listing(1, 2)
        bench = Bench(source)
        bench.store.broken = True
        async with bench.running():
            await asyncio.sleep(60.0)
            assert source.runs == [0.0]
            bench.store.broken = False
            await asyncio.sleep(1.5)
            assert await bench.known() == 2
            assert source.runs == [0.0]
            assert (await bench.store.source_states())["list"].found == 2

    run_virtual(main())


def test_whoever_imports_is_told_that_the_store_is_lost() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        bench.store.broken = True
        with pytest.raises(StoreError):
            await bench.collector.admit(make_candidates([1]), source="import", trust=Trust.OWN, imported=True)

    run_virtual(main())


def test_an_import_lifts_a_tombstone() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        await bench.store.add([make_admitted(1)], EPOCH)
        await bench.store.delete([make_admitted(1).key], EPOCH, 1000.0)
        added, refused, found = await bench.collector.admit(
            make_candidates([1]), source="import", trust=Trust.OWN, imported=True
        )
        assert (added.new, dict(refused), found) == (1, {}, 1)

    run_virtual(main())


def test_caps_per_host_are_forgotten_daily_so_that_lists_may_change() -> None:
    async def main() -> None:
        day = 0

        async def fetch(state: SourceState) -> Harvest:
            numbers = range(day * 20 + 1, day * 20 + 21)
            return Harvest(make_candidates(numbers))

        limits = AdmissionOptions(allow_public=("127.0.0.0/8",), hosts_per_net=20)
        async with Bench(FakeSource("list", fetch, interval=3600.0), limits=limits).running() as bench:
            await asyncio.sleep(60.0)
            assert await bench.known() == 20
            day = 1
            await asyncio.sleep(7_200.0 * 2)
            assert await bench.known() == 20
            await asyncio.sleep(2 * 86_400.0)
            assert await bench.known() == 40

    run_virtual(main())


def heavy(size: int, **rest: Any) -> FakeSource:
    async def fetch(state: SourceState) -> Harvest:
        if rest.get("fails"):
            raise SourceError("x.example sent more than 10 bytes.", wire_bytes=size)
        return Harvest(make_candidates([1]), wire_bytes=size, bytes_read=size)

    return FakeSource("heavy", fetch, interval=3600.0)


@pytest.mark.parametrize("fails", [False, True])
def test_a_source_that_has_used_up_its_bytes_rests_until_the_next_day(fails: bool) -> None:
    async def main() -> None:
        source = heavy(600, fails=fails)
        async with Bench(source, fetch_budget_bytes=1024).running() as bench:
            midnight = (bench.clock.now() // 86_400 + 1) * 86_400
            await asyncio.sleep(midnight - bench.clock.now() - 1.0)
            state = bench.collector.states["heavy"]
            assert len(source.runs) == 2 and state.day_bytes == 1200
            assert state.error == "it has used up its 1024 bytes of today"
            assert midnight <= state.next_run <= midnight + 600
            failures = state.failures
            await asyncio.sleep(700)
            state = bench.collector.states["heavy"]
            assert len(source.runs) == 3 and state.day_bytes == 600
            assert state.failures == (failures + 1 if fails else 0)

    run_virtual(main())


def test_what_a_file_holds_costs_the_network_nothing() -> None:
    async def main() -> None:
        async def fetch(state: SourceState) -> Harvest:
            return Harvest(make_candidates([1]), bytes_read=10**9)

        source = FakeSource("file", fetch, trust=Trust.OWN, interval=3600.0)
        async with Bench(source, fetch_budget_bytes=1024).running() as bench:
            await asyncio.sleep(36_000)
            assert len(source.runs) > 8 and bench.collector.states["file"].day_bytes == 0

    run_virtual(main())


def test_tags_of_a_source_reach_its_records() -> None:
    async def main() -> None:
        async def fetch(state: SourceState) -> Harvest:
            return Harvest(make_candidates([1]), tags=("paid",))

        async with Bench(FakeSource("tagged", fetch)).running() as bench:
            await bench.collector.first_round.wait()
            records = [record async for batch in bench.store.scan() for record in batch]
            assert [record.tags for record in records] == [("paid",)]

    run_virtual(main())


def test_without_a_pool_there_is_no_credit_and_with_one_every_source_has_some() -> None:
    async def main() -> None:
        bench = Bench(listing(1, 2))
        assert bench.collector.credits() == {}
        bench.collector = Collector(
            (listing(1, 2), listing(name="empty")),
            bench.store,
            Admission(AddressRules.from_options(LAB_ADMISSION), LAB_ADMISSION, SECRET),
            bench.clock,
            Random(1),
            SourceOptions(),
            LAB_ADMISSION,
            bench.wake,
            Pool(PoolOptions(), Random(1)),
        )
        async with bench.running():
            await bench.collector.first_round.wait()
            assert {name: credit.listed for name, credit in bench.collector.credits().items()} == {
                "list": 2,
                "empty": 0,
            }

    run_virtual(main())
