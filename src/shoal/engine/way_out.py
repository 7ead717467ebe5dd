"""Way out: proxies of the pool for reading sources whose site is blocked from here."""

from __future__ import annotations

from shoal.domain import Capability, Feedback, Pick, Query, Scheme
from shoal.engine.leasing import Leasing
from shoal.engine.pool import Pool
from shoal.ports import Clock

_QUERY = Query(
    schemes=frozenset({Scheme.HTTP, Scheme.SOCKS4, Scheme.SOCKS4A, Scheme.SOCKS5}),
    capabilities=frozenset({Capability.TUNNEL}),
)


class PoolWayOut:
    """Picks that no client asked for, so that they count neither as picks nor as failed ones."""

    def __init__(self, pool: Pool, leasing: Leasing, clock: Clock) -> None:
        self._pool = pool
        self._leasing = leasing
        self._clock = clock

    def pick(self) -> Pick | None:
        return self._pool.pick(_QUERY, self._clock.now())

    def report(self, pick: Pick, ok: bool) -> None:
        self._leasing.feedback(pick.record.key, pick.proxy, Feedback(ok=ok))
