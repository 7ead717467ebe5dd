import asyncio

from msgspec.structs import replace

from shoal.domain import Trust
from shoal.engine.janitor import Janitor
from shoal.errors import StoreError
from shoal.options import PoolOptions
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import make_admitted, make_path
from shoal.testing.virtual_time import VirtualClock, run_virtual

DAY = 86_400.0


class Store(MemoryStore):
    failures = 0

    async def expire(self, now: float, *, unseen: float, not_worked: float) -> int:
        if self.failures:
            self.failures -= 1
            raise StoreError("gone")
        return await super().expire(now, unseen=unseen, not_worked=not_worked)


def test_what_nobody_lists_and_what_does_not_work_is_forgotten_but_never_what_is_our_own() -> None:
    async def main() -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        store = Store()
        await store.open()
        store.failures = 3
        now = clock.now()
        await store.add([make_admitted(1), make_admitted(2), make_admitted(3)], now)
        await store.add([make_admitted(4, trust=Trust.OWN)], now)
        async with asyncio.TaskGroup() as tasks:
            job = tasks.create_task(Janitor(store, clock, PoolOptions(unseen=7 * DAY)).run(), name="janitor")
            await asyncio.sleep(5 * DAY)
            # 2 is still listed, 3 still works.
            await store.add([make_admitted(2)], clock.now())
            working = await store.get_by_key(make_admitted(3).key)
            assert working is not None
            await store.save([replace(working, paths=(make_path(last_ok=clock.now()),))])
            assert (await store.counts(clock.now())).known == 4
            await asyncio.sleep(3 * DAY)
            kept = [number for number in range(1, 5) if await store.get_by_key(make_admitted(number).key)]
            assert kept == [2, 3, 4]
            await asyncio.sleep(30 * DAY)
            kept = [number for number in range(1, 5) if await store.get_by_key(make_admitted(number).key)]
            assert kept == [4]
            job.cancel()

    run_virtual(main())


def test_what_was_checked_in_the_future_falls_due_now() -> None:
    async def main() -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        store = MemoryStore()
        await store.open()
        now = clock.now()
        await store.add([make_admitted(number) for number in (1, 2)], now)
        records = []
        for number, at in ((1, now + 3600.0), (2, now - 5.0)):
            record = await store.get_by_key(make_admitted(number).key)
            assert record is not None
            records.append(replace(record, paths=(make_path(),), last_check=at, next_check=now + 4000.0, checks=1))
        await store.save(records)
        assert await Janitor(store, clock, PoolOptions()).mend(records) == 1
        assert [record.key for record in await store.claim_due(now, 10, 60.0)] == [records[0].key]
        assert await Janitor(store, clock, PoolOptions()).mend([records[1]]) == 0

    run_virtual(main())
