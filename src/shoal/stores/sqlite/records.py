"""What jobs do to records. Each function runs inside one transaction of the writer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from shoal.domain import Record, Trust
from shoal.ports.store import Added, Admitted, Swapped
from shoal.stores.codec import decode_origin, decode_record, encode_body, encode_origin
from shoal.stores.origin import Origin, last_ok, merge_origin, new_record, retagged, verified_share
from shoal.stores.sqlite.transaction import Work

SELECT = "SELECT id, key, own, next_check, last_seen, origin, body, pk FROM records"
"""The beginning of statements whose rows ``record_of`` understands."""


def record_of(row: tuple[Any, ...]) -> Record:
    _, key, own, next_check, last_seen, origin, body = row[:7]
    return decode_record(key, Trust.OWN if own else Trust.PUBLIC, next_check, last_seen, origin, body)


def add(work: Work, batch: Sequence[Admitted], now: float, *, imported: bool, capacity: int | None) -> Added:
    known = tombstoned = full = 0
    keys: list[str] = []
    for admitted in batch:
        if imported:
            work.execute("DELETE FROM tombstones WHERE key = ?", (admitted.key,))
        row = work.execute(
            "SELECT pk, own, verified, last_seen, origin FROM records WHERE key = ?", (admitted.key,)
        ).fetchone()
        if row is not None:
            _refresh(work, row, admitted, now)
            known += 1
        elif _is_tombstoned(work, admitted.key, now):
            tombstoned += 1
        elif capacity is not None and admitted.trust is Trust.PUBLIC and work.counter("public") >= capacity:
            full += 1
        elif _insert(work, new_record(admitted, now)):
            keys.append(admitted.key)
        else:
            known += 1
    return Added(len(keys), known, tombstoned, full, tuple(keys))


def _is_tombstoned(work: Work, key: str, now: float) -> bool:
    return work.execute("SELECT 1 FROM tombstones WHERE key = ? AND until > ?", (key, now)).fetchone() is not None


def _insert(work: Work, record: Record) -> bool:
    """False when another key has the same id: once in some billions of records, and never an error."""
    origin = Origin(record.claims, record.sources, record.tags)
    own = record.trust is Trust.OWN
    written = work.execute(
        "INSERT INTO records (id, key, own, next_check, last_seen, origin, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (
            record.id,
            record.key,
            int(own),
            record.next_check,
            record.last_seen,
            encode_origin(origin),
            encode_body(record),
        ),
    ).rowcount
    if not written:
        return False
    work.move("known", 1)
    work.move("unchecked", 1)
    work.move("public", int(not own))
    work.move_sources(record.sources, 1)
    return True


def _refresh(work: Work, row: tuple[Any, ...], admitted: Admitted, now: float) -> None:
    pk, own, verified, last_seen, data = row
    old = decode_origin(data)
    origin = merge_origin(old, admitted)
    becomes_own = int(own or admitted.trust is Trust.OWN)
    if origin is old and becomes_own == own:
        if now <= last_seen:
            return
        work.execute("UPDATE records SET last_seen = ? WHERE pk = ?", (now, pk))
    else:
        work.execute(
            "UPDATE records SET last_seen = ?, own = ?, origin = ? WHERE pk = ?",
            (max(now, last_seen), becomes_own, encode_origin(origin), pk),
        )
        work.move("public", own - becomes_own)
        work.move_sources(origin.sources[len(old.sources) :], 1)
    if verified:
        record = record_of(work.execute(SELECT + " WHERE pk = ?", (pk,)).fetchone())
        work.changes.append((record.key, record))


def claim_due(work: Work, now: float, limit: int, lease: float, ahead: int | None) -> list[Record]:
    work.execute("UPDATE records SET claimed_until = NULL WHERE claimed_until <= ?", (now,))
    rows: list[tuple[Any, ...]] = []
    first = verified_share(limit) if ahead is None else min(ahead, limit)
    for condition, most in ((" AND verified = 1", first), ("", limit)):
        found = work.execute(
            SELECT + f" WHERE claimed_until IS NULL{condition} AND next_check <= ? ORDER BY next_check LIMIT ?",
            (now, most - len(rows)),
        ).fetchall()
        work.connection.executemany(
            "UPDATE records SET claimed_until = ? WHERE pk = ?", [(now + lease, row[7]) for row in found]
        )
        rows += found
    return [record_of(row) for row in rows]


def claim(work: Work, keys: Sequence[str], now: float, lease: float) -> list[Record]:
    claimed = []
    for key in keys:
        row = work.execute(
            SELECT + " WHERE key = ? AND (claimed_until IS NULL OR claimed_until <= ?)", (key, now)
        ).fetchone()
        if row is not None:
            work.execute("UPDATE records SET claimed_until = ? WHERE pk = ?", (now + lease, row[7]))
            claimed.append(record_of(row))
    return claimed


def unclaim(work: Work, keys: Sequence[str]) -> None:
    work.connection.executemany(
        "UPDATE records SET claimed_until = NULL WHERE key = ? AND claimed_until IS NOT NULL", [(key,) for key in keys]
    )


def next_due(work: Work) -> float | None:
    row = work.execute("SELECT min(next_check) FROM records WHERE claimed_until IS NULL").fetchone()
    due: float | None = row[0]
    return due


def save(work: Work, records: Sequence[Record]) -> frozenset[str]:
    gone: set[str] = set()
    for record in records:
        row = work.execute(
            "SELECT pk, id, own, verified, checked, last_seen, origin FROM records WHERE key = ?", (record.key,)
        ).fetchone()
        if row is None:
            gone.add(record.key)
            continue
        pk, id, own, was_verified, was_checked, last_seen, origin = row
        verified = int(record.is_verified)
        checked = int(record.checks > 0)
        body = encode_body(record)
        work.execute(
            "UPDATE records SET verified = ?, checked = ?, next_check = ?, claimed_until = NULL, last_ok = ?, body = ?"
            " WHERE pk = ?",
            (verified, checked, record.next_check, last_ok(record), body, pk),
        )
        work.move("verified", verified - was_verified)
        work.move("unchecked", was_checked - checked)
        if verified:
            kept = record_of((id, record.key, own, record.next_check, last_seen, origin, body))
            work.changes.append((record.key, kept))
        elif was_verified:
            work.changes.append((record.key, None))
    return frozenset(gone)


def swap(work: Work, states: Sequence[tuple[int, Record]]) -> Swapped:
    gone: set[str] = set()
    standing: dict[str, Record] = {}
    for base, record in states:
        row = work.execute(SELECT + " WHERE key = ?", (record.key,)).fetchone()
        stored = None if row is None else record_of(row)
        if stored is None:
            gone.add(record.key)
        elif stored.version != base:
            standing[record.key] = stored
        else:
            save(work, (record,))
    return Swapped(frozenset(gone), standing)


def delete(work: Work, keys: Sequence[str], now: float, tombstone: float) -> int:
    return sum(_remove(work, key, now, tombstone) for key in keys)


def pop(work: Work, key: str, now: float, tombstone: float) -> bool:
    held = work.execute(
        "SELECT 1 FROM leases WHERE key = ? AND exclusive = 1 AND expires_at > ?", (key, now)
    ).fetchone()
    return held is None and _remove(work, key, now, tombstone)


def retag(work: Work, keys: Sequence[str], add: Sequence[str], remove: Sequence[str]) -> list[Record]:
    changed = []
    for key in keys:
        row = work.execute(SELECT + " WHERE key = ?", (key,)).fetchone()
        if row is None:
            continue
        record = record_of(row)
        record = replace(record, tags=retagged(record.tags, add, remove))
        origin = Origin(record.claims, record.sources, record.tags)
        work.execute("UPDATE records SET origin = ? WHERE pk = ?", (encode_origin(origin), row[7]))
        if record.is_verified:
            work.changes.append((key, record))
        changed.append(record)
    return changed


def expire(work: Work, now: float, unseen: float, not_worked: float, limit: int) -> int:
    """Forget up to ``limit`` records; how many they were."""
    rows = work.execute(
        "SELECT key FROM records WHERE own = 0 AND last_seen <= ? AND (last_ok = 0 OR last_ok <= ?) LIMIT ?",
        (now - unseen, now - not_worked, limit),
    ).fetchall()
    return sum(_remove(work, key, now, 0.0) for (key,) in rows)


def drop_outdated(work: Work, now: float) -> None:
    work.execute("DELETE FROM tombstones WHERE until <= ?", (now,))
    work.execute("DELETE FROM leases WHERE expires_at <= ?", (now,))


def _remove(work: Work, key: str, now: float, tombstone: float) -> bool:
    row = work.execute("DELETE FROM records WHERE key = ? RETURNING own, verified, checked, origin", (key,)).fetchone()
    if row is None:
        return False
    own, verified, checked, origin = row
    if tombstone > 0:
        work.execute("INSERT OR REPLACE INTO tombstones VALUES (?, ?)", (key, now + tombstone))
    work.move("known", -1)
    work.move("public", own - 1)
    work.move("verified", -verified)
    work.move("unchecked", checked - 1)
    work.move_sources(decode_origin(origin).sources, -1)
    if verified:
        work.changes.append((key, None))
    return True
