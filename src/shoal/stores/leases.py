"""Leases of one process: who holds what until when."""

from __future__ import annotations

from typing import NamedTuple


class _Lease(NamedTuple):
    key: str
    expires_at: float
    exclusive: bool


class LeaseTable:
    """Grants and ends leases. A lease has run out once ``now`` reaches its ``expires_at``."""

    def __init__(self) -> None:
        self._leases: dict[str, _Lease] = {}
        self._by_key: dict[str, set[str]] = {}

    def take(self, lease_id: str, key: str, now: float, expires_at: float, *, capacity: int, exclusive: bool) -> bool:
        """Grant by the rules of ``Store.take_lease``; an id that stands already is not granted twice."""
        self._drop(lease_id, now)
        standing = self._standing(key, now)
        if lease_id in self._leases or len(standing) >= capacity:
            return False
        if standing and (exclusive or any(lease.exclusive for lease in standing)):
            return False
        self._leases[lease_id] = _Lease(key, expires_at, exclusive)
        self._by_key.setdefault(key, set()).add(lease_id)
        return True

    def release(self, lease_id: str, now: float) -> str | None:
        lease = self._leases.get(lease_id)
        if lease is None:
            return None
        self._forget(lease_id, lease)
        return lease.key if lease.expires_at > now else None

    def renew(self, lease_id: str, now: float, expires_at: float) -> bool:
        lease = self._leases.get(lease_id)
        if lease is None or lease.expires_at <= now:
            return False
        self._leases[lease_id] = lease._replace(expires_at=expires_at)
        return True

    def has_exclusive(self, key: str, now: float) -> bool:
        return any(lease.exclusive for lease in self._standing(key, now))

    def drop_outdated(self, now: float) -> None:
        for lease_id in list(self._leases):
            self._drop(lease_id, now)

    def _standing(self, key: str, now: float) -> list[_Lease]:
        for lease_id in list(self._by_key.get(key, ())):
            self._drop(lease_id, now)
        return [self._leases[lease_id] for lease_id in self._by_key.get(key, ())]

    def _drop(self, lease_id: str, now: float) -> None:
        lease = self._leases.get(lease_id)
        if lease is not None and lease.expires_at <= now:
            self._forget(lease_id, lease)

    def _forget(self, lease_id: str, lease: _Lease) -> None:
        del self._leases[lease_id]
        holders = self._by_key[lease.key]
        holders.remove(lease_id)
        if not holders:
            del self._by_key[lease.key]
