"""What the gateway needs from the pool."""

from __future__ import annotations

import builtins
from typing import Protocol

from shoal.domain import Feedback, Pick, Proxy, Query, Scheme
from shoal.policy.source_use import SourceUse


class GatewayService(Protocol):
    """All methods answer from memory and never wait."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    uses: SourceUse
    """Is told of each connection's begin, bytes and end, and holds them against the limits of sources."""

    def pick(self, query: Query) -> Pick | None:
        """One path for use, None when nothing fits."""
        ...

    def list(self, query: Query) -> builtins.list[Pick]:
        """Every path that fits."""
        ...

    def report(self, key: str, proxy: Proxy, feedback: Feedback) -> None:
        """What a use of a proxy showed."""
        ...

    def minds(self, target: str) -> bool:
        """Whether anything is known of this target (HOST:PORT) by which proxies differ."""
        ...

    def is_kept_from(self, key: str, scheme: Scheme, target: str) -> bool:
        """Whether a ban of this target (HOST:PORT) stands against a path."""
        ...

    def ready(self) -> tuple[bool, str]:
        """Whether there is something to hand out, and why or why not."""
        ...
