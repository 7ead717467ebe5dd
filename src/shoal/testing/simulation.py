"""The whole engine in virtual time over any prober: sources, collector, store, scheduler, recorder, pool, leasing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from random import Random

from shoal.engine.agenda import Agenda
from shoal.engine.collector import Collector
from shoal.engine.janitor import Janitor
from shoal.engine.leasing import Leasing
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.engine.replica import Replica
from shoal.engine.scheduler import Scheduler
from shoal.engine.service import PoolService
from shoal.options import AdmissionOptions, Options
from shoal.policy.address_rules import AddressRules
from shoal.policy.admission import Admission
from shoal.ports import Clock, Prober, Source, Store, Vantage
from shoal.testing.builders import SECRET

LAB_ADMISSION = AdmissionOptions(allow_public=("127.0.0.0/8",), hosts_per_net=256)
"""Admission that lets the simulated addresses in."""


class Engine:
    """All parts, composed as ``shoal.app`` does; ``running`` starts and stops them."""

    def __init__(
        self,
        *,
        store: Store,
        prober: Prober,
        vantage: Vantage,
        clock: Clock,
        rng: Random,
        sources: Sequence[Source] = (),
        options: Options | None = None,
    ) -> None:
        self.options = options or Options(admission=LAB_ADMISSION)
        self.store, self.clock, self.vantage = store, clock, vantage
        check = self.options.check
        limits = self.options.admission
        self.pool = Pool(self.options.pool, rng)
        self.recorder = Recorder(store, self.pool, clock, rng, check, self.options.store)
        self.scheduler = Scheduler(
            store, prober, self.recorder, vantage, clock, check, Agenda(self.pool, check, self.options.pool.max_share)
        )
        admission = Admission(AddressRules.from_options(limits), limits, SECRET)
        self.collector = Collector(
            sources, store, admission, clock, rng, self.options.sources, limits, self.scheduler.wake, self.pool
        )
        numbers = count(1)
        self.leasing = Leasing(
            store,
            self.pool,
            self.recorder,
            clock,
            self.options.pool,
            SECRET,
            lambda: f"lease-{next(numbers)}",
            vantage,
        )
        self.replica = Replica(store, self.pool, self.recorder, clock)
        self.janitor = Janitor(store, clock, self.options.pool)
        self.service = PoolService(
            store=store,
            pool=self.pool,
            recorder=self.recorder,
            leasing=self.leasing,
            clock=clock,
            scheduler=self.scheduler,
            collector=self.collector,
            vantage=vantage,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Every part at work; at the end all are cancelled and waited for. The store is the caller's."""
        await self.recorder.recall()
        since = await self.replica.load()
        await self.janitor.mend(self.pool.records())
        async with asyncio.TaskGroup() as tasks:
            jobs = [
                tasks.create_task(job, name=name)
                for name, job in (
                    ("recorder", self.recorder.run()),
                    ("collector", self.collector.run()),
                    ("scheduler", self.scheduler.run()),
                    ("replica", self.replica.run(since)),
                    ("janitor", self.janitor.run()),
                )
            ]
            try:
                yield
            finally:
                for job in jobs:
                    job.cancel()
                await asyncio.wait(jobs)
