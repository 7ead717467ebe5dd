"""What a store offers beside ``Store`` where several machines work on one pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from shoal.domain import Record
from shoal.ports.store import Store


class SharedStore(Store, Protocol):
    """A store that many processes have open at once. Raises ``StoreError`` when it cannot be reached."""

    async def claim_ids(self, now: float, limit: int, lease: float, *, ahead: int | None = None) -> list[str]:
        """As ``claim_due``, but only the ids: whoever checks them reads the records. Their claims end at
        ``now + lease``, and that number is what ``confirm`` must be told."""
        ...

    async def confirm(self, ids: Sequence[str], claimed_until: float, now: float, lease: float) -> list[Record]:
        """Go on with claims that end at ``claimed_until``, now until ``now + lease``: their records. A claim that ran
        out, was ended by a save or stands for somebody else is left out."""
        ...

    async def late(self, now: float) -> float:
        """Seconds by which the check is late that has waited longest, of what ever worked and nobody has claimed."""
        ...

    async def claimed(self, now: float) -> int:
        """How many claims stand."""
        ...

    async def hold(self, job: str, holder: str, seconds: float) -> bool:
        """Be the one who does a job for ``seconds`` from now by the server's clock, or give it up (0); False while
        another holds it."""
        ...

    async def report(self, worker: str, info: bytes, added: Mapping[str, int]) -> None:
        """A worker is alive: what it says of itself, and what to add to the cluster's totals. Empty ``info``: it
        ends."""
        ...

    async def reports(self) -> tuple[dict[str, bytes], dict[str, int]]:
        """The last word of every worker, and the totals."""
        ...
