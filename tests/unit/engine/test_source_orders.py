"""Orders to sources, asked of a process that does not read them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random

import msgspec
import pytest

from shoal.errors import StoreError
from shoal.options import Options
from shoal.ports import Harvest, SourceState
from shoal.testing.fakes import FakeProber, FakeSource, FakeVantage, make_candidates, make_success
from shoal.testing.shared_memory import SharedMemoryStore
from shoal.testing.simulation import LAB_ADMISSION, Engine
from shoal.testing.virtual_time import VirtualClock, run_virtual


class Two:
    """A process that reads its source, and one on the same store that only serves, each with a service."""

    def __init__(self) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.store = SharedMemoryStore(self.clock.now)
        self.reads: list[float] = []
        self.reader, self.replica = self.engine("list"), self.engine("list")
        self.stranger = self.engine("another")

    def engine(self, name: str) -> Engine:
        async def works(record: object) -> object:
            return make_success(record, self.clock.now())  # type: ignore[arg-type]

        async def fetch(state: SourceState) -> Harvest:
            self.reads.append(self.clock.now())
            return Harvest(make_candidates(range(1, 4)))

        return Engine(
            store=self.store,
            prober=FakeProber(works),
            vantage=FakeVantage(),
            clock=self.clock,
            rng=Random(1),
            sources=(FakeSource(name, fetch),),
            options=Options(admission=LAB_ADMISSION),
        )


def with_two(act: Callable[[Two], Coroutine[None, None, None]]) -> None:
    async def main() -> None:
        two = Two()
        await two.store.open()
        async with two.reader.running():
            await asyncio.sleep(10)
            await act(two)

    run_virtual(main())


def test_a_source_is_read_when_another_process_is_asked_for_it() -> None:
    async def act(two: Two) -> None:
        assert len(two.reads) == 1
        assert await two.replica.service.run_source("list")
        assert not await two.replica.service.run_source("none")
        for _ in range(3):
            await two.reader.service.update_counts()
            await asyncio.sleep(1)
        # Once, however often the store is looked at.
        assert len(two.reads) == 2
        await two.replica.service.refresh()
        await two.reader.service.update_counts()
        await asyncio.sleep(1)
        assert len(two.reads) == 3

    with_two(act)


def test_a_source_that_only_the_reading_process_names_can_be_asked_for() -> None:
    async def act(two: Two) -> None:
        assert await two.stranger.service.run_source("list")
        await two.reader.service.update_counts()
        await asyncio.sleep(1)
        assert len(two.reads) == 2

    with_two(act)


def test_a_pause_asked_of_another_process_holds_and_ends() -> None:
    async def act(two: Two) -> None:
        assert await two.replica.service.pause_source("list", True)
        assert two.replica.service.sources()[0].paused
        await two.reader.service.update_counts()
        assert two.reader.service.sources()[0].paused
        before = len(two.reads)
        await two.reader.service.refresh()
        await asyncio.sleep(10)
        assert len(two.reads) == before
        assert await two.replica.service.pause_source("list", False)
        await two.reader.service.update_counts()
        await asyncio.sleep(1)
        assert len(two.reads) == before + 1

    with_two(act)


def test_an_order_outlives_the_process_that_should_have_carried_it_out() -> None:
    async def main() -> None:
        two = Two()
        await two.store.open()
        async with two.reader.running():
            await asyncio.sleep(10)
        await asyncio.sleep(60)
        assert await two.replica.service.run_source("list")
        async with two.reader.running():
            await two.reader.service.update_counts()
            await asyncio.sleep(1)
            await two.reader.service.update_counts()
            await asyncio.sleep(5)
            assert len(two.reads) == 2

    run_virtual(main())


def test_an_order_that_cannot_be_told_is_an_error() -> None:
    async def act(two: Two) -> None:
        two.store.is_away = True
        with pytest.raises(StoreError):
            await two.replica.service.run_source("list")
        with pytest.raises(StoreError):
            await two.replica.service.pause_source("list", True)

    with_two(act)


def test_orders_in_the_form_of_another_release_are_left_alone() -> None:
    async def act(two: Two) -> None:
        for name in ("sources-run", "sources-paused"):
            await two.store.set_meta(name, msgspec.json.encode({"form": [1]}))
        await two.reader.service.update_counts()
        assert not two.reader.service.sources()[0].paused

    with_two(act)
