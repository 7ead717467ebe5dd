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
from shoal.policy.schedule import next_check
from shoal.replay.policy import Rules, Served

_FAILURE = Failure(Stage.CONNECT, Reason.TIMEOUT)
_ANY = Query(not_honesties=frozenset(), min_forecast=0.0, max_age=1e12)


class Own:
    """Every proxy is a record, every check a result, as the recorder and the scheduler see them."""

    def __init__(self, rules: Rules, protocol: str) -> None:
        self._scheme = Scheme(protocol)
        self._rng = Random(rules.seed)
        self._check = CheckOptions()
        self._records: list[Record] = []
        self._due: list[tuple[float, int]] = []
        self._pool = Pool(PoolOptions(max_share=rules.max_share), self._rng)

    def add(self, proxies: Sequence[int], now: float) -> None:
        for proxy in proxies:
            key = str(proxy)
            endpoint = Endpoint(f"10.{proxy >> 16 & 255}.{proxy >> 8 & 255}.{proxy & 255}", 8080)
            self._records.append(Record(key, key, endpoint, claims=(self._scheme,), first_seen=now, next_check=now))
            heappush(self._due, (now, proxy))

    def checks(self, limit: int, now: float) -> list[int]:
        chosen: list[int] = []
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
            record = fold_check(record, result, now)
            due = next_check(record, now, self._check, self._rng, live=self._pool.working)
            record = replace(record, next_check=due)
            self._records[proxy] = record
            heappush(self._due, (due, proxy))
            self._pool.apply(record, now)

    def serve(self, count: int, most: int, now: float, step: float) -> list[Served]:
        picks = []
        for _ in range(count):
            pick = self._pool.pick(_ANY, now + step)
            if pick is None:
                break
            picks.append(Served(int(pick.record.key), pick.forecast.probability))
        return picks
