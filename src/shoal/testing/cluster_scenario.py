"""One run of a simulated cluster in which a leader and a worker die and a line is cut, and what it showed."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from shoal.domain import Endpoint, Query
from shoal.options import CheckOptions, ClusterOptions, Options
from shoal.testing.builders import make_admitted
from shoal.testing.cluster_simulation import ClusterWorld, Scheduler
from shoal.testing.population import Life, Population
from shoal.testing.simulation import LAB_ADMISSION
from shoal.testing.virtual_time import EPOCH, VirtualClock

LIVES: Final = (
    Life("stable", 0.01, 172_800.0, 1_200.0),
    Life("session", 0.01, 7_200.0, 14_400.0),
    Life("flapper", 0.02, 900.0, 1_800.0),
    Life("dead", 0.96, 0.0, 1.0),
)
"""1 to 3 % of what lists name works at any moment."""
VANTAGES: Final = ("eu", "us")
WORKERS: Final = 2
"""Workers at each vantage point."""
_CHUNK: Final = 2_000
_LOOK: Final = 0.25
_CUT: Final = 15.0
"""Seconds for which the line of a worker is cut: less than its claims last."""


class Scale(Struct, frozen=True):
    """How much is simulated."""

    known: int
    seconds: float
    """Virtual time."""
    concurrency: int
    """Of each worker."""
    rate: float
    """Checks per second, all together."""
    min_interval: float = 20.0


class Report(Struct):
    """What a run showed. Times are virtual seconds."""

    known: int = 0
    checks: int = 0
    stored: int = 0
    """Checks that the records in the store tell of."""
    unchecked: int = 0
    in_hand: int = 0
    """Checks that the killed worker had under way or not saved yet."""
    outstanding: int = 0
    """Checks under way, or not saved yet, at the end."""
    leaders_at_once: int = 0
    senders: Sequence[str] = ()
    take_over: float = 0.0
    checked_twice: int = 0
    sent_twice: int = 0
    regained: float = 0.0
    """From the death of a worker until everything it had in hand was being checked again."""
    most_outstanding: int = 0
    capacity: int = 0
    most_begun: int = 0
    """Checks begun within ten seconds at most."""
    peaks: dict[str, int] = {}
    by_vantage: dict[str, int] = {}
    listed: dict[str, int] = {}
    """Proxies that the pool would hand out for a vantage point."""
    up: dict[str, float] = {}
    """Share of them that work, seen from there."""
    cut_off: dict[str, float] = {}
    """Share of them that cannot be reached from ``us``."""
    faults: Sequence[str] = ()


def is_cut_off(endpoint: Endpoint) -> bool:
    """Half of all proxies cannot be reached from ``us``."""
    return zlib.crc32(endpoint.host.encode()) % 2 == 0


def options_of(scale: Scale) -> Options:
    check = CheckOptions(concurrency=scale.concurrency, timeout=3.0, rate=scale.rate, min_interval=scale.min_interval)
    return Options(check=check, admission=LAB_ADMISSION, cluster=ClusterOptions(batch=50))


async def simulate(scale: Scale, seed: int = 7) -> Report:
    clock = VirtualClock(asyncio.get_running_loop())
    population = Population(scale.known, seed, EPOCH, LIVES)
    world = ClusterWorld(clock, population, options_of(scale), seed)
    await world.store.open()
    for first in range(1, len(population) + 1, _CHUNK):
        last = min(first + _CHUNK, len(population) + 1)
        await world.store.add([make_admitted(number) for number in range(first, last)], clock.now())
    schedulers = [await world.scheduler(name) for name in ("one", "two")]
    workers = {
        f"{vantage}-{number}": await world.worker(
            f"{vantage}-{number}", vantage, is_cut_off if vantage == "us" else lambda endpoint: False
        )
        for vantage in VANTAGES
        for number in range(WORKERS)
    }
    report = Report(known=len(population), capacity=scale.concurrency * len(workers))
    watching = asyncio.get_running_loop().create_task(_watch(world, schedulers, report), name="watch")
    await asyncio.sleep(0.25 * scale.seconds)
    await _kill_leader(world, schedulers, report)
    # By then all were checked once, and what falls due is checked at once.
    await asyncio.sleep(EPOCH + 0.85 * scale.seconds - clock.now())
    worker = workers["eu-1"]
    before = {key: world.audit.checks[key] for key in worker.in_hand()}
    report.in_hand = len(before)
    died = clock.now()
    await worker.kill()
    while any(world.audit.checks[key] == count for key, count in before.items()):  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(_LOOK)
    report.regained = clock.now() - died
    line = workers["us-1"].line
    line.is_cut = True
    await asyncio.sleep(_CUT)
    line.is_cut = False
    await asyncio.sleep(max(0.0, EPOCH + scale.seconds - clock.now()))
    watching.cancel()
    _judge(world, schedulers, report)
    report.peaks = {name: one.prober.peak for name, one in workers.items()}
    report.outstanding = sum(len(one.in_hand()) for one in workers.values() if one is not worker)
    report.faults = [repr(fault) for process in world.processes for fault in process.faults]
    async for batch in world.store.scan():
        report.stored += sum(record.checks for record in batch)
        report.unchecked += sum(not record.checks for record in batch)
    await world.close()
    return report


async def _watch(world: ClusterWorld, schedulers: Sequence[Scheduler], report: Report) -> None:
    while True:
        leaders = sum(one.leading.is_leader and not one.line.is_cut for one in schedulers)
        report.leaders_at_once = max(report.leaders_at_once, leaders)
        await asyncio.sleep(_LOOK)


async def _kill_leader(world: ClusterWorld, schedulers: Sequence[Scheduler], report: Report) -> None:
    leader = next(one for one in schedulers if one.leading.is_leader)
    died, sent = world.clock.now(), len(world.audit.sent)
    await leader.kill()
    while len(world.audit.sent) == sent:  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(_LOOK)
    report.take_over = world.audit.sent[sent][0] - died


def _judge(world: ClusterWorld, schedulers: Sequence[Scheduler], report: Report) -> None:
    audit, now = world.audit, world.clock.now()
    report.checks = audit.checks.total()
    report.checked_twice, report.sent_twice = audit.twice, audit.sent_twice
    report.most_outstanding = max(outstanding for _, _, outstanding in audit.sent)
    report.most_begun = audit.most_begun
    # One after the other, never in turns.
    report.senders = [name for at, (_, name, _) in enumerate(audit.sent) if not at or audit.sent[at - 1][1] != name]
    report.by_vantage = dict(audit.by_vantage)
    index = next(one for one in schedulers if one.leading.is_leader).index
    for vantage in VANTAGES:
        found = [pick.record.endpoint for pick in index.list(Query(vantage=vantage), now)]
        far = [is_cut_off(endpoint) for endpoint in found]
        reached = [world.population.is_up(one, now) and not (vantage == "us" and is_cut_off(one)) for one in found]
        report.listed[vantage] = len(found)
        report.up[vantage] = sum(reached) / max(1, len(found))
        report.cut_off[vantage] = sum(far) / max(1, len(found))
