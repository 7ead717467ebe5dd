"""Visitor: finds out what a path shows at a target, over the network."""

from __future__ import annotations

from typing import Protocol

from shoal.domain import Observation, Record, Scheme, Target


class Visitor(Protocol):
    """Makes one request within a bounded time; never raises for anything that a proxy or a target does."""

    async def visit(self, record: Record, scheme: Scheme, target: Target) -> Observation:
        """One request to the target through the record's path of this scheme. Raises only ``CancelledError``."""
        ...
