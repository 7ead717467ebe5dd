"""A running pool, whole or in two halves: lock, store, engine, faces, torn down in reverse order."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, nullcontext
from urllib.parse import urlsplit

from msgspec import Struct

from shoal.app.alive import stay_alive
from shoal.app.engine import keep_counting, open_targets, run_engine, secret_of, unwrapped
from shoal.app.faces import open_faces
from shoal.app.network import open_network
from shoal.app.shared import Shared, open_shared
from shoal.app.timed_store import timed_store
from shoal.config.folders import data_folder
from shoal.domain.tally import Tallies
from shoal.engine.collector import Collector
from shoal.engine.leasing import Leasing
from shoal.engine.pool import Pool as Index
from shoal.engine.recorder import Recorder
from shoal.engine.replica import Replica
from shoal.engine.service import PoolService
from shoal.engine.source_book import SourceBook
from shoal.engine.unproven import Unproven
from shoal.gateway import check_bind as check_gateway_bind
from shoal.log import Log
from shoal.net.listening import bind_listener
from shoal.options import Options
from shoal.policy.admission import Admission
from shoal.policy.bind import check_bind, parse_listen
from shoal.policy.source_limits import LimitTable
from shoal.policy.source_use import SourceUse
from shoal.ports import Source
from shoal.ports.gateway import GatewayDoor
from shoal.probe.judges import Judge
from shoal.sources.shop import Shop
from shoal.stores.lock import DataLock
from shoal.stores.open import is_shared, open_store
from shoal.stores.remote import remote_store
from shoal.stores.serve import serve_store

log = Log("shoal")

Origins = Mapping[str, str]
"""Where each setting that is given comes from, for ``/v1/settings``."""
_NONE: Origins = {}


class Pool(Struct):
    """A running pool. ``wait`` returns when ``stop`` is set and raises what stopped it otherwise."""

    service: PoolService
    api_url: str
    judge_url: str
    contacts: tuple[str, ...]
    gateway_url: str | None = None
    """Where clients point HTTP_PROXY at; None when the gateway does not listen."""
    gateway: GatewayDoor | None = None
    """Where the gateway is found that runs."""
    refuse: Callable[[], None] = lambda: None
    """Answer nothing new, so that stopping gets its turn. Sets attributes only: a signal handler may call it."""

    async def wait(self, stop: asyncio.Event) -> None:
        await stop.wait()


@asynccontextmanager
async def open_pool(
    options: Options, *, announce: Callable[[str], None] = log.info, origins: Origins = _NONE
) -> AsyncIterator[Pool]:
    """Lock, store, engine and API, all started; torn down in reverse order within seconds, with nothing lost.

    ``announce`` is told in sentences what a user should know (no network, no judge). Raises the ``ShoalError`` family.
    """
    if is_shared(options.store.url):
        async with open_shared(options, announce, origins, schedules=True, serves=True) as shared:
            yield _of(shared)
        return
    check_bind(options.api)
    check_gateway_bind(options.gateway)
    host, port = parse_listen(options.api.listen)
    net = open_network(options)
    folder = data_folder(options)
    store = open_store(options.store, folder / "shoal.db")
    with DataLock(folder), closing(await bind_listener(host, port, what="API", flag="--api")) as listener:
        await store.open()
        try:
            async with (
                serve_store(store, folder) if options.gateway.processes > 1 else nullcontext(),
                run_engine(options, net, store, announce) as (service, sources),
            ):
                contacts = contacts_of(net.judges, sources, options.mirror.url)
                async with open_faces(service, options, net, listener, origins, announce) as faces:
                    judge = f"{faces.base}/check/"
                    yield Pool(service, faces.base, judge, contacts, faces.gateway, faces.door, faces.refuse)
        finally:
            await store.close()


@asynccontextmanager
async def open_scheduler(
    options: Options, *, announce: Callable[[str], None] = log.info, origins: Origins = _NONE
) -> AsyncIterator[Pool]:
    """Half of a pool: collects and checks, and lets ``open_server`` of other processes use its store.

    ``api_url`` is empty. Raises the ``ShoalError`` family.
    """
    if is_shared(options.store.url):
        async with open_shared(options, announce, origins, schedules=True, serves=False) as shared:
            yield _of(shared)
        return
    net = open_network(options)
    folder = data_folder(options)
    store = open_store(options.store, folder / "shoal.db")
    with DataLock(folder):
        await store.open()
        try:
            async with serve_store(store, folder), run_engine(options, net, store, announce) as (service, sources):
                yield Pool(service, "", "", contacts_of(net.judges, sources, options.mirror.url))
        finally:
            await store.close()


@asynccontextmanager
async def open_server(
    options: Options, *, announce: Callable[[str], None] = log.info, origins: Origins = _NONE
) -> AsyncIterator[Pool]:
    """The other half: API and gateway over the store of a scheduler on the same data folder. Contacts nobody
    but for the gateway's clients.

    It goes on from memory when the scheduler ends, and follows the next one. Raises the
    ``ShoalError`` family.
    """
    if is_shared(options.store.url):
        async with open_shared(options, announce, origins, schedules=False, serves=True) as shared:
            yield _of(shared)
        return
    check_bind(options.api)
    host, port = parse_listen(options.api.listen)
    check_gateway_bind(options.gateway)
    # Its judges are never asked: checks are the scheduler's affair.
    net = open_network(options)
    clock, rng = net.clock, net.rng
    tallies = Tallies()
    store = timed_store(remote_store(data_folder(options)), tallies.store)
    with closing(await bind_listener(host, port, what="API", flag="--api")) as listener:
        await store.open()
        try:
            secret = await secret_of(store)
            limits = LimitTable.from_options(options.sources)
            index = Index(options.pool, rng, uses=SourceUse(limits))
            recorder = Recorder(store, index, clock, rng, options.check, options.store, tallies)
            leasing = Leasing(
                store,
                index,
                recorder,
                clock,
                options.pool,
                secret,
                lambda: secrets.token_hex(12),
                unproven=Unproven(),
            )
            replica = Replica(store, index, recorder, clock)
            targets = open_targets(options, store, index, recorder, clock, net.own_ports)
            book = SourceBook(
                store,
                Shop(options.sources, options.admission, net.resolver),
                None,
                index,
                clock,
                options.sources,
            )
            # Reads no source: what is imported here enters by the same door as everything else.
            admission = Admission(net.rules, options.admission, secret)
            importer = Collector((), store, admission, clock, rng, options.sources, options.admission, lambda: None)
            service = PoolService(
                store=store,
                pool=index,
                recorder=recorder,
                leasing=leasing,
                clock=clock,
                book=book,
                targets=targets,
                importer=importer,
            )
            await recorder.recall()
            await targets.load()
            since = await replica.load()
            await service.update_counts()
            async with unwrapped(asyncio.TaskGroup()) as tasks:
                jobs = (
                    ("recorder", recorder.run()),
                    ("replica", replica.run(since)),
                    ("sign of life", stay_alive()),
                    ("targets", targets.follow()),
                    ("counts", keep_counting(service, announce)),
                )
                running = [tasks.create_task(job, name=name) for name, job in jobs]
                try:
                    async with open_faces(service, options, net, listener, origins, announce) as faces:
                        judge = f"{faces.base}/check/"
                        yield Pool(service, faces.base, judge, (), faces.gateway, faces.door, faces.refuse)
                finally:
                    for task in running:
                        task.cancel()
                    await asyncio.wait(running)
        finally:
            await store.close()


def _of(shared: Shared) -> Pool:
    contacts = contacts_of(shared.judges, shared.sources, None)
    url = f"{shared.api_url}/check/" if shared.api_url else ""
    return Pool(shared.service, shared.api_url, url, contacts, shared.gateway_url, shared.gateway, shared.refuse)


def contacts_of(judges: Sequence[Judge], sources: Sequence[Source], mirror: str | None) -> tuple[str, ...]:
    names = [f"judge {judge.host}" for judge in judges]
    names += [f"source {source.contacts}" for source in sources]
    if mirror is not None:
        names.append(f"mirror {urlsplit(mirror).hostname or 'this machine'}")
    return tuple(dict.fromkeys(names))
