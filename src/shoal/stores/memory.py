"""The reference store: dictionaries and a heap, no await between read and change. Nothing outlives the process."""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import count, islice

from msgspec import structs

from shoal.domain import Record, Trust
from shoal.errors import StoreError
from shoal.ports.store import Added, Admitted, Change, Counts, SourceState, Swapped
from shoal.stores.feed import FEED_LIMIT, Feed
from shoal.stores.leases import LeaseTable
from shoal.stores.memory_links import MemoryLinks
from shoal.stores.origin import Origin, last_ok, merge_origin, new_record, retagged, verified_share

_SLICE = 2_000
"""Records handled between two turns of the loop: a list of a million must not stop everything else for seconds."""


class _Entry:
    """A record, who may claim it, and its place in the due heap."""

    __slots__ = ("claimed_until", "number", "record")

    def __init__(self, record: Record, number: int) -> None:
        self.record = record
        self.number = number
        self.claimed_until: float | None = None


class MemoryStore(MemoryLinks):
    """``shoal.ports.store.Store`` in memory. ``feed_limit`` bounds the changes kept for followers. Closing it keeps the
    data; ``open`` goes on with them."""

    def __init__(self, *, feed_limit: int = FEED_LIMIT) -> None:
        super().__init__()
        self._entries: dict[str, _Entry] = {}
        self._keys: dict[str, str] = {}
        self._verified: set[str] = set()
        self._public = 0
        self._due: list[tuple[float, int, str]] = []
        self._due_verified: list[tuple[float, int, str]] = []
        """Unclaimed records; an entry whose record went or was rescheduled is dropped when it comes up."""
        self._claims: list[tuple[float, str]] = []
        self._claimed: set[str] = set()
        """Keys of records that are claimed, or were until a moment ago."""
        self._numbers = count()
        self._tombstones: dict[str, float] = {}
        self._leases = LeaseTable()
        self._sources: dict[str, SourceState] = {}
        self._meta: dict[str, bytes] = {}
        self._feed = Feed(feed_limit)
        self._is_open = False

    async def open(self) -> None:
        self._is_open = True
        self._feed.open()

    async def close(self) -> None:
        self._is_open = False
        self._feed.close()

    async def add(
        self, batch: Sequence[Admitted], now: float, *, imported: bool = False, capacity: int | None = None
    ) -> Added:
        known = tombstoned = full = 0
        keys: list[str] = []
        for start in range(0, len(batch), _SLICE):
            if start:
                await asyncio.sleep(0)
            self._check()
            for admitted in islice(batch, start, start + _SLICE):
                entry = self._entries.get(admitted.key)
                if imported:
                    self._tombstones.pop(admitted.key, None)
                if entry is not None:
                    self._refresh(entry, admitted, now)
                    known += 1
                elif admitted.id in self._keys:
                    known += 1  # another key with the same digest: once in some billions of records, and never an error
                elif self._tombstones.get(admitted.key, now) > now:
                    tombstoned += 1
                elif capacity is not None and admitted.trust is Trust.PUBLIC and self._public >= capacity:
                    full += 1
                else:
                    self._insert(new_record(admitted, now))
                    keys.append(admitted.key)
        return Added(len(keys), known, tombstoned, full, tuple(keys))

    async def claim_due(self, now: float, limit: int, lease: float, *, ahead: int | None = None) -> list[Record]:
        self._check()
        self._end_claims(now)
        claimed: list[Record] = []
        for due, most in (
            (self._due_verified, verified_share(limit) if ahead is None else min(ahead, limit)),
            (self._due, limit),
        ):
            while len(claimed) < most and (entry := self._earliest(due)) is not None and entry.record.next_check <= now:
                heapq.heappop(due)
                self._take(entry, now + lease)
                claimed.append(entry.record)
        return claimed

    async def claim(self, keys: Sequence[str], now: float, lease: float) -> list[Record]:
        self._check()
        self._end_claims(now)
        claimed: list[Record] = []
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None and entry.claimed_until is None:
                self._take(entry, now + lease)
                claimed.append(entry.record)
        return claimed

    async def unclaim(self, keys: Sequence[str]) -> None:
        self._check()
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None and entry.claimed_until is not None:
                self._schedule(entry)

    async def next_due(self) -> float | None:
        self._check()
        entry = self._earliest(self._due)
        return None if entry is None else entry.record.next_check

    async def save(self, records: Sequence[Record]) -> frozenset[str]:
        self._check()
        gone: set[str] = set()
        for record in records:
            entry = self._entries.get(record.key)
            if entry is None:
                gone.add(record.key)
                continue
            old = entry.record
            entry.record = structs.replace(
                record,
                claims=old.claims,
                sources=old.sources,
                tags=old.tags,
                trust=old.trust,
                last_seen=old.last_seen,
            )
            self._schedule(entry)
            self._publish(entry.record)
        return frozenset(gone)

    async def swap(self, states: Sequence[tuple[int, Record]]) -> Swapped:
        gone: set[str] = set()
        standing: dict[str, Record] = {}
        for base, record in states:
            entry = self._entries.get(record.key)
            if entry is not None and entry.record.version != base:
                standing[record.key] = entry.record
            else:
                gone |= await self.save([record])
        return Swapped(frozenset(gone), standing)

    async def get(self, id: str) -> Record | None:
        self._check()
        return self._record(self._keys.get(id, ""))

    async def get_by_key(self, key: str) -> Record | None:
        self._check()
        return self._record(key)

    async def verified(self) -> AsyncIterator[Sequence[Record]]:
        keys = sorted(self._verified)
        for start in range(0, len(keys), _SLICE):
            self._check()
            if records := [self._entries[key].record for key in keys[start : start + _SLICE] if key in self._verified]:
                yield records

    async def scan(self, after: str = "", limit: int = 500) -> AsyncIterator[Sequence[Record]]:
        ids = sorted(id for id in self._keys if id > after)
        for start in range(0, len(ids), limit):
            self._check()
            keys = (self._keys.get(id) for id in ids[start : start + limit])
            if records := [self._entries[key].record for key in keys if key is not None]:
                yield records

    async def delete(self, keys: Sequence[str], now: float, tombstone: float) -> int:
        self._check()
        return sum(self._remove(key, now + tombstone if tombstone > 0 else None) for key in keys)

    async def pop(self, key: str, now: float, tombstone: float) -> bool:
        self._check()
        if self._leases.has_exclusive(key, now):
            return False
        return self._remove(key, now + tombstone if tombstone > 0 else None)

    async def retag(self, keys: Sequence[str], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> list[Record]:
        self._check()
        changed = []
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None:
                entry.record = structs.replace(entry.record, tags=retagged(entry.record.tags, add, remove))
                changed.append(entry.record)
                if entry.record.is_verified:
                    self._publish(entry.record)
        return changed

    async def expire(self, now: float, *, unseen: float, not_worked: float) -> int:
        self._check()
        outdated = [
            key
            for key, entry in self._entries.items()
            if entry.record.trust is Trust.PUBLIC
            and entry.record.last_seen <= now - unseen
            and (not entry.record.is_verified or last_ok(entry.record) <= now - not_worked)
        ]
        for key in outdated:
            self._remove(key, None)
        self._tombstones = {key: until for key, until in self._tombstones.items() if until > now}
        self._leases.drop_outdated(now)
        self._links.drop_outdated(now)
        return len(outdated)

    async def counts(self, now: float) -> Counts:
        self._check()
        due = unchecked = 0
        by_source: Counter[str] = Counter()
        for entry in self._entries.values():
            record = entry.record
            due += record.next_check <= now and (entry.claimed_until is None or entry.claimed_until <= now)
            unchecked += record.checks == 0
            by_source.update(record.sources)
        return Counts(len(self._entries), len(self._verified), due, unchecked, dict(by_source))

    async def take_lease(
        self, lease_id: str, key: str, now: float, expires_at: float, *, capacity: int, exclusive: bool
    ) -> bool:
        self._check()
        if key not in self._entries:
            return False
        return self._leases.take(lease_id, key, now, expires_at, capacity=capacity, exclusive=exclusive)

    async def release_lease(self, lease_id: str, now: float) -> str | None:
        self._check()
        return self._leases.release(lease_id, now)

    async def renew_lease(self, lease_id: str, now: float, expires_at: float) -> bool:
        self._check()
        return self._leases.renew(lease_id, now, expires_at)

    async def claim_ids(self, now: float, limit: int, lease: float, *, ahead: int | None = None) -> list[str]:
        return [record.id for record in await self.claim_due(now, limit, lease, ahead=ahead)]

    async def late(self, now: float) -> float:
        self._check()
        self._end_claims(now)
        entry = self._earliest(self._due_verified)
        return 0.0 if entry is None else max(0.0, now - entry.record.next_check)

    async def confirm(self, ids: Sequence[str], claimed_until: float, now: float, lease: float) -> list[Record]:
        self._check()
        found = []
        for id in ids:
            entry = self._entries.get(self._keys.get(id, ""))
            if entry is not None and entry.claimed_until == claimed_until:
                entry.claimed_until = now + lease
                heapq.heappush(self._claims, (entry.claimed_until, entry.record.key))
                found.append(entry.record)
        return found

    async def claimed(self, now: float) -> int:
        self._check()
        ends = [self._entries[key].claimed_until for key in self._claimed]
        return sum(until is not None and until > now for until in ends)

    async def source_states(self) -> dict[str, SourceState]:
        self._check()
        return dict(self._sources)

    async def save_source_state(self, state: SourceState) -> None:
        self._check()
        self._sources[state.name] = state

    async def get_meta(self, name: str) -> bytes | None:
        self._check()
        return self._meta.get(name)

    async def set_meta(self, name: str, value: bytes) -> None:
        self._check()
        self._meta[name] = value

    async def swap_meta(self, name: str, expected: bytes | None, value: bytes) -> bool:
        self._check()
        if self._meta.get(name) != expected:
            return False
        self._meta[name] = value
        return True

    async def seq(self) -> int:
        self._check()
        return self._feed.seq

    def changes(self, since: int) -> AsyncIterator[Change]:
        return self._feed.follow(since)

    def _check(self) -> None:
        if not self._is_open:
            raise StoreError("the store is closed; open it before use")

    def _record(self, key: str) -> Record | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.record

    def _insert(self, record: Record) -> None:
        entry = _Entry(record, 0)
        self._entries[record.key] = entry
        self._keys[record.id] = record.key
        self._public += record.trust is Trust.PUBLIC
        self._schedule(entry)

    def _refresh(self, entry: _Entry, admitted: Admitted, now: float) -> None:
        old = entry.record
        origin = merge_origin(Origin(old.claims, old.sources, old.tags), admitted)
        trust = Trust.OWN if admitted.trust is Trust.OWN else old.trust
        self._public -= trust is not old.trust
        entry.record = structs.replace(
            old,
            claims=origin.claims,
            sources=origin.sources,
            tags=origin.tags,
            trust=trust,
            last_seen=max(old.last_seen, now),
        )
        if entry.record != old and old.is_verified:
            self._publish(entry.record)

    def _remove(self, key: str, tombstone_until: float | None) -> bool:
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        del self._keys[entry.record.id]
        self._claimed.discard(key)
        self._public -= entry.record.trust is Trust.PUBLIC
        if tombstone_until is not None:
            self._tombstones[key] = tombstone_until
        if key in self._verified:
            self._verified.remove(key)
            self._feed.publish([(key, None)])
        return True

    def _publish(self, record: Record) -> None:
        """Tell followers of a verified record, or that one no longer is."""
        if record.is_verified:
            self._verified.add(record.key)
            self._feed.publish([(record.key, record)])
        elif record.key in self._verified:
            self._verified.remove(record.key)
            self._feed.publish([(record.key, None)])

    def _take(self, entry: _Entry, until: float) -> None:
        entry.claimed_until = until
        heapq.heappush(self._claims, (until, entry.record.key))
        self._claimed.add(entry.record.key)

    def _schedule(self, entry: _Entry) -> None:
        entry.claimed_until = None
        self._claimed.discard(entry.record.key)
        entry.number = next(self._numbers)
        if len(self._due) > 2 * len(self._entries) + _SLICE:
            self._due = [item for item in self._due if self._is_current(item)]
            heapq.heapify(self._due)
        item = (entry.record.next_check, entry.number, entry.record.key)
        heapq.heappush(self._due, item)
        if entry.record.is_verified:
            if len(self._due_verified) > 2 * len(self._verified) + _SLICE:
                self._due_verified = [kept for kept in self._due_verified if self._is_current(kept)]
                heapq.heapify(self._due_verified)
            heapq.heappush(self._due_verified, item)

    def _earliest(self, due: list[tuple[float, int, str]]) -> _Entry | None:
        while due:
            if self._is_current(due[0]):
                return self._entries[due[0][2]]
            heapq.heappop(due)
        return None

    def _is_current(self, item: tuple[float, int, str]) -> bool:
        entry = self._entries.get(item[2])
        return entry is not None and entry.number == item[1] and entry.claimed_until is None

    def _end_claims(self, now: float) -> None:
        while self._claims and self._claims[0][0] <= now:
            until, key = heapq.heappop(self._claims)
            entry = self._entries.get(key)
            if entry is not None and entry.claimed_until == until:
                self._schedule(entry)
