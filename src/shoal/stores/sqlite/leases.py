"""What jobs do to leases. Each function runs inside one transaction of the writer, and so is one atomic step."""

from __future__ import annotations

from shoal.stores.sqlite.transaction import Work


def take(work: Work, lease_id: str, key: str, now: float, expires_at: float, *, capacity: int, exclusive: bool) -> bool:
    """Grant by the rules of ``Store.take_lease``; an id that stands already is not granted twice."""
    if work.execute("SELECT 1 FROM records WHERE key = ?", (key,)).fetchone() is None:
        return False
    work.execute("DELETE FROM leases WHERE (key = ? OR lease_id = ?) AND expires_at <= ?", (key, lease_id, now))
    standing, any_exclusive = work.execute(
        "SELECT count(*), coalesce(max(exclusive), 0) FROM leases WHERE key = ?", (key,)
    ).fetchone()
    if standing >= capacity or any_exclusive or (exclusive and standing):
        return False
    granted = work.execute(
        "INSERT INTO leases VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (lease_id, key, expires_at, int(exclusive))
    ).rowcount
    return granted == 1


def renew(work: Work, lease_id: str, now: float, expires_at: float) -> bool:
    renewed = work.execute(
        "UPDATE leases SET expires_at = ? WHERE lease_id = ? AND expires_at > ?", (expires_at, lease_id, now)
    ).rowcount
    return renewed == 1


def release(work: Work, lease_id: str, now: float) -> str | None:
    row = work.execute("DELETE FROM leases WHERE lease_id = ? RETURNING key, expires_at", (lease_id,)).fetchone()
    if row is None:
        return None
    key: str = row[0]
    return key if row[1] > now else None
