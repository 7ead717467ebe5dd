"""Progress: how far a try came, told by the connection itself, so that nobody has to guess whether bytes went out.

urllib3 does one try in one thread from beginning to end; what it is about stands in a thread-local.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import socks  # type: ignore[import-untyped]
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError


class Progress:
    """``stage`` is in the pool's words; ``sent`` once a byte of the request left, ``reused`` by a kept connection."""

    def __init__(self) -> None:
        self.stage = "connect"
        self.sent = False
        self.reused = False


class _Current(threading.local):
    progress: Progress | None = None


_current = _Current()


@contextmanager
def watched() -> Iterator[Progress]:
    """All connections that this thread uses inside tell the Progress."""
    before, _current.progress = _current.progress, Progress()
    try:
        yield _current.progress
    finally:
        _current.progress = before


def _reached(stage: str) -> None:
    if _current.progress is not None:
        _current.progress.stage = stage


class _LimitedSocket(socket.socket):
    """A socket whose time-out holds for a whole answer while ``until`` is set.

    The usual one starts again with every byte, so that a peer which drips holds its client for minutes.
    """

    until: float | None = None

    def recv_into(self, *args: Any, **more: Any) -> int:
        if self.until is None:
            return super().recv_into(*args, **more)
        usual, left = self.gettimeout(), self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.settimeout(left if usual is None else min(left, usual))
        try:
            return super().recv_into(*args, **more)
        finally:
            self.settimeout(usual)


class _LimitedSOCKS(_LimitedSocket, socks.socksocket):  # type: ignore[misc]
    """The same for the handshake that PySocks does inside ``connect``."""


def _dial_socks(connection: SOCKSConnection) -> socket.socket:
    """As urllib3 does it, except that the time-out holds for the handshake as a whole."""
    options = connection._socks_options
    host, port, timeout = str(options["proxy_host"]), int(options["proxy_port"] or 1080), connection.timeout
    last: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        sock = _LimitedSOCKS(family, kind, protocol)
        try:
            for option in connection.socket_options or ():
                sock.setsockopt(*option)
            login = (options["username"], options["password"])
            sock.set_proxy(options["socks_version"], address[0], address[1], options["rdns"], *login)
            sock.settimeout(timeout)
            if timeout is not None:
                sock.until = time.monotonic() + timeout
            sock.connect((connection.host, connection.port))
            return sock
        except OSError as error:
            sock.close()
            last = error
    raise last or OSError("the proxy's name has no address")


class _Tracked(HTTPConnection):
    _requesting = False

    def _new_conn(self) -> socket.socket:
        _reached("connect")
        if isinstance(self, SOCKSConnection):
            try:
                raw: socket.socket = _dial_socks(self)
            except socket.gaierror as error:
                raise NameResolutionError(self.host, self, error) from error
            except OSError as error:
                late = isinstance(getattr(error, "socket_err", None) or error, TimeoutError)
                kind = ConnectTimeoutError if late else NewConnectionError
                raise kind(self, f"the SOCKS proxy failed: {error}") from error
        else:
            raw = super()._new_conn()
        if self.proxy is not None and self.proxy.scheme == "https":
            _reached("proxy_tls")
        else:
            _reached("tunnel" if self._tunnel_host else "target_tls" if isinstance(self, HTTPSConnection) else "send")
        if isinstance(self, SOCKSConnection):
            return raw
        sock = _LimitedSocket(raw.family, raw.type, raw.proto, raw.detach())
        sock.settimeout(self.timeout)
        if self.timeout is not None:
            sock.until = time.monotonic() + self.timeout
        return sock

    def _tunnel(self) -> None:
        _reached("tunnel")
        super()._tunnel()
        _reached("target_tls")

    def connect(self) -> None:
        super().connect()
        _reached("send")

    def request(self, *args: Any, **more: Any) -> None:
        self._requesting = True
        if self.sock is not None and _current.progress is not None and _current.progress.stage == "connect":
            _current.progress.reused = True
        try:
            super().request(*args, **more)
        finally:
            self._requesting = False

    def send(self, data: Any) -> None:
        if self._requesting and self.sock is None:
            self.connect()
        if self._requesting and _current.progress is not None:
            _current.progress.stage, _current.progress.sent = "send", True
        super().send(data)

    def getresponse(self) -> Any:
        _reached("receive")
        sock = self.sock
        if not isinstance(sock, _LimitedSocket):
            return super().getresponse()
        sock.until = None if self.timeout is None else time.monotonic() + self.timeout
        try:
            return super().getresponse()
        finally:
            sock.until = None


class _TrackedHTTPS(_Tracked, HTTPSConnection):
    pass


class _TrackedSOCKS(_Tracked, SOCKSConnection):
    pass


class _TrackedSOCKSHTTPS(_Tracked, SOCKSHTTPSConnection):
    pass


class _Plain(HTTPConnectionPool):
    ConnectionCls = _Tracked


class _TLS(HTTPSConnectionPool):
    ConnectionCls = _TrackedHTTPS


class _SOCKSPlain(HTTPConnectionPool):
    ConnectionCls = _TrackedSOCKS


class _SOCKSTLS(HTTPSConnectionPool):
    ConnectionCls = _TrackedSOCKSHTTPS


POOLS = {"http": _Plain, "https": _TLS}
SOCKS_POOLS = {"http": _SOCKSPlain, "https": _SOCKSTLS}
