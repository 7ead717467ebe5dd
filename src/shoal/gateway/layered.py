"""A transport on top of another: TLS without giving up the plain interface that relays and handlers know."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any, Protocol, cast

from shoal.wire import RemoteProtocolError


class Layer(Protocol):
    """What stands between socket and application: an UpstreamPlan that is ready, or TLS towards a client."""

    @property
    def closed(self) -> bool:
        """The peer has ended the stream inside the layer."""
        ...

    def receive_data(self, data: bytes) -> bytes: ...

    def send(self, data: bytes) -> None: ...

    def data_to_send(self) -> bytes: ...

    def end(self) -> None:
        """Nothing more will be sent."""
        ...


class LayeredTransport(asyncio.Transport, asyncio.Protocol):
    """Is the protocol of the transport below and the transport of the protocol above."""

    __slots__ = ("_layer", "_told_end", "_upper", "below")

    def __init__(self, below: asyncio.Transport, layer: Layer) -> None:
        super().__init__()
        self.below = below
        self._layer = layer
        self._upper: asyncio.Protocol | None = None
        self._told_end = False

    # -- as a protocol -------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        layer = self._layer
        try:
            plain = layer.receive_data(data)
        except (ssl.SSLError, RemoteProtocolError):
            self._flush()
            self.below.abort()
            return
        self._flush()
        if plain and self._upper is not None:
            self._upper.data_received(plain)
        if layer.closed:
            self._end()

    def eof_received(self) -> bool:
        self._end()
        return True

    def _end(self) -> None:
        if not self._told_end and self._upper is not None:
            self._told_end = True
            if not self._upper.eof_received():
                self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._upper is not None:
            self._upper.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._upper is not None:
            self._upper.pause_writing()

    def resume_writing(self) -> None:
        if self._upper is not None:
            self._upper.resume_writing()

    # -- as a transport ------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data and not self.below.is_closing():
            try:
                self._layer.send(bytes(data))
            except ssl.SSLError:
                self.below.abort()
                return
            self._flush()

    def _flush(self) -> None:
        out = self._layer.data_to_send()
        if out and not self.below.is_closing():
            self.below.write(out)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._upper = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return cast(asyncio.Protocol, self._upper)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._layer.end()
        self._flush()
        if self.below.can_write_eof() and not self.below.is_closing():
            self.below.write_eof()

    def pause_reading(self) -> None:
        self.below.pause_reading()

    def resume_reading(self) -> None:
        self.below.resume_reading()

    def is_closing(self) -> bool:
        return self.below.is_closing()

    def close(self) -> None:
        if not self.below.is_closing():
            self._layer.end()
            self._flush()
            self.below.close()

    def abort(self) -> None:
        self.below.abort()

    def get_write_buffer_size(self) -> int:
        return self.below.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.below.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        # Nobody may go around the layer to the socket.
        return default if name == "socket" else self.below.get_extra_info(name, default)


class TlsServer:
    """TLS towards a client, on memory BIOs, as a Layer."""

    __slots__ = ("_done", "_incoming", "_object", "_outgoing", "closed")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._done = False
        self.closed = False

    def receive_data(self, data: bytes) -> bytes:
        """Plain bytes, once the handshake is done. Raises ssl.SSLError for what the client does wrong."""
        self._incoming.write(data)
        if not self._done:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                return b""
            self._done = True
        parts = []
        while True:
            try:
                part = self._object.read(65_536)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                part = b""
            if not part:
                self.closed = True
                break
            parts.append(part)
        return b"".join(parts)

    def send(self, data: bytes) -> None:
        self._object.write(data)

    def data_to_send(self) -> bytes:
        return self._outgoing.read()

    def end(self) -> None:
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
