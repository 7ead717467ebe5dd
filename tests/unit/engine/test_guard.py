"""Our own trouble: nobody is blamed for it, and it is not made worse."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from shoal.domain import Blame, CheckResult, Failure, Reason, Record, Stage
from shoal.engine.guard import Guard
from shoal.policy.concurrency import FLOOR
from shoal.policy.vantage import LONGEST
from shoal.testing.builders import make_record
from shoal.testing.fakes import FakeProber, FakeVantage, make_failure, make_success
from shoal.testing.virtual_time import VirtualClock, run_virtual


class World:
    """Proxies on networks of their own, behind a network that can be cut."""

    def __init__(self, ceiling=1000):
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.up = True
        self.short = 0
        self.busy = self.most = 0
        self.vantage = FakeVantage()
        self.prober = FakeProber(self.act)
        self.guard = Guard(self.prober, self.vantage, self.clock, lambda record: "strong" in record.tags, ceiling)
        self.records = [
            replace(record, endpoint=replace(record.endpoint, host=f"10.0.{number}.1"), tags=("strong",))
            for number in range(40)
            for record in (make_record(number),)
        ]

    async def act(self, record: Record) -> CheckResult:
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(0.1)
        self.busy -= 1
        if self.short:
            self.short -= 1
            failure = Failure(Stage.CONNECT, Reason.LOCAL_LIMIT, "EMFILE")
            return CheckResult(record.key, (), False, failure=failure, blame=Blame.LOCAL)
        return make_success(record, self.clock.now()) if self.up else make_failure(record, self.clock.now())

    async def check_all(self, records=None):
        return [await self.guard.check(record) for record in (records or self.records)]


def in_virtual_time(body):
    async def main():
        world = World()
        async with asyncio.TaskGroup() as tasks:
            job = tasks.create_task(world.guard.run(), name="guard")
            try:
                await body(world)
            finally:
                job.cancel()

    run_virtual(main())


def test_when_all_good_proxies_fail_at_once_demotion_freezes_until_they_work_again():
    async def body(world):
        await world.check_all()
        world.up = False
        results = await world.check_all()
        assert not world.guard.healthy
        assert results[0].blame is Blame.PROXY
        assert results[-1].blame is results[-1].observations[0].blame is Blame.LOCAL
        waiting = asyncio.create_task(world.guard.wait_healthy())
        await asyncio.sleep(30)
        assert not waiting.done()
        world.up = True
        await asyncio.wait_for(waiting, 10)
        assert world.guard.healthy

    in_virtual_time(body)


def test_what_lasts_is_believed_and_not_doubted_again_at_once():
    async def body(world):
        world.up = False
        await world.check_all()
        assert not world.guard.healthy
        await asyncio.wait_for(world.guard.wait_healthy(), LONGEST + 20)
        results = await world.check_all()
        assert world.guard.healthy
        assert {result.blame for result in results} == {Blame.PROXY}

    in_virtual_time(body)


def test_weak_proxies_and_neighbours_may_fail_as_they_like():
    async def body(world):
        world.up = False
        await world.check_all([replace(record, tags=()) for record in world.records])
        assert world.guard.healthy
        await world.check_all(
            [replace(record, endpoint=replace(record.endpoint, host="10.0.0.9")) for record in world.records]
        )
        assert world.guard.healthy

    in_virtual_time(body)


def test_while_judges_are_silent_it_says_so_and_trials_wait():
    async def body(world):
        world.up = False
        await world.check_all()
        world.vantage.set(False)
        asked = len(world.prober.begun)
        await asyncio.sleep(60)
        assert len(world.prober.begun) == asked
        assert not world.guard.healthy
        assert world.guard.judges == world.vantage.judges
        assert world.guard.addresses == world.vantage.addresses

    in_virtual_time(body)


def test_a_check_that_our_own_system_refused_is_made_again_with_fewer_beside_it():
    async def body(world):
        world.short = 1
        result = await world.guard.check(world.records[0])
        assert result.works
        assert FLOOR <= world.guard.limit.allowed < FLOOR + 20
        world.most = 0
        async with asyncio.TaskGroup() as tasks:
            for record in world.records:
                tasks.create_task(world.guard.check(record))
        assert FLOOR <= world.most < len(world.records)
        assert world.guard.limit.is_reduced

    in_virtual_time(body)


def test_a_lasting_shortage_is_reported_in_the_end_and_blames_nobody():
    async def body(world):
        world.short = 100
        result = await world.guard.check(world.records[0])
        assert (result.works, result.blame, result.failure.reason) == (False, Blame.LOCAL, Reason.LOCAL_LIMIT)
        assert world.short == 96

    in_virtual_time(body)


def test_a_waiting_check_that_is_cancelled_leaves_its_turn_to_the_next():
    async def body(world):
        world.guard.limit._level = 1.0
        tasks = [asyncio.create_task(world.guard.check(record)) for record in world.records[:4]]
        await asyncio.sleep(0.01)
        tasks[1].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(done[1], asyncio.CancelledError)
        assert all(result.works for number, result in enumerate(done) if number != 1)
        assert world.most == 1

    in_virtual_time(body)


@pytest.mark.parametrize("ceiling", [1, 3])
def test_never_more_at_once_than_its_ceiling(ceiling):
    async def main():
        world = World(ceiling)
        async with asyncio.TaskGroup() as tasks:
            for record in world.records:
                tasks.create_task(world.guard.check(record))
        assert world.most == ceiling

    run_virtual(main())
