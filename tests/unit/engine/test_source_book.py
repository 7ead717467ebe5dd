"""Sources that come and go while the pool runs, in virtual time with a shop of fakes."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from shoal.domain import Trust
from shoal.domain.source import ListedSource, SourceTrial
from shoal.engine.collector import Collector
from shoal.engine.pool import Pool
from shoal.engine.source_book import SourceBook
from shoal.errors import ConfigError, SourceChangeError
from shoal.options import OwnSource, PoolOptions, SourceOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.admission import Admission
from shoal.ports import Harvest, Source, SourceState
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import SECRET
from shoal.testing.fakes import FakeSource, make_candidates
from shoal.testing.simulation import LAB_ADMISSION
from shoal.testing.virtual_time import VirtualClock, run_virtual


class Shop:
    """``mine`` stands in the settings, ``on`` and ``off`` in the catalogue, ``fixed`` in both."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.tags: list[str | None] = []
        self.refused: set[str] = set()

    def make(self, name: str) -> Source:
        async def fetch(state: SourceState) -> Harvest:
            self.runs.append(name)
            self.tags.append(state.etag)
            return Harvest(make_candidates([1, 2]), etag=f"of {name}")

        return FakeSource(name, fetch, trust=Trust.PUBLIC)

    def open(self, own: OwnSource) -> Source:
        if own.name in self.refused:
            raise ConfigError(f"source {own.name}: it may not be contacted.")
        return self.make(own.name)

    def open_row(self, name: str) -> Source:
        return self.make(name)

    def is_row(self, name: str) -> bool:
        return name in ("on", "off", "fixed")

    def is_fixed(self, name: str) -> bool:
        return name in ("mine", "fixed")

    def listed(self) -> Sequence[ListedSource]:
        kinds = {"mine": "file", "on": "catalog", "off": "catalog", "fixed": "catalog"}
        return [ListedSource(name, kind, name, Trust.PUBLIC, name != "off") for name, kind in kinds.items()]

    def entry(self, own: OwnSource) -> ListedSource:
        return ListedSource(own.name, own.kinds[0], "somewhere", own.trust, own.enabled)

    async def preview(self, source: Source, first: int, timeout: float) -> SourceTrial:
        return SourceTrial(source.name, source.contacts, found=first)


class Bench:
    def __init__(self, store: MemoryStore | None = None, *, reads: bool = True) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.store = store or MemoryStore()
        self.shop = Shop()
        self.pool = Pool(PoolOptions(), Random(1))
        self.collector: Collector | None = None
        if reads:
            self.collector = Collector(
                [self.shop.make(name) for name in ("mine", "on", "fixed")],
                self.store,
                Admission(AddressRules.from_options(LAB_ADMISSION), LAB_ADMISSION, SECRET),
                self.clock,
                Random(1),
                SourceOptions(),
                LAB_ADMISSION,
                lambda: None,
                self.pool,
            )
        self.book = SourceBook(self.store, self.shop, self.collector, self.pool, self.clock, SourceOptions())

    @asynccontextmanager
    async def running(self) -> Any:
        await self.store.open()
        await self.book.follow()
        async with asyncio.TaskGroup() as tasks:
            job = tasks.create_task(self.collector.run(), name="collector") if self.collector else None
            try:
                await asyncio.sleep(0.1)
                self.shop.runs.clear()
                yield self
            finally:
                if job is not None:
                    job.cancel()

    def read(self) -> set[str]:
        assert self.collector is not None
        return {source.name for source in self.collector.sources}


def own(name: str, **rest: Any) -> OwnSource:
    return OwnSource(name=name, url="https://lists.example/", **rest)


def test_an_added_source_is_read_at_once_and_after_a_restart_until_it_is_removed() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            await bench.book.add(own("late", tier=7))
            await asyncio.sleep(0.1)
            assert bench.shop.runs == ["late"]
            assert bench.pool.uses.limits.get("late").tier == 7
        async with Bench(bench.store).running() as again:
            assert again.read() == {"mine", "on", "fixed", "late"}
            assert again.pool.uses.limits.get("late").tier == 7
            await again.book.remove("late")
            assert again.read() == {"mine", "on", "fixed"}
            assert again.pool.uses.limits.get("late").tier != 7
            # Another one of that name begins anew: what the first was answered says nothing of it.
            again.shop.tags.clear()
            await again.book.add(own("late"))
            await asyncio.sleep(0.1)
            assert again.shop.tags == [None]
        async with Bench(again.store).running() as third:
            await third.book.remove("late")
        async with Bench(third.store).running() as last:
            assert last.read() == {"mine", "on", "fixed"}

    run_virtual(main())


