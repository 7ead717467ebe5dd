"""A chain of two: the fixed first hop carries the connection to the upstream, which carries that to the target."""

from __future__ import annotations

import ssl

from shoal.domain import Proxy, Stage
from shoal.upstream import Mode, Target, UpstreamPlan, needs_plan


class Chain:
    """Two plans, one inside the other, with the face of one. Raises as ``UpstreamPlan`` does."""

    __slots__ = ("_first", "_out", "_second", "_started", "closed")

    def __init__(self, hop: Proxy, proxy: Proxy, target: Target, mode: Mode, proxy_tls: ssl.SSLContext) -> None:
        self._first = UpstreamPlan(hop, Target(proxy.endpoint.host, proxy.endpoint.port), "tunnel", proxy_tls)
        self._second = UpstreamPlan(proxy, target, mode, proxy_tls) if needs_plan(proxy.scheme, mode) else None
        self._out = b""
        self._started = False
        self.closed = False

    @property
    def ready(self) -> bool:
        return self._first.ready and (self._second is None or self._second.ready)

    @property
    def is_clear(self) -> bool:
        return self._first.is_clear and (self._second is None or self._second.is_clear)

    @property
    def stage(self) -> Stage:
        """Until the first hop stands, what fails is that the upstream was not connected to."""
        if not self._first.ready or self._second is None:
            return Stage.CONNECT if not self._first.ready else self._first.stage
        return self._second.stage

    def start(self) -> None:
        self._first.start()

    def data_to_send(self) -> bytes:
        if self._first.ready and self._second is not None:
            self._wrap(self._second.data_to_send())
        out, self._out = self._out, b""
        return self._first.data_to_send() + out

    def _wrap(self, data: bytes) -> None:
        if data and self._first.is_clear:
            self._out += data
        elif data:
            self._first.send(data)

    def receive_data(self, data: bytes) -> bytes:
        first, second = self._first, self._second
        data = first.receive_data(data) if not first.is_clear else data
        self.closed = self.closed or first.closed
        if second is None or not first.ready:
            return data
        if not self._started:
            self._started = True
            second.start()
        if not data:
            return b""
        data = second.receive_data(data)
        self.closed = self.closed or second.closed
        return data

    def receive_eof(self) -> None:
        first, second = self._first, self._second
        self.closed = True
        if not first.ready:
            first.receive_eof()
        elif second is not None:
            second.receive_eof()

    def send(self, data: bytes) -> None:
        """Application bytes; only while some layer wraps them (see ``is_clear``)."""
        if self._second is not None and not self._second.is_clear:
            self._second.send(data)
            data = self._second.data_to_send()
        self._wrap(data)

    def end(self) -> None:
        """No more application bytes will follow."""
        if self._second is not None and not self._second.is_clear:
            self._second.end()
        elif not self._first.is_clear:
            self._first.end()
