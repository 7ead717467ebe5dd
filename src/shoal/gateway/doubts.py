"""Doubts: answers of forwarding proxies that may be the proxy's own, until another upstream has been asked."""

from __future__ import annotations

from collections.abc import Callable

from shoal.domain import Failure, Feedback, Pick
from shoal.domain.address import network_of


class Doubts:
    """What one request was answered so far. Falsy while nothing was doubted."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: list[tuple[Pick, int, Failure, float]] = []

    def __bool__(self) -> bool:
        return bool(self._told)

    def add(self, pick: Pick, status: int, failure: Failure, latency: float) -> None:
        """``failure`` is what it counts as if others answer differently."""
        self._told.append((pick, status, failure, latency))

    def agree(self, pick: Pick, status: int, opinions: int) -> bool:
        """Whether with this one so many upstreams of different networks have said the same."""
        networks = {network_of(told.record.endpoint.host) for told, said, _, _ in self._told if said == status}
        return len(networks | {network_of(pick.record.endpoint.host)}) >= opinions

    def settle(self, status: int | None, target: str, report: Callable[[Pick, Feedback], None]) -> None:
        """The answer is known, or with None that there is none: who said the same told the truth."""
        for pick, said, failure, latency in self._told:
            if said == status:
                report(pick, Feedback(ok=True, latency=latency, target=target))
            else:
                report(pick, Feedback(ok=False, failure=failure, target=target))
        self._told.clear()
