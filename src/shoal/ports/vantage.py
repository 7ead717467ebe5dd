"""Vantage: whether our own network and judges can be trusted right now."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class JudgeStatus(Struct, frozen=True):
    """One judge as the last direct control request found it. ``url`` never shows a key."""

    url: str
    kind: str
    own: bool
    ok: bool
    error: str | None = None
    latency: float = 0.0
    checked_at: float = 0.0
    health: float = 1.0
    """Share of right answers lately (0 to 1), by which judges share the checks."""


class Vantage(Protocol):
    """The outcome of direct control requests, made beside the checks."""

    @property
    def healthy(self) -> bool:
        """False while no judge answers a direct request: then no failure is a proxy's fault and checks pause."""
        ...

    @property
    def addresses(self) -> frozenset[str]:
        """Our own addresses as judges saw them."""
        ...

    @property
    def judges(self) -> tuple[JudgeStatus, ...]: ...

    async def wait_healthy(self) -> None:
        """Return as soon as a judge answers."""
        ...
