"""Bans, tags, imports, renewals, paused sources and history through the service and a running engine."""

from __future__ import annotations

import asyncio
from random import Random

from shoal.domain import Query, Trust
from shoal.options import Options
from shoal.ports import Harvest, SourceState
from shoal.sources.extract import extract
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import make_path, make_record
from shoal.testing.fakes import FakeProber, FakeSource, FakeVantage, make_candidates, make_success
from shoal.testing.simulation import LAB_ADMISSION, Engine
from shoal.testing.virtual_time import VirtualClock, run_virtual


class Bench:
    def __init__(self, store: MemoryStore | None = None) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.store = store or MemoryStore()
        self.reads = 0
        self.prober = FakeProber(self.works)
        self.engine = Engine(
            store=self.store,
            prober=self.prober,
            vantage=FakeVantage(),
            clock=self.clock,
            rng=Random(1),
            sources=(FakeSource("list", self.fetch),),
            options=Options(admission=LAB_ADMISSION),
        )
        self.service = self.engine.service

    async def works(self, record: object) -> object:
        await asyncio.sleep(0.5)
        return make_success(record, self.clock.now())  # type: ignore[arg-type]

    async def fetch(self, state: SourceState) -> Harvest:
        self.reads += 1
        return Harvest(make_candidates(range(1, 4)))


def hosts(bench: Bench) -> set[str]:
    return {pick.record.endpoint.host for pick in bench.service.list(Query(min_forecast=0.0))}


def test_a_banned_proxy_is_not_handed_out_and_comes_back_as_it_is() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        async with bench.engine.running():
            await asyncio.sleep(10)
            assert hosts(bench) == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}
            assert await bench.service.retag("127.0.0.2:8080", ["banned"]) == 1
            assert hosts(bench) == {"127.0.0.1", "127.0.0.3"}
            assert [record.endpoint.host for record in bench.service.banned()] == ["127.0.0.2"]
            await asyncio.sleep(7200)  # it is checked and listed meanwhile
            assert hosts(bench) == {"127.0.0.1", "127.0.0.3"}
            assert await bench.service.retag("127.0.0.2:8080", [], ["banned"]) == 1
            assert hosts(bench) == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}
            assert bench.service.banned() == []
            assert await bench.service.retag("127.9.9.9:1", ["banned"]) == 0

    run_virtual(main())


def test_an_import_is_stored_checked_and_told() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        async with bench.engine.running():
            start = bench.service.events.last_id
            found = extract(b"http://127.0.0.77:8080\nhttp://127.0.0.77:0\n")
            added, refused = await bench.service.admit(
                found.candidates, trust=Trust.OWN, tags=("mine",), refused=found.refused
            )
            assert (added.new, dict(refused)) == (1, {"bad_port": 1})
            events, _ = bench.service.events.after(start)
            assert [event.data["new"] for event in events if event.kind == "imported"] == [1]
            await asyncio.sleep(10)
            (pick,) = bench.service.list(Query(tags=frozenset({"mine"}), min_forecast=0.0))
            assert (pick.record.trust, pick.record.sources) == (Trust.OWN, ("import",))

    run_virtual(main())


def test_an_import_lifts_a_deletion() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        async with bench.engine.running():
            await asyncio.sleep(10)
            assert await bench.service.delete("127.0.0.1:8080") == 1
            await asyncio.sleep(600)
            assert "127.0.0.1" not in hosts(bench)
            await bench.service.admit(extract(b"http://127.0.0.1:8080").candidates, trust=Trust.OWN)
            await asyncio.sleep(10)
            assert "127.0.0.1" in hosts(bench)

    run_virtual(main())


def test_a_paused_source_is_not_read_until_it_is_resumed_also_after_a_restart() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        async with bench.engine.running():
            await asyncio.sleep(10)
            assert await bench.service.pause_source("list", True)
            assert not await bench.service.pause_source("none", True)
            await asyncio.sleep(86_400)
            assert bench.reads <= 2  # what waits for its next time is asked once more whether it may
            before = bench.reads
            await bench.service.refresh()
            await asyncio.sleep(10)
            assert bench.reads == before
            assert bench.service.sources()[0].paused
        again = Bench(bench.store)
        await again.store.open()
        await again.service.update_counts()
        assert again.service.sources()[0].paused
        async with again.engine.running():
            await asyncio.sleep(600)
            assert again.reads == 0
            assert await again.service.pause_source("list", False)
            await asyncio.sleep(10)
            assert again.reads == 1
            assert await again.service.run_source("list") and not await again.service.run_source("none")

    run_virtual(main())


def test_a_renewed_lease_holds_on() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        async with bench.engine.running():
            await asyncio.sleep(10)
            lease = await bench.service.take(Query(min_forecast=0.0), seconds=10, exclusive=True)
            assert lease is not None
            assert await bench.service.renew(lease.id, 100) == bench.clock.now() + 100
            await asyncio.sleep(50)
            assert await bench.service.release(lease.id)
            assert await bench.service.renew(lease.id) is None

    run_virtual(main())


def test_history_and_events_are_kept_by_the_second_hand() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.store.open()
        start = bench.service.events.last_id
        for _ in range(400):
            await bench.service.update_counts()
            await asyncio.sleep(1)
        assert len(bench.service.history.since(0)) in (7, 8)
        kinds = [event.kind for event in bench.service.events.after(start)[0]]
        assert kinds.count("stats") == 79
        again = Bench(bench.store)
        await again.service.update_counts()
        assert len(again.service.history.since(0)) >= 6

    run_virtual(main())


def test_the_index_forgets_a_ban_with_its_record() -> None:
    async def main() -> None:
        bench = Bench()
        pool = bench.engine.pool
        record = make_record(1, paths=(make_path(),), tags=("banned",))
        pool.apply(record, 2000.0)
        assert (len(pool), list(pool.banned)) == (0, [record.key])
        pool.remove(record.key)
        assert pool.banned == {}

    run_virtual(main())
