"""Long streams in the kernel's hands: socket to pipe to socket without a copy through this process (Linux)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, Final

SPLICE_AFTER_BYTES: Final = 262_144
"""Short streams are cheaper in Python: splicing from the first byte makes a tunnel a fifth dearer (measured)."""
PIPE_BYTES: Final = 1_048_576
"""The kernel's default bound for unprivileged users; 64 KiB pipes cost two thirds more CPU a byte (measured)."""

_FLAGS: Final = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)
_SET_PIPE_SIZE: Final = 1031
"""F_SETPIPE_SZ, which the fcntl module knows on Linux only."""
_RESET: Final = struct.pack("ii", 1, 0)

Pipe = tuple[int, int]


class PipePool:
    """Pipes for streams on the move. Only empty ones are kept: what is left in one would reach another client.

    ``streams`` bounds how many relays may splice at once: each may hold two pipes when both its readers stop.
    """

    __slots__ = ("_free", "_keep", "_streams", "in_use")

    def __init__(self, keep: int = 32, streams: int = 512) -> None:
        self._free: list[Pipe] = []
        self._keep = keep
        self._streams = streams
        self.in_use = 0

    @property
    def room(self) -> bool:
        return self.in_use < self._streams

    def take(self) -> Pipe:
        """An empty pipe. Raises OSError when there is no descriptor left."""
        return self._free.pop() if self._free else _make_pipe()

    def give(self, pipe: Pipe) -> None:
        """Take an empty pipe back."""
        if len(self._free) < self._keep:
            self._free.append(pipe)
        else:
            _close(pipe)

    def close(self) -> None:
        while self._free:
            _close(self._free.pop())


def _make_pipe() -> Pipe:
    pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    import fcntl

    # EPERM once this user's pages for pipes are used up: then it stays as small as it was made.
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe[1], _SET_PIPE_SIZE, PIPE_BYTES)
    return pipe


def _close(pipe: Pipe) -> None:
    os.close(pipe[0])
    os.close(pipe[1])


def can_splice(transport: asyncio.Transport) -> bool:
    """Whether a plain TCP socket, and nothing else, is behind the transport."""
    if not sys.platform.startswith("linux") or transport.is_closing():
        return False
    return transport.get_extra_info("socket") is not None and transport.get_extra_info("sslcontext") is None


def take_socket(transport: asyncio.Transport) -> socket.socket:
    """A socket of our own on the transport's connection; ``abort`` of the transport then closes nothing else."""
    held: Any = transport.get_extra_info("socket")
    mine = socket.socket(fileno=os.dup(held.fileno()))
    mine.setblocking(False)
    return mine


class Splice:
    """Passes everything on between two sockets until both have ended; ``on_end`` is told once."""

    __slots__ = ("_flows", "_loop", "_on_end", "_over", "_pool", "_sockets")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        left: socket.socket,
        right: socket.socket,
        pool: PipePool,
        on_end: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._pool = pool
        self._sockets = (left, right)
        self._flows = (_Flow(self, left, right), _Flow(self, right, left))
        self._on_end = on_end
        self._over = False
        pool.in_use += 1

    def start(self) -> None:
        for flow in self._flows:
            flow.listen()

    @property
    def counts(self) -> tuple[int, int]:
        """Bytes taken from the left and from the right."""
        return self._flows[0].count, self._flows[1].count

    @property
    def half_closed(self) -> bool:
        """One direction has ended."""
        return self._flows[0].over or self._flows[1].over

    def abort(self) -> None:
        """Reset both connections."""
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._close()

    def flow_ended(self) -> None:
        if all(flow.over for flow in self._flows):
            self._close()

    def _close(self) -> None:
        if self._over:
            return
        self._over = True
        self._pool.in_use -= 1
        for flow in self._flows:
            flow.drop()
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())
            self._loop.remove_writer(sock.fileno())
            sock.close()
        self._on_end()


class _Flow:
    """One direction. It holds a pipe only while something is in it."""

    __slots__ = ("_from", "_held", "_owner", "_pipe", "_to", "_waiting", "count", "over")

    def __init__(self, owner: Splice, source: socket.socket, sink: socket.socket) -> None:
        self._owner = owner
        self._from = source
        self._to = sink
        self._pipe: Pipe | None = None
        self._held = 0
        self._waiting = False
        self.count = 0
        self.over = False

    def listen(self) -> None:
        self._owner._loop.add_reader(self._from.fileno(), self._readable)

    def drop(self) -> None:
        """Close a pipe that still holds something: it must not be used again."""
        if self._pipe is not None:
            _close(self._pipe)
            self._pipe = None

    def _readable(self) -> None:
        # The pipe is empty here: EAGAIN can only mean that the socket is.
        try:
            pipe = self._owner._pool.take()
            self._pipe = pipe
            moved = os.splice(self._from.fileno(), pipe[1], PIPE_BYTES, flags=_FLAGS)
        except BlockingIOError:
            self._release()
            return
        except OSError:
            self._owner.abort()
            return
        if moved == 0:
            self._release()
            self._finish()
            return
        self.count += moved
        self._held = moved
        self._pass_on()

    def _pass_on(self) -> None:
        pipe = self._pipe
        if pipe is None:
            return
        try:
            self._held -= os.splice(pipe[0], self._to.fileno(), self._held, flags=_FLAGS)
        except BlockingIOError:
            pass
        except OSError:
            self._owner.abort()
            return
        loop = self._owner._loop
        if self._held:
            if not self._waiting:
                # A reader left armed on a full way out would spin.
                self._waiting = True
                loop.remove_reader(self._from.fileno())
                loop.add_writer(self._to.fileno(), self._pass_on)
            return
        self._release()
        if self._waiting:
            self._waiting = False
            loop.remove_writer(self._to.fileno())
            self.listen()

    def _release(self) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            self._owner._pool.give(pipe)

    def _finish(self) -> None:
        self.over = True
        self._owner._loop.remove_reader(self._from.fileno())
        try:
            self._to.shutdown(socket.SHUT_WR)
        except OSError:
            self._owner.abort()
            return
        self._owner.flow_ended()
