import asyncio
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from shoal.domain import Capability, Credentials, Failure, Feedback, Health, Path, Query, Reason, Record, Scheme, Stage
from shoal.domain.source import SourceLimits
from shoal.engine.leasing import Leasing
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.errors import InvalidProxyError
from shoal.options import CheckOptions, PoolOptions, StoreOptions
from shoal.policy.source_limits import LimitTable
from shoal.policy.source_use import SourceUse
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import SECRET, make_admitted, make_endpoint
from shoal.testing.fakes import FakeVantage
from shoal.testing.virtual_time import VirtualClock, run_virtual

SLOW = Failure(Stage.RECEIVE, Reason.TIMEOUT)
DEAD = Failure(Stage.CONNECT, Reason.REFUSED)


class Store(MemoryStore):
    """Takes a moment for each step, so that callers meet."""

    async def pop(self, key: str, now: float, tombstone: float) -> bool:
        await asyncio.sleep(0.005)
        return await super().pop(key, now, tombstone)

    async def take_lease(
        self, lease_id: str, key: str, now: float, expires_at: float, *, capacity: int, exclusive: bool
    ) -> bool:
        await asyncio.sleep(0.005)
        return await super().take_lease(lease_id, key, now, expires_at, capacity=capacity, exclusive=exclusive)


class Bench:
    def __init__(self, limits: LimitTable | None = None, **options: Any) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.store = Store()
        self.options = PoolOptions(**options)
        rng = Random(1)
        self.pool = Pool(self.options, rng, uses=SourceUse(limits))
        self.recorder = Recorder(self.store, self.pool, self.clock, rng, CheckOptions(), StoreOptions())
        self.vantage = FakeVantage()
        ids = iter(range(10**9))
        self.leasing = Leasing(
            self.store,
            self.pool,
            self.recorder,
            self.clock,
            self.options,
            SECRET,
            lambda: f"lease {next(ids)}",
            self.vantage,
        )

    async def fill(self, count: int, **rest: Any) -> list[Record]:
        """Proven records 1 to ``count`` in store and index."""
        await self.store.open()
        now = self.clock.now()
        await self.store.add([make_admitted(number, **rest) for number in range(1, count + 1)], now)
        records = []
        for record in await self.store.claim_due(now, count, 60.0):
            health = Health.of((20.0,) * 5, (0.0,) * 5, now, 0.0, 20, 0, 20)
            path = Path(Scheme.HTTP, health, frozenset({Capability.FORWARD}))
            records.append(replace(record, paths=(path,), version=1, next_check=now + 500.0))
        await self.store.save(records)
        for record in records:
            self.pool.apply(record, now)
        return records

    def path(self, record: Record) -> Path:
        newest = self.pool.record(record.key)
        assert newest is not None
        return newest.paths[0]


def test_fifty_pops_at_once_get_fifty_proxies() -> None:
    async def main() -> None:
        bench = Bench()
        records = await bench.fill(60)
        picks = await asyncio.gather(*(bench.leasing.pop(Query()) for _ in range(50)))
        keys = [pick.record.key for pick in picks if pick is not None]
        assert len(set(keys)) == 50
        assert len(bench.pool) == 10
        for key in keys:
            assert await bench.store.get_by_key(key) is None
        added = await bench.store.add([make_admitted(number) for number in range(1, 61)], bench.clock.now())
        assert (added.known, added.tombstoned) == (10, 50)
        assert len(records) == 60

    run_virtual(main())


def test_pops_beyond_what_there_is_are_failed_picks() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.fill(10)
        picks = await asyncio.gather(*(bench.leasing.pop(Query()) for _ in range(15)))
        keys = [pick.record.key for pick in picks if pick is not None]
        assert len(set(keys)) == len(keys) == 10
        assert (bench.leasing.picks, bench.leasing.picks_failed) == (15, 5)

    run_virtual(main())


def test_a_pick_that_finds_nothing_is_counted_as_failed() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.fill(1)
        assert bench.leasing.pick(Query()) is not None
        assert bench.leasing.pick(Query(schemes=frozenset({Scheme.SOCKS5}))) is None
        assert await bench.leasing.take(Query(schemes=frozenset({Scheme.SOCKS5}))) is None
        assert (bench.leasing.picks, bench.leasing.picks_failed) == (3, 2)

    run_virtual(main())


def test_leases_share_a_proxy_up_to_its_capacity() -> None:
    async def main() -> None:
        bench = Bench(capacity=3)
        (record,) = await bench.fill(1)
        leases = await asyncio.gather(*(bench.leasing.take(Query()) for _ in range(5)))
        granted = [lease for lease in leases if lease is not None]
        assert len({lease.id for lease in granted}) == 3
        assert granted[0].proxy == record.proxy(Scheme.HTTP)
        assert granted[0].expires_at == granted[0].granted_at + bench.options.lease_timeout
        assert bench.leasing.picks_failed == 2
        assert await bench.leasing.release(granted[0])
        assert await bench.leasing.take(Query()) is not None

    run_virtual(main())


def test_an_exclusive_lease_is_shared_with_nobody_and_keeps_pops_away() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.fill(1)
        lease = await bench.leasing.take(Query(), exclusive=True, seconds=10.0)
        assert lease is not None
        assert lease.exclusive
        assert await bench.leasing.take(Query()) is None
        assert await bench.leasing.pop(Query()) is None
        assert bench.leasing.pick(Query()) is not None, "a pick holds nothing and asks nobody"
        await asyncio.sleep(10.0)
        assert not await bench.leasing.release(lease), "it had run out"
        assert await bench.leasing.pop(Query()) is not None

    run_virtual(main())


