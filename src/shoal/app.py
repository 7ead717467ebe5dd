"""Composition root: options to running parts. The only place that knows concrete classes."""

from __future__ import annotations

import asyncio
import gc
import importlib
import random
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from shoal import __version__
from shoal.config.folders import data_folder
from shoal.domain import Candidate, Record
from shoal.engine.collector import Collector
from shoal.engine.guard import Guard
from shoal.engine.janitor import Janitor
from shoal.engine.leasing import Leasing
from shoal.engine.locator import Locator
from shoal.engine.one_shot import CheckedEntry, OneShot
from shoal.engine.pool import Pool as Index
from shoal.engine.recorder import Recorder
from shoal.engine.replica import Replica
from shoal.engine.scheduler import Scheduler
from shoal.engine.service import PoolService
from shoal.engine.way_out import PoolWayOut
from shoal.engine.workers import Workers, open_workers
from shoal.errors import ConfigError, ShoalError
from shoal.gateway import check_bind as check_gateway_bind
from shoal.gateway import serve_gateway
from shoal.geo import open_geo
from shoal.net.clock import SystemClock
from shoal.net.descriptors import fitting_concurrency, raise_limit
from shoal.net.listening import bind_listener
from shoal.net.resolver import SystemResolver
from shoal.options import GatewayOptions, Options
from shoal.policy.address_rules import AddressRules
from shoal.policy.admission import Admission
from shoal.policy.bind import check_bind, parse_listen
from shoal.policy.source_limits import LimitTable
from shoal.policy.target_rules import TargetRules
from shoal.policy.vantage import STRONG
from shoal.ports import Clock, Harvest, Prober, Source, SourceError, SourceState, Store
from shoal.probe.judges import Judge, chosen_judges
from shoal.probe.panel import JudgePanel
from shoal.probe.prober import NetProber
from shoal.sources.registry import open_sources
from shoal.stores.lock import DataLock
from shoal.stores.open import open_store
from shoal.upstream.tls import TlsContexts, make_contexts

if TYPE_CHECKING:
    from shoal.api.server import ApiHandle

__all__ = ["CheckedEntry", "Pool", "data_folder", "fetch_all", "open_checker", "open_pool", "open_reader"]

_SECRET = "key-secret"  # noqa: S105 - the name under which the store keeps it
_COUNTS_INTERVAL = 1.0
"""Seconds between looks at the store's sizes."""

_GATEWAY_GRACE = 1.0
"""Seconds that requests under way get when the pool stops: all of it must end within three."""

log = structlog.get_logger("shoal")


class Pool(Struct):
    """A running pool. ``wait`` returns when ``stop`` is set and raises what stopped it otherwise."""

    service: PoolService
    api_url: str
    judge_url: str
    contacts: tuple[str, ...]
    gateway_url: str | None = None
    """Where clients point HTTP_PROXY at; None when the gateway does not listen."""

    async def wait(self, stop: asyncio.Event) -> None:
        await stop.wait()


class _Network(Struct):
    """What every command that checks needs."""

    rules: AddressRules
    resolver: SystemResolver
    contexts: TlsContexts
    judges: tuple[Judge, ...]
    panel: JudgePanel
    prober: Prober
    clock: Clock
    rng: random.Random
    concurrency: int


def _open_network(options: Options) -> _Network:
    # Records and picks hold no cycles and are kept out of the collector; what is left needs it rarely.
    gc.set_threshold(50_000, 20, 50)
    limit = raise_limit()
    concurrency = fitting_concurrency(options.check.concurrency, limit)
    if concurrency < options.check.concurrency:
        log.warning(
            "fewer checks at once than asked for: the limit on open files is too low",
            wanted=options.check.concurrency,
            used=concurrency,
            limit=limit,
        )
    rules = AddressRules.from_options(options.admission)
    judges = chosen_judges(options.judge, rules.refusal)
    try:
        contexts = make_contexts(options.judge.ca_file)
    except OSError as error:
        raise ConfigError(
            f"--judge-ca {options.judge.ca_file} cannot be read as certificates in PEM form ({error.strerror or error})"
        ) from error
    clock, rng, resolver = SystemClock(), random.Random(secrets.randbits(64)), SystemResolver(rules)
    panel = JudgePanel(judges, options.judge, resolver, clock, _nonce, contexts)
    prober: Prober = NetProber(options.check, panel, resolver, rules.refusal, clock, _nonce, contexts)
    geo = open_geo(options.geo.country, options.geo.asn, data_folder(options) / "geo")
    if geo is not None:
        prober = Locator(prober, geo)
    return _Network(rules, resolver, contexts, judges, panel, prober, clock, rng, concurrency)


