"""What the service says and does about sources."""

from __future__ import annotations

import builtins
from typing import Final

from shoal.engine.collector import Collector
from shoal.engine.events import Events
from shoal.engine.recorder import Recorder
from shoal.engine.source_book import SourceBook
from shoal.engine.source_orders import SourceOrders
from shoal.engine.source_report import SourceReport, reports_of
from shoal.errors import StoreError
from shoal.ports import Clock, Store

_OVERDUE: Final = 600.0
"""Seconds after its time within which a source that was not read again counts as one that is read."""


class SourceFace:
    """A part of ``PoolService``."""

    _store: Store
    _recorder: Recorder
    _collector: Collector | None
    _book: SourceBook | None
    _orders: SourceOrders
    _clock: Clock
    _events: Events

    def sources(self, *, every: bool = False) -> builtins.list[SourceReport]:
        """Each source, how its last run went and what it is worth; ``every`` shows rows of the catalogue that are off,
        too."""
        reports = [] if self._collector is None else reports_of(self._collector, self._recorder.failures_by_source)
        return reports if self._book is None else self._book.filled_in(reports, every=every)

    @property
    def source_book(self) -> SourceBook:
        """Where sources are added, switched and removed. Raises ``StoreError`` in a process that may not."""
        if self._book is None:
            raise StoreError("this process only reads the pool; change sources where they are read")
        return self._book

    async def run_source(self, name: str) -> bool:
        """Read one source now, here or where sources are read; False when there is none of that name. Raises
        ``StoreError``."""
        if not await self._is_source(name):
            return False
        await self._orders.run((name,))
        return True

    async def pause_source(self, name: str, paused: bool) -> bool:
        """Read it no more, or again, here or where sources are read; kept over restarts. False when there is none of
        that name. Raises ``StoreError``."""
        if not await self._is_source(name):
            return False
        await self._orders.pause(name, paused)
        self._events.publish("source_paused" if paused else "source_resumed", {"name": name})
        return True

    async def _is_source(self, name: str) -> bool:
        collector = self._collector
        if collector is not None and name in {source.name for source in collector.sources}:
            return True
        if collector is not None and collector.is_running:
            return False
        if any(report.name == name and report.enabled for report in self.sources()):
            return True
        # Known perhaps to the process that reads sources alone: its settings may name more than ours.
        state = (await self._store.source_states()).get(name)
        return state is not None and state.next_run > self._clock.now() - _OVERDUE

    async def refresh(self) -> None:
        """Run all sources now. Raises ``StoreError`` where the process that reads them cannot be told."""
        named = [] if self._collector is None else [source.name for source in self._collector.sources]
        await self._orders.run(named or tuple(await self._store.source_states()))
