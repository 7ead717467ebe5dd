"""Relay: two connections that pass everything on to each other, with back-pressure and half-close."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any

from shoal.net.splice import SPLICE_AFTER_BYTES, PipePool, Splice, can_splice, take_socket

_RESET = struct.pack("ii", 1, 0)


def reset(transport: asyncio.Transport) -> None:
    """End a connection so that its peer cannot take it for a proper end: with RST instead of FIN."""
    bottom: asyncio.Transport = getattr(transport, "below", transport)
    held: Any = bottom.get_extra_info("socket")
    if held is not None and not bottom.is_closing():
        with contextlib.suppress(OSError):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


class Side(asyncio.Protocol):
    """One end of a relay. ``count`` is what came in here."""

    __slots__ = ("count", "ended", "lost", "peer", "relay", "transport")

    transport: asyncio.Transport
    peer: Side

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.count = 0
        self.ended = False
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.peer.transport.write(data)
        self.count += len(data)
        if self.count >= SPLICE_AFTER_BYTES and self.relay.pipes is not None:
            self.relay.consider_splicing()

    def eof_received(self) -> bool:
        # True keeps our way to this end open: the answer may still be on its way (half-close).
        self.ended = True
        return self.relay.ended(self)

    def pause_writing(self) -> None:
        self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.relay.draining:
            self.relay.drained()
        else:
            self.peer.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.relay.lost(self, exc)


def _nothing(relay: Relay) -> None:
    return


class Relay:
    """Takes both transports over at ``start``; ``on_end`` is called once, when both are closed or about to be.

    ``pipes`` None keeps everything in this process. Bytes that arrived before belong to the caller.
    """

    __slots__ = ("_on_end", "_over", "_seen", "draining", "idle_since", "left", "pipes", "right", "splice")

    def __init__(
        self,
        left: asyncio.Transport,
        right: asyncio.Transport,
        on_end: Callable[[Relay], None],
        pipes: PipePool | None = None,
    ) -> None:
        self.left, self.right = Side(self), Side(self)
        self.left.peer, self.right.peer = self.right, self.left
        self.left.transport, self.right.transport = left, right
        self.pipes = pipes
        self.splice: Splice | None = None
        self.draining = False
        self.idle_since = 0.0
        self._seen = -1
        self._over = False
        self._on_end = on_end

    def start(self) -> None:
        left, right = self.left, self.right
        left.transport.set_protocol(left)
        right.transport.set_protocol(right)
        # Whoever had them before may have stopped reading for reasons of its own.
        left.transport.resume_reading()
        right.transport.resume_reading()

    @property
    def counts(self) -> tuple[int, int]:
        """Bytes from the left and from the right so far."""
        if self.splice is not None:
            return self.left.count + self.splice.counts[0], self.right.count + self.splice.counts[1]
        return self.left.count, self.right.count

    @property
    def half_closed(self) -> bool:
        """One side has said that it sends no more."""
        return self.left.ended or self.right.ended or (self.splice is not None and self.splice.half_closed)

    def idle(self, now: float) -> float:
        """Seconds since anything moved either way, as far as calls of this method could see."""
        moved = sum(self.counts)
        if moved != self._seen:
            self._seen = moved
            self.idle_since = now
        return now - self.idle_since

    def abort(self) -> None:
        """End both sides at once, whatever is under way."""
        if self.splice is not None:
            self.splice.abort()
        self.left.transport.abort()
        self.right.transport.abort()
        self._end()

    # -- called by the sides -------------------------------------------------------------------------------------

    def ended(self, side: Side) -> bool:
        peer = side.peer
        if peer.ended:
            # What is still buffered goes out before these close.
            peer.transport.close()
            side.transport.close()
        elif not peer.transport.is_closing():
            peer.transport.write_eof()
        return True

    def lost(self, side: Side, exc: Exception | None) -> None:
        side.lost = True
        if side.peer.lost and self.splice is None:
            self._untie()
            return
        if self.splice is not None:
            return
        peer = side.peer
        if exc is None and not peer.transport.is_closing():
            peer.transport.close()
        elif exc is not None:
            # close() would wait for ever for a reader that has stopped, and would look like a proper end.
            reset(peer.transport)
        self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            on_end, self._on_end = self._on_end, _nothing
            on_end(self)

    def _untie(self) -> None:
        """Nothing will come any more: without cycles everything is freed at once, not when the collector comes by."""
        self._end()
        for side in (self.left, self.right):
            del side.peer, side.relay

    # -- splicing ------------------------------------------------------------------------------------------------

    def consider_splicing(self) -> None:
        """Hand the stream to the kernel where both ends are plain sockets and neither has begun to close."""
        pipes = self.pipes
        left, right = self.left, self.right
        if pipes is None or self.draining or self._over:
            return
        if left.ended or right.ended or not (pipes.room and can_splice(left.transport) and can_splice(right.transport)):
            self.pipes = None
            return
        self.draining = True
        for side in (left, right):
            side.transport.pause_reading()
            # So that resume_writing comes when, and only when, nothing is buffered.
            side.transport.set_write_buffer_limits(high=0)
        # Not now: what this turn of the loop has written leaves at its end.
        asyncio.get_running_loop().call_soon(self.drained)

    def drained(self) -> None:
        left, right, pipes = self.left.transport, self.right.transport, self.pipes
        if self._over or self.splice is not None or pipes is None:
            return
        if left.is_closing() or right.is_closing():
            return
        if left.get_write_buffer_size() or right.get_write_buffer_size():
            return
        try:
            sockets = take_socket(left), take_socket(right)
        except OSError:
            # No descriptor left: go on as before.
            self._resume()
            return
        self.splice = Splice(asyncio.get_running_loop(), *sockets, pipes, self._end)
        # These close only their own descriptors: the connections live on in ours.
        left.abort()
        right.abort()
        self.splice.start()

    def _resume(self) -> None:
        self.draining, self.pipes = False, None
        for side in (self.left, self.right):
            side.transport.set_write_buffer_limits()
            side.transport.resume_reading()
