import asyncio
from random import Random
from typing import Any

from shoal.domain import Query, Record
from shoal.engine.on_request import Asked, OnRequest
from shoal.options import Options
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import make_admitted
from shoal.testing.fakes import FakeProber, FakeVantage, make_failure, make_success
from shoal.testing.simulation import LAB_ADMISSION, Engine
from shoal.testing.virtual_time import VirtualClock, run_virtual


class Bench:
    def __init__(self) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.store = MemoryStore()
        self.vantage = FakeVantage()
        self.works = True
        self.prober = FakeProber(self.check)
        self.engine = Engine(
            store=self.store,
            prober=self.prober,
            vantage=self.vantage,
            clock=self.clock,
            rng=Random(1),
            options=Options(admission=LAB_ADMISSION),
        )
        self.service = self.engine.service
        self.service._on_request = OnRequest(self.prober, self.engine.recorder, self.vantage)

    async def check(self, record: Record) -> Any:
        await asyncio.sleep(0.5)
        return (make_success if self.works else make_failure)(record, self.clock.now())

    async def ids(self, count: int) -> list[str]:
        await self.store.open()
        await self.store.add([make_admitted(number) for number in range(1, count + 1)], self.clock.now())
        return [make_admitted(number).id for number in range(1, count + 1)]


def test_a_check_is_done_at_once_and_its_result_is_shown() -> None:
    async def main() -> None:
        bench = Bench()
        (id,) = await bench.ids(1)
        asked, record = await bench.service.check(id) or (None, None)
        assert record is not None
        assert (asked, record.checks, record.is_verified, record.failure) == (Asked.CHECKED, 1, True, None)
        assert bench.prober.full == [True]
        assert bench.service.pick(Query()) is not None
        bench.works = False
        asked, record = await bench.service.check(id) or (None, None)
        assert record is not None and record.failure is not None
        assert (record.checks, record.failure.kind) == (2, "connect.refused")

    run_virtual(main())


def test_who_asks_for_the_same_waits_for_the_same() -> None:
    async def main() -> None:
        bench = Bench()
        (id,) = await bench.ids(1)
        found = await asyncio.gather(*(bench.service.check(id) for _ in range(9)))
        assert len(bench.prober.begun) == 1
        assert [(one[0], one[1].checks) for one in found if one] == [(Asked.CHECKED, 1)] * 9

    run_virtual(main())


def test_so_many_run_at_once_and_none_while_we_are_offline() -> None:
    async def main() -> None:
        bench = Bench()
        ids = await bench.ids(40)
        found = await asyncio.gather(*(bench.service.check(id) for id in ids))
        states = [one[0] for one in found if one]
        assert (states.count(Asked.CHECKED), states.count(Asked.BUSY)) == (16, 24)
        assert bench.prober.peak == 16
        bench.vantage.set(False)
        assert (await bench.service.check(ids[0]) or (None,))[0] is Asked.PAUSED
        assert await bench.service.check("f" * 16) is None

    run_virtual(main())


def test_a_process_that_checks_nothing_lets_it_be_due() -> None:
    async def main() -> None:
        bench = Bench()
        (id,) = await bench.ids(1)
        bench.service._on_request = None
        asked, _record = await bench.service.check(id) or (None, None)
        assert asked is Asked.PLANNED
        await bench.engine.recorder.flush()
        assert (await bench.store.claim_due(bench.clock.now(), 5, 60.0))[0].id == id

    run_virtual(main())
