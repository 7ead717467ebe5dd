import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from shoal.domain import Blame, Candidate, CheckResult, Endpoint, Record, Refused, Scheme
from shoal.engine.one_shot import CheckedEntry, OneShot
from shoal.options import AdmissionOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.admission import Admission
from shoal.testing.builders import SECRET, make_endpoint
from shoal.testing.fakes import FakeProber, FakeVantage, make_failure, make_success
from shoal.testing.logs import capture_logs
from shoal.testing.virtual_time import VirtualClock, run_virtual

Given = Candidate | tuple[Refused, str]


class Bench:
    def __init__(self, act: Callable[[Record], Awaitable[CheckResult]] | None = None, concurrency: int = 10) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.prober = FakeProber(act or self.even_works)
        self.vantage = FakeVantage()
        limits = AdmissionOptions(allow=("127.0.0.0/8",))
        admission = Admission(AddressRules.from_options(limits), limits, SECRET)
        self.one_shot = OneShot(self.prober, admission, self.vantage, self.clock, concurrency)
        self.handed = 0

    async def even_works(self, record: Record) -> CheckResult:
        await asyncio.sleep(1.0)
        works = int(record.endpoint.host.rpartition(".")[2]) % 2 == 0
        make = make_success if works else make_failure
        return make(record, self.clock.now())  # type: ignore[operator, no-any-return]

    def entries(self, count: int) -> Iterator[Given]:
        for number in range(1, count + 1):
            self.handed += 1
            yield Candidate(make_endpoint(number), text=f"line {number}")

    async def all(self, entries: Any) -> list[CheckedEntry]:
        return [entry async for entry in self.one_shot.run(entries)]


def tasks_left() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}


def test_every_entry_comes_back_once_under_its_own_text() -> None:
    async def main() -> None:
        bench = Bench()
        found = await bench.all(bench.entries(100))
        assert sorted(entry.input for entry in found) == sorted(f"line {number}" for number in range(1, 101))
        one_shot = bench.one_shot
        assert (one_shot.read, one_shot.checked, one_shot.working) == (100, 100, 50)
        assert one_shot.failures == {"connect.refused": 50}
        assert one_shot.schemes == {"http": 50}
        assert bench.prober.peak == 10
        assert all(bench.prober.full), "whoever checks a list wants the whole profile"
        assert not tasks_left()

    run_virtual(main())


def test_an_empty_list_ends_at_once() -> None:
    async def main() -> None:
        assert await Bench().all([]) == []

    run_virtual(main())


def test_entries_are_read_only_as_fast_as_they_are_checked() -> None:
    async def main() -> None:
        bench = Bench(concurrency=10)
        taken = 0
        async for _ in bench.one_shot.run(bench.entries(500)):
            taken += 1
            assert bench.handed <= taken + 10
            assert bench.prober.running <= 10
        assert taken == 500

    run_virtual(main())


def test_a_consumer_that_stands_still_stops_the_reading() -> None:
    async def main() -> None:
        bench = Bench(concurrency=10)
        async with aclosing(bench.one_shot.run(bench.entries(500))) as results:  # type: ignore[type-var]
            await anext(results)
            await asyncio.sleep(100.0)
            assert bench.handed <= 11

    run_virtual(main())


def test_refused_entries_are_reported_with_their_reason() -> None:
    async def main() -> None:
        bench = Bench()
        given: list[Given] = [
            (Refused.MALFORMED, "rubbish"),
            Candidate(make_endpoint(2)),
            Candidate(make_endpoint(2)),
            Candidate(Endpoint("10.0.0.1", 80), text="10.0.0.1:80"),
        ]
        found = {(entry.input, entry.refused): entry for entry in await bench.all(given)}
        assert set(found) == {
            ("rubbish", Refused.MALFORMED),
            ("127.0.0.2:8080", None),
            ("127.0.0.2:8080", Refused.DUPLICATE),
            ("10.0.0.1:80", Refused.PRIVATE),
        }
        assert bench.one_shot.refused == {"malformed": 1, "duplicate": 1, "private": 1}
        assert found[("127.0.0.2:8080", None)].proxy is not None
        assert found[("rubbish", Refused.MALFORMED)].result is None

    run_virtual(main())


def test_thousands_of_refused_entries_are_not_kept_in_memory() -> None:
    async def main() -> None:
        bench = Bench(concurrency=10)
        read = 0

        def rubbish() -> Iterator[Given]:
            nonlocal read
            for number in range(5_000):
                read += 1
                yield Refused.MALFORMED, f"{number}"

        taken = 0
        async for _ in bench.one_shot.run(rubbish()):
            taken += 1
            assert read <= taken + 10
        assert taken == 5_000

    run_virtual(main())


def test_a_consumer_that_stops_early_leaves_nothing_behind() -> None:
    async def main() -> None:
        bench = Bench()
        async with aclosing(bench.one_shot.run(bench.entries(500))) as results:  # type: ignore[type-var]
            async for _ in results:
                break
        assert not tasks_left()
        assert bench.prober.running == 0

    run_virtual(main())


def test_a_consumer_that_forgets_to_close_leaves_nothing_behind_either() -> None:
    async def main() -> None:
        bench = Bench()
        async for _ in bench.one_shot.run(bench.entries(500)):
            break
        gc.collect()
        await asyncio.sleep(0.01)
        assert not tasks_left()

    run_virtual(main())


def test_a_cancelled_consumer_leaves_nothing_behind() -> None:
    async def main() -> None:
        bench = Bench()
        task = asyncio.get_running_loop().create_task(bench.all(bench.entries(500)), name="consumer")
        await asyncio.sleep(3.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        assert not tasks_left()
        assert bench.prober.running == 0

    run_virtual(main())


def test_a_list_that_cannot_be_read_tells_its_reader() -> None:
    async def main() -> None:
        def broken() -> Iterator[Given]:
            yield Candidate(make_endpoint(2))
            raise OSError("the disk is gone")

        with pytest.raises(OSError, match="the disk is gone") as caught:
            await Bench().all(broken())
        assert not isinstance(caught.value, BaseExceptionGroup)
        assert not tasks_left()

    run_virtual(main())


def test_a_fault_in_one_check_ends_no_other() -> None:
    async def main() -> None:
        async def act(record: Record) -> CheckResult:
            if record.endpoint == make_endpoint(3):
                raise ZeroDivisionError("a bug")
            return make_success(record, bench.clock.now(), scheme=Scheme.SOCKS5)

        bench = Bench(act)
        with capture_logs() as logs:
            found = {entry.input: entry for entry in await bench.all(bench.entries(10))}
        assert len(found) == 10
        broken = found["line 3"].result
        assert broken is not None
        assert not broken.works
        assert broken.blame is Blame.LOCAL
        assert any(isinstance(entry.get("exc_info"), ZeroDivisionError) for entry in logs)
        assert found["line 4"].proxy is not None
        assert found["line 4"].proxy.scheme is Scheme.SOCKS5

    run_virtual(main())


def test_nothing_is_checked_before_a_judge_answers() -> None:
    async def main() -> None:
        bench = Bench()
        bench.vantage.set(False)
        task = asyncio.get_running_loop().create_task(bench.all(bench.entries(5)), name="consumer")
        await asyncio.sleep(50.0)
        assert bench.prober.begun == []
        bench.vantage.set(True)
        assert len(await task) == 5

    run_virtual(main())
