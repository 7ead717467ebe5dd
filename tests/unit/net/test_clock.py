"""The clock that everything is timed by."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shoal.net.clock import SystemClock


class Machine:
    """A wall clock that can be set, and a steady one that cannot."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_000_000.0, 50.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.steady)


def test_it_follows_the_wall_clock() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(10):
        machine.pass_(7.0)
        assert clock.now() == machine.wall


def test_a_step_forward_is_taken_as_it_comes() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall += 3600.0
    assert clock.now() == machine.wall


def test_after_a_step_back_time_goes_on_and_the_step_is_made_up() -> None:
    machine = Machine()
    clock = machine.clock()
    before = clock.now()
    machine.wall -= 3600.0
    machine.pass_(100.0)
    assert before + 90.0 < clock.now() < before + 100.0
    for _ in range(21 * 60):
        machine.pass_(60.0)
        clock.now()
    assert clock.now() == machine.wall


@given(st.lists(st.tuples(st.floats(0.0, 1e4), st.floats(-1e5, 1e5)), max_size=40))
def test_it_never_runs_backwards(steps: list[tuple[float, float]]) -> None:
    machine = Machine()
    clock = machine.clock()
    last = clock.now()
    for passed, step in steps:
        machine.pass_(passed)
        machine.wall += step
        now = clock.now()
        assert now >= last
        assert now >= machine.wall
        last = now
