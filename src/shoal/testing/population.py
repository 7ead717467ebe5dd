"""A population of simulated proxies whose truth is known at every moment, and a prober and vantage over it.

A small two-state model for tests of the engine in virtual time: each proxy is up and down in turns of exponential
length. What a proxy did in the past never depends on when it was asked.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from random import Random
from typing import Final

from msgspec import Struct

from shoal.domain import (
    Blame,
    Capability,
    CheckResult,
    Endpoint,
    Facts,
    Failure,
    Honesty,
    Kind,
    Observation,
    Reason,
    Record,
    Scheme,
    Stage,
    Timing,
)
from shoal.policy.attribution import blame
from shoal.ports import Clock, JudgeStatus
from shoal.testing.builders import make_endpoint

Outage = tuple[float, float]
"""Begin and end (epoch seconds) of a time in which no judge answers."""


class Life(Struct, frozen=True):
    """How a class of proxies lives: ``share`` of the population, mean seconds up and down."""

    name: str
    share: float
    up: float
    down: float


LIVES: Final = (
    Life("stable", 0.02, 172_800.0, 1_200.0),
    Life("session", 0.08, 7_200.0, 14_400.0),
    Life("flapper", 0.20, 900.0, 1_800.0),
    Life("coin", 0.30, 120.0, 3_600.0),
    Life("dead", 0.40, 0.0, 1.0),
)
"""Shares that follow the history of public lists: a small core that stays, sessions of hours, flappers with a memory of
a quarter of an hour, coins that are hardly ever up, and the dead (docs of the list histories, see policy.forecast)."""

_RELIABILITY: Final = 0.98
"""Chance that a proxy which is up carries one request."""


class SimulatedProxy:
    """One proxy's truth, drawn as far ahead as it was asked for."""

    __slots__ = ("_changes", "_rng", "_up_first", "endpoint", "latency", "life", "refuses")

    def __init__(self, number: int, life: Life, seed: int, begin: float) -> None:
        rng = Random(f"{seed}/{number}")
        self.life = life
        self.endpoint = make_endpoint(number)
        self.latency = 0.1 + rng.expovariate(1.5)
        self.refuses = rng.random() < 0.5
        """Down means a refused connection; otherwise silence."""
        self._up_first = rng.random() < life.up / (life.up + life.down)
        self._changes = [begin]
        # A generator takes 2.5 kB, and the dead, who need none, are most.
        self._rng = rng if life.up else None

    def is_up(self, at: float) -> bool:
        if self._rng is None:
            return False
        changes = self._changes
        while changes[-1] <= at:
            up = self._up_first is (len(changes) % 2 == 1)
            changes.append(changes[-1] + self._rng.expovariate(1.0 / (self.life.up if up else self.life.down)))
        return self._up_first is (bisect_right(changes, at) % 2 == 1)


class Population:
    """``size`` proxies by ``lives``, the same for the same seed."""

    def __init__(self, size: int, seed: int, begin: float, lives: tuple[Life, ...] = LIVES) -> None:
        self._proxies: dict[Endpoint, SimulatedProxy] = {}
        number = 0
        for life in lives:
            for _ in range(round(size * life.share)):
                number += 1
                proxy = SimulatedProxy(number, life, seed, begin)
                self._proxies[proxy.endpoint] = proxy

    def __len__(self) -> int:
        return len(self._proxies)

    def proxy(self, endpoint: Endpoint) -> SimulatedProxy:
        return self._proxies[endpoint]

    def is_up(self, endpoint: Endpoint, at: float) -> bool:
        return self._proxies[endpoint].is_up(at)

    def up(self, at: float) -> int:
        """How many are up."""
        return sum(proxy.is_up(at) for proxy in self._proxies.values())


