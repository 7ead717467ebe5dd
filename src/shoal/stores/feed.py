"""The change feed inside one process: a ring of the last changes and the iterators that follow it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from itertools import islice

from shoal.domain import Record
from shoal.ports.store import Change, ChangeKind

FEED_LIMIT = 10_000
"""Changes kept for followers that lag. A record with one path takes about 2 kB, so that the ring stays near 20 MB."""

_CHUNK = 256


class Feed:
    """Numbers changes and hands them to any number of followers. Belongs to one event loop."""

    def __init__(self, limit: int = FEED_LIMIT) -> None:
        self._ring: deque[Change] = deque(maxlen=limit)
        self._seq = 0
        self._forgotten = 0
        """The newest number that can no longer be told."""
        self._news = asyncio.Event()
        self._closed = False

    @property
    def seq(self) -> int:
        return self._seq

    def open(self, base: int | None = None) -> None:
        """Begin; with ``base`` numbers start above it, and what lies below counts as forgotten."""
        self._closed = False
        if base is not None:
            self._ring.clear()
            self._seq = self._forgotten = base

    def close(self) -> None:
        """End every iterator."""
        self._closed = True
        self._wake()

    def publish(self, records: Iterable[tuple[str, Record | None]]) -> None:
        """Append changes: a key with its new record, or with None when it is gone."""
        ring = self._ring
        before = self._seq
        for key, record in records:
            if len(ring) == ring.maxlen:
                self._forgotten = ring[0].seq
            self._seq += 1
            ring.append(Change(self._seq, ChangeKind.GONE if record is None else ChangeKind.SAVED, key, record))
        if self._seq != before:
            self._wake()

    async def follow(self, since: int) -> AsyncIterator[Change]:
        """What ``Store.changes`` promises; a follower that falls behind the ring gets RESET again."""
        while not self._closed:
            # A number from the future comes from another life of this store: nothing is known of what was missed.
            if since < self._forgotten or since > self._seq:
                since = self._seq
                yield Change(since, ChangeKind.RESET)
                continue
            if since == self._seq:
                await self._news.wait()
                continue
            skip = since - self._forgotten
            for change in list(islice(self._ring, skip, skip + _CHUNK)):
                since = change.seq
                yield change

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
