"""Replica: brings what others changed in the store into this process's index."""

from __future__ import annotations

from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.ports import ChangeKind, Clock, Store


class Replica:
    """Follows the store's change feed until cancelled. What this process wrote comes back and changes nothing."""

    def __init__(self, store: Store, pool: Pool, recorder: Recorder, clock: Clock) -> None:
        self._store = store
        self._pool = pool
        self._recorder = recorder
        self._clock = clock

    async def load(self) -> int:
        """Fill the index from the store; returns the change number to follow from."""
        seq = await self._store.seq()
        async for batch in self._store.verified():
            now = self._clock.now()
            for record in batch:
                self._pool.apply(record, now)
        return seq

    async def run(self, since: int) -> None:
        async for change in self._store.changes(since):
            if change.kind is ChangeKind.RESET:
                await self.load()
            elif change.kind is ChangeKind.GONE:
                self._recorder.forget(change.key)
            elif change.record is not None:
                known = self._pool.record(change.key)
                if known is None or known.version < change.record.version:
                    self._recorder.remember(change.key)
                    self._pool.apply(change.record, self._clock.now())
