"""Pool: the index in memory of every proxy that ever worked. ``apply`` and ``pick`` never wait."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Iterator, Sequence
from math import exp
from random import Random

from shoal.domain import Path, Pick, Query, Record, Trust
from shoal.options import PoolOptions
from shoal.policy.forecast import forecast, long_run_rate
from shoal.policy.selection import draw, fits, ordered, timely, weight

_BUCKETS = 16
"""Paths are kept by long-run rate in sixteen buckets, own proxies in sixteen above them: picks look from the top."""
_ENOUGH = 24
"""Candidates among which a pick draws. More only costs time: the best 24 differ less than their forecasts are sure."""
_LOOK_LIMIT = 4_000
"""Paths that one pick looks at before it settles for what it found. While nothing is found it looks on: a proxy that
a list shows must not be denied to a pick."""
_SHARE_MEMORY = 300.0
"""Seconds over which a pick counts towards a proxy's share."""


class _Entry:
    __slots__ = ("bucket", "path", "picked", "picked_at", "record", "slot", "works")

    def __init__(self, record: Record, path: Path, bucket: int) -> None:
        self.record = record
        self.path = path
        self.bucket = bucket
        self.slot = 0
        self.works = False
        self.picked = 0.0
        self.picked_at = 0.0


class Pool:
    """Index of verified records. All methods are synchronous and touch only memory."""

    def __init__(self, options: PoolOptions, rng: Random) -> None:
        self._options = options
        self._rng = rng
        self._records: dict[str, Record] = {}
        self._entries: dict[str, list[_Entry]] = {}
        self._buckets: list[list[_Entry]] = [[] for _ in range(2 * _BUCKETS)]
        self._picks = 0.0
        self._picks_at = 0.0
        self.working = 0
        """Paths whose last check or use worked."""

    def __len__(self) -> int:
        return len(self._records)

    def record(self, key: str) -> Record | None:
        """The newest state of a verified record, None when it is not in the index."""
        return self._records.get(key)

    def records(self) -> Iterator[Record]:
        return iter(self._records.values())

    def apply(self, record: Record, now: float) -> None:
        """Take in a record's new state; one that was never verified is left out."""
        if not record.is_verified:
            self.remove(record.key)
            return
        self._records[record.key] = record
        old = {entry.path.scheme: entry for entry in self._entries.get(record.key, ())}
        entries = []
        for path in record.paths:
            if not path.is_verified:
                continue
            bucket = _bucket(record, path, now)
            entry = old.pop(path.scheme, None)
            if entry is None:
                entry = _Entry(record, path, bucket)
                self._insert(entry)
            else:
                entry.record, entry.path = record, path
                if entry.bucket != bucket:
                    self._take_out(entry)
                    entry.bucket = bucket
                    self._insert(entry)
            works = path.health.last_ok >= path.health.last_bad
            self.working += works - entry.works
            entry.works = works
            entries.append(entry)
        for entry in old.values():
            self._forget(entry)
        self._entries[record.key] = entries

    def remove(self, key: str) -> bool:
        """Forget a record; True when it was there."""
        for entry in self._entries.pop(key, ()):
            self._forget(entry)
        return self._records.pop(key, None) is not None

    def pick(self, query: Query, now: float) -> Pick | None:
        """One path that fits, drawn by forecast and latency among the best; None when nothing fits.

        No proxy gets more than ``max_share`` of recent picks while another fits.
        """
        found: list[_Entry] = []
        weights: list[float] = []
        # The user's own proxies come first; public ones are the fall-back.
        for buckets in (self._buckets[_BUCKETS:], self._buckets[:_BUCKETS]):
            self._gather(query, now, buckets, found, weights)
            if found:
                break
        if not found:
            return None
        entry = found[draw(weights, self._rng)]
        self._note_pick(entry, now)
        return _as_pick(entry, now)

    def peek(self, query: Query, now: float) -> bool:
        """True when a pick would find something; counts as no pick."""
        found: list[_Entry] = []
        self._gather(query, now, self._buckets, found, [], enough=1)
        return bool(found)

    def _gather(
        self,
        query: Query,
        now: float,
        buckets: Sequence[Sequence[_Entry]],
        found: builtins.list[_Entry],
        weights: builtins.list[float],
        enough: int = _ENOUGH,
    ) -> None:
        """Collect candidates and their weights from the best bucket down, each from a random place."""
        looked = 0
        for bucket in reversed(buckets):
            size = len(bucket)
            start = self._rng.randrange(size) if size > 1 else 0
            for step in range(size):
                if len(found) >= enough or (looked >= _LOOK_LIMIT and found):
                    return
                looked += 1
                entry = bucket[(start + step) % size]
                if not fits(query, entry.record, entry.path):
                    continue
                chance = forecast(entry.path.health, now)
                if timely(query, entry.path, chance, now, self._options):
                    found.append(entry)
                    weights.append(weight(entry.path, chance) * self._share_left(entry, now))

    def list(self, query: Query, now: float) -> builtins.list[Pick]:
        """Every path that fits, in the query's order, at most its limit."""
        picks = [
            _as_pick(entry, now)
            for entries in self._entries.values()
            for entry in entries
            if fits(query, entry.record, entry.path)
        ]
        picks = [pick for pick in picks if timely(query, pick.path, pick.forecast, now, self._options)]
        picks = ordered(picks, query.order)
        return picks if query.limit is None else picks[: query.limit]

    def summary(self, now: float) -> dict[str, Counter[str]]:
        """Counts of paths that could be handed out now, by scheme, anonymity, honesty and source."""
        counts: dict[str, Counter[str]] = {
            "working": Counter(),
            "scheme": Counter(),
            "anonymity": Counter(),
            "honesty": Counter(),
            "source": Counter(),
        }
        for record in self._records.values():
            alive = False
            for path in record.paths:
                if not path.is_verified or path.health.last_bad > path.health.last_ok:
                    continue
                alive = True
                counts["scheme"][path.scheme.value] += 1
                counts["anonymity"][path.anonymity.value] += 1
                counts["honesty"][path.honesty.value] += 1
            if alive:
                counts["working"]["records"] += 1
                counts["source"].update(record.sources)
        return counts

    def _share_left(self, entry: _Entry, now: float) -> float:
        """1 while the entry has had less than its share of recent picks, next to nothing afterwards."""
        total = self._picks * exp((self._picks_at - now) / _SHARE_MEMORY)
        mine = entry.picked * exp((entry.picked_at - now) / _SHARE_MEMORY)
        # The first picks of all would exceed any share: allow for a few before the share binds.
        return 1.0 if mine < 1.0 + self._options.max_share * total else 1e-6

    def _note_pick(self, entry: _Entry, now: float) -> None:
        self._picks = self._picks * exp((self._picks_at - now) / _SHARE_MEMORY) + 1.0
        self._picks_at = now
        entry.picked = entry.picked * exp((entry.picked_at - now) / _SHARE_MEMORY) + 1.0
        entry.picked_at = now

    def _forget(self, entry: _Entry) -> None:
        self.working -= entry.works
        self._take_out(entry)

    def _insert(self, entry: _Entry) -> None:
        bucket = self._buckets[entry.bucket]
        entry.slot = len(bucket)
        bucket.append(entry)

    def _take_out(self, entry: _Entry) -> None:
        bucket = self._buckets[entry.bucket]
        last = bucket.pop()
        if last is not entry:
            bucket[entry.slot] = last
            last.slot = entry.slot


def _bucket(record: Record, path: Path, now: float) -> int:
    rate = long_run_rate(path.health, now)
    own = _BUCKETS if record.trust is Trust.OWN else 0
    return own + min(_BUCKETS - 1, int(rate * _BUCKETS))


def _as_pick(entry: _Entry, now: float) -> Pick:
    return Pick(entry.record, entry.path, entry.record.proxy(entry.path.scheme), forecast(entry.path.health, now))
