"""Checks in processes of their own, for whoever checks much."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec
from msgspec.structs import replace

from shoal.app.network import Network
from shoal.engine.workers import Workers, open_workers
from shoal.options import Options
from shoal.ports import Prober


def checking_processes(options: Options, concurrency: int, processes: int) -> AbstractAsyncContextManager[Workers]:
    """So many processes that share ``concurrency`` checks in flight."""
    share = replace(options.check, concurrency=-(-concurrency // processes))
    hello = msgspec.msgpack.encode(replace(options, check=share))
    return open_workers((sys.executable, "-m", "shoal.cli.worker"), hello, processes)


@asynccontextmanager
async def pool_prober(options: Options, net: Network) -> AsyncIterator[Prober]:
    """What a pool checks with: this process, unless the settings ask for several."""
    if options.check.processes <= 1:
        yield net.prober
        return
    async with checking_processes(options, net.concurrency, options.check.processes) as workers:
        yield workers
