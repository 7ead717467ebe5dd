"""Targets in the engine: kept, followed, asked on schedule, minded by picks and lists."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import pytest
from msgspec.structs import replace

from shoal.domain import (
    Blame,
    Capability,
    Failure,
    Feedback,
    Health,
    Kind,
    Observation,
    Path,
    Query,
    Reason,
    Record,
    Scheme,
    Stage,
    Target,
)
from shoal.engine.leasing import Leasing
from shoal.engine.pool import Pool
from shoal.engine.recorder import Recorder
from shoal.engine.targets import ADDED_LIMIT, Targets
from shoal.engine.visiting import Visiting
from shoal.errors import RefusedTargetError
from shoal.options import CheckOptions, OwnTarget, PoolOptions, StoreOptions, TargetOptions
from shoal.policy.reach import reach_of
from shoal.policy.target_rules import TargetRules
from shoal.policy.target_table import read_target
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import SECRET, make_admitted
from shoal.testing.fakes import FakeVantage
from shoal.testing.virtual_time import VirtualClock, run_virtual

OPTIONS = TargetOptions(interval=100.0, cool_down=50.0)
RULES = TargetRules()


def configured(*urls: str) -> tuple[Target, ...]:
    found = [read_target(OwnTarget(url=url), OPTIONS, RULES.judge, from_file=True)[0] for url in urls]
    return tuple(target for target in found if target is not None)


class Visitor:
    """Answers as ``act`` says and remembers when it was asked about whom."""

    def __init__(self, clock: VirtualClock, act: Callable[[Record, Target], Observation]) -> None:
        self.clock = clock
        self.act = act
        self.asked: list[tuple[float, str, str]] = []

    async def visit(self, record: Record, scheme: Scheme, target: Target) -> Observation:
        self.asked.append((self.clock.now(), record.endpoint.host, target.name))
        await asyncio.sleep(0.2)
        return self.act(record, target)


class Bench:
    def __init__(self, *urls: str, store: MemoryStore | None = None) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.store = store or MemoryStore()
        rng = Random(1)
        self.pool = Pool(PoolOptions(max_age=1e9), rng)
        self.recorder = Recorder(self.store, self.pool, self.clock, rng, CheckOptions(), StoreOptions())
        self.targets = Targets(
            self.store, self.pool, self.recorder, self.clock, OPTIONS, RULES.judge, configured(*urls)
        )
        self.leasing = Leasing(
            self.store, self.pool, self.recorder, self.clock, PoolOptions(max_age=1e9), SECRET, lambda: "lease"
        )

    async def fill(self, count: int) -> list[Record]:
        await self.store.open()
        now = self.clock.now()
        # One to a /24, so that their failures are not taken for one network's.
        await self.store.add([make_admitted(number * 256) for number in range(1, count + 1)], now)
        records = []
        for record in await self.store.claim_due(now, count, 60.0):
            health = Health.of((20.0,) * 5, (0.0,) * 5, now, 0.0, 20, 0, 20)
            path = Path(Scheme.HTTP, health, frozenset({Capability.FORWARD, Capability.TUNNEL}))
            records.append(replace(record, paths=(path,), version=1, next_check=now + 500.0))
        await self.store.save(records)
        for record in records:
            self.pool.apply(record, now)
        return records

    def path(self, record: Record) -> Path:
        newest = self.pool.record(record.key)
        assert newest is not None
        return newest.paths[0]

    def seen(self, record: Record, target: Target, *, works: bool = True, ban: str | None = None) -> Observation:
        failure = None if works else Failure(Stage.RECEIVE, Reason.DENIED, "no")
        fault = None if works else Blame.TARGET
        return Observation(
            record.key, Kind.PROBE, self.clock.now(), works, Scheme.HTTP, failure, fault, target=target.name, ban=ban
        )

    def hosts(self, target: str) -> set[str]:
        listed = {pick.record.endpoint.host for pick in self.pool.list(Query(target=target), self.clock.now())}
        picked = set()
        for _ in range(3 * len(self.pool)):
            pick = self.pool.pick(Query(target=target), self.clock.now())
            if pick is not None:
                picked.add(pick.record.endpoint.host)
        assert picked <= listed and bool(picked) is bool(listed)
        return listed


def test_what_is_added_survives_a_restart_and_is_followed() -> None:
    async def main() -> None:
        bench = Bench("https://file.example")
        await bench.store.open()
        other = Bench("https://file.example", store=bench.store)
        added = await bench.targets.add(OwnTarget(url="https://shop.example/a"))
        assert added is not None and added.name == "shop.example" and not added.from_file
        await other.targets.load()
        assert set(other.targets.table.by_name) == {"file.example", "shop.example"}
        assert await other.targets.add(OwnTarget(url="https://shop.example/b")) is None
        assert await other.targets.add(OwnTarget(url="https://file.example/b")) is None
        assert not await other.targets.delete("file.example")
        # The first has not heard of what the second does: neither's change is lost.
        assert await other.targets.add(OwnTarget(url="https://two.example")) is not None
        assert await bench.targets.add(OwnTarget(url="https://three.example")) is not None
        assert await bench.targets.delete("shop.example")
        await other.targets.load()
        assert set(other.targets.table.by_name) == {"file.example", "two.example", "three.example"}

    run_virtual(main())


def test_what_is_refused_is_told_and_the_number_is_bounded() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        with pytest.raises(RefusedTargetError, match="loopback"):
            await bench.targets.add(OwnTarget(url="http://127.0.0.1/"))
        for number in range(ADDED_LIMIT):
            await bench.targets.add(OwnTarget(url=f"https://t{number}.example"))
        with pytest.raises(RefusedTargetError, match="most"):
            await bench.targets.add(OwnTarget(url="https://more.example"))

    run_virtual(main())


def test_a_target_hands_out_only_what_reaches_it_and_others_do_not_care() -> None:
    async def main() -> None:
        bench = Bench("https://shop.example", "https://news.example")
        good, bad, banned, unknown = await bench.fill(4)
        shop = bench.targets.table.by_name["shop.example"]
        assert bench.hosts("shop.example") == set()
        bench.recorder.used(good.key, bench.seen(good, shop))
        bench.recorder.used(bad.key, bench.seen(bad, shop, works=False))
        bench.recorder.used(banned.key, bench.seen(banned, shop))
        bench.recorder.used(banned.key, bench.seen(banned, shop, works=False, ban="403"))
        assert bench.hosts("shop.example") == {good.endpoint.host}
        assert bench.hosts("https://shop.example/") == {good.endpoint.host}
        assert bench.hosts("news.example") == set()
        everybody = {record.endpoint.host for record in (good, bad, banned, unknown)}
        assert bench.hosts("elsewhere.example") == everybody
        (report,) = [one for one in bench.targets.reports() if one.target is shop]
        assert (report.reached, report.failed, report.banned, report.unknown) == (1, 1, 1, 1)
        assert report.success == pytest.approx(1 / 3)

    run_virtual(main())


def test_a_clients_ban_keeps_a_proxy_from_that_site_for_its_time_and_its_health_stays() -> None:
    async def main() -> None:
        bench = Bench("https://shop.example")
        one, other = await bench.fill(2)
        before = bench.path(one).health
        for status, word in ((403, False), (None, True)):
            told = Feedback(ok=False, target="forum.example:443", status=status, banned=word)
            assert await bench.leasing.feedback_on(str(one.endpoint), None, told)
        assert bench.path(one).health == before
        assert bench.pool.minds("forum.example", bench.clock.now())
        assert not bench.pool.minds("quiet.example", bench.clock.now())
        assert bench.hosts("forum.example") == {other.endpoint.host}
        assert len(bench.hosts("other.example")) == 2
        await asyncio.sleep(51.0)
        assert len(bench.hosts("forum.example")) == 2 and not bench.pool.minds("forum.example", bench.clock.now())

    run_virtual(main())


def test_a_gateways_answer_with_429_is_a_ban_and_a_good_sign_of_the_proxy() -> None:
    async def main() -> None:
        bench = Bench()
        (one,) = await bench.fill(1)
        oks = bench.path(one).health.oks
        told = Feedback(ok=True, latency=0.1, target="forum.example:80", status=429)
        bench.leasing.feedback(one.key, one.proxy(Scheme.HTTP), told)
        assert bench.path(one).health.oks == oks + 1
        reach = reach_of(bench.path(one), "forum.example")
        assert reach is not None and reach.banned_until > bench.clock.now()

    run_virtual(main())


def test_every_working_path_is_asked_at_the_interval_and_results_are_saved() -> None:
    async def main() -> None:
        bench = Bench("https://shop.example")
        records = await bench.fill(6)
        visitor = Visitor(bench.clock, lambda record, target: bench.seen(record, target))
        vantage = FakeVantage()
        visiting = Visiting(bench.targets, visitor, bench.pool, bench.recorder, vantage, bench.clock, OPTIONS)
        async with asyncio.TaskGroup() as tasks:
            jobs = [tasks.create_task(bench.recorder.run()), tasks.create_task(visiting.run())]
            await asyncio.sleep(50.0)
            assert sorted(host for _, host, _ in visitor.asked) == sorted(one.endpoint.host for one in records)
            await asyncio.sleep(100.0)
            assert len(visitor.asked) == 12
            vantage.set(False)
            await asyncio.sleep(500.0)
            assert len(visitor.asked) == 12
            for job in jobs:
                job.cancel()
        kept = await bench.store.get_by_key(records[0].key)
        assert kept is not None and reach_of(kept.paths[0], "shop.example") is not None

    run_virtual(main())


def test_an_added_target_is_asked_at_once_and_a_deleted_one_no_more() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.fill(3)
        visitor = Visitor(bench.clock, lambda record, target: bench.seen(record, target))
        visiting = Visiting(bench.targets, visitor, bench.pool, bench.recorder, FakeVantage(), bench.clock, OPTIONS)
        async with asyncio.TaskGroup() as tasks:
            job = tasks.create_task(visiting.run())
            await asyncio.sleep(10.0)
            assert visitor.asked == []
            await bench.targets.add(OwnTarget(url="https://shop.example"))
            await asyncio.sleep(10.0)
            assert len(visitor.asked) == 3
            await bench.targets.delete("shop.example")
            await asyncio.sleep(300.0)
            assert len(visitor.asked) == 3
            job.cancel()

    run_virtual(main())


def test_a_target_that_is_down_is_nobodys_fault() -> None:
    async def main() -> None:
        bench = Bench("https://shop.example")
        records = await bench.fill(30)
        down = False

        def act(record: Record, target: Target) -> Observation:
            return bench.seen(record, target, works=not down)

        visitor = Visitor(bench.clock, act)
        visiting = Visiting(bench.targets, visitor, bench.pool, bench.recorder, FakeVantage(), bench.clock, OPTIONS)
        async with asyncio.TaskGroup() as tasks:
            job = tasks.create_task(visiting.run())
            await asyncio.sleep(60.0)
            assert len(bench.hosts("shop.example")) == 30
            down = True
            await asyncio.sleep(100.0)
            (report,) = bench.targets.reports()
            assert report.is_down and len(visitor.asked) <= 66
            # The first few were believed; the rest keeps what it had shown.
            assert len(bench.hosts("shop.example")) >= 20
            assert all(bench.path(record).health.bads == 0 for record in records)
            down = False
            await asyncio.sleep(300.0)
            assert len(bench.hosts("shop.example")) == 30
            job.cancel()

    run_virtual(main())


def test_requests_to_a_target_keep_its_rate() -> None:
    async def main() -> None:
        bench = Bench("https://shop.example")
        await bench.fill(60)
        visitor = Visitor(bench.clock, lambda record, target: bench.seen(record, target))
        visiting = Visiting(bench.targets, visitor, bench.pool, bench.recorder, FakeVantage(), bench.clock, OPTIONS)
        async with asyncio.TaskGroup() as tasks:
            job = tasks.create_task(visiting.run())
            await asyncio.sleep(60.0)
            job.cancel()
        times = [at for at, _, _ in visitor.asked]
        assert len(times) == 60
        for start in times:
            assert sum(start <= at < start + 2.0 for at in times) <= 5.0 * 2.0 + 5

    run_virtual(main())
