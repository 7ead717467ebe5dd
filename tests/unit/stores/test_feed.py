from __future__ import annotations

import asyncio

from shoal.ports.store import Change, ChangeKind
from shoal.stores.feed import Feed
from shoal.testing.builders import make_record


async def take(feed: Feed, since: int, count: int) -> list[Change]:
    changes: list[Change] = []
    async with asyncio.timeout(5):
        async for change in feed.follow(since):
            changes.append(change)
            if len(changes) == count:
                return changes
    return changes


async def test_a_record_is_saved_and_none_is_gone() -> None:
    feed = Feed()
    record = make_record(1)
    feed.publish([("a", record), ("b", None)])
    assert await take(feed, 0, 2) == [Change(1, ChangeKind.SAVED, "a", record), Change(2, ChangeKind.GONE, "b")]


async def test_numbers_start_above_the_base_and_lower_ones_are_reset() -> None:
    feed = Feed()
    feed.open(1000)
    feed.publish([("a", None)])
    assert await take(feed, 1000, 1) == [Change(1001, ChangeKind.GONE, "a")]
    assert await take(feed, 999, 1) == [Change(1001, ChangeKind.RESET)]


async def test_many_followers_get_everything_in_order() -> None:
    feed = Feed()
    async with asyncio.TaskGroup() as tasks:
        followers = [tasks.create_task(take(feed, 0, 600), name=f"follower {n}") for n in range(3)]
        for number in range(600):
            feed.publish([(f"{number}", None)])
            await asyncio.sleep(0)
    assert [[change.seq for change in follower.result()] for follower in followers] == [list(range(1, 601))] * 3


async def test_a_ring_that_is_full_forgets_the_oldest() -> None:
    feed = Feed(2)
    feed.publish([("a", None), ("b", None), ("c", None)])
    assert [change.key for change in await take(feed, 1, 2)] == ["b", "c"]
    assert await take(feed, 0, 1) == [Change(3, ChangeKind.RESET)]


async def test_of_a_record_only_the_newest_change_is_kept() -> None:
    feed = Feed(3)
    old, new = make_record(1), make_record(1, checks=5)
    feed.publish([("a", old), ("b", None)])
    for _ in range(100):
        feed.publish([("a", old)])
    feed.publish([("a", new), ("c", None)])
    # Nobody needs to begin anew, however often one record changed.
    assert await take(feed, 0, 3) == [
        Change(2, ChangeKind.GONE, "b"),
        Change(103, ChangeKind.SAVED, "a", new),
        Change(104, ChangeKind.GONE, "c"),
    ]
    assert len(feed._newest) == 3


async def test_nothing_published_wakes_nobody() -> None:
    feed = Feed()
    feed.publish([])
    assert feed.seq == 0


async def test_a_closed_feed_ends_at_once_and_an_opened_one_goes_on() -> None:
    feed = Feed()
    feed.publish([("a", None)])
    feed.close()
    assert await take(feed, 0, 1) == []
    feed.open()
    assert [change.key for change in await take(feed, 0, 1)] == ["a"]
