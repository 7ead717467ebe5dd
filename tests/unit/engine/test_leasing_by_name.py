"""Feedback and releases as they come over HTTP: by a name or a lease's id, not by values of this process."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from msgspec.structs import replace

from shoal.domain import Capability, Failure, Feedback, Health, Path, Query, Reason, Record, Scheme, Stage
from shoal.engine.leasing import Leasing
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.errors import InvalidProxyError
from shoal.options import CheckOptions, PoolOptions, StoreOptions
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import SECRET, make_admitted
from shoal.testing.fakes import FakeVantage
from shoal.testing.virtual_time import VirtualClock, run_virtual

DEAD = Feedback(False, failure=Failure(Stage.CONNECT, Reason.REFUSED))


async def bench() -> tuple[Leasing, Pool, Record]:
    """One record with an http path that worked longer ago and a socks5 path that worked just now."""
    clock, store, rng = VirtualClock(asyncio.get_running_loop()), MemoryStore(), Random(1)
    await store.open()
    now = clock.now()
    await store.add([make_admitted(1)], now)
    (record,) = await store.claim_due(now, 1, 60.0)
    paths = tuple(
        Path(scheme, Health.of((20.0,) * 5, (0.0,) * 5, last_ok, 0.0, 20, 0, 20), frozenset({Capability.FORWARD}))
        for scheme, last_ok in ((Scheme.HTTP, now - 60.0), (Scheme.SOCKS5, now))
    )
    record = replace(record, paths=paths, version=1)
    await store.save([record])
    pool = Pool(PoolOptions(), rng)
    pool.apply(record, now)
    recorder = Recorder(store, pool, clock, rng, CheckOptions(), StoreOptions())
    ids = iter("abc")
    return Leasing(store, pool, recorder, clock, PoolOptions(), SECRET, lambda: next(ids), FakeVantage()), pool, record


def bads(pool: Pool, record: Record) -> list[int]:
    newest = pool.record(record.key)
    assert newest is not None
    return [path.health.bads for path in newest.paths]


def test_feedback_by_name_counts_for_the_scheme_that_was_spoken() -> None:
    async def main() -> None:
        leasing, pool, record = await bench()
        assert await leasing.feedback_on(record.id, Scheme.HTTP, DEAD)
        assert bads(pool, record) == [1, 0]
        assert await leasing.feedback_on(f"http://{record.endpoint}", None, DEAD)
        assert bads(pool, record) == [2, 0]
        assert await leasing.feedback_on(str(record.endpoint), None, DEAD), "no scheme: the path that worked last"
        assert bads(pool, record) == [2, 1]

    run_virtual(main())


def test_feedback_on_what_is_not_there_is_said_to_be() -> None:
    async def main() -> None:
        leasing, pool, record = await bench()
        assert not await leasing.feedback_on("127.9.9.9:1", None, DEAD)
        assert not await leasing.feedback_on(record.id, Scheme.SOCKS4, DEAD), "it has no such path"
        with pytest.raises(InvalidProxyError):
            await leasing.feedback_on("nonsense", None, DEAD)
        assert bads(pool, record) == [0, 0]

    run_virtual(main())


def test_a_lease_is_released_by_its_id_once() -> None:
    async def main() -> None:
        leasing, pool, record = await bench()
        lease = await leasing.take(Query(schemes=frozenset({Scheme.HTTP})), exclusive=True)
        assert lease is not None
        assert (lease.trust, lease.capabilities) == (record.trust, record.paths[0].capabilities)
        assert await leasing.release_id(lease.id, Scheme.HTTP, DEAD)
        assert bads(pool, record) == [1, 0]
        assert not await leasing.release_id(lease.id, Scheme.HTTP, DEAD)
        assert bads(pool, record) == [1, 0]
        assert await leasing.take(Query(min_forecast=0.0), exclusive=True) is not None, "nobody holds it any more"

    run_virtual(main())
