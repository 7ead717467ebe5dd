"""Connections to upstreams between two plain requests of the same user."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from shoal.domain import Pick
from shoal.gateway.demand import Demand
from shoal.upstream import Mode
from shoal.wire import basic_credentials

if TYPE_CHECKING:
    from shoal.gateway.attempt import Attempt

_LIFE: Final = 15.0
"""Seconds; common proxies close an idle connection after 15 to 120."""
_PER_KEY: Final = 64
_LIMIT: Final = 1024

Key = tuple[str, str, str, str, str, str]


class Taker(Protocol):
    """Who is served on a line without taking the transport out of it."""

    def line_data(self, data: bytes) -> None: ...

    def line_ended(self, exc: Exception | None) -> None: ...


class IdleUpstreams:
    """Kept by user, session, upstream and target: nobody meets a connection of somebody else."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._kept: dict[Key, list[Line]] = {}
        self._count = 0

    def take(self, demand: Demand, pick: Pick, mode: Mode) -> Line | None:
        """The most recently used one that is still open. Whoever takes it sets its ``taker``, or another protocol."""
        kept = self._kept.get(_key(demand, pick, mode))
        while kept:
            line = kept.pop()
            self._count -= 1
            line.is_kept = False
            if not line.transport.is_closing():
                return line
        return None

    def give(self, demand: Demand, attempt: Attempt) -> None:
        """Keep the attempt's connection, on which nothing is under way."""
        line = Line(self, _key(demand, attempt.pick, attempt.mode), attempt.transport, attempt.pick, attempt.mode)
        attempt.transport.set_protocol(line)
        self.give_back(line)

    def give_back(self, line: Line) -> None:
        """Keep a line on which nothing is under way any more."""
        kept = self._kept.get(line.key)
        if kept is None:
            kept = self._kept[line.key] = []
        if len(kept) >= _PER_KEY or self._count >= _LIMIT:
            line.transport.abort()
            return
        line.taker = None
        line.is_kept = True
        line.since = self._loop.time()
        kept.append(line)
        self._count += 1
        # Its last client may have been slow to read.
        line.transport.resume_reading()

    def forget(self, line: Line) -> None:
        kept = self._kept.get(line.key)
        if kept is not None and line in kept:
            kept.remove(line)
            line.is_kept = False
            self._count -= 1

    def sweep(self, now: float) -> None:
        for key, kept in list(self._kept.items()):
            for line in [line for line in kept if now - line.since > _LIFE]:
                line.transport.abort()
                self.forget(line)
            if not kept:
                del self._kept[key]

    def close(self) -> None:
        for kept in self._kept.values():
            for line in kept:
                line.transport.abort()
        self._kept.clear()
        self._count = 0


class Line(asyncio.Protocol):
    """One kept connection. Whatever an upstream says unasked would be taken for the next answer: it ends the line.

    ``base`` and ``login`` are what its requests begin with and carry: both empty inside a tunnel. ``tail`` names it to
    clients.
    """

    __slots__ = (
        "_owner", "is_forward", "is_kept", "key", "login", "mode", "pick", "since", "tail", "taker", "transport",
    )  # fmt: skip

    def __init__(self, owner: IdleUpstreams, key: Key, transport: asyncio.Transport, pick: Pick, mode: Mode) -> None:
        self._owner = owner
        self.key = key
        self.transport = transport
        self.pick = pick
        self.mode: Mode = mode
        self.since = 0.0
        self.is_kept = False
        self.taker: Taker | None = None
        self.is_forward = mode == "forward"
        self.login = b""
        credentials = pick.proxy.credentials
        if self.is_forward and credentials is not None:
            value = basic_credentials(credentials.username, credentials.password)
            self.login = f"Proxy-Authorization: {value}\r\n".encode("latin-1")
        self.tail = f"\r\nX-Shoal-Proxy: {pick.path.scheme.value}://{pick.record.endpoint}\r\n\r\n".encode("latin-1")

    def data_received(self, data: bytes) -> None:
        if self.taker is not None:
            self.taker.line_data(data)
        else:
            self._drop()

    def eof_received(self) -> None:
        if self.taker is not None:
            self.taker.line_ended(None)
        else:
            self._drop()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.taker is not None:
            self.taker.line_ended(exc)
        self._owner.forget(self)

    def _drop(self) -> None:
        if self.is_kept:
            self.transport.abort()
            self._owner.forget(self)


def _key(demand: Demand, pick: Pick, mode: Mode) -> Key:
    # By target even where the proxy forwards: simple ones pass all that follows on to where the first request went.
    return demand.user.name, demand.params.session or "", pick.record.key, pick.path.scheme.value, mode, demand.target
