"""The product in a replay: its own records, fold, forecast, learning, schedule, index and pick, none of it copied."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from random import Random

from msgspec.structs import replace

from shoal.domain import (
    Blame,
    CheckResult,
    Endpoint,
    Failure,
    Kind,
    Observation,
    Query,
    Reason,
    Record,
    Scheme,
    Stage,
)
from shoal.engine.pool import Pool
from shoal.options import CheckOptions, PoolOptions
from shoal.policy.fold import fold_check
from shoal.policy.lessons import lessons
from shoal.policy.schedule import next_check, pressed
from shoal.replay.policy import Rules, Served

_FAILURE = Failure(Stage.CONNECT, Reason.TIMEOUT)
_USUAL_STEP = 900.0
"""Seconds between snapshots that are expected until the trace has shown some."""
_ANY = Query(not_honesties=frozenset(), min_forecast=0.0, max_age=1e12)


class Own:
    """Every proxy is a record, every check a result, as the recorder and the scheduler see them."""

    def __init__(self, rules: Rules, protocol: str) -> None:
        self._scheme = Scheme(protocol)
        self._rng = Random(rules.seed)
        self._check = CheckOptions()
        self._records: list[Record] = []
        self._due: list[tuple[float, int]] = []
        self._pool = Pool(PoolOptions(max_share=rules.max_share), self._rng, window=rules.serve)
        self._pressure = 1.0
        self._step = _USUAL_STEP
        self._changed: set[int] = set()

    def add(self, proxies: Sequence[int], now: float) -> None:
        for proxy in proxies:
            key = str(proxy)
            endpoint = Endpoint(f"10.{proxy >> 16 & 255}.{proxy >> 8 & 255}.{proxy & 255}", 8080)
            self._records.append(Record(key, key, endpoint, claims=(self._scheme,), first_seen=now, next_check=now))
            heappush(self._due, (now, proxy))

    def checks(self, limit: int, now: float) -> list[int]:
        chosen: list[int] = []
        if self._due and self._due[0][0] <= now:
            self._pressure = pressed(self._pressure, now - self._due[0][0], 1.5 * self._step)
        while self._due and len(chosen) < limit and self._due[0][0] <= now:
            chosen.append(heappop(self._due)[1])
        return chosen

    def learn(self, results: Sequence[tuple[int, bool]], now: float) -> None:
        for proxy, ok in results:
            record = self._records[proxy]
            key = record.key
            seen = (
                Observation(key, Kind.PROBE, now, True, self._scheme)
                if ok
                else Observation(key, Kind.PROBE, now, False, self._scheme, _FAILURE, Blame.PROXY)
            )
            result = CheckResult(key, (seen,), ok, failure=None if ok else _FAILURE)
            self._pool.model = lessons(self._pool.model, record, result.observations)
            record = fold_check(record, result, now)
            due = next_check(
                record,
                now,
                self._check,
                self._rng,
                live=self._pool.working,
                pressure=self._pressure,
                model=self._pool.model,
            )
            record = replace(record, next_check=due)
            self._records[proxy] = record
            heappush(self._due, (due, proxy))
            self._changed.add(proxy)

    def serve(self, count: int, most: int, now: float, step: float) -> list[Served]:
        self._step = step
        # The index ranks by the forecast for the moment of use.
        for proxy in sorted(self._changed):
            self._pool.apply(self._records[proxy], now + step)
        self._changed.clear()
        picks = []
        for _ in range(count):
            pick = self._pool.pick(_ANY, now + step)
            if pick is None:
                break
            picks.append(Served(int(pick.record.key), pick.forecast.probability))
        return picks
