"""Taking in at once whatever waits to be accepted."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

P = TypeVar("P", bound=asyncio.BaseProtocol)

_AT_ONCE: Final = 512
"""Connections taken in one turn of the loop (some 30 microseconds each): what else is due must not starve."""


class BurstAcceptor:
    """Empties the queue of listening sockets whenever the loop has accepted one connection.

    uvloop accepts a single connection of a listener in each turn (libuv since 1.45; asyncio's own loop empties the
    queue). Under load a turn serves hundreds of requests: new clients would wait for as many turns as there are clients
    before them, while the loop is never late enough to refuse anything. Whoever can be told "503" must be let in first.

    Hand ``wrap(factory)`` to ``create_server``, then call ``watch`` with its sockets. Cost where nothing waits: one
    ``accept`` that finds nothing.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ssl_context: ssl.SSLContext | None = None) -> None:
        self._loop = loop
        self._ssl = ssl_context
        self._factory: Callable[[], asyncio.BaseProtocol] | None = None
        self._listeners: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_due = False

    def wrap(self, factory: Callable[[], P]) -> Callable[[], P]:
        """A factory that is told of what the loop accepts by itself."""
        self._factory = factory

        def made() -> P:
            if self._listeners and not self._is_due:
                self._is_due = True
                self._loop.call_soon(self._drain)
            return factory()

        return made

    def watch(self, listeners: Sequence[socket.socket]) -> None:
        """Sockets that the loop accepts from. Does nothing on a loop that empties the queue itself."""
        if isinstance(self._loop, asyncio.BaseEventLoop):
            return
        for listener in listeners:
            # A descriptor of our own: what uvloop shows of its sockets cannot accept.
            mine = socket.socket(fileno=os.dup(listener.fileno()))
            mine.setblocking(False)
            self._listeners.append(mine)

    def close(self) -> None:
        """Before the server closes: a second descriptor would keep the port open."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for task in self._tasks:
            task.cancel()

    def _drain(self) -> None:
        self._is_due = False
        for listener in self._listeners:
            for _ in range(_AT_ONCE):
                try:
                    connection, _ = listener.accept()
                except OSError:
                    # Nothing waits. Where there is no descriptor left, the loop's own accept deals with it.
                    break
                connection.setblocking(False)
                task = self._loop.create_task(self._serve(connection), name="accepted")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        assert self._factory is not None
        try:
            await self._loop.connect_accepted_socket(self._factory, connection, ssl=self._ssl)
        except OSError:
            # It left again, or its TLS handshake failed: as for a connection that the loop accepts, nobody's trouble.
            connection.close()
