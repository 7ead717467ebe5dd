"""Leasing: hands proxies out and takes back what their users saw. The only writer of leases."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from shoal.domain import (
    Blame,
    Feedback,
    Kind,
    Lease,
    Observation,
    Path,
    Pick,
    Proxy,
    Query,
    Record,
    Scheme,
    Timing,
    record_key,
)
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.engine.turns import in_parts
from shoal.engine.unproven import Unproven
from shoal.options import PoolOptions
from shoal.policy.attribution import blame
from shoal.policy.naming import parse_name
from shoal.policy.page_verdict import ban_of
from shoal.ports import Clock, Store, Vantage

_TRIES = 32
"""Picks tried before ``pop`` or ``take`` gives up: each failed try means that another caller was faster."""


class Leasing:
    """``picks`` and ``picks_failed`` count since the start: a pick that finds nothing is a failure, too.
    ``uses`` and ``uses_failed`` count what users told."""

    def __init__(
        self,
        store: Store,
        pool: Pool,
        recorder: Recorder,
        clock: Clock,
        options: PoolOptions,
        secret: bytes,
        new_id: Callable[[], str],
        vantage: Vantage | None = None,
        unproven: Unproven | None = None,
    ) -> None:
        """With ``unproven`` what our own gateway sees waits for a proof that our network was well: ``vantage`` knows
        some seconds late that it is not, and a process that does not check has none."""
        self._store = store
        self._pool = pool
        self._recorder = recorder
        self._clock = clock
        self._options = options
        self._secret = secret
        self._new_id = new_id
        self._vantage = vantage
        self._unproven = unproven
        self._uses = pool.uses
        self.picks = 0
        self.picks_failed = 0
        self.uses = 0
        self.uses_failed = 0

    def pick(self, query: Query) -> Pick | None:
        """A pick of which nobody tells how long it is used: of its source's requests in flight it takes one until there
        is feedback on it, or for the time of a lease."""
        now = self._clock.now()
        pick = self.draw(query, now)
        if pick is not None:
            record = pick.record
            self._uses.begin(record.key, record.sources, now, query.target, until=now + self._options.lease_timeout)
        return pick

    def draw(self, query: Query, now: float) -> Pick | None:
        """A pick whose use, if it comes to that, is told to ``SourceUse`` by the caller."""
        pick = self._pool.pick(query, now)
        self._count(pick)
        return pick

    async def pop(self, query: Query) -> Pick | None:
        """A pick that is removed in one atomic step of the store: one caller gets it, a tombstone keeps it out."""
        await in_parts(lambda: self._pool.advance(query))
        for _ in range(_TRIES):
            pick = self._pool.pick(query, self._clock.now())
            if pick is None:
                break
            key = pick.record.key
            if await self._store.pop(key, self._clock.now(), self._options.tombstone):
                self._recorder.forget(key)
                self._count(pick)
                return pick
            # Popped or deleted by another caller, or held exclusively: try the next best.
            query = replace(query, exclude=query.exclude | {pick.record.id})
        self._count(None)
        return None

    async def take(self, query: Query, *, seconds: float | None = None, exclusive: bool = False) -> Lease | None:
        """A pick held for ``seconds`` (the default time of the settings)."""
        await in_parts(lambda: self._pool.advance(query))
        for _ in range(_TRIES):
            now = self._clock.now()
            pick = self._pool.pick(query, now)
            if pick is None:
                break
            lease = Lease(
                id=self._new_id(),
                record_id=pick.record.id,
                key=pick.record.key,
                proxy=pick.proxy,
                forecast=pick.forecast.probability,
                granted_at=now,
                expires_at=now + (self._options.lease_timeout if seconds is None else seconds),
                exclusive=exclusive,
                trust=pick.record.trust,
                capabilities=pick.path.capabilities,
            )
            # Counted before the store is asked: meanwhile others may take.
            self._uses.lease(lease.id, lease.key, pick.record.sources, now, query.target, until=lease.expires_at)
            granted = False
            try:
                granted = await self._store.take_lease(
                    lease.id, lease.key, now, lease.expires_at, capacity=self._options.capacity, exclusive=exclusive
                )
            finally:
                if not granted:
                    self._uses.release(lease.id, now)
            if granted:
                self._count(pick)
                return lease
            query = replace(query, exclude=query.exclude | {pick.record.id})
        self._count(None)
        return None

    async def renew(self, id: str, seconds: float | None = None) -> float | None:
        """Let a standing lease last ``seconds`` from now (the settings' time); its new end, None if it was over."""
        now = self._clock.now()
        expires_at = now + (self._options.lease_timeout if seconds is None else seconds)
        if not await self._store.renew_lease(id, now, expires_at):
            return None
        self._uses.renew(id, now, expires_at)
        return expires_at

    async def retag(self, text: str, add: Sequence[str], remove: Sequence[str]) -> int:
        """Give tags to what an id, ``host:port`` or URL names, and take others; how many records there were.

        Raises ``InvalidProxyError`` and ``StoreError``."""
        records = await self._store.retag(await self._keys(text), add=add, remove=remove)
        for record in records:
            known = self._pool.record(record.key) or self._pool.banned.get(record.key)
            newest = record if known is None else replace(known, tags=record.tags)
            self._pool.apply(newest, self._clock.now())
        return len(records)

    async def release(self, lease: Lease, feedback: Feedback | None = None) -> bool:
        """End a lease and learn from it; False when it had run out."""
        key = await self._store.release_lease(lease.id, self._clock.now())
        self._end(lease.id, feedback)
        if feedback is not None:
            self.feedback(lease.key, lease.proxy, feedback)
        return key is not None

    async def release_id(self, id: str, scheme: Scheme | None = None, feedback: Feedback | None = None) -> bool:
        """As ``release``, by the lease's id; ``scheme`` says how it was used. False when it had run out."""
        key = await self._store.release_lease(id, self._clock.now())
        self._end(id, feedback)
        if key is None:
            return False
        if feedback is not None:
            self._learn(self._pool.record(key) or await self._store.get_by_key(key), scheme, feedback)
        return True

    async def feedback_on(self, text: str, scheme: Scheme | None, feedback: Feedback) -> bool:
        """What a user saw of the proxy that an id, ``host:port`` or URL names; ``scheme`` says how it was spoken to
        (default: as the URL does, else its best). False when there is no such proxy. Raises ``InvalidProxyError``."""
        for key in await self._keys(text):
            record = self._pool.record(key) or await self._store.get_by_key(key)
            if record is not None:
                self._uses.end(record.sources, self._clock.now(), feedback.bytes_used)
            return self._learn(record, scheme or _scheme_of(text), feedback)
        return False

    def _end(self, lease_id: str, feedback: Feedback | None) -> None:
        self._uses.release(lease_id, self._clock.now(), 0 if feedback is None else feedback.bytes_used)

    def _learn(self, record: Record | None, scheme: Scheme | None, feedback: Feedback) -> bool:
        path = None if record is None else best_path(record, scheme)
        if record is None or path is None:
            return False
        self.feedback(record.key, record.proxy(path.scheme), feedback)
        return True

    def feedback(self, key: str, proxy: Proxy, feedback: Feedback) -> None:
        """What a user of a proxy saw, as an observation by the same door as a check."""
        self._recorder.used(key, self._observed(key, proxy, feedback))

    def used(self, key: str, proxy: Proxy, feedback: Feedback) -> None:
        """As ``feedback``, of what our own gateway saw: by our own network."""
        seen = self._observed(key, proxy, feedback)
        if self._unproven is None:
            self._recorder.used(key, seen)
            return
        for one in self._unproven.note(seen):
            self._recorder.used(one.key, one)

    def _observed(self, key: str, proxy: Proxy, feedback: Feedback) -> Observation:
        self.uses += 1
        self.uses_failed += not feedback.ok
        healthy = self._vantage.healthy if self._vantage is not None else True
        fault: Blame | None = None
        if not feedback.ok and ban_of(feedback.status, feedback.banned) is not None:
            # The proxy carried the answer; what the target thinks of it stays between the two.
            fault = Blame.TARGET
        elif not feedback.ok:
            # Nobody vouches for the client's own target: trouble behind the proxy proves nothing against the proxy.
            fault = (
                Blame.UNKNOWN
                if feedback.failure is None
                else blame(feedback.failure, vantage_healthy=healthy, target_vouched=False)
            )
        return Observation(
            key=key,
            kind=Kind.USE,
            at=self._clock.now(),
            works=feedback.ok,
            scheme=proxy.scheme,
            failure=feedback.failure,
            blame=fault,
            timing=Timing(total=feedback.latency or 0.0),
            target=feedback.target,
            ban=None if feedback.target is None else ban_of(feedback.status, feedback.banned),
        )

    async def delete(self, text: str) -> int:
        """Remove what an id, ``host:port``, ``user:password@host:port`` or URL names. Raises ``InvalidProxyError``."""
        keys = await self._keys(text)
        gone = await self._store.delete(keys, self._clock.now(), self._options.tombstone)
        for key in keys:
            self._recorder.forget(key)
        return gone

    async def _keys(self, text: str) -> list[str]:
        name = parse_name(text)
        if isinstance(name, str):
            record: Record | None = await self._store.get(name)
            return [] if record is None else [record.key]
        endpoint, credentials = name
        return [record_key(endpoint, credentials, self._secret)]

    def _count(self, pick: Pick | None) -> None:
        self.picks += 1
        if pick is None:
            self.picks_failed += 1


def best_path(record: Record, scheme: Scheme | None) -> Path | None:
    """The path that ``scheme`` names; without one the path that worked last. None when there is none."""
    if scheme is not None:
        return record.path(scheme)
    return max(record.paths, key=lambda path: path.health.last_ok, default=None)


def _scheme_of(text: str) -> Scheme | None:
    word = text.strip().partition("://")[0].lower() if "://" in text else ""
    return Scheme(word) if word in list(Scheme) else None
