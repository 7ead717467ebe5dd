"""Connections to upstreams between two plain requests of the same user."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from shoal.gateway.demand import Demand

if TYPE_CHECKING:
    from shoal.gateway.attempt import Attempt

_LIFE: Final = 15.0
"""Seconds; common proxies close an idle connection after 15 to 120."""
_PER_KEY: Final = 64
_LIMIT: Final = 1024

Key = tuple[str, str, str, str, str, str]


class IdleUpstreams:
    """Kept by user, session, upstream and target: nobody meets a connection of somebody else."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._kept: dict[Key, list[_Idle]] = {}
        self._count = 0

    def take(self, demand: Demand, attempt: Attempt) -> asyncio.Transport | None:
        """The most recently used one that is still open."""
        kept = self._kept.get(_key(demand, attempt))
        while kept:
            idle = kept.pop()
            self._count -= 1
            idle.taken = True
            if not idle.transport.is_closing():
                return idle.transport
        return None

    def give(self, demand: Demand, attempt: Attempt) -> None:
        """Keep the attempt's connection, on which nothing is under way."""
        key = _key(demand, attempt)
        kept = self._kept.setdefault(key, [])
        if len(kept) >= _PER_KEY or self._count >= _LIMIT:
            attempt.transport.abort()
            return
        idle = _Idle(self, key, attempt.transport, self._loop.time())
        kept.append(idle)
        self._count += 1
        attempt.transport.set_protocol(idle)
        # Its last client may have been slow to read.
        attempt.transport.resume_reading()

    def forget(self, idle: _Idle) -> None:
        kept = self._kept.get(idle.key)
        if kept is not None and idle in kept:
            kept.remove(idle)
            self._count -= 1

    def sweep(self, now: float) -> None:
        for key, kept in list(self._kept.items()):
            for idle in [idle for idle in kept if now - idle.since > _LIFE]:
                idle.transport.abort()
                self.forget(idle)
            if not kept:
                del self._kept[key]

    def close(self) -> None:
        for kept in self._kept.values():
            for idle in kept:
                idle.transport.abort()
        self._kept.clear()
        self._count = 0


class _Idle(asyncio.Protocol):
    """Whatever an upstream says unasked would be taken for the next answer: it ends the connection."""

    __slots__ = ("_owner", "key", "since", "taken", "transport")

    def __init__(self, owner: IdleUpstreams, key: Key, transport: asyncio.Transport, since: float) -> None:
        self._owner = owner
        self.key = key
        self.transport = transport
        self.since = since
        self.taken = False

    def data_received(self, data: bytes) -> None:
        self._drop()

    def eof_received(self) -> None:
        self._drop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.forget(self)

    def _drop(self) -> None:
        if not self.taken:
            self.transport.abort()
            self._owner.forget(self)


def _key(demand: Demand, attempt: Attempt) -> Key:
    # By target even where the proxy forwards: simple ones pass all that follows on to where the first request went.
    pick = attempt.pick
    return (
        demand.user.name, demand.params.session or "", pick.record.key, pick.path.scheme.value, attempt.mode,
        demand.target,
    )  # fmt: skip
