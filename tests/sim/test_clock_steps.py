"""The machine's clock is set back and forward by an hour while the engine works: checks and picks go on."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from msgspec import Struct

from shoal.domain import Query
from shoal.net.clock import SystemClock
from shoal.options import CheckOptions, Options
from shoal.ports import Harvest, SourceState
from shoal.stores.memory import MemoryStore
from shoal.testing.fakes import FakeSource, make_candidates
from shoal.testing.population import Population, SimulatedProber, SimulatedVantage
from shoal.testing.simulation import LAB_ADMISSION, Engine
from shoal.testing.virtual_time import EPOCH, VirtualClock, run_virtual

MINUTE = 60.0
SIZE = 300
CHECK = CheckOptions(concurrency=100, timeout=5.0, min_interval=30.0, max_interval=900.0)


class Machine:
    """Wall time that can be set."""

    def __init__(self) -> None:
        self.true = VirtualClock(asyncio.get_running_loop())
        self.ahead = 0.0

    def wall(self) -> float:
        return self.true.now() + self.ahead


class Seen(Struct):
    """``checks`` and ``picks`` (found) of the ten minutes before and after the step."""

    checks: tuple[int, int]
    picks: tuple[int, int]


async def pool(store: MemoryStore, machine: Machine, population: Population) -> tuple[Engine, SimulatedProber]:
    rng = Random(5)
    candidates = make_candidates(range(1, len(population) + 1))

    async def fetch(state: SourceState) -> Harvest:
        return Harvest(candidates)

    clock = SystemClock(machine.wall, asyncio.get_running_loop().time)
    vantage = SimulatedVantage(clock, ())
    prober = SimulatedProber(population, vantage, clock, rng)
    options = Options(check=CHECK, admission=LAB_ADMISSION)
    sources = [FakeSource("list", fetch)]
    engine = Engine(store=store, prober=prober, vantage=vantage, clock=clock, rng=rng, sources=sources, options=options)
    return engine, prober


async def step_while_running(step: float) -> Seen:
    machine, store = Machine(), MemoryStore()
    await store.open()
    engine, prober = await pool(store, machine, Population(SIZE, 3, EPOCH))

    async def ten_minutes() -> tuple[int, int]:
        checks, found = len(prober.begun), 0
        for _ in range(60):
            await asyncio.sleep(10.0)
            found += engine.service.pick(Query()) is not None
        return len(prober.begun) - checks, found

    async with engine.running():
        await asyncio.sleep(20 * MINUTE)
        before = await ten_minutes()
        machine.ahead = step
        after = await ten_minutes()
    await store.close()
    return Seen((before[0], after[0]), (before[1], after[1]))


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_checks_and_picks_go_on_when_the_clock_is_set(step: float) -> None:
    seen = run_virtual(step_while_running(step))
    # After a step forward all knowledge is an hour old, so the first picks may find nothing fresh enough.
    assert seen.picks[0] == 60
    assert seen.picks[1] >= 55
    assert seen.checks[0] > 0
    assert 0.5 < seen.checks[1] / seen.checks[0] < 4.0


async def restart_an_hour_earlier() -> tuple[int, int]:
    """Verified records, and how many of them were checked in the ten minutes after the restart."""
    machine, store = Machine(), MemoryStore()
    await store.open()
    population = Population(SIZE, 3, EPOCH)
    machine.ahead = 3600.0
    engine, _ = await pool(store, machine, population)
    async with engine.running():
        await asyncio.sleep(20 * MINUTE)
    verified = {record.key for record in engine.pool.records()}
    machine.ahead = 0.0
    engine, prober = await pool(store, machine, population)
    async with engine.running():
        await asyncio.sleep(10 * MINUTE)
    await store.close()
    return len(verified), len(verified & {key for _, key in prober.begun})


def test_what_a_fast_clock_left_behind_is_checked_at_once_after_a_restart() -> None:
    verified, checked = run_virtual(restart_an_hour_earlier())
    assert verified > 10
    assert checked == verified