def _nonce() -> str:
    return secrets.token_hex(16)


@asynccontextmanager
async def open_pool(options: Options, *, announce: Callable[[str], None] = log.info) -> AsyncIterator[Pool]:
    """Lock, store, engine and API, all started; torn down in reverse order within seconds, with nothing lost.

    ``announce`` is told in sentences what a user should know (no network, no judge). Raises the ``ShoalError`` family.
    """
    check_bind(options.api)
    check_gateway_bind(options.gateway)
    host, port = parse_listen(options.api.listen)
    net = _open_network(options)
    folder = data_folder(options)
    store = open_store(options.store, folder / "shoal.db")
    with DataLock(folder), closing(await bind_listener(host, port, what="API", flag="--api")) as listener:
        await store.open()
        try:
            async with _engine(options, net, store, announce) as (service, sources):
                server = await _open_api(service, options, listener)
                try:
                    base = f"http://{_bracketed(host)}:{server.port}"
                    contacts = _contacts(net.judges, sources)
                    async with _gateway(service, options.gateway, net, announce) as gateway:
                        yield Pool(service, base, f"{base}/check/", contacts, gateway)
                finally:
                    await server.close()
        finally:
            await store.close()


async def _open_api(service: PoolService, options: Options, listener: socket.socket) -> ApiHandle:
    """The API on its port. Its framework takes half a second to load: meanwhile judges and sources are asked."""
    web = await asyncio.to_thread(importlib.import_module, "shoal.api.app")
    server = await asyncio.to_thread(importlib.import_module, "shoal.api.server")
    app = web.build_app(service, options.api, version=__version__, settings=options)
    handle: ApiHandle = await server.serve_api(app, *listener.getsockname()[:2], listener=listener)
    return handle


@asynccontextmanager
async def _gateway(
    service: PoolService, options: GatewayOptions, net: _Network, announce: Callable[[str], None]
) -> AsyncIterator[str | None]:
    """The gateway's URL while it listens. Its usual port may be taken (a second pool, another program): then the pool
    runs without it and says so; a port that the user chose must be had."""
    rules = TargetRules(options.allow_target, options.refused_ports)
    try:
        handle = await serve_gateway(
            service,
            options,
            resolver=net.resolver,
            contexts=net.contexts,
            rng=net.rng,
            target_resolver=SystemResolver(rules.addresses) if options.resolve_here else None,
        )
    except ConfigError:
        raise
    except ShoalError as error:
        if options.listen != GatewayOptions().listen:
            raise
        announce(f"there is no gateway: {error}")
        yield None
        return
    try:
        yield f"{'https' if options.tls_cert else 'http'}://{_bracketed(handle.host)}:{handle.port}"
    finally:
        await handle.close(_GATEWAY_GRACE)


