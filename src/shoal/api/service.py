"""What the API needs from the pool: one object, so that a fake of thirty lines can stand in for the engine."""

from __future__ import annotations

import builtins
from typing import Protocol

from shoal.domain import Forecast, Path, Pick, Query, Record
from shoal.domain.stats import Stats


class PoolService(Protocol):
    """Synchronous methods answer from memory and never wait."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def pick(self, query: Query) -> Pick | None:
        """One path for use, None when nothing fits."""
        ...

    async def pop(self, query: Query) -> Pick | None:
        """One path, removed for good; never the same for two callers."""
        ...

    def list(self, query: Query) -> builtins.list[Pick]:
        """Paths that fit, in order, at most ``query.limit``."""
        ...

    def count(self, query: Query) -> int:
        """How many paths fit, whatever the limit."""
        ...

    async def delete(self, text: str, /) -> int:
        """Remove what an id, ``host:port`` or URL names; returns how many records that were."""
        ...

    async def get(self, id: str, /) -> Record | None:
        """One record, dead ones included."""
        ...

    def forecast(self, path: Path) -> Forecast:
        """The forecast of a path as of now."""
        ...

    def stats(self) -> Stats: ...

    def ready(self) -> tuple[bool, str]:
        """Whether there is something to hand out, and why or why not."""
        ...

    async def refresh(self) -> None:
        """Read all sources now; does not wait for them."""
        ...