class SimulatedVantage:
    """Healthy outside ``outages``; ``run`` notices each one ``delay`` seconds after it began or ended."""

    def __init__(self, clock: Clock, outages: tuple[Outage, ...] = (), delay: float = 15.0) -> None:
        self._clock = clock
        self._outages = outages
        self._delay = delay
        self._healthy = asyncio.Event()
        self._healthy.set()
        self.judges: tuple[JudgeStatus, ...] = ()
        self.addresses: frozenset[str] = frozenset()

    @property
    def healthy(self) -> bool:
        return self._healthy.is_set()

    def is_out(self, at: float) -> bool:
        """The truth, whether noticed or not."""
        return any(begin <= at < end for begin, end in self._outages)

    async def wait_healthy(self) -> None:
        await self._healthy.wait()

    async def run(self) -> None:
        """Returns after the last outage."""
        for begin, end in self._outages:
            await asyncio.sleep(begin + self._delay - self._clock.now())
            self._healthy.clear()
            await asyncio.sleep(end + self._delay - self._clock.now())
            self._healthy.set()


class SimulatedProber:
    """Checks against the truth, in virtual time; remembers the moment of every check."""

    def __init__(
        self,
        population: Population,
        vantage: SimulatedVantage,
        clock: Clock,
        rng: Random,
        timeout: float = 5.0,
        is_cut_off: Callable[[Endpoint], bool] = lambda endpoint: False,
    ) -> None:
        """``is_cut_off`` names proxies that cannot be reached from here, whether they are up or not."""
        self._is_cut_off = is_cut_off
        self._population = population
        self._vantage = vantage
        self._clock = clock
        self._rng = rng
        self._timeout = timeout
        self.begun: list[tuple[float, str]] = []
        self.running = 0
        self.peak = 0

    async def check(self, record: Record, *, full: bool = False) -> CheckResult:
        self.begun.append((self._clock.now(), record.key))
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            return await self._check(record, full)
        finally:
            self.running -= 1

    async def _check(self, record: Record, full: bool) -> CheckResult:
        proxy = self._population.proxy(record.endpoint)
        began = self._clock.now()
        if not proxy.is_up(began) or self._is_cut_off(record.endpoint):
            if proxy.refuses:
                await asyncio.sleep(0.05)
                return self._failed(record, None, Failure(Stage.CONNECT, Reason.REFUSED), 0.05)
            await asyncio.sleep(self._timeout)
            return self._failed(record, None, Failure(Stage.CONNECT, Reason.TIMEOUT), self._timeout)
        lost = self._rng.random() >= _RELIABILITY
        await asyncio.sleep(self._timeout if lost else proxy.latency)
        if self._vantage.is_out(self._clock.now()):
            return self._failed(record, Scheme.HTTP, Failure(Stage.TUNNEL, Reason.BAD_STATUS), proxy.latency)
        if lost:
            return self._failed(record, Scheme.HTTP, Failure(Stage.RECEIVE, Reason.TIMEOUT), self._timeout)
        facts = Facts(
            can=frozenset({Capability.FORWARD}),
            honesty=Honesty.CLEAN,
            exit=proxy.endpoint.host,
            profiled=full or not record.is_verified,
        )
        timing = Timing(proxy.latency / 4, proxy.latency / 2, proxy.latency, proxy.latency)
        seen = Observation(record.key, Kind.PROBE, self._clock.now(), True, Scheme.HTTP, timing=timing, facts=facts)
        return CheckResult(record.key, (seen,), True, (Scheme.HTTP,), latency=proxy.latency)

    def _failed(self, record: Record, scheme: Scheme | None, failure: Failure, total: float) -> CheckResult:
        now = self._clock.now()
        # As the real prober does: a doubtful failure is confirmed by a direct request first.
        fault: Blame = blame(failure, vantage_healthy=not self._vantage.is_out(now))
        seen = Observation(record.key, Kind.PROBE, now, False, scheme, failure, fault, Timing(total=total))
        return CheckResult(record.key, (seen,), False, failure=failure, blame=fault)
