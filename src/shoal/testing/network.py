"""A network in memory for the virtual loop: connections with latency, refusals, black holes and outages."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

Factory = Callable[[], asyncio.Protocol]


class MemoryTransport(asyncio.Transport):
    """One end of a connection. What is written arrives at the other end ``latency`` seconds later, in order."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol, latency: float, **extra: Any
    ) -> None:
        super().__init__(extra)
        self._loop = loop
        self._protocol: asyncio.Protocol = protocol
        self._latency = latency
        self._closing = False
        self._lost = False
        self.peer: MemoryTransport | None = None
        self._under_way: deque[Callable[[MemoryTransport], None]] = deque()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing and data:
            self._later(lambda peer, chunk=bytes(data): peer._receive(chunk))  # type: ignore[misc]

    def write_eof(self) -> None:
        self._later(lambda peer: peer._receive_eof())

    def can_write_eof(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever buffered: delivery is scheduled at once."""

    def is_closing(self) -> bool:
        return self._closing

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def is_reading(self) -> bool:
        return not self._closing

    def pause_reading(self) -> None:
        """Not modelled: receivers in memory keep up."""

    def resume_reading(self) -> None:
        """Not modelled: receivers in memory keep up."""

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._later(lambda peer: peer._receive_eof())
            self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        if not self._closing:
            self._closing = True
            self._later(lambda peer: peer._lose(ConnectionResetError(104, "connection reset by peer")))
        self._loop.call_soon(self._lose, None)

    def _later(self, act: Callable[[MemoryTransport], None]) -> None:
        # Timers of one instant fire in no certain order, so the order is kept here.
        self._under_way.append(act)
        self._loop.call_later(self._latency, self._arrive)

    def _arrive(self) -> None:
        act = self._under_way.popleft()
        if self.peer is not None:
            act(self.peer)

    def _receive(self, data: bytes) -> None:
        if not self._closing:
            self._protocol.data_received(data)

    def _receive_eof(self) -> None:
        if not self._closing and not self._protocol.eof_received():
            self.close()

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = self._closing = True
            self._protocol.connection_lost(error)


class MemoryNetwork:
    """Listeners by ``(host, port)``. Addresses nobody listens on refuse; ``black_holes`` never answer."""

    def __init__(self, latency: float = 0.02) -> None:
        self.latency = latency
        self.black_holes: set[str] = set()
        self.down = False
        """While True every connection attempt hangs, as with a cable pulled out."""
        self._listeners: dict[tuple[str, int], Factory] = {}
        self._ports = 40_000

    def listen(self, host: str, port: int, factory: Factory) -> None:
        self._listeners[host, port] = factory

    def close(self, host: str, port: int) -> None:
        self._listeners.pop((host, port), None)

    async def connect(
        self, factory: Factory, host: str, port: int, local: str = "127.0.0.1"
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """As ``loop.create_connection``. Raises ``ConnectionRefusedError``."""
        loop = asyncio.get_running_loop()
        if self.down or host in self.black_holes:
            await asyncio.Event().wait()
        await asyncio.sleep(self.latency)
        accept = self._listeners.get((host, port))
        if accept is None:
            raise ConnectionRefusedError(111, f"connect to {host}:{port} refused")
        self._ports = 40_000 + (self._ports - 39_999) % 20_000
        client, server = factory(), accept()
        ours, theirs = (local, self._ports), (host, port)
        near = MemoryTransport(loop, client, self.latency, sockname=ours, peername=theirs)
        far = MemoryTransport(loop, server, self.latency, sockname=theirs, peername=ours)
        near.peer, far.peer = far, near
        server.connection_made(far)
        client.connection_made(near)
        return near, client
