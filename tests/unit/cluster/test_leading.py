"""One scheduler leads; the others stand by and take over."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from shoal.cluster.leading import Leading
from shoal.testing.shared_memory import SharedMemoryStore
from shoal.testing.virtual_time import VirtualClock, run_virtual

LEASE = 10.0


class Candidate:
    def __init__(self, store: SharedMemoryStore, name: str) -> None:
        self.leading = Leading(store, name, LEASE)
        self.works = 0
        self.task = asyncio.get_running_loop().create_task(self.leading.run(self._work), name=name)

    async def _work(self) -> None:
        self.works += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.works -= 1

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


async def cluster() -> tuple[SharedMemoryStore, Candidate, Candidate]:
    store = SharedMemoryStore(VirtualClock(asyncio.get_running_loop()).now)
    await store.open()
    first = Candidate(store, "first")
    await asyncio.sleep(1.0)
    return store, first, Candidate(store, "second")


def test_one_leads_and_the_other_stands_by() -> None:
    async def main() -> None:
        _, first, second = await cluster()
        for _ in range(100):
            await asyncio.sleep(1.0)
            assert (first.works, second.works) == (1, 0)
            assert first.leading.is_leader and not second.leading.is_leader
        await first.stop()
        await second.stop()

    run_virtual(main())


def test_another_takes_over_at_once_from_one_that_stops() -> None:
    async def main() -> None:
        _, first, second = await cluster()
        await first.stop()
        await asyncio.sleep(2.1)
        assert (first.works, second.works) == (0, 1)
        await second.stop()

    run_virtual(main())


def test_another_takes_over_within_fifteen_seconds_from_one_that_dies() -> None:
    async def main() -> None:
        store, _, second = await cluster()
        # One that was killed cannot give anything up.
        await second.stop()
        assert await store.hold("schedule", "first", LEASE)
        third = Candidate(store, "third")
        loop = asyncio.get_running_loop()
        # The killed one: nobody renews its lease any more.
        store.hold, renewed = _deaf(store, "first"), store.hold
        died = loop.time()
        while not third.works:
            await asyncio.sleep(0.1)
        assert loop.time() - died <= 15.0
        store.hold = renewed
        await third.stop()

    run_virtual(main())


def _deaf(store: SharedMemoryStore, name: str):  # type: ignore[no-untyped-def]
    hold = store.hold

    async def deaf(job: str, holder: str, seconds: float) -> bool:
        return False if holder == name else await hold(job, holder, seconds)

    return deaf


def test_without_the_store_nobody_leads_longer_than_the_lease() -> None:
    async def main() -> None:
        store, first, second = await cluster()
        store.is_away = True
        await asyncio.sleep(LEASE + 5.0)
        assert (first.works, second.works) == (0, 0) and not first.leading.is_leader
        store.is_away = False
        await asyncio.sleep(3.0)
        assert first.works + second.works == 1
        await first.stop()
        await second.stop()

    run_virtual(main())


def test_what_the_work_raises_comes_out() -> None:
    async def main() -> None:
        store = SharedMemoryStore(VirtualClock(asyncio.get_running_loop()).now)
        await store.open()

        async def fails() -> None:
            raise RuntimeError("broken")

        try:
            await Leading(store, "one", LEASE).run(fails)
        except RuntimeError as error:
            assert str(error) == "broken"
        else:
            raise AssertionError("it was swallowed")

    run_virtual(main())
