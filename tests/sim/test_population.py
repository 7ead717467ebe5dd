"""Twelve hours of a flapping population: what the engine promises, held against the simulated truth."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from random import Random

import pytest
from msgspec import Struct
from msgspec.structs import replace

from shoal.domain import Query
from shoal.options import CheckOptions, Options
from shoal.ports import Harvest, SourceState
from shoal.stores.memory import MemoryStore
from shoal.testing.fakes import FakeSource, make_candidates
from shoal.testing.population import LIVES, Life, Population, SimulatedProber, SimulatedVantage
from shoal.testing.simulation import LAB_ADMISSION, Engine
from shoal.testing.virtual_time import EPOCH, VirtualClock, run_virtual

# One worker makes the simulation that all tests of this file look at; a loaded machine may take minutes for it.
pytestmark = [pytest.mark.xdist_group("test_population"), pytest.mark.timeout(900)]

HOUR = 3600.0
SIZE = 2000
CHECK = CheckOptions(concurrency=200, timeout=5.0, rate=40.0, min_interval=180.0, max_interval=HOUR)
"""Half a day must take less than a minute of CPU: some 150,000 checks."""
KEEN = replace(CHECK, min_interval=30.0)
OUTAGE = (EPOCH + 6 * HOUR, EPOCH + 6.5 * HOUR)
WARM_UP = HOUR
"""Seconds after which picks are scored: two checks of a flapper are needed before anything is known of it."""


class Report(Struct):
    """What one run showed."""

    digest: str = ""
    picks: int = 0
    good: int = 0
    empty: int = 0
    late_picks: int = 0
    late_good: int = 0
    up_share: float = 0.0
    checks: dict[str, list[float]] = {}
    peak: int = 0
    begun: list[float] = []
    pool_before: int = 0
    pool_after: int = 0
    health_unchanged: bool = False
    begun_in_outage: int = 0
    first_after: float = 0.0
    served: list[str] = []


async def simulate(
    seed: int,
    hours: float,
    outage: bool,
    lives: tuple[Life, ...] = LIVES,
    *,
    size: int = SIZE,
    check: CheckOptions = CHECK,
) -> Report:
    clock = VirtualClock(asyncio.get_running_loop())
    population = Population(size, seed, EPOCH, lives)
    vantage = SimulatedVantage(clock, (OUTAGE,) if outage else ())
    rng = Random(seed)
    prober = SimulatedProber(population, vantage, clock, rng)
    candidates = make_candidates(range(1, len(population) + 1))

    async def fetch(state: SourceState) -> Harvest:
        return Harvest(candidates)

    store = MemoryStore()
    await store.open()
    options = Options(check=check, admission=LAB_ADMISSION)
    engine = Engine(
        store=store,
        prober=prober,
        vantage=vantage,
        clock=clock,
        rng=rng,
        sources=[FakeSource("list", fetch)],
        options=options,
    )
    report = Report(checks={}, begun=[], served=[])
    digest = hashlib.sha256()

    async def use() -> None:
        """One pick every ten seconds, scored at once."""
        while True:
            await asyncio.sleep(10.0)
            now = clock.now()
            pick = engine.service.pick(Query())
            digest.update(f"{now:.6f} {pick.record.id if pick else '-'}\n".encode())
            if now < EPOCH + WARM_UP:
                continue
            report.picks += 1
            report.empty += pick is None
            if pick is not None:
                report.good += population.is_up(pick.record.endpoint, now)
                report.served.append(pick.record.id)

    async def watch_outage() -> None:
        # From when the vantage has noticed it to its end.
        await asyncio.sleep(OUTAGE[0] + 30.0 - clock.now())
        before = {record.key: [path.health for path in record.paths] for record in engine.pool.records()}
        report.pool_before = engine.pool.working
        await asyncio.sleep(OUTAGE[1] - 1.0 - clock.now())
        after = {record.key: [path.health for path in record.paths] for record in engine.pool.records()}
        report.pool_after = engine.pool.working
        report.health_unchanged = before == after

    async with engine.running(), asyncio.TaskGroup() as tasks:
        jobs = [tasks.create_task(use(), name="user"), tasks.create_task(vantage.run(), name="vantage")]
        if outage:
            jobs.append(tasks.create_task(watch_outage(), name="watch"))
        await asyncio.sleep(hours * HOUR)
        for job in jobs:
            job.cancel()
    await store.close()
    report.digest = digest.hexdigest()
    report.peak = prober.peak
    by_key: dict[str, list[float]] = defaultdict(list)
    for at, key in prober.begun:
        by_key[key].append(at)
        report.begun.append(at)
    report.checks = dict(by_key)
    report.up_share = population.up(clock.now()) / len(population)
    return report


@pytest.fixture(scope="module")
def half_day() -> Report:
    return run_virtual(simulate(7, 12.0, outage=True))


def test_picks_work_at_the_moment_they_are_handed_out(half_day: Report) -> None:
    rate = half_day.good / half_day.picks
    print(f"{half_day.good}/{half_day.picks} picks up ({rate:.3f}), {half_day.up_share:.3f} of all are up")
    assert half_day.picks > 3900
    assert half_day.empty == 0
    assert rate >= 0.8


def test_picks_work_even_where_no_proxy_is_stable() -> None:
    # A flapper that was up at its last check, two minutes ago at most, still is with exp(-120/900) = 0.87, and one
    # that has just turned up is not believed yet: below 0.8 the forecast would be worse than the last check alone.
    restless = (Life("flapper", 0.25, 900.0, 1_800.0), Life("coin", 0.35, 120.0, 3_600.0), Life("dead", 0.4, 0.0, 1.0))
    # Three populations, since what one of them happens to be like moves each figure by some hundredths.
    reports = [
        run_virtual(simulate(seed, 1.5, outage=False, lives=restless, size=1000, check=KEEN)) for seed in (7, 8, 9)
    ]
    picks, good = sum(report.picks for report in reports), sum(report.good for report in reports)
    distinct = [len(set(report.served)) for report in reports]
    print(f"{good}/{picks} picks up, {distinct} distinct, {[report.up_share for report in reports]} of all are up")
    assert good / picks >= 0.8
    assert not any(report.empty for report in reports)
    # A pool that goes back to the same few serves a tenth of its picks from different proxies, or less; one that always
    # takes the best within the largest share of 0.02 gives each proxy four of 180 picks, a quarter are different ones.
    assert sum(distinct) >= 0.24 * picks


def test_picks_are_spread_over_many_proxies(half_day: Report) -> None:
    for start in range(0, len(half_day.served) - 1200, 1200):
        served = half_day.served[start : start + 1200]
        assert len(set(served)) >= 30
        assert max(served.count(one) for one in set(served)) <= 0.2 * len(served)


def test_every_listed_proxy_is_checked_at_least_every_max_interval(half_day: Report) -> None:
    assert len(half_day.checks) == SIZE
    end = EPOCH + 12 * HOUR
    # A pause of all checks is no starvation; a due check may wait for its turn under the rate.
    slack = OUTAGE[1] - OUTAGE[0] + 15.0
    queue = 2 * SIZE / CHECK.rate
    for times in half_day.checks.values():
        assert times[0] - EPOCH <= queue
        for before, after in zip(times, [*times[1:], end], strict=True):
            spans_outage = before < OUTAGE[1] + 15.0 and after > OUTAGE[0]
            assert after - before <= CHECK.max_interval + CHECK.timeout + queue + (slack if spans_outage else 0.0)


def test_concurrency_and_rate_stay_within_their_budgets(half_day: Report) -> None:
    assert 0 < half_day.peak <= CHECK.concurrency
    begun = half_day.begun
    assert begun == sorted(begun)
    for window in (1.0, 10.0, 60.0):
        first = 0
        for last, at in enumerate(begun):
            while begun[first] <= at - window:
                first += 1
            assert last - first + 1 <= CHECK.rate * window + CHECK.rate + 1


def test_an_outage_of_the_judges_demotes_nobody_and_pauses_checks(half_day: Report) -> None:
    assert half_day.pool_before > 100
    assert half_day.pool_after == half_day.pool_before
    assert half_day.health_unchanged
    noticed = OUTAGE[0] + 15.0
    assert not [at for at in half_day.begun if noticed < at < OUTAGE[1] + 15.0]


def test_checks_resume_within_a_minute_after_an_outage(half_day: Report) -> None:
    after = [at for at in half_day.begun if at >= OUTAGE[1]]
    assert after[0] - OUTAGE[1] <= 60.0
    assert sum(at <= OUTAGE[1] + 60.0 for at in after) > 500


def test_the_same_seed_gives_the_same_picks() -> None:
    first = run_virtual(simulate(3, 0.5, outage=False))
    again = run_virtual(simulate(3, 0.5, outage=False))
    other = run_virtual(simulate(4, 0.5, outage=False))
    assert first.digest == again.digest
    assert first.digest != other.digest
