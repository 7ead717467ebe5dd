"""Replica: brings what others changed in the store into this process's index."""

from __future__ import annotations

import asyncio

from shoal.domain import Record
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.errors import StoreError
from shoal.log import Log
from shoal.policy.lessons import lessons_between
from shoal.policy.pacing import TokenBucket
from shoal.ports import Change, ChangeKind, Clock, Store

_LESSONS = 200.0
"""Observations of others from which is learned in a second at most: more would not teach more."""
_STORE_RETRY = 1.0
"""Seconds between attempts to reach a store that fails."""

log = Log("shoal.replica")


class Replica:
    """Follows the store's change feed until cancelled. What this process wrote comes back and changes nothing."""

    def __init__(self, store: Store, pool: Pool, recorder: Recorder, clock: Clock) -> None:
        self.teaches = False
        """Whether what others observed teaches this process's model: in a cluster, the scheduler that leads."""
        self._lessons = TokenBucket(_LESSONS, _LESSONS)
        self._store = store
        self._pool = pool
        self._recorder = recorder
        self._clock = clock

    async def load(self) -> int:
        """Bring the index in line with the store; returns the change number to follow from."""
        seq = await self._store.seq()
        unseen = {record.key for record in self._pool.records()}
        async for batch in self._store.verified():
            for record in batch:
                unseen.discard(record.key)
                self._take(record)
        for key in unseen:
            # Either gone while nobody told us, or verified here and not saved yet.
            if await self._store.get_by_key(key) is None:
                self._recorder.forget(key)
        return seq

    async def run(self, since: int) -> None:
        """Returns when the store is closed; a store that fails is waited for."""
        while True:
            try:
                async for change in self._store.changes(since):
                    await self._follow(change)
                    since = change.seq
                return
            except StoreError as error:
                log.warning("changes cannot be read, trying again", error=str(error))
                await asyncio.sleep(_STORE_RETRY)

    async def _follow(self, change: Change) -> None:
        if change.kind is ChangeKind.RESET:
            await self.load()
        elif change.kind is ChangeKind.GONE:
            # What this process deleted itself it forgot at once, and its key may be listed again by now.
            if self._pool.record(change.key) is not None:
                self._recorder.forget(change.key)
        elif change.record is not None:
            self._take(change.record)

    def _take(self, record: Record) -> None:
        known = self._pool.record(record.key)
        if known is None:
            # A state from before the deletion, still on its way through the feed, must not bring it back.
            if self._recorder.is_gone(record):
                return
        elif record.version < known.version or (record.version == known.version and _same_origin(record, known)):
            return
        now = self._clock.now()
        if self.teaches and known is not None and self._lessons.take(now) == 0.0:
            self._pool.model = lessons_between(self._pool.model, known, record)
        self._pool.apply(record, now)


def _same_origin(one: Record, other: Record) -> bool:
    """Whether sources say the same of both: they change a record without a new version."""
    return (
        one.sources == other.sources
        and one.claims == other.claims
        and one.tags == other.tags
        and one.trust is other.trust
    )
