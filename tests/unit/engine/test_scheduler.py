import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from shoal.domain import Blame, CheckResult, Kind, Observation, Record, Scheme, Trust
from shoal.engine.agenda import Agenda
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.engine.scheduler import Scheduler
from shoal.errors import StoreError
from shoal.options import CheckOptions, PoolOptions, StoreOptions
from shoal.policy.schedule import Pressure
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import make_admitted, make_path, make_record
from shoal.testing.fakes import FakeProber, FakeVantage, make_failure, make_success
from shoal.testing.logs import capture_logs
from shoal.testing.virtual_time import VirtualClock, run_virtual


class Store(MemoryStore):
    broken = False
    claims = 0

    async def claim_due(self, now: float, limit: int, lease: float, *, ahead: int | None = None) -> list[Record]:
        self.claims += 1
        await asyncio.sleep(0.001)
        if self.broken:
            raise StoreError("gone")
        return await super().claim_due(now, limit, lease, ahead=ahead)


class Bench:
    """Scheduler and recorder over ``count`` records that are due."""

    def __init__(self, act: Callable[[Record], Awaitable[CheckResult]] | None = None, **options: Any) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.store = Store()
        self.vantage = FakeVantage()
        self.prober = FakeProber(act or self.slowly)
        check = CheckOptions(**options)
        rng = Random(1)
        self.pool = Pool(PoolOptions(), rng)
        self.recorder = Recorder(self.store, self.pool, self.clock, rng, check, StoreOptions())
        agenda = Agenda(self.pool, check, 0.1)
        self.scheduler = Scheduler(self.store, self.prober, self.recorder, self.vantage, self.clock, check, agenda)

    async def slowly(self, record: Record) -> CheckResult:
        await asyncio.sleep(1.0)
        return make_failure(record, self.clock.now())

    async def add(self, numbers: Sequence[int], **rest: Any) -> None:
        await self.store.add([make_admitted(number, **rest) for number in numbers], self.clock.now())

    @asynccontextmanager
    async def running(self, count: int = 0) -> Any:
        await self.store.open()
        await self.add(range(1, count + 1))
        async with asyncio.TaskGroup() as tasks:
            jobs = [
                tasks.create_task(self.recorder.run(), name="recorder"),
                tasks.create_task(self.scheduler.run(), name="scheduler"),
            ]
            try:
                yield self
            finally:
                for job in jobs:
                    job.cancel()
                await asyncio.wait(jobs)

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.prober.begun]


@pytest.mark.parametrize("concurrency", [1, 7, 100])
def test_concurrency_is_used_and_never_exceeded(concurrency: int) -> None:
    async def main() -> None:
        async with Bench(concurrency=concurrency).running(300) as bench:
            await asyncio.sleep(20.0)
            assert bench.prober.peak == concurrency
            assert len(bench.times) >= min(300, 18 * concurrency)
            assert bench.scheduler.in_flight == bench.prober.running

    run_virtual(main())


def test_every_due_record_is_checked_once() -> None:
    async def main() -> None:
        async with Bench(concurrency=50).running(300) as bench:
            await asyncio.sleep(100.0)
            assert sorted(key for _, key in bench.prober.begun) == sorted(
                make_admitted(number).key for number in range(1, 301)
            )

    run_virtual(main())


def test_own_candidates_are_checked_before_public_ones() -> None:
    async def main() -> None:
        bench = Bench(concurrency=1)
        await bench.store.open()
        await bench.add(range(1, 20))
        await bench.add([50], trust=Trust.OWN)
        async with bench.running():
            await asyncio.sleep(0.5)
        assert bench.prober.begun[0][1] == make_admitted(50).key

    run_virtual(main())


def test_nothing_is_started_while_the_vantage_is_unhealthy_and_all_goes_on_afterwards() -> None:
    async def main() -> None:
        async with Bench(concurrency=10).running(500) as bench:
            await asyncio.sleep(5.5)
            bench.vantage.set(False)
            begun = len(bench.times)
            await asyncio.sleep(100.0)
            assert len(bench.times) <= begun + 10, "one batch may be on its way"
            assert bench.scheduler.in_flight == 0
            bench.vantage.set(True)
            await asyncio.sleep(2.5)
            assert len(bench.times) >= begun + 20

    run_virtual(main())


