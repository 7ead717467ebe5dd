"""The two halves of a pool, and one look at a source: composed here from the parts that ``shoal.app`` composes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing

import structlog

from shoal.app import (
    Pool,
    _bracketed,
    _contacts,
    _engine,
    _gateway,
    _keep_counting,
    _open_api,
    _open_network,
    _secret,
    _unwrapped,
)
from shoal.config.folders import data_folder
from shoal.domain.source import SourceCredit
from shoal.engine.leasing import Leasing
from shoal.engine.pool import Pool as Index
from shoal.engine.recorder import Recorder
from shoal.engine.replica import Replica
from shoal.engine.service import PoolService
from shoal.errors import StoreError
from shoal.gateway import check_bind as check_gateway_bind
from shoal.net.listening import bind_listener
from shoal.net.resolver import SystemResolver
from shoal.options import Options
from shoal.policy.address_rules import AddressRules
from shoal.policy.bind import check_bind, parse_listen
from shoal.policy.source_credit import CreditTally, Lags, worked_once
from shoal.policy.source_limits import LimitTable
from shoal.ports import Source
from shoal.sources.registry import open_named
from shoal.sources.trial import Trial, try_source
from shoal.stores.lock import DataLock
from shoal.stores.open import open_store
from shoal.stores.remote import remote_store
from shoal.stores.serve import serve_store

log = structlog.get_logger("shoal")


@asynccontextmanager
async def open_scheduler(options: Options, *, announce: Callable[[str], None] = log.info) -> AsyncIterator[Pool]:
    """Half of a pool: collects and checks, and lets ``open_server`` of other processes use its store.

    ``api_url`` is empty. Raises the ``ShoalError`` family.
    """
    net = _open_network(options)
    folder = data_folder(options)
    store = open_store(options.store, folder / "shoal.db")
    with DataLock(folder):
        await store.open()
        try:
            async with serve_store(store, folder), _engine(options, net, store, announce) as (service, sources):
                yield Pool(service, "", "", _contacts(net.judges, sources))
        finally:
            await store.close()


@asynccontextmanager
async def open_server(options: Options, *, announce: Callable[[str], None] = log.info) -> AsyncIterator[Pool]:
    """The other half: API and gateway over the store of a scheduler on the same data folder. Contacts nobody
    but for the gateway's clients.

    Feedback and checks of the same proxy within one batch are written by two processes: the later one stands, and one
    observation is lost. It goes on from memory when the scheduler ends, and follows the next one. Raises the
    ``ShoalError`` family.
    """
    check_bind(options.api)
    host, port = parse_listen(options.api.listen)
    check_gateway_bind(options.gateway)
    # Its judges are never asked: checks are the scheduler's affair.
    net = _open_network(options)
    clock, rng = net.clock, net.rng
    store = remote_store(data_folder(options))
    with closing(await bind_listener(host, port, what="API", flag="--api")) as listener:
        await store.open()
        try:
            secret = await _secret(store)
            index = Index(options.pool, rng)
            limits = LimitTable.from_options(options.sources)
            recorder = Recorder(store, index, clock, rng, options.check, options.store, limits)
            leasing = Leasing(store, index, recorder, clock, options.pool, secret, lambda: secrets.token_hex(12))
            replica = Replica(store, index, recorder, clock)
            service = PoolService(store=store, pool=index, recorder=recorder, leasing=leasing, clock=clock)
            await recorder.recall()
            since = await replica.load()
            await service.update_counts()
            async with _unwrapped(asyncio.TaskGroup()) as tasks:
                jobs = (
                    ("recorder", recorder.run()),
                    ("replica", replica.run(since)),
                    ("counts", _keep_counting(service, announce)),
                )
                running = [tasks.create_task(job, name=name) for name, job in jobs]
                try:
                    server = await _open_api(service, options, listener)
                    try:
                        base = f"http://{_bracketed(host)}:{server.port}"
                        async with _gateway(service, options.gateway, net, announce) as gateway:
                            yield Pool(service, base, f"{base}/check/", (), gateway)
                    finally:
                        await server.close()
                finally:
                    for task in running:
                        task.cancel()
                    await asyncio.wait(running)
        finally:
            await store.close()


async def try_all(options: Options, name: str, *, first: int, timeout: float) -> list[Trial]:
    """Read the sources that ``name`` means once, switched on or not; nothing is kept. Raises ``ConfigError``."""
    rules = AddressRules.from_options(options.admission)
    sources = open_named(name, options.sources, options.admission, SystemResolver(rules))
    slots = asyncio.Semaphore(options.sources.concurrency)

    async def tried(source: Source) -> Trial:
        async with slots:
            return await try_source(source, first=first, timeout=timeout)

    async with asyncio.TaskGroup() as tasks:
        trials = [tasks.create_task(tried(source), name=f"source {source.name}") for source in sources]
    return [trial.result() for trial in trials]


async def credits_of(options: Options) -> list[SourceCredit]:
    """What every source was worth, the best first, read off the store beside whoever works on it.

    Raises ``StoreError`` when there is none.
    """
    folder = data_folder(options)
    if options.store.url == "memory:" or (not options.store.url and not (folder / "shoal.db").exists()):
        raise StoreError(f"{options.store.url or folder} holds no pool; start one with `shoal up`")
    store = open_store(options.store, folder / "shoal.db")
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
