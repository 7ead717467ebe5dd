from __future__ import annotations

import asyncio

from shoal.domain.stats import Stats
from shoal.engine.events import Event, Events
from shoal.engine.history import History


class Fixed:
    def now(self) -> float:
        return 1000.0


async def collect(events: Events, since: int, count: int) -> list[Event]:
    found: list[Event] = []
    async with asyncio.timeout(5):
        async for event in events.follow(since):
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_a_follower_gets_what_is_kept_and_then_what_comes() -> None:
    events = Events(Fixed())
    start = events.last_id
    events.publish("a", {})
    asyncio.get_running_loop().call_soon(events.publish, "b", {})
    assert [event.kind for event in await collect(events, start, 2)] == ["a", "b"]


async def test_a_follower_that_missed_some_is_told_so_and_gets_the_rest() -> None:
    events = Events(Fixed(), kept=2)
    start = events.last_id
    for kind in "abc":
        events.publish(kind, {})
    assert [event.kind for event in await collect(events, start, 3)] == ["reset", "b", "c"]
    assert [event.kind for event in await collect(events, start + 1, 2)] == ["b", "c"]
    assert (await collect(events, events.last_id + 50, 1))[0].kind == "reset"


def test_history_takes_one_sample_a_minute_and_outlives_a_restart() -> None:
    history = History()
    for now in (0.0, 59.0, 60.0, 119.0, 121.0):
        if history.is_due(now):
            history.note(Stats(working=int(now)), now)
    assert [(sample.at, sample.working) for sample in history.since(0)] == [(0.0, 0), (60.0, 60), (120.0, 121)]
    again = History()
    again.note(Stats(), 180.0)
    again.recall(history.encode())
    assert [sample.at for sample in again.since(60)] == [60.0, 120.0, 180.0]
    for damaged in (None, b"", b"\x02x", b"\x01garbage"):
        History().recall(damaged)
