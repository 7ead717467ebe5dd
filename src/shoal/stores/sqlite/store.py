"""The embedded store: one SQLite file, a thread that writes in groups and a thread that reads."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from shoal.domain import Record
from shoal.domain.link import Link
from shoal.errors import StoreError
from shoal.ports.store import Added, Admitted, Change, Counts, SourceState, Swapped
from shoal.stores.codec import encode_source_state
from shoal.stores.feed import FEED_LIMIT, Feed
from shoal.stores.sqlite import leases, links, reader, records
from shoal.stores.sqlite.database import connect, create_file, explain
from shoal.stores.sqlite.migrate import migrate
from shoal.stores.sqlite.reader import Reader
from shoal.stores.sqlite.transaction import Work
from shoal.stores.sqlite.writer import Kind, Writer

_SLICE = 2_000
"""Records handled in one job: a list of a million must not keep claims and leases waiting for its end."""

_RUN_BITS = 32
"""Each opening numbers its changes from a multiple of 2 ** 32, so that a number of an earlier run is recognised."""

T = TypeVar("T")


class SqliteStore:
    """``shoal.ports.store.Store`` in the file ``path``, made with its folder where missing.

    ``batch`` rows at most, and ``batch_interval`` seconds at most, wait to be committed. One process at a time may
    open the file (see ``shoal.stores.lock``), as followers of its changes live in this process.
    """

    def __init__(
        self, path: Path | str, *, batch: int = 500, batch_interval: float = 0.2, feed_limit: int = FEED_LIMIT
    ) -> None:
        self._path = Path(path)
        self._batch = batch
        self._interval = batch_interval
        self._feed = Feed(feed_limit)
        self._writer: Writer | None = None
        self._reader: Reader | None = None

    @property
    def path(self) -> Path:
        return self._path

    async def open(self) -> None:
        """Raises ``StoreError`` when the file cannot be used; opening an open store does nothing."""
        if self._writer is not None:
            return
        writing, reading, run = await asyncio.to_thread(self._connect)
        self._reader = Reader(self._path, reading)
        self._writer = Writer(
            self._path, writing, batch=self._batch, interval=self._interval, publish=self._feed.publish
        )
        self._feed.open(run << _RUN_BITS)

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        reading, self._reader = self._reader, None
        self._feed.close()
        if writer is None or reading is None:
            return
        try:
            await reading.close()
        finally:
            await writer.close()

    async def add(
        self, batch: Sequence[Admitted], now: float, *, imported: bool = False, capacity: int | None = None
    ) -> Added:
        kind = Kind.DURABLE if imported else Kind.BATCHED
        total = Added()
        for start in range(0, len(batch), _SLICE):
            part = batch[start : start + _SLICE]
            work = partial(records.add, batch=part, now=now, imported=imported, capacity=capacity)
            done = await self._write(kind, work, len(part))
            total = Added(
                total.new + done.new,
                total.known + done.known,
                total.tombstoned + done.tombstoned,
                total.full + done.full,
                total.keys + done.keys,
            )
        return total

    async def claim_due(self, now: float, limit: int, lease: float, *, ahead: int | None = None) -> list[Record]:
        return await self._write(
            Kind.BATCHED, partial(records.claim_due, now=now, limit=limit, lease=lease, ahead=ahead), limit
        )

    async def claim(self, keys: Sequence[str], now: float, lease: float) -> list[Record]:
        return await self._write(Kind.BATCHED, partial(records.claim, keys=keys, now=now, lease=lease), len(keys))

    async def unclaim(self, keys: Sequence[str]) -> None:
        await self._write(Kind.BATCHED, partial(records.unclaim, keys=keys), len(keys))

    async def next_due(self) -> float | None:
        return await self._write(Kind.READ, records.next_due)

    async def save(self, batch: Sequence[Record]) -> frozenset[str]:
        return await self._write(Kind.BATCHED, partial(records.save, records=batch), len(batch))

    async def swap(self, states: Sequence[tuple[int, Record]]) -> Swapped:
        return await self._write(Kind.BATCHED, partial(records.swap, states=states), len(states))

    async def get(self, id: str) -> Record | None:
        return await self._read(partial(reader.by_id, id=id))

    async def get_by_key(self, key: str) -> Record | None:
        return await self._read(partial(reader.by_key, key=key))

    async def verified(self) -> AsyncIterator[Sequence[Record]]:
        async for batch in self._pages("", _SLICE, verified=True):
            yield batch

    async def scan(self, after: str = "", limit: int = 500) -> AsyncIterator[Sequence[Record]]:
        async for batch in self._pages(after, limit, verified=False):
            yield batch

    async def delete(self, keys: Sequence[str], now: float, tombstone: float) -> int:
        removed = 0
        for start in range(0, len(keys), _SLICE):
            part = keys[start : start + _SLICE]
            work = partial(records.delete, keys=part, now=now, tombstone=tombstone)
            removed += await self._write(Kind.DURABLE, work, len(part))
        return removed

    async def pop(self, key: str, now: float, tombstone: float) -> bool:
        return await self._write(Kind.DURABLE, partial(records.pop, key=key, now=now, tombstone=tombstone))

    async def retag(self, keys: Sequence[str], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> list[Record]:
        work = partial(records.retag, keys=keys, add=add, remove=remove)
        return await self._write(Kind.DURABLE, work, len(keys))

    async def expire(self, now: float, *, unseen: float, not_worked: float) -> int:
        work = partial(records.expire, now=now, unseen=unseen, not_worked=not_worked, limit=_SLICE)
        removed = last = await self._write(Kind.BATCHED, work, _SLICE)
        while last == _SLICE:
            last = await self._write(Kind.BATCHED, work, _SLICE)
            removed += last
        await self._write(Kind.BATCHED, partial(records.drop_outdated, now=now))
        await self._write(Kind.BATCHED, partial(links.drop_outdated, now=now))
        return removed

    async def counts(self, now: float) -> Counts:
        return await self._read(partial(reader.counts, now=now))

    async def take_lease(
        self, lease_id: str, key: str, now: float, expires_at: float, *, capacity: int, exclusive: bool
    ) -> bool:
        work = partial(
            leases.take,
            lease_id=lease_id,
            key=key,
            now=now,
            expires_at=expires_at,
            capacity=capacity,
            exclusive=exclusive,
        )
        return await self._write(Kind.DURABLE, work)

    async def release_lease(self, lease_id: str, now: float) -> str | None:
        return await self._write(Kind.DURABLE, partial(leases.release, lease_id=lease_id, now=now))

    async def renew_lease(self, lease_id: str, now: float, expires_at: float) -> bool:
        work = partial(leases.renew, lease_id=lease_id, now=now, expires_at=expires_at)
        return await self._write(Kind.DURABLE, work)

    async def put_link(self, link: Link) -> Link | None:
        return await self._write(Kind.DURABLE, partial(links.put, link=link))

    async def get_link(self, code: str) -> Link | None:
        return await self._read(partial(links.by_code, code=code))

    async def visit_link(self, code: str, now: float) -> Link | None:
        return await self._write(Kind.BATCHED, partial(links.visit, code=code, now=now))

    async def links(self, after: str, limit: int) -> list[Link]:
        return await self._read(partial(links.page, after=after, limit=limit))

    async def change_link(self, link: Link) -> Link | None:
        return await self._write(Kind.DURABLE, partial(links.change, link=link))

    async def delete_link(self, code: str) -> bool:
        return await self._write(Kind.DURABLE, partial(links.delete, code=code))

    async def source_states(self) -> dict[str, SourceState]:
        return await self._read(reader.source_states)

    async def save_source_state(self, state: SourceState) -> None:
        row = (state.name, encode_source_state(state))
        await self._write(Kind.BATCHED, lambda work: work.execute("INSERT OR REPLACE INTO sources VALUES (?, ?)", row))

    async def get_meta(self, name: str) -> bytes | None:
        return await self._read(partial(reader.meta, name=name))

    async def set_meta(self, name: str, value: bytes) -> None:
        row = (name, value)
        await self._write(Kind.DURABLE, lambda work: work.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", row))

    async def swap_meta(self, name: str, expected: bytes | None, value: bytes) -> bool:
        return await self._write(Kind.DURABLE, partial(_swap_meta, name=name, expected=expected, value=value))

    async def seq(self) -> int:
        # Changes are numbered when they are committed.
        await self._settled()
        return self._feed.seq

    def changes(self, since: int) -> AsyncIterator[Change]:
        return self._feed.follow(since)

    async def _write(self, kind: Kind, work: Callable[[Work], T], rows: int = 1) -> T:
        if self._writer is None:
            raise _closed()
        return await self._writer.do(kind, work, rows)

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        await self._settled()
        if self._reader is None:
            raise _closed()
        return await self._reader.do(work)

    async def _settled(self) -> None:
        """A caller sees what was answered before: the reading connection knows only what is committed."""
        if self._writer is None:
            raise _closed()
        if self._writer.is_dirty:
            await self._writer.flush()

    async def _pages(self, after: str, limit: int, *, verified: bool) -> AsyncIterator[Sequence[Record]]:
        while batch := await self._read(partial(reader.page, after=after, limit=limit, verified=verified)):
            yield batch
            after = batch[-1].id

    def _connect(self) -> tuple[sqlite3.Connection, sqlite3.Connection, int]:
        """Both connections and the number of this opening."""
        create_file(self._path)
        with contextlib.ExitStack() as stack:
            try:
                writing = connect(self._path)
                stack.callback(writing.close)
                migrate(writing)
                (run,) = writing.execute(
                    "INSERT INTO counters VALUES ('runs', 1)"
                    " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
                ).fetchone()
                reading = connect(self._path, read_only=True)
            except sqlite3.Error as error:
                raise explain(self._path, error) from error
            except StoreError as error:
                raise StoreError(f"{self._path}: {error}") from error
            stack.pop_all()
        return writing, reading, run


def _closed() -> StoreError:
    return StoreError("the store is closed; open it before use")


def _swap_meta(work: Work, name: str, expected: bytes | None, value: bytes) -> bool:
    row = work.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    if (None if row is None else row[0]) != expected:
        return False
    work.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
    return True
