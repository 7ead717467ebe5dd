"""The timer wheel on a loop whose clock the test turns."""

from __future__ import annotations

import heapq

from hypothesis import given
from hypothesis import strategies as st

from shoal.probe.wheel import TICK, TimerWheel


class Loop:
    """Time and call_at, nothing else."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.calls = []

    def time(self):
        return self.now

    def call_at(self, when, callback):
        heapq.heappush(self.calls, (when, len(self.calls), callback))
        return object()

    def advance(self, to):
        while self.calls and self.calls[0][0] <= to:
            when, _, callback = heapq.heappop(self.calls)
            self.now = max(self.now, when)
            callback()
        self.now = to


class Entry:
    def __init__(self):
        self.expired = []

    def expire(self, now):
        self.expired.append(now)


@given(st.lists(st.floats(0, 20), min_size=1, max_size=20))
def test_everything_expires_once_never_early_and_at_most_two_ticks_late(delays):
    loop = Loop()
    wheel = TimerWheel(loop)
    entries = [(Entry(), 1000.0 + delay) for delay in delays]
    for entry, deadline in entries:
        wheel.add(entry, deadline)
    loop.advance(1030.0)
    for entry, deadline in entries:
        assert len(entry.expired) == 1
        assert deadline <= entry.expired[0] <= deadline + 2 * TICK + 1e-6
    assert not loop.calls


def test_what_was_removed_does_not_expire_and_the_timer_rests():
    loop = Loop()
    wheel = TimerWheel(loop)
    entry = Entry()
    slot = wheel.add(entry, 1001.0)
    wheel.remove(entry, slot)
    wheel.remove(entry, slot + 99)
    loop.advance(1010.0)
    assert entry.expired == []
    assert not loop.calls


def test_a_loop_that_slept_for_a_day_catches_up_at_once():
    loop = Loop()
    wheel = TimerWheel(loop)
    entry = Entry()
    wheel.add(entry, 1001.0)
    loop.calls = [(90_000.0, 0, loop.calls[0][2])]
    loop.advance(90_000.0)
    assert len(entry.expired) == 1


def test_an_entry_may_come_back_while_it_expires():
    loop = Loop()
    wheel = TimerWheel(loop)

    class Again(Entry):
        def expire(self, now):
            super().expire(now)
            if len(self.expired) < 3:
                wheel.add(self, now + 1)

    entry = Again()
    wheel.add(entry, 1000.5)
    loop.advance(1020.0)
    assert len(entry.expired) == 3
