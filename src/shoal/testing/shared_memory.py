"""The memory store as several parts of one process share it: a cluster in virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from shoal.errors import StoreError
from shoal.stores.memory import MemoryStore


class SharedMemoryStore(MemoryStore):
    """``shoal.ports.cluster.SharedStore`` in memory. While ``is_away`` nobody reaches it."""

    def __init__(self, now: Callable[[], float], *, feed_limit: int = 50_000) -> None:
        super().__init__(feed_limit=feed_limit)
        self._now = now
        self._jobs: dict[str, tuple[str, float]] = {}
        self._workers: dict[str, bytes] = {}
        self._totals: Counter[str] = Counter()
        self.is_away = False

    async def hold(self, job: str, holder: str, seconds: float) -> bool:
        self._check()
        other, until = self._jobs.get(job, (holder, 0.0))
        if other != holder and until > self._now():
            return False
        self._jobs[job] = (holder, self._now() + seconds)
        return True

    async def report(self, worker: str, info: bytes, added: Mapping[str, int]) -> None:
        self._check()
        if info:
            self._workers[worker] = info
        else:
            self._workers.pop(worker, None)
        self._totals.update(added)

    async def reports(self) -> tuple[dict[str, bytes], dict[str, int]]:
        self._check()
        return dict(self._workers), dict(self._totals)

    def _check(self) -> None:
        if self.is_away:
            raise StoreError("the store is away")
        super()._check()
