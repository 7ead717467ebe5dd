"""Checking a list once, in this process or on several cores."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from shoal.app.engine import unwrapped
from shoal.app.network import open_network
from shoal.app.processes import checking_processes
from shoal.engine.guard import Guard
from shoal.engine.one_shot import OneShot
from shoal.engine.workers import Workers
from shoal.net.clock import SystemClock
from shoal.options import Options
from shoal.policy.address_rules import AddressRules
from shoal.policy.admission import Admission
from shoal.probe.judges import chosen_judges

_START = 20.0
"""Seconds that processes get to start on a busy machine before it is said that no judge answers."""


@asynccontextmanager
async def open_prober(options: Options) -> AsyncIterator[Guard]:
    """Judges asked, nothing stored: what checks are made with, in this process. Raises the ``ShoalError`` family."""
    net = open_network(options)
    # Nothing is known of a list's entries, so none of them is strong: only shortages of this machine are watched.
    guard = Guard(net.prober, net.panel, net.clock, lambda record: False, net.concurrency)
    async with unwrapped(asyncio.TaskGroup()) as tasks:
        jobs = (("judges", net.panel.run()), ("guard", guard.run()))
        running = [tasks.create_task(job, name=name) for name, job in jobs]
        try:
            yield guard
        finally:
            for task in running:
                task.cancel()


@asynccontextmanager
async def open_checker(options: Options, processes: int = 1) -> AsyncIterator[OneShot]:
    """What ``shoal check`` needs. So many ``processes`` share the concurrency; one checks in this process."""
    rules, concurrency = AddressRules.from_options(options.admission), options.check.concurrency
    admission = Admission(rules, options.admission, secrets.token_bytes(32))
    async with AsyncExitStack() as stack:
        prober: Guard | Workers
        if processes > 1:
            chosen_judges(options.judge, rules.refusal)  # A bad setting is told once, not by each process.
            prober = workers = await stack.enter_async_context(checking_processes(options, concurrency, processes))
            await workers.started(_START)
        else:
            prober = await stack.enter_async_context(open_prober(options))
            concurrency = prober.limit.ceiling
        yield OneShot(prober, admission, prober, SystemClock(), concurrency)
