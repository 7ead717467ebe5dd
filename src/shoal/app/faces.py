"""What users talk to: the API and the gateway, each on its port."""

from __future__ import annotations

import asyncio
import importlib
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from shoal import __version__
from shoal.app.gateway_processes import GatewayProcesses, open_processes
from shoal.app.network import Network
from shoal.config.folders import data_folder
from shoal.domain.stats import GatewayFigures
from shoal.domain.tally import GatewayBooks
from shoal.engine.draws import Draws
from shoal.engine.service import PoolService
from shoal.errors import ConfigError, ShoalError
from shoal.gateway import GatewayHandle, GatewayService, serve_gateway
from shoal.net.resolver import SystemResolver
from shoal.options import GatewayOptions, Options
from shoal.policy.bind import parse_listen
from shoal.policy.target_rules import TargetRules
from shoal.ports.gateway import GatewayDoor

if TYPE_CHECKING:
    from shoal.api.server import ApiHandle

_GATEWAY_GRACE = 0.8
"""Seconds that requests under way get when the pool stops: all of it must end within two."""
_GATEWAY_WORKER = (sys.executable, "-m", "shoal.cli.gateway_worker")


class Faces(Struct):
    """Both as they listen. ``gateway`` is None where there is none."""

    base: str
    gateway: str | None
    door: GatewayDoor
    refuse: Callable[[], None]
    """Answer nothing new. Sets attributes and sends signals only: a signal handler may call it."""


@asynccontextmanager
async def open_faces(
    service: PoolService,
    options: Options,
    net: Network,
    listener: socket.socket,
    origins: Mapping[str, str],
    announce: Callable[[str], None],
) -> AsyncIterator[Faces]:
    """API, on a ``listener`` that is bound already, and gateway. They stop at the same time: one after the other would
    leave too little of the two seconds that stopping may take."""
    door = GatewayDoor()
    server = await open_api(service, options, listener, origins, door)
    async with AsyncExitStack() as stack:
        try:
            gateway = await stack.enter_async_context(open_gateway(service, options, net, announce, door))
            host = bracketed(parse_listen(options.api.listen)[0])

            def refuse() -> None:
                server.refuse()
                if isinstance(door.watch, GatewayHandle | GatewayProcesses):
                    door.watch.refuse()

            yield Faces(f"http://{host}:{server.port}", gateway, door, refuse)
        finally:
            closing = asyncio.get_running_loop().create_task(server.close(), name="api closing")
            try:
                await stack.aclose()
            finally:
                await closing


async def open_api(
    service: PoolService, options: Options, listener: socket.socket, origins: Mapping[str, str], door: GatewayDoor
) -> ApiHandle:
    """The API on its port. Its framework takes half a second to load: meanwhile judges and sources are asked."""
    web = await asyncio.to_thread(importlib.import_module, "shoal.api.app")
    server = await asyncio.to_thread(importlib.import_module, "shoal.api.server")
    app = web.build_app(service, options.api, version=__version__, settings=options, origins=origins, gateway=door)
    handle: ApiHandle = await server.serve_api(
        app, *listener.getsockname()[:2], listener=listener, max_lag=options.api.max_lag
    )
    return handle


@asynccontextmanager
async def open_gateway(
    service: PoolService,
    options: Options,
    net: Network,
    announce: Callable[[str], None],
    door: GatewayDoor,
) -> AsyncIterator[str | None]:
    """The gateway's URL while it listens. Its usual port may be taken (a second pool, another program): then the pool
    runs without it and says so; a port that the user chose must be had. Of several processes each needs the store,
    which must be served in the data folder."""
    gateway = options.gateway
    async with AsyncExitStack() as stack:
        running: GatewayHandle | GatewayProcesses
        try:
            if gateway.processes > 1:
                host, port = parse_listen(gateway.listen)
                opened = open_processes(service, options, data_folder(options), host, port, _GATEWAY_WORKER)
                running, port = await stack.enter_async_context(opened)
            else:
                running = await open_handle(Draws(service), gateway, net)
                stack.push_async_callback(running.close, _GATEWAY_GRACE)
                host, port = running.host, running.port
        except ConfigError:
            raise
        except ShoalError as error:
            if gateway.listen != GatewayOptions().listen:
                raise
            announce(f"there is no gateway: {error}")
            yield None
            return
        service.gateway_figures = partial(_figures, running)
        service.tallies.gateway = GatewayBooks(running.stats, running.tally)
        door.watch, door.url = running, f"{'https' if gateway.tls_cert else 'http'}://{bracketed(host)}:{port}"
        try:
            yield door.url
        finally:
            door.watch = door.url = None
            service.tallies.gateway = None


async def open_handle(
    service: GatewayService, options: GatewayOptions, net: Network, *, reuse_port: bool = False
) -> GatewayHandle:
    """A gateway that listens in this process."""
    rules = TargetRules(options.allow_target, options.refused_ports)
    return await serve_gateway(
        service,
        options,
        resolver=net.resolver,
        contexts=net.contexts,
        rng=net.rng,
        target_resolver=SystemResolver(rules.addresses) if options.resolve_here else None,
        reuse_port=reuse_port,
    )


def _figures(handle: GatewayHandle | GatewayProcesses) -> GatewayFigures:
    stats = handle.stats()
    return GatewayFigures(stats.connections, stats.requests, stats.failures, stats.bytes_up, stats.bytes_down)


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
