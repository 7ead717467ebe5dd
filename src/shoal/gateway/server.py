"""The gateway as a whole: listens, sweeps, tells what it knows, and stops without cutting what is under way."""

from __future__ import annotations

import asyncio
import ssl
from random import Random
from typing import Final
from urllib.parse import unquote, urlsplit

from shoal.domain import Credentials, Endpoint, Proxy, Refused, Scheme
from shoal.domain.address import canonical_host
from shoal.domain.gateway import GatewayStats, GatewayStatus, LiveConnection, SessionInfo
from shoal.domain.tally import GatewayTally
from shoal.errors import ConfigError, ShoalError
from shoal.gateway.bind import check_bind
from shoal.gateway.client import Client
from shoal.gateway.core import Core
from shoal.gateway.look import connections_of, stats_of, status_of
from shoal.gateway.service import GatewayService
from shoal.net.accepting import BurstAcceptor
from shoal.net.listening import why_not
from shoal.options import GatewayOptions
from shoal.policy.bind import parse_listen
from shoal.policy.target_rules import TargetRules
from shoal.ports import Resolver
from shoal.upstream import TlsContexts

_BACKLOG: Final = 4096
_SWEEP: Final = 1.0
"""Seconds between two looks at all connections."""
_DRAIN_STEP: Final = 0.02


class GatewayHandle:
    """A gateway that listens on ``host`` and ``port``."""

    def __init__(
        self, core: Core, server: asyncio.AbstractServer, accepting: BurstAcceptor, host: str, port: int
    ) -> None:
        self.host, self.port = host, port
        self._core = core
        self._server = server
        self._accepting = accepting
        self._sweeper = core.tasks.start(self._sweep(), "gateway sweeper")
        core.lag.start()

    async def sessions(self) -> list[SessionInfo]:
        """Which upstream each session has, least recently used first."""
        return self._core.sessions.list()

    async def rotate(self, user: str, session: str) -> bool:
        """End a session: its next request gets another proxy. False when there is none."""
        return bool(self._core.sessions.rotate(user, session))

    async def connections(self, limit: int) -> list[LiveConnection]:
        """What is under way, what moved most first."""
        return connections_of(self._core, limit)

    def status(self) -> GatewayStatus:
        """Everything but single sessions and connections."""
        return status_of(self._core)

    def stats(self) -> GatewayStats:
        """Counts only."""
        return stats_of(self._core)

    @property
    def tally(self) -> GatewayTally:
        """What the counts alone do not tell; of this process."""
        return self._core.tally

    @property
    def core(self) -> Core:
        return self._core

    def refuse(self) -> None:
        """Take no further client. Sets an attribute only: a signal handler may call it."""
        self._core.closing = True

    async def close(self, grace: float = 5.0) -> None:
        """Stop listening, let what is under way end within ``grace`` seconds, then cut the rest."""
        core = self._core
        self.refuse()
        core.lag.stop()
        self._accepting.close()
        self._server.close()
        for connection in list(core.live):
            if connection.is_idle:
                connection.abort()
        # By the clock, not by steps: under load each takes many times as long.
        ends = core.loop.time() + grace
        while core.live and core.loop.time() < ends:  # noqa: ASYNC110 - there is no event for the last of many
            await asyncio.sleep(_DRAIN_STEP)
        for connection in list(core.live):
            connection.abort()
        core.idle_upstreams.close()
        await core.tasks.close()
        if core.pipes is not None:
            core.pipes.close()

    async def _sweep(self) -> None:
        core = self._core
        while True:
            await asyncio.sleep(_SWEEP)
            now = core.loop.time()
            for connection in list(core.live):
                connection.sweep(now)
            core.idle_upstreams.sweep(now)


async def serve_gateway(
    service: GatewayService,
    options: GatewayOptions,
    *,
    resolver: Resolver,
    contexts: TlsContexts,
    rng: Random,
    target_resolver: Resolver | None = None,
    reuse_port: bool = False,
) -> GatewayHandle:
    """Listen and serve. ``resolver`` finds (and judges) upstreams; ``target_resolver`` is only used, and then needed,
    with ``options.resolve_here`` and must be made over ``TargetRules(...).addresses``.

    ``reuse_port`` lets several processes share the port. Raises ConfigError for settings that cannot stand and
    ShoalError when the port cannot be had.
    """
    check_bind(options)
    if options.resolve_here and target_resolver is None:
        raise ConfigError("gateway.resolve_here needs a resolver")
    rules = TargetRules(options.allow_target, options.refused_ports)
    core = Core(
        service,
        options,
        rules=rules,
        resolver=resolver,
        target_resolver=target_resolver if options.resolve_here else None,
        contexts=contexts,
        rng=rng,
        first_hop=None if options.first_hop is None else parse_hop(options.first_hop),
        client_tls=_client_tls(options),
    )
    host, port = parse_listen(options.listen)
    accepting = BurstAcceptor(core.loop)
    try:
        server = await core.loop.create_server(
            accepting.wrap(lambda: Client(core)), host, port, backlog=_BACKLOG, reuse_port=reuse_port or None
        )
    except OSError as error:
        raise ShoalError(why_not(host, port, error, "gateway", "--gateway")) from error
    accepting.watch(server.sockets)
    address = server.sockets[0].getsockname()
    for listener in server.sockets:
        rules.own_ports.add(*listener.getsockname()[:2])
    return GatewayHandle(core, server, accepting, address[0], address[1])


def parse_hop(text: str) -> Proxy:
    """The proxy that a URL names. Raises ConfigError."""
    try:
        parts = urlsplit(text)
        scheme, host, port = Scheme(parts.scheme.lower()), canonical_host(parts.hostname or ""), parts.port
    except ValueError:
        raise ConfigError(_HOP) from None
    if isinstance(host, Refused) or not port:
        raise ConfigError(_HOP)
    credentials = None
    if parts.username is not None:
        credentials = Credentials(unquote(parts.username), unquote(parts.password or ""))
    return Proxy(scheme, Endpoint(host, port), credentials)


_HOP: Final = "gateway.first_hop must be SCHEME://[USER:PASSWORD@]HOST:PORT with http, https, socks4, socks4a or socks5"


def _client_tls(options: GatewayOptions) -> ssl.SSLContext | None:
    if options.tls_cert is None:
        if options.tls_key is not None:
            raise ConfigError("gateway.tls_key needs gateway.tls_cert")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"gateway.tls_cert {options.tls_cert} cannot be used: {error}") from error
    context.set_alpn_protocols(["http/1.1"])
    return context
