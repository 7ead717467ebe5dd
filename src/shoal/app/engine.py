"""The engine as one set of tasks: started together, torn down together."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from msgspec.structs import replace

from shoal.app.alive import stay_alive
from shoal.app.mirror import open_mirror
from shoal.app.network import Network
from shoal.app.processes import pool_prober
from shoal.app.timed_store import timed_store
from shoal.config import configured_targets
from shoal.domain import Record
from shoal.domain.tally import Tallies
from shoal.engine.agenda import Agenda
from shoal.engine.collector import Collector
from shoal.engine.guard import Guard
from shoal.engine.janitor import Janitor
from shoal.engine.leasing import Leasing
from shoal.engine.on_request import OnRequest
from shoal.engine.pool import Pool as Index
from shoal.engine.recorder import Recorder
from shoal.engine.replica import Replica
from shoal.engine.scheduler import Scheduler
from shoal.engine.service import PoolService
from shoal.engine.source_book import SourceBook
from shoal.engine.target_trial import TargetTrial
from shoal.engine.targets import Targets
from shoal.engine.unproven import Unproven
from shoal.engine.visiting import Visiting
from shoal.engine.way_out import PoolWayOut
from shoal.errors import ShoalError, StoreError
from shoal.options import Options
from shoal.policy.admission import Admission
from shoal.policy.own_ports import OwnPorts
from shoal.policy.source_limits import LimitTable
from shoal.policy.source_use import SourceUse
from shoal.policy.target_rules import TargetRules
from shoal.policy.vantage import STRONG
from shoal.ports import Clock, Prober, Source, Store
from shoal.sources.registry import open_sources
from shoal.sources.shop import Shop

_SECRET = "key-secret"  # noqa: S105 - the name under which the store keeps it
_COUNTS_INTERVAL = 1.0
"""Seconds between looks at the store's sizes."""


@asynccontextmanager
async def run_engine(
    options: Options, net: Network, store: Store, announce: Callable[[str], None]
) -> AsyncIterator[tuple[PoolService, Sequence[Source]]]:
    async with pool_prober(options, net) as prober, _run(options, net, store, announce, prober) as running:
        yield running


@asynccontextmanager
async def _run(
    options: Options, net: Network, store: Store, announce: Callable[[str], None], prober: Prober
) -> AsyncIterator[tuple[PoolService, Sequence[Source]]]:
    check = replace(options.check, concurrency=net.concurrency)
    tallies = Tallies()
    store = timed_store(store, tallies.store)
    secret = await secret_of(store)
    limits = LimitTable.from_options(options.sources)
    index = Index(options.pool, net.rng, uses=SourceUse(limits))
    recorder = Recorder(store, index, net.clock, net.rng, check, options.store, tallies)
    guard = Guard(prober, net.panel, net.clock, partial(is_strong, index, net.clock), net.concurrency)
    scheduler = Scheduler(store, guard, recorder, guard, net.clock, check, Agenda(index, check, options.pool.max_share))
    admission = Admission(net.rules, options.admission, secret, net.own_ports)
    leasing = Leasing(
        store,
        index,
        recorder,
        net.clock,
        options.pool,
        secret,
        lambda: secrets.token_hex(12),
        net.panel,
        # That the network is gone the judges tell some seconds late: until then a gateway in use would fail all it has.
        Unproven(),
    )
    replica = Replica(store, index, recorder, net.clock)
    way_out = PoolWayOut(index, leasing, net.clock)
    sources = open_sources(options.sources, options.admission, net.resolver, way_out=way_out)
    collector = Collector(
        sources, store, admission, net.clock, net.rng, options.sources, options.admission, scheduler.wake, index
    )
    shop = Shop(options.sources, options.admission, net.resolver, way_out=way_out)
    book = SourceBook(store, shop, collector, index, net.clock, options.sources)
    targets = open_targets(options, store, index, recorder, net.clock, net.own_ports)
    visiting = Visiting(targets, net.visitor, index, recorder, guard, net.clock, options.targets)
    service = PoolService(
        book=book,
        store=store,
        pool=index,
        recorder=recorder,
        leasing=leasing,
        clock=net.clock,
        scheduler=scheduler,
        collector=collector,
        vantage=guard,
        on_request=OnRequest(guard, recorder, guard),
        targets=targets,
    )
    service.trial = TargetTrial(net.visitor, index, net.clock)
    mirror = open_mirror(options.mirror, service, announce)
    # Known-good proxies first: a restart serves from memory before anything is asked of the network.
    await recorder.recall()
    await targets.load()
    since = await replica.load()
    janitor = Janitor(store, net.clock, options.pool)
    await janitor.mend(index.records())
    await service.update_counts()
    async with unwrapped(asyncio.TaskGroup()) as tasks:
        running = [
            tasks.create_task(job, name=name)
            for name, job in (
                ("judges", net.panel.run()),
                ("sign of life", stay_alive()),
                ("guard", guard.run()),
                ("recorder", recorder.run()),
                ("collector", collector.run()),
                ("scheduler", scheduler.run()),
                ("replica", replica.run(since)),
                ("janitor", janitor.run()),
                ("targets", visiting.run()),
                ("counts", keep_counting(service, announce)),
                *([] if mirror is None else [("mirror", mirror.run())]),
            )
        ]
        try:
            yield service, sources
        finally:
            for task in running:
                task.cancel()
            await asyncio.wait(running)


def is_strong(index: Index, clock: Clock, record: Record) -> bool:
    now = clock.now()
    return any(path.is_verified and index.forecast(path, now).probability > STRONG for path in record.paths)


def open_targets(
    options: Options, store: Store, index: Index, recorder: Recorder, clock: Clock, own_ports: OwnPorts | None = None
) -> Targets:
    """Those of the settings; ``load`` adds those of the store."""
    rules = TargetRules(options.gateway.allow_target, options.gateway.refused_ports, own_ports)
    configured = configured_targets(options)
    return Targets(store, index, recorder, clock, options.targets, rules.judge, configured)


async def keep_counting(service: PoolService, announce: Callable[[str], None]) -> None:
    """Refresh the sizes and tell the user of each problem once, when it begins."""
    told: frozenset[str] = frozenset()
    try:
        while True:
            await service.update_counts()
            problems = frozenset(service.stats().problems)
            for problem in problems - told:
                announce(problem)
            told = problems
            await asyncio.sleep(_COUNTS_INTERVAL)
    finally:
        with suppress(StoreError):
            await asyncio.shield(service.save_history())


@asynccontextmanager
async def unwrapped(group: asyncio.TaskGroup) -> AsyncIterator[asyncio.TaskGroup]:
    """A TaskGroup whose single user-caused error comes out as itself, so that it can be told in one line."""
    try:
        async with group:
            yield group
    except BaseExceptionGroup as errors:
        known = errors.subgroup(ShoalError)
        if known is not None:
            # The cause stays as it was: the command line reads off it that a port is taken.
            raise known.exceptions[0] from known.exceptions[0].__cause__
        raise


async def secret_of(store: Store) -> bytes:
    """The installation's key for record keys, made at the first start."""
    secret = await store.get_meta(_SECRET)
    if secret is None:
        # Of several processes that start at once on one store all must use the same.
        if await store.swap_meta(_SECRET, None, made := secrets.token_bytes(32)):
            return made
        secret = await store.get_meta(_SECRET)
        assert secret is not None
    return secret
