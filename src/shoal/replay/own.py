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
from shoal.engine.agenda import Agenda
from shoal.engine.pool import Pool
from shoal.options import CheckOptions, PoolOptions
from shoal.policy.fold import fold_check, fold_use
from shoal.policy.lessons import lessons
from shoal.policy.schedule import NO_PRESSURE, after_use, next_check, pressed
from shoal.replay.policy import Rules, Served
from shoal.stores.origin import verified_share

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
        self._due_verified: list[tuple[float, int]] = []
        self._pool = Pool(PoolOptions(max_share=rules.max_share), self._rng, window=rules.serve)
        self._agenda = Agenda(self._pool, self._check, rules.most / rules.serve)
        self._pressure = NO_PRESSURE
        self._step = _USUAL_STEP
        self._changed: set[int] = set()
        self._asked: set[int] = set()

    def add(self, proxies: Sequence[int], now: float) -> None:
        for proxy in proxies:
            key = str(proxy)
            endpoint = Endpoint(f"10.{proxy >> 16 & 255}.{proxy >> 8 & 255}.{proxy & 255}", 8080)
            self._records.append(Record(key, endpoint, claims=(self._scheme,), first_seen=now, next_check=now))
            heappush(self._due, (now, proxy))
        self._pool.hopefuls.listed([str(proxy) for proxy in proxies], now)

    def checks(self, limit: int, now: float) -> list[int]:
        ahead = [int(key) for key in self._agenda.take(self._pressure, now, limit, self._step)]
        self._asked.update(ahead)
        limit -= len(ahead)
        first = verified_share(limit) if limit else 0
        # As the stores claim: a share goes first to what ever worked, then everything in the order of time.
        chosen: list[int] = []
        self._claim(self._due_verified, first, now, chosen)
        for due in (self._due, self._due_verified):
            self._claim(due, limit, now, chosen)
        claimed = [self._records[proxy] for proxy in chosen]
        self._pressure = pressed(self._pressure, claimed, now, 1.5 * self._step)
        return ahead + chosen

    def _claim(self, due: list[tuple[float, int]], most: int, now: float, chosen: list[int]) -> None:
        while due and len(chosen) < most and due[0][0] <= now:
            at, proxy = heappop(due)
            # Feedback moves a check; its old place is outdated.
            if at == self._records[proxy].next_check and proxy not in self._asked:
                self._asked.add(proxy)
                chosen.append(proxy)

    def learn(self, results: Sequence[tuple[int, bool]], now: float) -> None:
        for proxy, ok in results:
            record = self._records[proxy]
            key = record.key
            kind = Kind.PROBE if proxy in self._asked else Kind.USE
            self._asked.discard(proxy)
            seen = (
                Observation(key, kind, now, True, self._scheme)
                if ok
                else Observation(key, kind, now, False, self._scheme, _FAILURE, Blame.PROXY)
            )
            self._pool.model = lessons(self._pool.model, record, (seen,))
            if kind is Kind.USE:
                record = fold_use(record, seen)
                due = after_use(record, now, ok, self._check)
            else:
                record = fold_check(record, CheckResult(key, (seen,), ok, failure=None if ok else _FAILURE), now)
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
            heappush(self._due_verified if record.is_verified else self._due, (due, proxy))
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
