"""The roll: totals, and words that come twice."""

from __future__ import annotations

import asyncio
from collections import Counter

from shoal.cluster.roll import News, Roll, Word, encode_word
from shoal.policy.vantage import VANTAGES
from shoal.testing.shared_memory import SharedMemoryStore
from shoal.testing.virtual_time import VirtualClock, run_virtual


class Done:
    def __init__(self) -> None:
        self.checked = 0
        self.working = 0
        self.failures: Counter[str] = Counter()


def test_news_are_what_came_since_and_come_again_when_they_could_not_be_told() -> None:
    done = Done()
    news = News(done)
    done.checked, done.failures = 5, Counter({"connect.timeout": 3})
    assert news.take() == Counter({"checked": 5, "f:connect.timeout": 3})
    assert news.take() == Counter()
    done.checked = 7
    news.put_back(news.take())
    assert news.take() == Counter({"checked": 2})


def test_totals_are_those_of_all_and_a_worker_that_ends_is_off_the_roll() -> None:
    async def main() -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        store = SharedMemoryStore(clock.now)
        await store.open()
        roll = Roll(store, clock)
        await store.report("a", encode_word(Word(1, "eu", 10, 4)), {"checked": 5, "f:connect.refused": 2})
        await store.report("b", encode_word(Word(1, "us", 20, 3)), {"checked": 1})
        await roll.read()
        assert (roll.checked, dict(roll.failures), roll.in_flight) == (6, {"connect.refused": 2}, 7)
        assert roll.capacity() == {"eu": 10, "us": 20}
        await store.report("a", b"", {})
        await roll.read()
        assert roll.capacity() == {"us": 20}

    run_virtual(main())


def test_vantage_points_are_bounded() -> None:
    async def main() -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        store = SharedMemoryStore(clock.now)
        await store.open()
        for number in range(VANTAGES + 3):
            await store.report(f"w{number}", encode_word(Word(1, f"v{number}", 1, 0)), {})
        roll = Roll(store, clock)
        await roll.read()
        assert len(roll.capacity()) == VANTAGES

    run_virtual(main())