@asynccontextmanager
async def _engine(
    options: Options, net: _Network, store: Store, announce: Callable[[str], None]
) -> AsyncIterator[tuple[PoolService, Sequence[Source]]]:
    check = replace(options.check, concurrency=net.concurrency)
    secret = await _secret(store)
    index = Index(options.pool, net.rng)
    limits = LimitTable.from_options(options.sources)
    recorder = Recorder(store, index, net.clock, net.rng, check, options.store, limits)
    guard = Guard(net.prober, net.panel, net.clock, partial(_is_strong, index, net.clock), net.concurrency)
    scheduler = Scheduler(store, guard, recorder, guard, net.clock, check)
    admission = Admission(net.rules, options.admission, secret)
    leasing = Leasing(store, index, recorder, net.clock, options.pool, secret, lambda: secrets.token_hex(12), net.panel)
    replica = Replica(store, index, recorder, net.clock)
    way_out = PoolWayOut(index, leasing, net.clock)
    sources = open_sources(options.sources, options.admission, net.resolver, way_out=way_out)
    collector = Collector(
        sources, store, admission, net.clock, net.rng, options.sources, options.admission, scheduler.wake, index
    )
    service = PoolService(
        store=store,
        pool=index,
        recorder=recorder,
        leasing=leasing,
        clock=net.clock,
        scheduler=scheduler,
        collector=collector,
        vantage=guard,
    )
    # Known-good proxies first: a restart serves from memory before anything is asked of the network.
    await recorder.recall()
    since = await replica.load()
    await service.update_counts()
    async with _unwrapped(asyncio.TaskGroup()) as tasks:
        running = [
            tasks.create_task(job, name=name)
            for name, job in (
                ("judges", net.panel.run()),
                ("guard", guard.run()),
                ("recorder", recorder.run()),
                ("collector", collector.run()),
                ("scheduler", scheduler.run()),
                ("replica", replica.run(since)),
                ("janitor", Janitor(store, net.clock, options.pool).run()),
                ("counts", _keep_counting(service, announce)),
            )
        ]
        try:
            yield service, sources
        finally:
            for task in running:
                task.cancel()
            await asyncio.wait(running)


def _is_strong(index: Index, clock: Clock, record: Record) -> bool:
    now = clock.now()
    return any(path.is_verified and index.forecast(path, now).probability > STRONG for path in record.paths)


async def _keep_counting(service: PoolService, announce: Callable[[str], None]) -> None:
    """Refresh the sizes and tell the user of each problem once, when it begins."""
    told: frozenset[str] = frozenset()
    while True:
        await service.update_counts()
        problems = frozenset(service.stats().problems)
        for problem in problems - told:
            announce(problem)
        told = problems
        await asyncio.sleep(_COUNTS_INTERVAL)


@asynccontextmanager
async def _unwrapped(group: asyncio.TaskGroup) -> AsyncIterator[asyncio.TaskGroup]:
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


@asynccontextmanager
async def open_prober(options: Options) -> AsyncIterator[Guard]:
    """Judges asked, nothing stored: what checks are made with, in this process. Raises the ``ShoalError`` family."""
    net = _open_network(options)
    # Nothing is known of a list's entries, so none of them is strong: only shortages of this machine are watched.
    guard = Guard(net.prober, net.panel, net.clock, lambda record: False, net.concurrency)
    async with _unwrapped(asyncio.TaskGroup()) as tasks:
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
            share = replace(options.check, concurrency=-(-concurrency // processes))
            hello = msgspec.msgpack.encode(replace(options, check=share))
            chosen_judges(options.judge, rules.refusal)  # A bad setting is told once, not by each process.
            workers = open_workers((sys.executable, "-m", "shoal.cli.worker"), hello, processes)
            prober = await stack.enter_async_context(workers)
        else:
            prober = await stack.enter_async_context(open_prober(options))
            concurrency = prober.limit.ceiling
        yield OneShot(prober, admission, prober, SystemClock(), concurrency)


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
        await Replica(store, index, recorder, clock).load()
        service = PoolService(store=store, pool=index, recorder=recorder, leasing=leasing, clock=clock)
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


async def _secret(store: Store) -> bytes:
    """The installation's key for record keys, made at the first start."""
    secret = await store.get_meta(_SECRET)
    if secret is None:
        secret = secrets.token_bytes(32)
        await store.set_meta(_SECRET, secret)
    return secret


def _contacts(judges: Sequence[Judge], sources: Sequence[Source]) -> tuple[str, ...]:
    names = [f"judge {judge.host}" for judge in judges]
    names += [f"source {source.contacts}" for source in sources]
    return tuple(dict.fromkeys(names))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
