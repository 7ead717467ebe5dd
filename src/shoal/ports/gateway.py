"""What whoever looks on needs from a running gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shoal.domain.gateway import GatewayStatus, LiveConnection, SessionInfo


class GatewayWatch(Protocol):
    """A running gateway, in this process or in several."""

    def status(self) -> GatewayStatus: ...

    async def sessions(self) -> Sequence[SessionInfo]:
        """Every session that is remembered."""
        ...

    async def rotate(self, user: str, session: str) -> bool:
        """End a session: its next request gets another proxy. False when there is none."""
        ...

    async def connections(self, limit: int) -> Sequence[LiveConnection]:
        """What is under way, what moved most first."""
        ...


class GatewayDoor:
    """Where a gateway is found that starts after whoever looks on. ``watch`` is None while none listens."""

    def __init__(self) -> None:
        self.watch: GatewayWatch | None = None
        self.url: str | None = None
