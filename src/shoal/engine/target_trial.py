"""Target trial: what a site would answer through a few proxies, before it is kept as a target. Nothing is learned."""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import Struct

from shoal.domain import Observation, Pick, Query, Target
from shoal.engine.pool import Pool
from shoal.policy.reach import carries
from shoal.ports import Clock, Visitor

_TRIES: Final = 5
"""Proxies that are asked, each on a host of its own: enough to tell a wrong expectation from a bad proxy."""
_LOOKED_AT: Final = 200
"""Of the best proxies, among which those are found that carry such a request."""
_AT_ONCE: Final = 2
"""Trials at a time; further ones wait."""


class TargetTry(Struct, frozen=True):
    """One proxy and what the site showed through it."""

    pick: Pick
    seen: Observation


class TargetTrial:
    """Asks through the best proxies, at once."""

    def __init__(self, visitor: Visitor, pool: Pool, clock: Clock) -> None:
        self._visitor = visitor
        self._pool = pool
        self._clock = clock
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def run(self, target: Target) -> list[TargetTry]:
        """In the order of the forecasts; empty where no proxy works that carries such a request."""
        async with self._turns:
            chosen: dict[str, Pick] = {}
            for pick in self._pool.list(Query(limit=_LOOKED_AT), self._clock.now()):
                if carries(pick.path, target):
                    chosen.setdefault(pick.record.endpoint.host, pick)
                if len(chosen) == _TRIES:
                    break
            visits = (self._visitor.visit(pick.record, pick.path.scheme, target) for pick in chosen.values())
            return [
                TargetTry(pick, seen) for pick, seen in zip(chosen.values(), await asyncio.gather(*visits), strict=True)
            ]
