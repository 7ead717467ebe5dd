"""Stand-ins for what the engine gets through ports, steered by the test that uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from shoal.domain import (
    Blame,
    Candidate,
    CheckResult,
    Facts,
    Failure,
    Kind,
    Observation,
    Reason,
    Record,
    Scheme,
    Stage,
    Timing,
    Trust,
)
from shoal.ports import Harvest, JudgeStatus, SourceState
from shoal.testing.builders import make_endpoint

REFUSED = Failure(Stage.CONNECT, Reason.REFUSED, "connection refused")


def make_success(
    record: Record, at: float, *, scheme: Scheme = Scheme.HTTP, latency: float = 0.2, facts: Facts | None = None
) -> CheckResult:
    """The outcome of a check in which one scheme worked."""
    timing = Timing(latency / 4, latency / 2, latency, latency)
    seen = Observation(record.key, Kind.PROBE, at, True, scheme, timing=timing, facts=facts)
    return CheckResult(record.key, (seen,), True, (scheme,), latency=latency)


def make_failure(
    record: Record,
    at: float,
    *,
    scheme: Scheme | None = None,
    failure: Failure = REFUSED,
    blame: Blame = Blame.PROXY,
) -> CheckResult:
    """The outcome of a check in which nothing worked."""
    seen = Observation(record.key, Kind.PROBE, at, False, scheme, failure, blame)
    return CheckResult(record.key, (seen,), False, failure=failure, blame=blame)


class FakeVantage:
    """Healthy until told otherwise by ``set``."""

    def __init__(self, healthy: bool = True) -> None:
        self._healthy = asyncio.Event()
        self.judges: tuple[JudgeStatus, ...] = ()
        self.addresses: frozenset[str] = frozenset()
        self.set(healthy)

    @property
    def healthy(self) -> bool:
        return self._healthy.is_set()

    def set(self, healthy: bool) -> None:
        if healthy:
            self._healthy.set()
        else:
            self._healthy.clear()

    async def wait_healthy(self) -> None:
        await self._healthy.wait()


class FakeProber:
    """Answers with ``act(record)`` and remembers when each check began and how many ran at once."""

    def __init__(self, act: Callable[[Record], Awaitable[CheckResult]]) -> None:
        self._act = act
        self.begun: list[tuple[float, str]] = []
        self.full: list[bool] = []
        self.running = 0
        self.peak = 0

    async def check(self, record: Record, *, full: bool = False) -> CheckResult:
        self.begun.append((asyncio.get_running_loop().time(), record.key))
        self.full.append(full)
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            return await self._act(record)
        finally:
            self.running -= 1


class FakeSource:
    """Brings what ``fetch_once`` returns or raises; ``runs`` are the loop times at which it was asked."""

    def __init__(
        self,
        name: str,
        fetch_once: Callable[[SourceState], Awaitable[Harvest]],
        *,
        trust: Trust = Trust.PUBLIC,
        interval: float = 300.0,
    ) -> None:
        self.name = name
        self.trust = trust
        self.interval = interval
        self.scheme: Scheme | None = Scheme.HTTP
        self.contacts = "nobody"
        self.runs: list[float] = []
        self._fetch_once = fetch_once

    async def fetch(self, state: SourceState) -> Harvest:
        self.runs.append(asyncio.get_running_loop().time())
        return await self._fetch_once(state)


def make_candidates(numbers: Iterable[int], scheme: Scheme | None = Scheme.HTTP) -> tuple[Candidate, ...]:
    """Candidates for ``make_endpoint`` of each number."""
    return tuple(Candidate(make_endpoint(number), scheme) for number in numbers)