def test_taking_goes_on_to_the_next_best_proxy() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.fill(20)
        leases = await asyncio.gather(*(bench.leasing.take(Query(), exclusive=True) for _ in range(20)))
        assert len({lease.key for lease in leases if lease is not None}) == 20

    run_virtual(main())


def test_feedback_is_an_observation() -> None:
    async def main() -> None:
        bench = Bench()
        (record,) = await bench.fill(1)
        lease = await bench.leasing.take(Query())
        assert lease is not None
        assert await bench.leasing.release(lease, Feedback(True, latency=0.7))
        assert (bench.path(record).health.oks, bench.path(record).timing.total) == (21, 0.7)
        bench.leasing.feedback(record.key, lease.proxy, Feedback(False, failure=DEAD))
        assert bench.path(record).health.bads == 1
        await bench.recorder.flush()
        saved = await bench.store.get_by_key(record.key)
        assert saved is not None
        assert saved.paths == (bench.path(record),)
        assert saved.next_check <= bench.clock.now() + 1.0, "a failure asks for a check soon"

    run_virtual(main())


@pytest.mark.parametrize("failure", [SLOW, None, Failure(Stage.TUNNEL, Reason.REFUSED)])
def test_trouble_behind_the_proxy_is_no_proof_against_it(failure: Failure | None) -> None:
    async def main() -> None:
        bench = Bench()
        (record,) = await bench.fill(1)
        bench.leasing.feedback(record.key, record.proxy(Scheme.HTTP), Feedback(False, failure=failure))
        assert bench.path(record) == record.paths[0]

    run_virtual(main())


def test_nothing_is_the_proxy_s_fault_while_our_own_network_is_down() -> None:
    async def main() -> None:
        bench = Bench()
        (record,) = await bench.fill(1)
        bench.vantage.set(False)
        for failure in (DEAD, SLOW, Failure(Stage.CONNECT, Reason.TIMEOUT)):
            bench.leasing.feedback(record.key, record.proxy(Scheme.HTTP), Feedback(False, failure=failure))
        assert bench.path(record) == record.paths[0]

    run_virtual(main())


def test_deleting_by_every_name() -> None:
    async def main() -> None:
        bench = Bench()
        records = await bench.fill(4)
        for name in (
            records[0].id,
            str(records[1].endpoint),
            f"SOCKS5://{records[2].endpoint}/",
        ):
            assert await bench.leasing.delete(name) == 1
            assert await bench.leasing.delete(name) == 0
        assert {record.key for record in bench.pool.records()} == {records[3].key}
        with pytest.raises(InvalidProxyError):
            await bench.leasing.delete("nonsense")

    run_virtual(main())


def test_a_proxy_with_credentials_is_named_with_them() -> None:
    async def main() -> None:
        bench = Bench()
        (record,) = await bench.fill(1, credentials=Credentials("user", "p@ss"))
        assert await bench.leasing.delete(str(make_endpoint(1))) == 0
        assert await bench.leasing.delete(f"user:wrong@{make_endpoint(1)}") == 0
        assert len(bench.pool) == 1
        assert await bench.leasing.delete(record.proxy(Scheme.HTTP).url(secrets=True)) == 1
        assert len(bench.pool) == 0

    run_virtual(main())


def vendor(**limits: Any) -> LimitTable:
    return LimitTable({"paid": SourceLimits(tier=0, **limits)})


def test_leases_count_against_their_source_until_they_end() -> None:
    async def main() -> None:
        bench = Bench(vendor(max_in_flight=3), capacity=9)
        await bench.fill(4, source="paid")
        leases = await asyncio.gather(*(bench.leasing.take(Query(), seconds=30.0) for _ in range(8)))
        granted = [lease for lease in leases if lease is not None]
        assert len(granted) == 3
        assert await bench.leasing.release_id(granted[0].id)
        fresh = await bench.leasing.take(Query(), seconds=30.0)
        assert fresh is not None and await bench.leasing.take(Query()) is None
        assert await bench.leasing.renew(fresh.id, 100.0)
        await asyncio.sleep(31.0)
        # The two others ran out by themselves.
        assert bench.pool.uses.in_flight("paid", bench.clock.now()) == 1
        assert await bench.leasing.release(fresh, Feedback(ok=True, bytes_used=700))
        assert bench.pool.uses.in_flight("paid", bench.clock.now()) == 0
        assert bench.pool.uses.spent("paid", bench.clock.now()) == 700

    run_virtual(main())


def test_a_refused_lease_counts_for_nothing() -> None:
    async def main() -> None:
        bench = Bench(vendor(max_in_flight=9), capacity=1)
        await bench.fill(1, source="paid")
        assert await bench.leasing.take(Query()) is not None
        assert await bench.leasing.take(Query()) is None
        assert bench.pool.uses.in_flight("paid", bench.clock.now()) == 1

    run_virtual(main())


def test_a_plain_pick_counts_until_there_is_feedback_or_for_the_time_of_a_lease() -> None:
    async def main() -> None:
        bench = Bench(vendor(max_in_flight=1), lease_timeout=60.0)
        (record, *_) = await bench.fill(3, source="paid")
        assert bench.leasing.pick(Query()) is not None
        assert bench.leasing.pick(Query()) is None
        await bench.leasing.feedback_on(record.id, None, Feedback(ok=True))
        assert bench.leasing.pick(Query()) is not None
        assert bench.leasing.pick(Query()) is None
        await asyncio.sleep(60.0)
        assert bench.leasing.pick(Query()) is not None

    run_virtual(main())
