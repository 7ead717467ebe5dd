"""A pool on a store that many machines share: one scheduler leads, any number of processes serve."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, cast

from msgspec import Struct
from msgspec.structs import replace

from shoal.app.alive import stay_alive
from shoal.app.engine import is_strong, keep_counting, open_targets, secret_of, unwrapped
from shoal.app.faces import open_faces
from shoal.app.network import open_network
from shoal.app.timed_store import timed_store
from shoal.cluster.broker import Sender, broker_of
from shoal.cluster.dispatch import Dispatcher
from shoal.cluster.leading import Leading
from shoal.cluster.roll import REPORT_INTERVAL, News, Roll
from shoal.cluster.turn import Turn
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
from shoal.engine.unproven import Unproven
from shoal.engine.visiting import Visiting
from shoal.engine.way_out import PoolWayOut
from shoal.errors import StoreError
from shoal.gateway import check_bind as check_gateway_bind
from shoal.net.listening import bind_listener
from shoal.options import Options
from shoal.policy.admission import Admission
from shoal.policy.bind import check_bind, parse_listen
from shoal.policy.source_limits import LimitTable
from shoal.policy.source_use import SourceUse
from shoal.ports import Source
from shoal.ports.cluster import SharedStore
from shoal.ports.gateway import GatewayDoor
from shoal.probe.judges import Judge
from shoal.sources.registry import open_sources
from shoal.sources.shop import Shop
from shoal.stores.open import open_store

_LAST: Final = 0.7
"""Seconds that tasks get to write what they have when the process stops."""
_LOOK: Final = 10.0
"""Seconds between two looks of those that stand by at what the leader learned of proxies and sources."""


class Shared(Struct):
    """A process of the cluster; ``api_url`` is empty where it does not serve."""

    service: PoolService
    api_url: str
    judges: Sequence[Judge]
    sources: Sequence[Source]
    gateway_url: str | None = None
    gateway: GatewayDoor | None = None
    refuse: Callable[[], None] = lambda: None


@asynccontextmanager
async def open_shared(
    options: Options, announce: Callable[[str], None], origins: Mapping[str, str], *, schedules: bool, serves: bool
) -> AsyncIterator[Shared]:
    """A process of the cluster: it may lead (collect, and have workers check), serve API and gateway, or both.

    Raises the ``ShoalError`` family.
    """
    # Further gateway processes need a store that this machine serves; here replicas do their work.
    if serves and options.gateway.processes > 1:
        announce(
            f"gateway.processes = {options.gateway.processes} has no effect on a shared store: "
            "start more `shoal server` processes behind the same front instead"
        )
    options = replace(options, gateway=replace(options.gateway, processes=1))
    async with AsyncExitStack() as stack:
        listener: socket.socket | None = None
        if serves:
            check_bind(options.api)
            check_gateway_bind(options.gateway)
            host, port = parse_listen(options.api.listen)
            listener = await bind_listener(host, port, what="API", flag="--api")
            stack.callback(listener.close)
        net = open_network(options)
        store = cast(SharedStore, open_store(options.store, Path("shoal.db")))
        await store.open()
        stack.push_async_callback(store.close)
        for advice in getattr(store, "advice", ()) if schedules else ():
            announce(f"store: {advice}")
        tallies = Tallies()
        store = cast(SharedStore, timed_store(store, tallies.store))
        clock, check = net.clock, replace(options.check, concurrency=net.concurrency)
        secret = await secret_of(store)
        index = Index(options.pool, net.rng, uses=SourceUse(LimitTable.from_options(options.sources)))
        recorder = Recorder(store, index, clock, net.rng, check, options.store, tallies)
        recorder.learns = False
        vantage = net.panel if schedules else None
        # Workers check, on other machines: this one's own network speaks through its uses alone.
        unproven = Unproven()
        new_id = partial(secrets.token_hex, 12)
        leasing = Leasing(store, index, recorder, clock, options.pool, secret, new_id, vantage, unproven)
        replica = Replica(store, index, recorder, clock)
        roll = Roll(store, clock)
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        guard = Guard(net.prober, net.panel, clock, partial(is_strong, index, clock), net.concurrency)
        leading = Leading(store, name, options.cluster.leader_lease)
        here = options.cluster.check_here
        turn = Turn(guard, lambda: not roll.capacity() if here is None else here)
        scheduler = Scheduler(store, guard, recorder, turn, clock, check, Agenda(index, check, options.pool.max_share))
        roll.here = lambda: scheduler.in_flight
        way_out = PoolWayOut(index, leasing, clock)
        sources = open_sources(options.sources, options.admission, net.resolver, way_out=way_out)
        broker = broker_of(options)
        sender = await asyncio.to_thread(Sender, broker) if schedules else None
        dispatcher = None
        if sender is not None:
            dispatcher = Dispatcher(
                store,
                sender.send,
                roll,
                clock,
                options.cluster,
                live=lambda: index.working,
                rate=check.rate,
                agenda=Agenda(index, check, options.pool.max_share),
            )

        def wake() -> None:
            scheduler.wake()
            if dispatcher is not None:
                dispatcher.wake()

        collector = Collector(
            sources,
            store,
            Admission(net.rules, options.admission, secret, net.own_ports),
            clock,
            net.rng,
            options.sources,
            options.admission,
            wake,
            index,
        )
        shop = Shop(options.sources, options.admission, net.resolver, way_out=way_out)
        book = SourceBook(store, shop, collector, index, clock, options.sources)
        targets = open_targets(options, store, index, recorder, clock, net.own_ports)
        visiting = Visiting(targets, net.visitor, index, recorder, guard, clock, options.targets)
        service = PoolService(
            store=store,
            pool=index,
            recorder=recorder,
            leasing=leasing,
            clock=clock,
            scheduler=roll,
            collector=collector,
            vantage=guard if schedules else None,
            on_request=OnRequest(guard, recorder, guard) if schedules else None,
            tally=roll,
            book=book,
            targets=targets,
        )
        if dispatcher is not None:
            service.workers_trouble = lambda: dispatcher.trouble
        janitor = Janitor(store, clock, options.pool)

        async def lead() -> None:
            await recorder.recall()
            recorder.learns = replica.teaches = True
            try:
                await janitor.mend(index.records())
                async with asyncio.TaskGroup() as work:
                    work.create_task(collector.run(), name="collector")
                    work.create_task(janitor.run(), name="janitor")
                    work.create_task(visiting.run(), name="targets")
                    work.create_task(scheduler.run(), name="scheduler")
                    if dispatcher is not None:
                        work.create_task(dispatcher.run(), name="dispatcher")
            finally:
                recorder.learns = replica.teaches = False

        async def follow_leader() -> None:
            while True:
                await asyncio.sleep(_LOOK)
                if not leading.is_leader:
                    try:
                        await recorder.recall()
                        collector.look(await store.source_states())
                    except StoreError:
                        continue

        async def tell_totals() -> None:
            news = News(recorder)
            while True:
                await asyncio.sleep(REPORT_INTERVAL)
                if found := news.take():
                    try:
                        await store.report(name, b"", found)
                    except StoreError:
                        news.put_back(found)

        await recorder.recall()
        await targets.load()
        since = await replica.load()
        collector.look(await store.source_states())
        await roll.read()
        await service.update_counts()
        jobs = [
            ("recorder", recorder.run()),
            ("replica", replica.run(since)),
            ("roll", roll.follow()),
            ("targets", targets.follow()),
            ("sign of life", stay_alive()),
            ("model", follow_leader()),
            ("totals", tell_totals()),
            ("counts", keep_counting(service, announce)),
        ]
        if schedules:
            jobs += [("judges", net.panel.run()), ("guard", guard.run()), ("leading", leading.run(lead))]
        tasks = await stack.enter_async_context(unwrapped(asyncio.TaskGroup()))
        running = [tasks.create_task(job, name=name) for name, job in jobs]
        try:
            judges, shown = (net.judges, sources) if schedules else ((), ())
            if listener is None:
                yield Shared(service, "", judges, shown)
                return
            async with open_faces(service, options, net, listener, origins, announce) as faces:
                yield Shared(service, faces.base, judges, shown, faces.gateway, faces.door, faces.refuse)
        finally:
            for task in running:
                task.cancel()
            _, waiting = await asyncio.wait(running, timeout=_LAST)
            if waiting:
                # For a store that does not answer: what they still want of it is lost either way.
                await store.close()
                await asyncio.wait(waiting)
