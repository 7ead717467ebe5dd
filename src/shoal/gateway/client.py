"""A client's connection until its first bytes tell what it speaks."""

from __future__ import annotations

import asyncio
from typing import cast

from shoal.gateway.core import Core, Seen
from shoal.gateway.http_client import HttpClient
from shoal.gateway.layered import LayeredTransport, TlsServer
from shoal.gateway.sending_away import send_away
from shoal.gateway.socks import SocksClient
from shoal.wire import Protocol, sniff


class Client(asyncio.Protocol):
    """Hands its transport on to whoever speaks the client's protocol, or closes it."""

    kind = "hello"
    __slots__ = ("_begin", "_core", "_deadline", "_inside_tls", "_transport")

    def __init__(self, core: Core, *, inside_tls: bool = False) -> None:
        self._core = core
        self._begin = b""
        self._inside_tls = inside_tls
        self._deadline = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        core = self._core
        self._transport = cast(asyncio.Transport, transport)
        if core.closing:
            self._transport.abort()
            return
        if len(core.live) - core.sent_away >= core.options.max_connections:
            send_away(core, self._transport)
            return
        core.counters.clients += 1
        self._deadline = core.loop.time() + core.options.head_timeout
        core.live.add(self)

    def data_received(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._begin += data
        protocol = sniff(self._begin)
        if protocol is None:
            return
        core, begin = self._core, self._begin
        core.live.discard(self)
        if protocol is Protocol.HTTP:
            HttpClient(core, transport).data_received(begin)
        elif protocol is Protocol.SOCKS5 or protocol is Protocol.SOCKS4:
            SocksClient(core, transport, version=begin[0]).data_received(begin)
        elif protocol is Protocol.TLS and core.client_tls is not None and not self._inside_tls:
            layered = LayeredTransport(transport, TlsServer(core.client_tls))
            inner = Client(core, inside_tls=True)
            layered.set_protocol(inner)
            transport.set_protocol(layered)
            inner.connection_made(layered)
            layered.data_received(begin)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._core.live.discard(self)

    def sweep(self, now: float) -> None:
        if now > self._deadline:
            self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._core.live.discard(self)

    def describe(self) -> Seen | None:
        return None

    @property
    def is_idle(self) -> bool:
        return True
