"""What users talk to: the API and the gateway, each on its port."""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from shoal import __version__
from shoal.app.network import Network
from shoal.domain.stats import GatewayFigures
from shoal.domain.tally import GatewayBooks
from shoal.engine.draws import Draws
from shoal.engine.service import PoolService
from shoal.errors import ConfigError, ShoalError
from shoal.gateway import GatewayHandle, serve_gateway
from shoal.net.resolver import SystemResolver
from shoal.options import GatewayOptions, Options
from shoal.policy.target_rules import TargetRules
from shoal.ports.gateway import GatewayDoor

if TYPE_CHECKING:
    from shoal.api.server import ApiHandle

_GATEWAY_GRACE = 1.0
"""Seconds that requests under way get when the pool stops: all of it must end within three."""


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
    options: GatewayOptions,
    net: Network,
    announce: Callable[[str], None],
    door: GatewayDoor,
) -> AsyncIterator[str | None]:
    """The gateway's URL while it listens. Its usual port may be taken (a second pool, another program): then the pool
    runs without it and says so; a port that the user chose must be had."""
    rules = TargetRules(options.allow_target, options.refused_ports)
    try:
        handle = await serve_gateway(
            Draws(service),
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
    service.gateway_figures = partial(_figures, handle)
    door.watch, door.url = handle, f"{'https' if options.tls_cert else 'http'}://{bracketed(handle.host)}:{handle.port}"
    service.tallies.gateway = GatewayBooks(handle.stats, handle.tally)
    try:
        yield door.url
    finally:
        door.watch = door.url = None
        service.tallies.gateway = None
        await handle.close(_GATEWAY_GRACE)


def _figures(handle: GatewayHandle) -> GatewayFigures:
    stats = handle.stats()
    return GatewayFigures(stats.connections, stats.requests, stats.failures, stats.bytes_up, stats.bytes_down)


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
