"""A worker of a cluster: one process that checks what schedulers send."""

from __future__ import annotations

import asyncio
import os
import random
import re
import secrets
import socket
from pathlib import Path
from typing import Final, cast

from shoal.app.alive import stay_alive
from shoal.app.checker import open_prober
from shoal.cluster.broker import Receiver, broker_of
from shoal.cluster.runner import BatchRunner, NoIndex
from shoal.engine.recorder import Recorder
from shoal.errors import ConfigError, StoreError
from shoal.log import Log
from shoal.net.clock import SystemClock
from shoal.options import Options
from shoal.policy.source_limits import LimitTable
from shoal.policy.source_use import SourceUse
from shoal.ports.cluster import SharedStore
from shoal.stores.open import is_shared, open_store

_VANTAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_RETRY: Final = 2.0

log = Log("shoal.worker")


def check_worker(options: Options) -> None:
    """Raises ``ConfigError`` where these settings make no worker."""
    if not is_shared(options.store.url):
        raise ConfigError("a worker needs the store that its scheduler uses: --store redis://HOST:PORT/DB")
    if _VANTAGE.fullmatch(options.cluster.vantage) is None:
        raise ConfigError("cluster.vantage must be one word of letters, digits, '.', '_' and '-', at most 32")
    broker_of(options)


async def run_worker(options: Options, stop: asyncio.Event) -> None:
    """Check batches until ``stop`` is set; then give back what is under way. A store or broker that is not there is
    waited for. Raises the ``ShoalError`` family."""
    check_worker(options)
    store = cast(SharedStore, open_store(options.store, Path("shoal.db")))
    while not stop.is_set():
        try:
            await store.open()
            break
        except StoreError as error:
            log.warning("the store cannot be opened, trying again", error=str(error))
            await _stopped(stop, _RETRY)
    else:
        return
    try:
        await _work(options, store, stop)
    finally:
        await store.close()


async def _work(options: Options, store: SharedStore, stop: asyncio.Event) -> None:
    clock, rng = SystemClock(), random.Random(secrets.randbits(64))
    name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    broker = broker_of(options)
    async with open_prober(options) as guard:
        index = NoIndex(SourceUse(LimitTable.from_options(options.sources)))
        recorder = Recorder(store, index, clock, rng, options.check, options.store)
        recorder.learns = False
        runner = BatchRunner(store, guard, guard, recorder, index, clock, options.check, options.cluster, name)
        receiver = Receiver(broker, options.cluster.vantage, name, runner.take)
        loop = asyncio.get_running_loop()
        saving = loop.create_task(recorder.run(), name="recorder")
        checking = loop.create_task(runner.run(), name="runner")
        receiving = loop.create_task(receiver.run(), name="receiver")
        stopping = loop.create_task(stop.wait(), name="stop")
        living = loop.create_task(stay_alive(lambda: runner.is_heard), name="sign of life")
        try:
            done, _ = await asyncio.wait((saving, checking, receiving, stopping), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            unfinished = runner.interrupted()
            for tasks in ((receiving, stopping, living), (checking,), (saving,)):
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks, timeout=1.5)
            if unfinished:
                await runner.give_back(unfinished)


async def _stopped(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
