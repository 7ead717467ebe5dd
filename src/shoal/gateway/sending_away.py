"""Clients beyond the most that are served: told so in their own protocol, with bounded effort, and closed."""

from __future__ import annotations

import asyncio
from typing import Final

from shoal.gateway.core import Core, Seen
from shoal.gateway.refusal import CROWDED, http_refusal, socks5_reply
from shoal.wire import Protocol, RemoteProtocolError, Socks4Server, Socks5Server, sniff

_AT_ONCE: Final = 256
"""Clients that are told at the same time; the rest of a crowd are only closed, so that refusing stays cheap."""
_PATIENCE: Final = 2.0
"""Seconds that one has to ask, to read the answer and to close."""
_READ_LIMIT_BYTES: Final = 4096
"""What is read of one: enough for any handshake, and for most heads."""
_HTTP: Final = http_refusal(CROWDED, connect=False, close=True)
_CONNECT: Final = http_refusal(CROWDED, connect=True, close=True)


def send_away(core: Core, transport: asyncio.Transport) -> None:
    """Close a client that there is no room for; say why unless many are being told already."""
    core.refuse(CROWDED.code)
    if core.sent_away >= _AT_ONCE:
        transport.abort()
    else:
        SentAway(core, transport)


class SentAway(asyncio.Protocol):
    """Answers the first request of an HTTP or SOCKS client with a refusal. TLS is not begun for it."""

    kind = "hello"
    __slots__ = ("_begin", "_core", "_deadline", "_here", "_read", "_server", "_told", "_transport")

    def __init__(self, core: Core, transport: asyncio.Transport) -> None:
        self._core = core
        self._transport = transport
        self._begin = b""
        self._server: Socks4Server | Socks5Server | None = None
        self._read = 0
        self._told = False
        self._here = True
        self._deadline = core.loop.time() + _PATIENCE
        core.sent_away += 1
        core.live.add(self)
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        self._read += len(data)
        if self._read > _READ_LIMIT_BYTES:
            self.abort()
        elif not self._told:
            self._answer(data)
        # What follows the answer is read and dropped: closing with it unread would reset the answer away.

    def _answer(self, data: bytes) -> None:
        if self._server is None:
            self._begin += data
            protocol = sniff(self._begin)
            if protocol is None:
                return
            if protocol is Protocol.HTTP:
                self._tell(_CONNECT if self._begin.startswith(b"CONNECT ") else _HTTP)
                return
            if protocol is Protocol.TLS:
                self.abort()
                return
            self._server = Socks5Server() if protocol is Protocol.SOCKS5 else Socks4Server()
            data = self._begin
        try:
            self._server.receive_data(data)
            over = self._refuse(self._server)
        except RemoteProtocolError:
            over = True
        out = self._server.data_to_send()
        if over:
            self._tell(out)
        elif out:
            self._transport.write(out)

    def _refuse(self, server: Socks4Server | Socks5Server) -> bool:
        """Take any login, refuse any request; whether it is over."""
        if isinstance(server, Socks4Server):
            if server.request is not None:
                server.reply(False)
            return server.request is not None
        if server.pending == "auth":
            server.accept_auth(True)
        if server.pending == "request":
            server.reply(socks5_reply(CROWDED))
            return True
        return False

    def _tell(self, answer: bytes) -> None:
        self._told = True
        self._transport.write(answer)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._here:
            self._here = False
            self._core.sent_away -= 1
            self._core.live.discard(self)

    # -- the sweeper ---------------------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        if now > self._deadline:
            self.abort()

    def abort(self) -> None:
        self._transport.abort()
        self._leave()

    def describe(self) -> Seen | None:
        return None

    @property
    def is_idle(self) -> bool:
        return True