def test_rows_of_the_catalogue_are_switched_and_stay_so() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            await bench.book.switch("off", True)
            await bench.book.switch("on", False)
            await asyncio.sleep(0.1)
            assert bench.read() == {"mine", "off", "fixed"} and bench.shop.runs == ["off"]
        async with Bench(bench.store).running() as again:
            assert again.read() == {"mine", "off", "fixed"}
            await again.book.switch("on", True)
            await again.book.switch("off", False)
            assert again.read() == {"mine", "on", "fixed"}

    run_virtual(main())


def test_an_added_source_is_switched_without_being_forgotten() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            await bench.book.add(own("late"))
            await bench.book.switch("late", False)
            assert "late" not in bench.read()
            (report,) = bench.book.filled_in([], every=False)[-1:]
            assert (report.name, report.enabled, report.origin, report.editable) == ("late", False, "api", True)
            await bench.book.switch("late", True)
            assert "late" in bench.read()

    run_virtual(main())


@pytest.mark.parametrize(
    ("act", "name", "reason"),
    [
        ("remove", "mine", "read_only"),
        ("remove", "on", "read_only"),
        ("remove", "none", "unknown"),
        ("switch", "mine", "read_only"),
        ("switch", "fixed", "read_only"),
        ("switch", "none", "unknown"),
        ("add", "mine", "taken"),
        ("add", "off", "taken"),
    ],
)
def test_what_the_settings_say_stays(act: str, name: str, reason: str) -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            with pytest.raises(SourceChangeError) as caught:
                if act == "remove":
                    await bench.book.remove(name)
                elif act == "switch":
                    await bench.book.switch(name, False)
                else:
                    await bench.book.add(own(name))
            assert caught.value.reason == reason
            assert bench.read() == {"mine", "on", "fixed"}

    run_virtual(main())


def test_what_cannot_be_opened_is_refused_and_later_told() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            bench.shop.refused.add("bad")
            with pytest.raises(ConfigError):
                await bench.book.add(own("bad"))
            assert bench.book.tables == ()
            await bench.book.add(own("good"))
        again = Bench(bench.store)
        again.shop.refused.add("good")
        async with again.running():
            assert "good" not in again.read()
            report = next(one for one in again.book.filled_in([], every=False) if one.name == "good")
            assert report.error is not None and "contacted" in report.error

    run_virtual(main())


def test_a_process_that_reads_no_sources_leaves_it_to_the_one_that_does() -> None:
    async def main() -> None:
        async with Bench().running() as reader, Bench(reader.store, reads=False).running() as face:
            await face.book.add(own("late"))
            await reader.book.follow()
            assert "late" not in reader.read()
            await asyncio.sleep(5.0)
            await reader.book.follow()
            assert "late" in reader.read()
            await reader.book.remove("late")
            await asyncio.sleep(5.0)
            await face.book.follow()
            assert face.book.tables == ()

    run_virtual(main())


def test_changes_at_the_same_time_are_all_kept() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            await asyncio.gather(*(bench.book.add(own(f"s{number}")) for number in range(8)))
            assert {one.name for one in bench.book.tables} == {f"s{number}" for number in range(8)}
            assert bench.read() >= {f"s{number}" for number in range(8)}

    run_virtual(main())


def test_a_look_at_a_source_that_is_there_or_might_be() -> None:
    async def main() -> None:
        async with Bench().running() as bench:
            assert (await bench.book.preview("off", 3, 1.0)).found == 3
            assert (await bench.book.preview(own("new"), 4, 1.0)).name == "new"
            with pytest.raises(SourceChangeError):
                await bench.book.preview("none", 1, 1.0)
            assert bench.read() == {"mine", "on", "fixed"}

    run_virtual(main())
