"""One client of one simulated proxy: sniffed, served in whatever protocol the proxy speaks, or failed as it fails."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from shoal.domain import Anonymity, Scheme
from shoal.lab.population import LabProxy
from shoal.lab.presets import FailureKind
from shoal.lab.relay import Relay
from shoal.lab.tamper import answer, failing_answer, fake_echo
from shoal.lab.tls_pipe import TlsPipe
from shoal.wire import Protocol as Spoken
from shoal.wire import (
    ProtocolError,
    RemoteProtocolError,
    RequestHead,
    RequestHeadReader,
    Socks4Request,
    Socks4Server,
    Socks5Server,
    basic_credentials,
    encode_request_head,
    sniff,
)

if TYPE_CHECKING:
    from shoal.lab.proxy_server import ProxyServer

_HOP_BY_HOP: Final = frozenset({"proxy-connection", "proxy-authorization", "connection", "keep-alive"})
_SOCKS5_CODES: Final = {FailureKind.STATUS_403: 2, FailureKind.STATUS_502: 4}
_BANNER: Final = b"SSH-2.0-OpenSSH_8.9p1\r\n"


class ProxySession(asyncio.Protocol):
    """A connection from accept to close. The address that was dialled says which proxy it is."""

    __slots__ = (
        "_buffer", "_delays", "_fate", "_number", "_proxy", "_relay", "_server", "_socks", "_state", "_timers", "_tls",
        "_transport",
    )  # fmt: skip

    def __init__(self, server: ProxyServer) -> None:
        self._server = server
        self._buffer = b""
        self._state: Callable[[bytes], None] = self._sniff
        self._timers: list[asyncio.TimerHandle] = []
        self._tls: TlsPipe | None = None
        self._relay: Relay | None = None
        self._socks: Socks5Server | Socks4Server | None = None
        self._fate: FailureKind | None = None
        self._delays = (0.0, 0.0)

    # -- the connection ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        host, port = transport.get_extra_info("sockname")[:2]
        proxy = self._server.world.find(host, port)
        if proxy is None or peer is None or not peer[0].startswith("127."):
            transport.abort()
            return
        self._server.sessions.add(self)
        self._proxy: LabProxy = proxy
        world = self._server.world
        self._number = world.use(proxy)
        self._delays = world.delays(proxy)
        fate = self._fate = world.fate(proxy) if world.network_on else FailureKind.STALL
        if fate is FailureKind.ACCEPT_CLOSE:
            transport.close()
        elif fate is FailureKind.RESET:
            self._reset()
        elif fate is FailureKind.STALL:
            self._state = self._ignore
        elif fate is FailureKind.WRONG_PROTOCOL:
            transport.write(_BANNER)
            self._state = self._hang_up

    def data_received(self, data: bytes) -> None:
        try:
            if self._tls is not None:
                data = self._tls.feed(data)
                self._flush_tls()
                if not data:
                    if self._tls.ended:
                        self.finish()
                    return
            self._state(data)
        except (ProtocolError, ssl.SSLError):
            self._bad_client()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._relay is not None:
            self._relay.abort()
        self._state = self._ignore
        self._server.sessions.discard(self)

    def pause_writing(self) -> None:
        if self._relay is not None:
            self._relay.client_slow(True)

    def resume_writing(self) -> None:
        if self._relay is not None:
            self._relay.client_slow(False)

    def abort(self) -> None:
        self._transport.abort()

    def _reset(self) -> None:
        raw: Any = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def send(self, data: bytes) -> None:
        if self._tls is None:
            self._transport.write(data)
        else:
            self._tls.write(data)
            self._flush_tls()

    def _flush_tls(self) -> None:
        if self._tls is not None and (data := self._tls.outgoing()):
            self._transport.write(data)

    def finish(self, data: bytes = b"") -> None:
        if data:
            self.send(data)
        self._state = self._ignore
        if self._tls is not None:
            self._tls.end()
            self._flush_tls()
        self._transport.close()

    def set_reading(self, on: bool) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading() if on else self._transport.pause_reading()

    def later(self, delay: float, act: Callable[..., None], *args: Any) -> None:
        if delay <= 0:
            act(*args)
        else:
            self._timers.append(self._server.loop.call_later(delay, act, *args))

    # -- what the client speaks ----------------------------------------------------------------------------------

    def _ignore(self, data: bytes) -> None:
        pass

    def _hang_up(self, data: bytes) -> None:
        self.finish()

    def _sniff(self, data: bytes) -> None:
        self._buffer += data
        spoken = sniff(self._buffer)
        if spoken is None:
            return
        data, self._buffer = self._buffer, b""
        schemes = self._proxy.schemes
        web = Scheme.HTTPS if self._tls is not None else Scheme.HTTP
        if spoken is Spoken.TLS and Scheme.HTTPS in schemes and self._tls is None:
            self._tls = TlsPipe(self._server.proxy_tls, server_side=True)
            self.data_received(data)
        elif spoken is Spoken.HTTP and (web in schemes or self._fate in (FailureKind.WEB, FailureKind.CAPTIVE)):
            reader = RequestHeadReader()
            self._state = lambda more: self._read_head(reader, more)
            self._read_head(reader, data)
        elif spoken is Spoken.SOCKS5 and Scheme.SOCKS5 in schemes:
            self._begin_socks(Socks5Server(require_auth=self._proxy.credentials is not None), data)
        elif spoken is Spoken.SOCKS4 and (Scheme.SOCKS4 in schemes or Scheme.SOCKS4A in schemes):
            self._begin_socks(Socks4Server(), data)
        else:
            self._bad_client()

    def _bad_client(self) -> None:
        """As real ones do: a web server says 400 to everything that is not HTTP, a SOCKS server hangs up."""
        if self._relay is None and self._tls is None and not self._proxy.schemes[0].is_socks:
            self.finish(answer(400))
        else:
            self.finish()

    # -- SOCKS ---------------------------------------------------------------------------------------------------

    def _begin_socks(self, socks: Socks5Server | Socks4Server, data: bytes) -> None:
        self._socks = socks
        fate = self._fate
        if fate is FailureKind.STATUS_407:
            self.finish(b"\x05\xff" if isinstance(socks, Socks5Server) else b"\x00\x5d\0\0\0\0\0\0")
        elif fate in (FailureKind.WEB, FailureKind.CAPTIVE):
            self.finish(failing_answer(fate, "GET"))
        elif fate is FailureKind.DRIP:
            self._drip(b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0" if isinstance(socks, Socks5Server) else b"\x00\x5a")
        else:
            self._state = self._read_socks
            self._read_socks(data)

    def _read_socks(self, data: bytes) -> None:
        socks = self._socks
        try:
            if isinstance(socks, Socks5Server):
                socks.receive_data(data)
                if socks.pending == "auth":
                    wanted = self._proxy.credentials
                    given = (socks.username, socks.password)
                    socks.accept_auth(wanted is None or given == (wanted.username, wanted.password))
            elif socks is not None:
                socks.receive_data(data)
        except RemoteProtocolError:
            self.finish(socks.data_to_send() if socks is not None else b"")
            return
        if socks is None:
            return
        if out := socks.data_to_send():
            self.send(out)
        if isinstance(socks, Socks5Server) and socks.pending is None and out == b"\x01\x01":
            self.finish()
            return
        request = socks.request
        if request is None:
            return
        self._state = self._ignore
        if isinstance(request, Socks4Request) and not self._takes_socks4(request):
            self._refuse_socks(2)
        elif request.command != 1:
            self._refuse_socks(7)
        elif self._fate is not None:
            self.later(self._delays[0], self._refuse_socks, _SOCKS5_CODES.get(self._fate, 1))
        else:
            self._open_tunnel(request.host, request.port, self._socks_answered)

    def _takes_socks4(self, request: Socks4Request) -> bool:
        wanted = self._proxy.credentials
        if request.is_4a and Scheme.SOCKS4A not in self._proxy.schemes:
            return False
        return wanted is None or request.user_id == wanted.username

    def _refuse_socks(self, code: int) -> None:
        socks = self._socks
        if isinstance(socks, Socks5Server):
            socks.reply(code)
        elif socks is not None:
            socks.reply(False)
        self.finish(socks.data_to_send() if socks is not None else b"")

    def _socks_answered(self, ok: bool) -> None:
        socks = self._socks
        if not ok or socks is None or self._relay is None:
            self._refuse_socks(4)
            return
        if isinstance(socks, Socks5Server):
            socks.reply(0)
        else:
            socks.reply(True)
        self.send(socks.data_to_send())
        if ahead := socks.trailing_data:
            self._relay.from_client(ahead)

    # -- HTTP ----------------------------------------------------------------------------------------------------

    def _read_head(self, reader: RequestHeadReader, data: bytes) -> None:
        head = reader.receive_data(data)
        if head is None:
            return
        self._state = self._ignore
        ahead = reader.trailing_data
        if self._fate is FailureKind.DRIP:
            self._drip(failing_answer(self._fate, head.method))
        elif self._fate is not None:
            self.later(self._delays[0], self.finish, failing_answer(self._fate, head.method))
        elif not self._logged_in(head):
            self.finish(failing_answer(FailureKind.STATUS_407, head.method))
        elif head.method == "CONNECT":
            self._connect_method(head, ahead)
        else:
            self._forward(head, ahead)

    def _logged_in(self, head: RequestHead) -> bool:
        wanted = self._proxy.credentials
        if wanted is None:
            return True
        return head.get("proxy-authorization") == basic_credentials(wanted.username, wanted.password)

    def _connect_method(self, head: RequestHead, ahead: bytes) -> None:
        host, _, port = head.target.rpartition(":")
        if not self._proxy.behaviour.connect:
            self.later(self._delays[0], self.finish, answer(405))
        elif not host or not port.isdigit():
            self.finish(answer(400))
        else:
            self._open_tunnel(host, int(port), self._connect_answered, ahead)

    def _connect_answered(self, ok: bool) -> None:
        if ok:
            self.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            self.finish(answer(502))

    def _forward(self, head: RequestHead, ahead: bytes) -> None:
        world = self._server.world
        scheme, _, rest = head.target.partition("://")
        authority, slash, path = rest.partition("/")
        host, colon, port = authority.partition(":")
        if scheme.lower() != "http" or not host or (colon and not port.isdigit()):
            # An origin-form request to a proxy: it looks for a page of its own.
            self.finish(answer(400))
            return
        behaviour = self._proxy.behaviour
        if behaviour.fakes:
            made_up = fake_echo(head.target, head.headers, world.exit_of(self._proxy, self._number))
            self.later(sum(self._delays), self.finish, made_up)
            return
        headers = [pair for pair in head.headers if pair[0].lower() not in _HOP_BY_HOP]
        if behaviour.anonymity is not Anonymity.ELITE:
            headers.append(("Via", "1.1 squid (squid/5.7)"))
        if behaviour.anonymity is Anonymity.TRANSPARENT:
            headers.append(("X-Forwarded-For", self._transport.get_extra_info("peername")[0]))
        elif behaviour.distorts:
            headers.append(("X-Forwarded-For", f"203.0.113.{self._proxy.index % 254 + 1}"))
        headers.append(("Connection", "close"))
        request = encode_request_head(head.method, f"/{path}" if slash else "/", headers) + ahead
        tampers = world.tampers(self._proxy, self._number)
        self._begin_relay(
            Relay(
                self,
                (host, int(port) if port else 80, world.exit_of(self._proxy, self._number)),
                self._forward_answered,
                ahead=request,
                delay=sum(self._delays),
                tampering=behaviour.tampering if tampers else None,
            )
        )

    def _forward_answered(self, ok: bool) -> None:
        if not ok:
            self.finish(answer(502))

    # -- both ----------------------------------------------------------------------------------------------------

    def _open_tunnel(self, host: str, port: int, answered: Callable[[bool], None], ahead: bytes = b"") -> None:
        shown = self._server.bad_tls if self._proxy.behaviour.intercepts else None
        route = (host, port, self._server.world.exit_of(self._proxy, self._number))
        relay = Relay(self, route, answered, ahead=ahead, delay=self._delays[1], shown=shown)
        self._relay, self._state = relay, relay.from_client
        self.later(self._delays[0], self._server.connect, relay)

    def _begin_relay(self, relay: Relay) -> None:
        self._relay, self._state = relay, relay.from_client
        self._server.connect(relay)

    def _drip(self, message: bytes) -> None:
        """One byte a second; a client without a bound on the whole waits for minutes."""
        self._state = self._ignore
        if not message:
            self.finish()
        elif not self._transport.is_closing():
            self.send(message[:1])
            self.later(1.0, self._drip, message[1:])
