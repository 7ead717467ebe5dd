"""Timers of ours on a clock that stands still until the next one."""

import asyncio

import pytest

from shoal.probe.wheel import TICK, TimerWheel
from shoal.testing.virtual_time import run_virtual


class Entry:
    def __init__(self) -> None:
        self.expired_at: float | None = None

    def expire(self, now: float) -> None:
        self.expired_at = now


@pytest.mark.parametrize("start", [0.0, 2.1, 2.12, 1_000.05, 86_399.95])
def test_time_outs_come_in_time_at_any_multiple_of_the_tick(start: float) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(start)
        wheel = TimerWheel(loop)
        entries = [(Entry(), loop.time() + number * 0.05) for number in range(1, 200)]
        for entry, deadline in entries:
            wheel.add(entry, deadline)
        # Bounded by events, too: a wheel that turns on the spot would never let time go on.
        await asyncio.sleep(30.0)
        for entry, deadline in entries:
            assert entry.expired_at is not None
            assert -1e-6 <= entry.expired_at - deadline <= 2 * TICK + 1e-6

    run_virtual(main())