def test_under_a_rate_limit_an_outage_stops_the_batch_in_the_middle() -> None:
    async def main() -> None:
        async with Bench(concurrency=500, rate=10.0).running(500) as bench:
            await asyncio.sleep(3.0)
            bench.vantage.set(False)
            begun = len(bench.times)
            await asyncio.sleep(120.0)
            assert len(bench.times) <= begun + 1
            bench.vantage.set(True)
            await asyncio.sleep(60.0)
            keys = [key for _, key in bench.prober.begun]
            assert len(keys) == len(set(keys)) == 500

    run_virtual(main())


@pytest.mark.parametrize("rate", [0.5, 5.0, 50.0])
def test_the_rate_holds_over_any_window(rate: float) -> None:
    async def main() -> None:
        async with Bench(concurrency=500, rate=rate).running(1000) as bench:
            await asyncio.sleep(60.0)
            times = bench.times
            for window in (1.0, 5.0, 30.0):
                for first, at in enumerate(times):
                    inside = sum(at <= other < at + window for other in times[first:])
                    assert inside <= rate * window + max(1.0, rate) + 1.0
            assert len(times) >= min(1000, rate * 55.0)

    run_virtual(main())


def test_a_slow_rate_does_not_let_claims_run_out_before_their_turn() -> None:
    async def main() -> None:
        async with Bench(concurrency=1000, rate=0.5, timeout=1.0).running(200) as bench:
            await asyncio.sleep(10.0)
            assert (await bench.store.counts(bench.clock.now())).due >= 190, "others may check them meanwhile"
            await asyncio.sleep(290.0)
            keys = [key for _, key in bench.prober.begun]
            assert len(keys) == len(set(keys)) >= 140

    run_virtual(main())


def test_a_fault_in_one_check_ends_no_other_and_rests_its_record() -> None:
    async def main() -> None:
        sick = make_admitted(3).key

        async def act(record: Record) -> CheckResult:
            if record.key == sick:
                raise ZeroDivisionError("a bug")
            await asyncio.sleep(1.0)
            return make_success(record, bench.clock.now())

        bench = Bench(act, concurrency=5, timeout=5.0)
        with capture_logs() as logs:
            async with bench.running(20):
                await asyncio.sleep(600.0)
                assert bench.scheduler.in_flight <= 5
        faults = [entry for entry in logs if entry["log_level"] == "error"]
        assert isinstance(faults[0]["exc_info"], ZeroDivisionError), "with its traceback"
        times = [at for at, key in bench.prober.begun if key == sick]
        assert 2 <= len(times) <= 15
        assert min(later - sooner for sooner, later in pairwise(times)) >= 45.0
        assert len(bench.pool) == 19
        assert bench.scheduler.mishaps.count == len(times)

    run_virtual(main())


def test_a_fault_in_every_check_does_not_fill_the_log() -> None:
    async def main() -> None:
        async def act(record: Record) -> CheckResult:
            raise ZeroDivisionError("a bug")

        bench = Bench(act, concurrency=100)
        with capture_logs() as logs:
            async with bench.running(1000):
                await asyncio.sleep(59.0)
        assert bench.scheduler.mishaps.count >= 1000
        assert len(logs) <= 7

    run_virtual(main())


def test_a_cancelled_check_is_no_mishap() -> None:
    async def main() -> None:
        async with Bench().running(3) as bench:
            await asyncio.sleep(0.5)
        assert bench.scheduler.mishaps.count == 0
        assert bench.prober.running == 0

    run_virtual(main())


def test_claims_are_given_back_at_the_end() -> None:
    async def main() -> None:
        async with Bench(concurrency=10).running(30) as bench:
            await asyncio.sleep(0.5)
            assert (await bench.store.counts(bench.clock.now())).due < 30
        assert (await bench.store.counts(bench.clock.now())).due == 30

    run_virtual(main())


def test_a_lost_store_is_waited_for() -> None:
    async def main() -> None:
        async with Bench(concurrency=5).running(20) as bench:
            bench.store.broken = True
            await asyncio.sleep(30.0)
            assert bench.times == []
            bench.store.broken = False
            await asyncio.sleep(10.0)
            assert len(bench.times) == 20

    run_virtual(main())


def test_new_candidates_are_checked_as_soon_as_somebody_says_so() -> None:
    async def main() -> None:
        async with Bench(concurrency=5).running() as bench:
            for number in range(1, 20):
                await asyncio.sleep(3.0001 * number)
                at = asyncio.get_running_loop().time()
                await bench.add([number])
                bench.scheduler.wake()
                await asyncio.sleep(0.01)
                assert bench.times[-1] - at < 0.01

    run_virtual(main())


