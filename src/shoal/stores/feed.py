"""The change feed inside one process: the newest change of each record, and the iterators that follow them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable

from shoal.domain import Record
from shoal.ports.store import Change, ChangeKind

FEED_LIMIT = 10_000
"""Changes kept for followers that lag, one of each record: who comes late needs no state that was replaced since, and
would hold 2 kB for each use of a proxy. What the pool has in memory anyway costs nothing here."""


class Feed:
    """Numbers changes and hands them to any number of followers. Belongs to one event loop."""

    def __init__(self, limit: int = FEED_LIMIT) -> None:
        self._limit = limit
        self._newest: OrderedDict[str, Change] = OrderedDict()
        """By key; in the order of their numbers."""
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
            self._newest.clear()
            self._seq = self._forgotten = base

    def close(self) -> None:
        """End every iterator."""
        self._closed = True
        self._wake()

    def publish(self, records: Iterable[tuple[str, Record | None]]) -> None:
        """Append changes: a key with its new record, or with None when it is gone."""
        newest = self._newest
        before = self._seq
        for key, record in records:
            self._seq += 1
            newest[key] = Change(self._seq, ChangeKind.GONE if record is None else ChangeKind.SAVED, key, record)
            newest.move_to_end(key)
            if len(newest) > self._limit:
                self._forgotten = newest.popitem(last=False)[1].seq
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
            for change in self._later_than(since):
                since = change.seq
                yield change

    def _later_than(self, since: int) -> list[Change]:
        found: list[Change] = []
        for change in reversed(self._newest.values()):
            if change.seq <= since:
                break
            found.append(change)
        found.reverse()
        return found

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
