"""Agenda: where checks come late, those that change most of what is handed out, chosen from what is in memory."""

from __future__ import annotations

from collections import deque
from heapq import nlargest
from itertools import chain, islice
from math import ceil
from typing import Final

from shoal.engine.pool import Pool
from shoal.options import CheckOptions
from shoal.policy.forecast import features
from shoal.policy.learning import probability
from shoal.policy.schedule import Pressure, freshness
from shoal.policy.worth import standing, worth

_SHARE: Final = 0.9
"""Share of checks that goes to what is worth most now; the rest goes in the order of time, so that every wait ends."""
_WIDE: Final = 2
"""Paths that are weighed for each place, the best forecasts first: a round of 200 takes 35 ms of CPU."""
_ROUND: Final = 200
"""Places filled at once at least: rounds are short enough to go unnoticed, and none chooses from the best few alone."""
_REVISED: Final = 2_000
"""Forecasts brought up to date before each round, in turn: what failed and was not tried since must not stay at the
bottom for ever."""
HORIZON: Final = 60.0
"""Seconds ahead for which a check is weighed, and after half of which a round is outdated."""


class Agenda:
    """A round of checks worth making, best first. It costs memory and time by the checks made, whatever is known."""

    def __init__(self, pool: Pool, options: CheckOptions, max_share: float) -> None:
        self._pool = pool
        self._options = options
        self._distinct = ceil(1.0 / max_share)
        self._round: deque[str] = deque()
        self._made_at = -HORIZON
        self._revised = 0

    def take(self, pressure: Pressure, now: float, limit: int, horizon: float = HORIZON) -> list[str]:
        """Keys to check before what is due, out of ``limit`` checks; none while checks come in time."""
        places = int(limit * _SHARE)
        if pressure.proven <= 1.0 or not places:
            return []
        if not self._round or now - self._made_at >= horizon / 2.0:
            self._fill(now, max(places, _ROUND), horizon)
        chosen: list[str] = []
        while self._round and len(chosen) < places:
            key = self._round.popleft()
            record = self._pool.record(key)
            # What was checked since, because it fell due, has told already.
            if record is not None:
                if record.last_check <= self._made_at:
                    chosen.append(key)
            elif key in self._pool.hopefuls:
                self._pool.hopefuls.forget(key)
                chosen.append(key)
        return chosen

    def _fill(self, now: float, places: int, horizon: float) -> None:
        self._made_at = now
        known = len(self._pool)
        if not known:
            return
        ranked = self._pool.revised(self._revised % known, _REVISED, now + horizon)
        self._revised += _REVISED
        entries = list(islice(ranked, max(_WIDE * places, self._distinct)))
        model, use = self._pool.model, now + horizon
        unchecked = [probability(model, features(entry.path.health, use)) for entry in entries]
        marginal = nlargest(self._distinct, unchecked)[-1]
        # Nothing is checked more often than where checks suffice.
        rested = now - freshness(self._options, self._pool.working)
        weighed: dict[str, float] = {}
        for entry, chance in zip(entries, unchecked, strict=True):
            record = entry.record
            if record.last_check <= rested:
                value = worth(entry.path.health, now, use, chance, marginal, model)
                value += standing(chance, now - record.last_check, horizon)
                weighed[record.key] = max(value, weighed.get(record.key, 0.0))
        hopefuls = islice(self._pool.hopefuls.best_first(now, horizon), places)
        proven = [(value, key) for key, value in weighed.items()]
        self._round = deque([key for _, key in nlargest(places, chain(proven, hopefuls))])