def test_a_wake_during_a_claim_is_heard() -> None:
    async def main() -> None:
        async with Bench(concurrency=5).running() as bench:
            while bench.store.claims == 0:
                await asyncio.sleep(0)
            # The claim is under way and has found nothing yet: what is due after its time must not wait for a second.
            await asyncio.sleep(0.0009)
            await bench.add([1])
            bench.scheduler.wake()
            await asyncio.sleep(0.05)
            assert len(bench.times) == 1

    run_virtual(main())


def test_an_idle_scheduler_does_not_hammer_the_store() -> None:
    async def main() -> None:
        async with Bench(concurrency=100).running(50) as bench:
            await asyncio.sleep(10.0)
            claims = bench.store.claims
            await asyncio.sleep(100.0)
            assert bench.store.claims - claims <= 110

    run_virtual(main())


def test_a_check_that_ends_while_there_is_room_anyway_asks_for_no_claim() -> None:
    async def main() -> None:
        chance = Random(1)

        async def act(record: Record) -> CheckResult:
            await asyncio.sleep(10.0 * chance.random())
            return make_failure(record, bench.clock.now())

        bench = Bench(act, concurrency=1000)
        async with bench.running(300):
            await asyncio.sleep(10.0)
        assert len(bench.times) == 300
        assert bench.store.claims <= 20

    run_virtual(main())


def test_a_record_is_checked_again_when_it_falls_due_and_not_before() -> None:
    async def main() -> None:
        async def act(record: Record) -> CheckResult:
            await asyncio.sleep(0.1)
            return make_success(record, bench.clock.now())

        bench = Bench(act, concurrency=5, min_interval=20.0)
        async with bench.running(1):
            await asyncio.sleep(300.0)
        gaps = [later - sooner for sooner, later in pairwise(bench.times)]
        assert gaps
        assert all(20.0 <= gap <= 50.0 for gap in gaps)

    run_virtual(main())


@pytest.mark.parametrize("late", [True, False])
def test_where_checks_come_late_half_go_to_what_is_worth_most_and_none_twice(late: bool) -> None:
    async def main() -> None:
        bench = Bench(concurrency=20, rate=4.0)
        await bench.store.open()
        now = bench.clock.now()
        good = range(1001, 1006)
        await bench.add(good)
        for number in good:
            path = make_path(last_ok=now - 3_600.0)
            record = make_record(number, paths=(path,), checks=1, next_check=now + 9_000.0)
            await bench.store.save([record])
            bench.pool.apply(record, now)
        bench.recorder.pressure = Pressure(4.0 if late else 1.0)
        async with bench.running(500):
            await asyncio.sleep(4.0)
        begun = [key for _, key in bench.prober.begun]
        assert len(begun) == len(set(begun)) > 10
        assert len({make_record(number).key for number in good} & set(begun)) == (len(good) if late else 0)

    run_virtual(main())


def test_the_full_profile_is_asked_for_when_it_is_old() -> None:
    async def main() -> None:
        bench = Bench(concurrency=5, profile_interval=3600.0)
        await bench.store.open()
        await bench.add([1, 2])
        now = bench.clock.now()
        for number, age in ((1, 10.0), (2, 4000.0)):
            record = await bench.store.get_by_key(make_admitted(number).key)
            assert record is not None
            path = replace(make_path(last_ok=now - 1.0), profiled_at=now - age)
            await bench.store.save([replace(record, paths=(path,), next_check=now)])
        async with bench.running():
            await asyncio.sleep(0.5)
        full = dict(zip([key for _, key in bench.prober.begun], bench.prober.full, strict=True))
        assert full == {make_admitted(1).key: False, make_admitted(2).key: True}

    run_virtual(main())


def test_feedback_during_a_check_does_not_start_a_second_one_beside_it() -> None:
    async def main() -> None:
        running: set[str] = set()

        async def act(record: Record) -> CheckResult:
            assert record.key not in running
            running.add(record.key)
            await asyncio.sleep(8.0)
            running.remove(record.key)
            return make_success(record, bench.clock.now())

        bench = Bench(act, concurrency=50, min_interval=20.0)
        async with bench.running(5):
            await asyncio.sleep(30.0)
            for _ in range(200):
                await asyncio.sleep(0.5)
                for record in list(bench.pool.records()):
                    seen = Observation(record.key, Kind.USE, bench.clock.now(), False, Scheme.HTTP, blame=Blame.UNKNOWN)
                    bench.recorder.used(record.key, seen)
        assert bench.scheduler.mishaps.count == 0
        assert len(bench.times) <= 5 * 10

    run_virtual(main())
