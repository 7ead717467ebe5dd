"""PoolService: the one object that API, gateway and command line hold."""

from __future__ import annotations

from collections import deque

from msgspec.structs import replace

from shoal.domain import Feedback, Forecast, Lease, Path, Pick, Proxy, Query, Record, Scheme
from shoal.domain.stats import JudgeStats, Stats
from shoal.engine.collector import Collector
from shoal.engine.leasing import Leasing
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.engine.scheduler import Scheduler
from shoal.errors import StoreError
from shoal.policy.health_report import problems
from shoal.ports import Clock, Counts, Store, Vantage

_RATE_WINDOW = 10.0
"""Seconds over which checks per second are averaged."""


class PoolService:
    """Reads are answered from memory; only ``get``, ``pop`` and ``delete`` touch the store."""

    def __init__(
        self,
        *,
        store: Store,
        pool: Pool,
        recorder: Recorder,
        leasing: Leasing,
        clock: Clock,
        scheduler: Scheduler | None = None,
        collector: Collector | None = None,
        vantage: Vantage | None = None,
    ) -> None:
        self._store = store
        self._pool = pool
        self._recorder = recorder
        self._leasing = leasing
        self._clock = clock
        self._scheduler = scheduler
        self._collector = collector
        self._vantage = vantage
        self._started_at = clock.now()
        self._counts = Counts()
        self._store_error: str | None = None
        self._rates: deque[tuple[float, int]] = deque()

    def now(self) -> float:
        """Epoch seconds."""
        return self._clock.now()

    def pick(self, query: Query) -> Pick | None:
        """One path for use; None when nothing fits, which counts as a failed pick."""
        return self._leasing.pick(query)

    async def pop(self, query: Query) -> Pick | None:
        """One path, removed from the pool and kept out by a tombstone; never the same for two callers."""
        return await self._leasing.pop(query)

    def list(self, query: Query) -> list[Pick]:
        """Every path that fits, in the query's order, at most its limit."""
        return self._pool.list(query, self._clock.now())

    def count(self, query: Query) -> int:
        """How many paths fit, whatever the query's limit."""
        return len(self.list(replace(query, limit=None)))

    async def delete(self, text: str) -> int:
        """Remove what an id, ``host:port``, ``user:password@host:port`` or URL names; how many records there were."""
        return await self._leasing.delete(text)

    async def take(self, query: Query, *, seconds: float | None = None, exclusive: bool = False) -> Lease | None:
        """A pick held for ``seconds`` (default: the settings' time); None when nothing fits or all of it is held."""
        return await self._leasing.take(query, seconds=seconds, exclusive=exclusive)

    async def release(self, id: str, scheme: Scheme | None = None, feedback: Feedback | None = None) -> bool:
        """End a lease and learn from it; False when it had run out or never was."""
        return await self._leasing.release_id(id, scheme, feedback)

    async def feedback(self, text: str, scheme: Scheme | None, feedback: Feedback) -> bool:
        """What a user saw of the proxy that ``text`` names; False when there is no such proxy."""
        return await self._leasing.feedback_on(text, scheme, feedback)

    async def get(self, id: str) -> Record | None:
        """A record by id, dead ones included, in its newest state."""
        record = await self._store.get(id)
        return None if record is None else self._pool.record(record.key) or record

    def report(self, key: str, proxy: Proxy, feedback: Feedback) -> None:
        """What a use of a proxy showed, as the gateway tells it: nothing is waited for."""
        self._leasing.feedback(key, proxy, feedback)

    def forecast(self, path: Path) -> Forecast:
        return self._pool.forecast(path, self._clock.now())

    async def refresh(self) -> None:
        """Run all sources now."""
        if self._collector is not None:
            self._collector.refresh()

    async def update_counts(self) -> None:
        """Ask the store for its sizes; called once a second by the owner. While it fails the last ones stand."""
        try:
            self._counts = await self._store.counts(self._clock.now())
            self._store_error = None
        except StoreError as error:
            self._store_error = str(error)
        self._rates.append((self._clock.now(), self._recorder.checked))
        while len(self._rates) > 1 and self._rates[0][0] < self._clock.now() - _RATE_WINDOW:
            self._rates.popleft()

    def stats(self) -> Stats:
        now = self._clock.now()
        summary = self._pool.summary(now)
        states = self._collector.states.values() if self._collector else ()
        refused: dict[str, int] = {}
        for state in states:
            for reason, count in state.refused.items():
                refused[reason] = refused.get(reason, 0) + count
        stats = Stats(
            known=self._counts.known,
            verified=len(self._pool),
            working=summary["working"]["records"],
            due=self._counts.due,
            unchecked=self._counts.unchecked,
            in_check=self._scheduler.in_flight if self._scheduler else 0,
            checked_total=self._recorder.checked,
            checks_per_second=self._rate(),
            picks_total=self._leasing.picks,
            picks_failed=self._leasing.picks_failed,
            by_scheme=dict(summary["scheme"]),
            by_anonymity=dict(summary["anonymity"]),
            by_honesty=dict(summary["honesty"]),
            by_source=dict(summary["source"]),
            failures=dict(self._recorder.failures),
            refused=refused,
            judges=_judges(self._vantage),
            sources_ok=sum(self._collector.reachable.values()) if self._collector else 0,
            sources_total=len(self._collector.sources) if self._collector else 0,
            vantage_healthy=self._vantage.healthy if self._vantage else True,
            started_at=self._started_at,
            store_error=self._store_error,
        )
        asked = self._collector is None or self._collector.first_round.is_set()
        judged = self._vantage is not None and all(judge.checked_at for judge in self._vantage.judges)
        return replace(stats, problems=problems(stats, sources_asked=asked, judges_asked=judged))

    def ready(self) -> tuple[bool, str]:
        """Whether a default pick would find something, and if not, why."""
        if self._pool.peek(Query(), self._clock.now()):
            return True, "at least one proxy can be handed out"
        found = self.stats().problems
        return False, found[0] if found else "no proxy has passed a check yet; checks are running"

    def _rate(self) -> float:
        if len(self._rates) < 2:
            return 0.0
        (first_at, first), (last_at, last) = self._rates[0], self._rates[-1]
        return (last - first) / (last_at - first_at) if last_at > first_at else 0.0


def _judges(vantage: Vantage | None) -> tuple[JudgeStats, ...]:
    if vantage is None:
        return ()
    return tuple(
        JudgeStats(judge.url, judge.kind, judge.own, judge.ok, judge.error, round(judge.latency * 1000.0, 1))
        for judge in vantage.judges
    )
