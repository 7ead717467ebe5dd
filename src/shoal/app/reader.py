"""Looks that start no pool: what the store holds, what the sources say, what they were worth."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from shoal.app.engine import open_targets
from shoal.config.folders import data_folder
from shoal.domain import Candidate
from shoal.domain.source import ListedSource, SourceCredit, SourceTrial
from shoal.engine.kept_sources import KEPT, decoded
from shoal.engine.leasing import Leasing
from shoal.engine.pool import Pool as Index
from shoal.engine.recorder import Recorder
from shoal.engine.replica import Replica
from shoal.engine.service import PoolService
from shoal.errors import StoreError
from shoal.net.clock import SystemClock
from shoal.net.resolver import SystemResolver
from shoal.options import Options
from shoal.policy.address_rules import AddressRules
from shoal.policy.source_credit import CreditTally, Lags, worked_once
from shoal.ports import Harvest, Source, SourceError, SourceState
from shoal.sources.listing import list_sources, listed_table
from shoal.sources.registry import open_named, open_sources
from shoal.sources.trial import try_source
from shoal.stores.open import open_store


@asynccontextmanager
async def open_reader(options: Options) -> AsyncIterator[PoolService]:
    """A pool that only reads what a store holds, beside a running ``shoal up`` or without one."""
    clock, rng = SystemClock(), random.Random(secrets.randbits(64))
    store = open_store(options.store, data_folder(options) / "shoal.db")
    await store.open()
    try:
        index = Index(options.pool, rng)
        recorder = Recorder(store, index, clock, rng, options.check, options.store)
        leasing = Leasing(store, index, recorder, clock, options.pool, b"", lambda: "")
        await recorder.recall()
        targets = open_targets(options, store, index, recorder, clock)
        await targets.load()
        await Replica(store, index, recorder, clock).load()
        service = PoolService(store=store, pool=index, recorder=recorder, leasing=leasing, clock=clock, targets=targets)
        await service.update_counts()
        yield service
    finally:
        await store.close()


async def fetch_all(options: Options, on_source: Callable[[str, Harvest | SourceError], None]) -> list[Candidate]:
    """Read every source once; each outcome is told as it comes. Returns all candidates, in the order of sources."""
    rules = AddressRules.from_options(options.admission)
    sources = open_sources(options.sources, options.admission, SystemResolver(rules))
    slots = asyncio.Semaphore(options.sources.concurrency)

    async def read(source: Source) -> tuple[Candidate, ...]:
        async with slots:
            try:
                harvest = await source.fetch(SourceState(source.name))
            except SourceError as error:
                on_source(source.name, error)
                return ()
        on_source(source.name, harvest)
        return harvest.candidates

    async with asyncio.TaskGroup() as tasks:
        reads = [tasks.create_task(read(source), name=f"source {source.name}") for source in sources]
    return [candidate for done in reads for candidate in done.result()]


async def try_all(options: Options, name: str, *, first: int, timeout: float) -> list[SourceTrial]:
    """Read the sources that ``name`` means once, switched on or not; nothing is kept. Raises ``ConfigError``."""
    rules = AddressRules.from_options(options.admission)
    sources = open_named(name, options.sources, options.admission, SystemResolver(rules))
    slots = asyncio.Semaphore(options.sources.concurrency)

    async def tried(source: Source) -> SourceTrial:
        async with slots:
            return await try_source(source, first=first, timeout=timeout)

    async with asyncio.TaskGroup() as tasks:
        trials = [tasks.create_task(tried(source), name=f"source {source.name}") for source in sources]
    return [trial.result() for trial in trials]


async def credits_of(options: Options) -> list[SourceCredit]:
    """What every source was worth, the best first, read off the store beside whoever works on it.

    Raises ``StoreError`` when there is none.
    """
    if not _holds_a_pool(options):
        where = options.store.url or data_folder(options)
        raise StoreError(f"{where} holds no pool; start one with `shoal up`")
    store = open_store(options.store, data_folder(options) / "shoal.db")
    await store.open()
    try:
        tally, lags = CreditTally(), Lags()
        listed = {name: state.found for name, state in (await store.source_states()).items()}
        async for batch in store.verified():
            for record in batch:
                tally.add(record)
                listed.update(dict.fromkeys((name for name in record.sources if name not in listed), 0))
            # Of what worked more often, nobody remembers when it worked first.
            lags.note([record for record in batch if worked_once(record)])
        return list(tally.credits(listed, lags).values())
    finally:
        await store.close()


async def sources_of(options: Options) -> tuple[ListedSource, ...]:
    """Every source of the settings and the catalogue, and those that were added or switched while the pool ran.

    Without a pool, those of the settings only. Raises ``StoreError`` when there is one that cannot be read.
    """
    listed = list_sources(options.sources)
    if not _holds_a_pool(options):
        return listed
    store = open_store(options.store, data_folder(options) / "shoal.db")
    await store.open()
    try:
        kept = decoded(await store.get_meta(KEPT))
    finally:
        await store.close()
    return kept.whole(listed, lambda own: listed_table(own, own.enabled))


def _holds_a_pool(options: Options) -> bool:
    """Whether there may be one: that of a server shows when it is asked."""
    url = options.store.url
    return url != "memory:" and (bool(url) or (data_folder(options) / "shoal.db").exists())
