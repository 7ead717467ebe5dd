"""How to reach a target through a proxy, without a socket: TLS to the proxy, SOCKS or CONNECT, TLS to the target."""

from __future__ import annotations

import ssl
from typing import Final, Literal

from msgspec import Struct

from shoal.domain import Credentials, Proxy, Scheme, Stage
from shoal.upstream.tls import TlsLayer
from shoal.wire import ConnectClient, Handshake, Socks4Client, Socks5Client

Mode = Literal["forward", "tunnel"]

_SOCKS5_REQUEST: Final = b"\x05\x01\x00"
_TUNNEL_FIRST: Final = (Scheme.HTTP, Scheme.HTTPS, Scheme.SOCKS4, Scheme.SOCKS4A)


class Target(Struct, frozen=True):
    """Where to. ``host`` is what the proxy is told: a name, or an address literal where it cannot resolve names.

    ``tls`` wraps the tunnel (not to be used with ``forward``); ``server_hostname`` defaults to ``host``.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_hostname: str | None = None


def needs_plan(scheme: Scheme, mode: Mode) -> bool:
    """False where bytes go to the proxy as they are: plain HTTP in absolute form costs no layer at all."""
    return mode == "tunnel" or scheme is not Scheme.HTTP


class UpstreamPlan:
    """The layers of one connection, driven by whoever holds the socket.

    Call ``start`` once TCP is up. Send what ``data_to_send`` gives after every call. ``receive_data`` gives application
    bytes, also those that arrived in the same packet as the end of a handshake. ``send`` takes application bytes once
    ``ready``. ``stage`` says how far it came, for whoever has to name a failure. What the peer does wrong is raised as
    RemoteProtocolError or ssl.SSLError; map it with ``failures.failure_from(error, plan.stage)``.

    ``proxy`` None means no proxy: TLS to the target or nothing. The constructor raises LocalProtocolError for a target
    or credentials that the scheme cannot carry.
    """

    __slots__ = ("_handshake", "_inner", "_outer", "_target", "closed", "ready", "stage")

    def __init__(
        self, proxy: Proxy | None, target: Target, mode: Mode = "tunnel", proxy_tls: ssl.SSLContext | None = None
    ) -> None:
        self._target = target
        self._outer: TlsLayer | None = None
        self._inner: TlsLayer | None = None
        self._handshake: Handshake | None = None
        self.ready = False
        self.closed = False
        self.stage = Stage.SEND
        if proxy is None:
            return
        if proxy.scheme is Scheme.HTTPS:
            if proxy_tls is None:
                raise ValueError("an https proxy needs a TLS context")
            self._outer = TlsLayer(proxy_tls, proxy.endpoint.host)
        if mode == "tunnel":
            self._handshake = make_handshake(proxy.scheme, target.host, target.port, proxy.credentials)
            self.stage = Stage.TUNNEL if proxy.scheme in _TUNNEL_FIRST else Stage.HANDSHAKE
        elif proxy.scheme.is_socks:
            raise ValueError("SOCKS has no forward mode")

    @property
    def is_clear(self) -> bool:
        """Ready, and no layer left: bytes may go around the plan from now on."""
        return self.ready and self._outer is None and self._inner is None

    @property
    def certificate(self) -> bytes | None:
        """The target's certificate (DER) as it came through the tunnel; None without TLS to the target."""
        return None if self._inner is None or not self._inner.done else self._inner.certificate

    def start(self) -> None:
        """TCP is up."""
        if self._outer is not None:
            self.stage = Stage.PROXY_TLS
            self._outer.start()
        else:
            self._after_proxy_tls()

    def data_to_send(self) -> bytes:
        """What must go out now. Taking it empties it."""
        outer = self._outer
        handshake = self._handshake
        if outer is not None and self.stage is Stage.PROXY_TLS:
            return outer.data_to_send()
        if handshake is not None:
            data = handshake.data_to_send()
            if data.startswith(_SOCKS5_REQUEST) and self.stage is Stage.HANDSHAKE and len(data) > 4:
                # The greeting is three bytes of the same look; the request that names the target is longer.
                self.stage = Stage.TUNNEL
        else:
            data = b"" if self._inner is None else self._inner.data_to_send()
        if outer is not None:
            outer.send(data)
            return outer.data_to_send()
        return data

    def receive_data(self, data: bytes) -> bytes:
        """Bytes from the socket; application bytes come back."""
        outer = self._outer
        if outer is not None:
            data = outer.receive_data(data)
            if not outer.done:
                return b""
            if self.stage is Stage.PROXY_TLS:
                self._after_proxy_tls()
            if outer.closed:
                self.closed = True
        handshake = self._handshake
        if handshake is not None:
            if data:
                handshake.receive_data(data)
            if not handshake.done:
                if self.closed:
                    handshake.receive_eof()
                return b""
            data = handshake.trailing_data
            self._handshake = None
            self._after_handshake()
        inner = self._inner
        if inner is None:
            return data
        data = inner.receive_data(data)
        if inner.done:
            self.ready = True
            if self.stage is Stage.TARGET_TLS:
                self.stage = Stage.SEND
            if inner.closed:
                self.closed = True
        return data

    def receive_eof(self) -> None:
        """The socket has ended. Raises while the plan is not ready; then it is for the application to judge."""
        self.closed = True
        if self.ready:
            return
        if self._outer is not None and self.stage is Stage.PROXY_TLS:
            self._outer.receive_eof()
        if self._handshake is not None:
            self._handshake.receive_eof()
        if self._inner is not None:
            self._inner.receive_eof()

    def send(self, data: bytes) -> None:
        """Application bytes; only while there is a layer to wrap them (see ``is_clear``)."""
        if self._inner is not None:
            self._inner.send(data)
        elif self._outer is not None:
            self._outer.send(data)
        else:
            raise ValueError("nothing wraps this connection: write to the socket")

    def end(self) -> None:
        """No more application bytes will follow: the innermost TLS says so. Half-close the socket as well."""
        layer = self._inner or self._outer
        if layer is not None:
            layer.end()

    def _after_proxy_tls(self) -> None:
        if self._handshake is None:
            self._after_handshake()
        else:
            self.stage = Stage.HANDSHAKE if isinstance(self._handshake, Socks5Client) else Stage.TUNNEL

    def _after_handshake(self) -> None:
        target = self._target
        if target.tls is None:
            self.stage = Stage.SEND
            self.ready = True
        else:
            self.stage = Stage.TARGET_TLS
            self._inner = TlsLayer(target.tls, target.server_hostname or target.host)
            self._inner.start()


def make_handshake(scheme: Scheme, host: str, port: int, credentials: Credentials | None) -> Handshake:
    """The codec that asks a proxy of this scheme for a tunnel. Raises LocalProtocolError as the codecs do."""
    username = None if credentials is None else credentials.username
    password = None if credentials is None else credentials.password
    if scheme is Scheme.SOCKS5:
        return Socks5Client(host, port, username, password)
    if scheme is Scheme.SOCKS4 or scheme is Scheme.SOCKS4A:
        # SOCKS4 knows a user id and no password.
        return Socks4Client(host, port, username)
    return ConnectClient(host, port, username, password)
